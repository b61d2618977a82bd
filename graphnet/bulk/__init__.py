"""Answers to very many samples: shared out to processes, written as they come, gone on with."""
