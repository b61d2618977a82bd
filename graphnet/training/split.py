"""A part of the training samples kept apart, on which nothing is trained."""

from __future__ import annotations

import numpy as np

from graphnet.errors import DatasetError
from graphnet.layers.base import Array
from graphnet.randomness import generator


def kept_apart(share: float, samples: int, classes: Array | None, seed: int) -> tuple[Array, Array]:
    """The numbers of the samples to train on, and of those kept apart, both ascending.

    classes: the class of each sample, so that every class is kept apart in its share, to within
    one sample, and one sample of each at least is trained on; None: any samples.
    Errors: DatasetError where one of the parts would be empty.
    """
    groups = np.zeros(samples, np.intp) if classes is None else classes
    counts = _counts(share, np.bincount(groups))
    if not 0 < counts.sum() < samples:
        part = "validation" if counts.sum() == 0 else "training"
        raise DatasetError(f"validation {share:g} of {samples} samples leaves none for {part}")
    order = generator(seed, "validation").permutation(samples)
    order = order[np.argsort(groups[order], kind="stable")]  # class by class, each in random order
    sizes = np.bincount(groups)
    place = np.arange(samples) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    apart = place < np.repeat(counts, sizes)
    return np.sort(order[~apart]), np.sort(order[apart])


def _counts(share: float, sizes: Array) -> Array:
    """How many of each group are kept apart: the share rounded down, and one more where the
    largest fractions are, until all together are their share."""
    quotas = share * sizes
    counts: Array = np.floor(quotas).astype(np.intp)
    most = np.maximum(sizes - 1, 0)
    counts = np.minimum(counts, most)
    wanted = round(share * float(sizes.sum()))
    free = np.flatnonzero(counts < most)
    by_fraction = free[np.argsort(-(quotas - counts)[free], kind="stable")]
    counts[by_fraction[: max(0, wanted - int(counts.sum()))]] += 1
    return counts
