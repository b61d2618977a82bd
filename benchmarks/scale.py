"""What a sample costs in training 784-50-10, by the size of the data set in memory."""

from __future__ import annotations

import time
from functools import cache, partial

import numpy as np

from benchmarks import nets, samples
from benchmarks.cases import Case
from benchmarks.nets import weights
from benchmarks.ours import fill, network
from benchmarks.side import Makers, Side
from graphnet.data.dataset import Dataset, Split
from graphnet.training.loop import Trainer

NET = nets.perceptron(50, 10)
SIZES = (10_000, 100_000, 1_000_000)
BATCH = 100
STEPS = 100
"""Steps of a round: as many as the smallest set has in an epoch."""


def sides(case: Case, family: str) -> Makers:
    """One variant a size: each the first samples of the same pictures."""
    return {f"{size:,} samples": partial(Scaled, size) for size in SIZES}


@cache
def everything() -> tuple[np.ndarray, np.ndarray]:
    """The pictures of the largest set."""
    return samples.pictures(NET, max(SIZES))


class Scaled(Side):
    """Steps over samples drawn from the whole set."""

    def __init__(self, size: int) -> None:
        pixels, t = everything()
        self.network = network(NET, BATCH)
        self.start = weights(NET)
        self.order = samples.batches(size, STEPS, BATCH).ravel()
        self.common = samples.batches(min(SIZES), STEPS, BATCH).ravel()
        data = Dataset("bench", Split({"x": pixels[:size]}, t[:size]))
        self.trainer = Trainer(self.network, data).__enter__()

    def answer(self) -> np.ndarray:
        """The losses over samples that every size has."""
        fill(self.network, self.start)
        return np.array(list(self.trainer.steps(self.common)))

    def measure(self) -> float:
        fill(self.network, self.start)
        begin = time.perf_counter()
        for _ in self.trainer.steps(self.order):
            pass
        return (time.perf_counter() - begin) / len(self.order)
