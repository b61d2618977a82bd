"""Which samples are set apart from the others, of each class its share."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def set_apart(share: float, groups: Array, order: Array, *, least: int = 0) -> Array:
    """Whether each sample is set apart: of each group its share to within one sample, the first
    in `order`, and never all of it; of a group of two samples or more `least` at least.

    groups: the number of each sample's group. order: a permutation of the samples.
    Shapes: (n,)
    """
    sizes = np.bincount(groups)
    counts = _counts(share, sizes, least)
    order = order[np.argsort(groups[order], kind="stable")]  # group by group, each in its order
    place = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen = np.zeros(len(groups), bool)
    chosen[order] = place < np.repeat(counts, sizes)
    return chosen


def _counts(share: float, sizes: Array, least: int) -> Array:
    """How many of each group are set apart: the share rounded down, and one more where the
    largest fractions are, until all together are their share."""
    quotas = share * sizes
    most = np.maximum(sizes - 1, 0)
    counts: Array = np.clip(np.floor(quotas).astype(np.intp), least, None)
    counts = np.minimum(counts, most)
    wanted = round(share * float(sizes.sum()))
    free = np.flatnonzero(counts < most)
    by_fraction = free[np.argsort(-(quotas - counts)[free], kind="stable")]
    counts[by_fraction[: max(0, wanted - int(counts.sum()))]] += 1
    return counts
