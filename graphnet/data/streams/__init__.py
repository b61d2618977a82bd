"""Data sets that stay where they are: samples are read when they are asked for."""
