"""A share of the samples set apart, where there are too many to list which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphnet.data.order import mixed
from graphnet.errors import DatasetError
from graphnet.randomness import generator

Array = npt.NDArray[Any]
MOST = 2**31
"""Samples of which a share can be set apart: products of two such numbers are computed."""


@dataclass(frozen=True)
class Share:
    """`count` of `samples` samples, one of each of as many equal groups of neighbours, drawn by
    `key`; or, unless `apart`, all the others.

    So of every stretch of the files the same share is set apart, whatever stands in them: of
    classes that lie together as of those that alternate.
    """

    samples: int
    count: int
    key: np.uint64
    apart: bool

    @classmethod
    def pair(cls, samples: int, share: float, seed: int, purpose: str) -> tuple[Share, Share]:
        """All but a share of so many samples, and that share.

        Errors: DatasetError where one of the two would be empty.
        """
        count = round(share * samples)
        if not 0 < count < samples:
            what = f"{share:g} of {samples} samples leaves none for one of the two parts"
            raise DatasetError(f"{purpose} {what}")
        if samples > MOST:
            what = f"of {samples:,} samples, but of {MOST:,} at the most one is kept apart"
            raise DatasetError(f"{purpose} {share:g} {what}: name files for it")
        key = generator(seed, purpose).integers(0, 2**64, dtype=np.uint64)
        return cls(samples, count, key, False), cls(samples, count, key, True)

    def __len__(self) -> int:
        return self.count if self.apart else self.samples - self.count

    def numbers(self, at: Array) -> Array:
        """The numbers of these samples among all, by their numbers here; both ascend."""
        if self.apart:
            return self._first(at) + self._chosen(at)
        # Before group q lie _first(q) - q of the others: this is the last q for which that is at
        # most `at`.
        group = ((at + 1) * self.count - 1) // (self.samples - self.count)
        first = self._first(group)
        within = at - (first - group)
        found: Array = first + within + (within >= self._chosen(group))
        return found

    def _first(self, group: Array) -> Array:
        first: Array = group * self.samples // self.count
        return first

    def _chosen(self, group: Array) -> Array:
        sizes = (self._first(group + 1) - self._first(group)).astype(np.uint64)
        return (mixed(group.astype(np.uint64), self.key) % sizes).astype(np.int64)
