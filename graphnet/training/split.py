"""A part of the training samples kept apart, on which nothing is trained."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphnet.data.split import set_apart
from graphnet.errors import DatasetError
from graphnet.layers.base import Array
from graphnet.randomness import generator
from graphnet.spec.measured import Judged
from graphnet.training.feed import Feed
from graphnet.training.streaming import StreamFeed


def kept_apart(share: float, samples: int, classes: Array | None, seed: int) -> tuple[Array, Array]:
    """The numbers of the samples to train on, and of those kept apart, both ascending.

    classes: the class of each sample, so that every class is kept apart in its share, to within
    one sample, and one sample of each at least is trained on; None: any samples.
    Errors: DatasetError where one of the parts would be empty.
    """
    groups = np.zeros(samples, np.intp) if classes is None else classes
    apart = set_apart(share, groups, generator(seed, "validation").permutation(samples))
    if not apart.any() or apart.all():
        part = "validation" if not apart.any() else "training"
        raise DatasetError(f"validation {share:g} of {samples} samples leaves none for {part}")
    return np.flatnonzero(~apart), np.flatnonzero(apart)


def parted(feed: Feed, share: float, seed: int, parts: Sequence[Judged]) -> tuple[Feed, Feed]:
    """The samples to train on, and those kept apart: of each class its share, or of a stream of
    each stretch.

    Errors: DatasetError where one of the parts would be empty.
    """
    if isinstance(feed, StreamFeed):
        return feed.parted(share, seed)
    rows, apart = kept_apart(share, feed.samples, classes_of(feed, parts), seed)
    return feed.chosen(rows), feed.chosen(apart)


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
