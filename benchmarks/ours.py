"""graphnet's side: what a user of the library calls."""

from __future__ import annotations

import time
from functools import partial

import numpy as np

from benchmarks import samples
from benchmarks.cases import CHECKED_STEPS, Case, Prediction, Training
from benchmarks.nets import Net, weights
from benchmarks.side import Makers, Side
from graphnet.builder import build
from graphnet.data.dataset import Dataset, Split
from graphnet.network import Network
from graphnet.spec.reader import parse_spec
from graphnet.training.loop import Trainer


def sides(case: Case, family: str) -> Makers:
    """One variant: what graphnet chooses by itself."""
    if isinstance(case, Training):
        return {"": partial(Steps, case)}
    assert isinstance(case, Prediction)
    return {"": partial(Scores, case)}


def network(net: Net, batch: int = 100, lr: float = 0.1) -> Network:
    """The network with the initial weights of all sides."""
    found = build(parse_spec(net.text(batch, lr), net.name), seed=0)
    fill(found, weights(net))
    return found


def fill(network: Network, arrays: dict[str, np.ndarray]) -> None:
    """Set every parameter and state, in place.

    Errors: ValueError where the network has others.
    """
    live = {**network.params, **network.state}
    if live.keys() != arrays.keys():
        raise ValueError(f"arrays {sorted(live)}, expected {sorted(arrays)}")
    for name, array in arrays.items():
        if live[name].shape != array.shape:
            raise ValueError(f"{name}: shape {live[name].shape}, expected {array.shape}")
        live[name][...] = array


class Steps(Side):
    """Training, from pictures that stay bytes, or from the numbers of sequences."""

    def __init__(self, case: Training) -> None:
        self.case = case
        pixels, t = samples.pictures(case.net, case.samples)
        self.network = network(case.net, case.batch, case.lr)
        self.start = weights(case.net)
        self.order = samples.batches(case.samples, CHECKED_STEPS, case.batch).ravel()
        x = samples.numbers(case.net, pixels) if case.net.is_sequence else pixels
        data = Dataset("bench", Split({"x": x}, t))
        # Left open: its threads and buffers live as long as the process of this side.
        self.trainer = Trainer(self.network, data).__enter__()

    def answer(self) -> np.ndarray:
        fill(self.network, self.start)
        return np.array(list(self.trainer.steps(self.order)))

    def measure(self) -> float:
        fill(self.network, self.start)
        order = self.order[: self.case.steps * self.case.batch]
        begin = time.perf_counter()
        for _ in self.trainer.steps(order):
            pass
        return (time.perf_counter() - begin) / self.case.steps


class Scores(Side):
    """`predict`, which hands out an array of the caller's own."""

    def __init__(self, case: Prediction) -> None:
        self.case = case
        pixels, _ = samples.pictures(case.net, case.samples)
        self.x = samples.numbers(case.net, pixels)
        self.network = network(case.net)

    def answer(self) -> np.ndarray:
        return self.network.predict(self.x)

    def measure(self) -> float:
        begin = time.perf_counter()
        for _ in range(self.case.calls):
            self.network.predict(self.x)
        return (time.perf_counter() - begin) / self.case.calls
