"""What speaks against learning from a data set as it is: numbers too large, samples too few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.errors import quoted
from graphnet.prepare.files import problem

LARGEST_INPUT = 1e18
"""A BatchNorm squares what comes in, and float32 ends at 3e38."""
LARGEST_SPREAD = 1e9
"""The gradient behind a Scale grows with the factor's square, and Adam squares it once more."""
FEW_PICTURES = 20
FEW_SAMPLES = 10


def check_spread(place: str | Path, what: str, mean: float, std: float) -> None:
    """Whether numbers of this mean and spread can be learnt in float32.

    Errors: DatasetError.
    """
    if not (std <= LARGEST_SPREAD and abs(mean) <= LARGEST_INPUT):
        text = f"{what} has numbers of about {mean:.3g}, and {std:.3g} apart: too large for float32"
        raise problem(place, f"{text}; write them in a larger unit, as 1.5 for 1.5 billion")


def check_input(place: str | Path, what: str, x: NDArray[Any]) -> None:
    """Whether a network can be handed these samples.

    Errors: DatasetError that names the first that is not finite, or too large.
    """
    if x.dtype.kind != "f" or not x.size:
        return
    rows = np.abs(x.reshape(len(x), -1).astype(np.float64)).max(axis=1)
    wrong = np.flatnonzero(~(rows <= LARGEST_INPUT))
    if len(wrong):
        found = "a number that is not finite"
        if np.isfinite(rows[wrong[0]]):
            found = f"{rows[wrong[0]]:.3g}, too large for float32"
        raise problem(place, f"{what} has {found} (sample {wrong[0]})")


def about_counts(counts: Mapping[str, int], few: int, noun: str) -> Iterator[str]:
    """A note on the class with the fewest samples, where those are few."""
    fewest, least = min(counts.items(), key=lambda item: item[1])
    if least < few:
        what = f"{least} {noun}{'s' * (least > 1)}"
        yield f"class {quoted(fewest, 60)} has {what} only: more teach more"


def about_test(chosen: NDArray[np.bool_]) -> Iterator[str]:
    """A note on a test part whose figures are rough, where it is small; chosen: its samples."""
    samples = int(chosen.sum())
    if samples < FEW_SAMPLES:
        what = f"the test part has {samples} sample{'s' * (samples != 1)}"
        yield f"{what}: its figures will be rough, each sample counts {1 / max(samples, 1):.0%}"
