"""How good a network is on samples that it is not trained on."""

from __future__ import annotations

import numpy as np

from graphnet.blas import one_thread
from graphnet.crew import threads_here
from graphnet.data.dataset import Split
from graphnet.data.streams.base import Streamed
from graphnet.errors import DatasetError, SpecError
from graphnet.network import Network
from graphnet.training.feed import Feed, Room, feed_of
from graphnet.training.measure import Measure, Measured
from graphnet.training.shards import Team


def evaluate(net: Network, split: Split | Streamed, *, threads: int | None = None) -> Measured:
    """The loss and the figures of a network over samples: `gn.evaluate(net, data.test)`.

    The result's loss is the mean in prediction, without dropout; its `figures` are those of the
    recipe, else the accuracy, or R2 and MAE of numbers; its `reports` hold, by output, precision,
    recall and F1 of each class and the confusion matrix.
    threads: default, all processors; they change no bit.
    Errors: SpecError, DatasetError, ShapeError; DivergedError where scores are not finite.
    """
    if not isinstance(split, (Split, Streamed)):
        raise DatasetError("evaluate takes a Split: evaluate(net, data.test)")
    if threads is not None and threads < 1:
        raise SpecError(f"threads must be 1 or more, found {threads}")
    feed = feed_of(net, split, "evaluate")
    team = Team(net, 1, threads or threads_here())
    try:
        return measured(team, Measure(net, losses=True, reports=True), feed)
    finally:
        team.close()


def measured(team: Team, measure: Measure, feed: Feed) -> Measured:
    """What is measured over a whole feed, in pieces that the threads share."""
    piece = team.engines[0].piece
    rooms = [Room(feed, piece) for _ in range(team.crew.threads)]
    with one_thread(), np.errstate(all="ignore"):
        return team.count(
            measure,
            -(-feed.samples // piece),
            lambda thread, i: feed.part(slice(i * piece, (i + 1) * piece), rooms[thread]),
        )
