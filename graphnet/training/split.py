"""A part of the training samples kept apart, on which nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphnet.errors import DatasetError
from graphnet.layers.base import Array
from graphnet.randomness import generator
from graphnet.spec.measured import Judged
from graphnet.training.feed import Feed


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


def classes_of(feed: Feed, parts: Sequence[Judged]) -> Array | None:
    """The class of each sample for the first loss of classes that the data set gives one a sample;
    None without such a loss."""
    for part in parts:
        t = feed.targets_of(part.loss)
        if part.kind == "numbers" or t is None or t.size != len(t):
            continue
        answers = t.reshape(-1) if part.kind == "classes" else t.reshape(-1) > 0.5
        classes: Array = np.unique(answers, return_inverse=True)[1]
        return classes
    return None


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
