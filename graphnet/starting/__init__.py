"""A spec to start from, written from a data set: see `begin`."""

from graphnet.starting.begin import Start, starting_spec

__all__ = ["Start", "starting_spec"]
