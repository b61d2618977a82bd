"""What a side of a comparison is: something that can be checked, and timed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

import numpy as np


class UnavailableError(Exception):
    """A side that cannot run here, with the reason; the report names it as missing."""


class Side:
    """One way to compute a case. It is made once, and then asked in every round.

    note: what a reader should know of the figures beside the time.
    """

    note = ""

    def answer(self) -> np.ndarray | None:
        """What it computes from the start, to be compared with the other sides; None where there
        is nothing to compare."""
        raise NotImplementedError

    def measure(self) -> float:
        """The time of one round.

        Units: seconds for one unit of the case (a step, a call, a process).
        """
        raise NotImplementedError


Makers = Mapping[str, Callable[[], Side]]
"""The variants of a family for a case, by name."""


def threads_here() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def thread_counts() -> dict[str, int]:
    """1 and all, by the words that the report uses; once where there is one processor."""
    every = threads_here()
    return {"1 thread": 1} | ({f"{every} threads": every} if every > 1 else {})
