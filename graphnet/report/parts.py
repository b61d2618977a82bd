"""Which samples a report is about: the parts of a data set, and the one that is judged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from graphnet.data.dataset import Dataset
from graphnet.errors import DatasetError
from graphnet.network import Network
from graphnet.spec.measured import judged
from graphnet.training.feed import Feed, feed_of, feeds
from graphnet.training.split import parted

LONGEST_NAME = 80
WORDS = {
    "train": "training part",
    "validation": "validation part",
    "test": "test part",
    "given": "samples given",
}
"""What each part is called; the samples given are none that the training is known to have seen."""


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a data set by name, and which of them is judged; labels: names of classes that
    the data bring; names: what the data call the samples of the judged part, by their numbers."""

    name: str
    feeds: Mapping[str, Feed]
    judged: str
    labels: Sequence[str] | None = None
    names: Sequence[str] | None = None

    @property
    def feed(self) -> Feed:
        """The samples that are judged."""
        return self.feeds[self.judged]

    @property
    def words(self) -> str:
        """What the judged part is called."""
        return WORDS[self.judged]

    def called(self, sample: int) -> str:
        """A sample of the judged part as a person finds it again."""
        if self.names is None:
            return f"sample {sample}"
        name = self.names[sample]
        return name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}"


def parts_of(net: Network, data: Dataset) -> Parts:
    """The parts as training has them: what the recipe keeps apart for validation is so here too.
    Judged is the test part, else the validation part, else the training part.

    Errors: DatasetError, ShapeError.
    """
    if not isinstance(data, Dataset):
        raise DatasetError("a report takes a Dataset: load_data(spec) gives one")
    train, test = feeds(net, data)
    share = net.spec.train.validation if net.spec.train is not None else None
    validation: Feed | None = None
    if share is not None:
        assert net.spec.train is not None
        scored = judged(net.spec, net.graph.wiring.outputs)
        train, validation = parted(train, share, net.spec.train.seed, scored)
    return of_feeds(data, {"train": train, "validation": validation, "test": test})


def of_feeds(data: Dataset, found: Mapping[str, Feed | None]) -> Parts:
    """The parts that there are, as a training holds them."""
    there = {name: feed for name, feed in found.items() if feed is not None}
    first = next(name for name in ("test", "validation", "train") if name in there)
    # What is kept apart for validation comes from the training part, and keeps its numbers there.
    split = data.test if first == "test" and data.test is not None else data.train
    return Parts(data.name, there, first, data.labels, split.names)


def given_part(net: Network, data: Dataset) -> Parts:
    """All samples of a data set as one part that is judged, whatever the recipe says.

    Errors: DatasetError, ShapeError.
    """
    feed = feed_of(net, data.train, f"data set '{data.name}'")
    return Parts(data.name, {"given": feed}, "given", data.labels, data.train.names)


def counts_of_classes(net: Network, feed: Feed) -> list[int] | None:
    """How many samples of a part are of each class of the first loss of classes that has one
    target a sample; None without such a loss."""
    for part in judged(net.spec, net.graph.wiring.outputs):
        pieces = feed.answers(part.loss)
        blank = feed.targets.get(part.loss)
        if part.kind == "numbers" or pieces is None or blank is None:
            continue
        if math.prod(blank.shape[1:]) != 1:
            continue
        binary = part.kind == "binary"
        counts = np.zeros(2 if binary else net.graph.shapes[part.on][-1], np.int64)
        for t in pieces:
            flat = t.reshape(-1)
            counts += np.bincount(flat > 0.5 if binary else flat, minlength=len(counts))
        found: list[int] = counts.tolist()
        return found
    return None
