"""Mini-batch training: Deep Learning from Scratch, 5.7.1 and 5.7.4."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from graphnet.data.dataset import Dataset
from graphnet.errors import DatasetError, DivergedError, SpecError
from graphnet.layers.base import Array
from graphnet.network import CHUNK, Network
from graphnet.optimizers import OPTIMIZERS
from graphnet.plan import Plan
from graphnet.randomness import generator
from graphnet.spec.recipe import TrainSpec
from graphnet.training.feed import Feed, feeds
from graphnet.training.shards import Team, shard_count, threads_here


@dataclass(frozen=True)
class EpochResult:
    """One epoch. loss: mean over its steps, each before its update; accuracies, 0 to 1, over the
    whole parts after it; seconds: its steps and both accuracies."""

    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float | None
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Where training is: epoch and step count from 1; loss is that of the step."""

    epoch: int
    step: int
    steps: int
    samples: int
    loss: float


class Trainer:
    """Everything that training holds: the network, the data, the optimizer, and where it is.

    position: (epoch, step) that are done; the epochs before are in `net.history`.
    stopped: whether `should_stop` said so and the recipe was left between two steps.
    """

    def __init__(
        self,
        net: Network,
        data: Dataset,
        *,
        threads: int | None = None,
        on_step: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        if not isinstance(data, Dataset):
            raise DatasetError("fit takes a Dataset: gn.Dataset('mine', gn.Split({'x': x}, t))")
        if net.spec.train is None:
            raise SpecError(f"{net.spec.name}: the spec has no 'train': say how long and how")
        if not all(param.flags.writeable for param in net.params.values()):
            raise SpecError(f"{net.spec.name}: a mapped network is read-only: load it unmapped")
        self.net = net
        self.recipe: TrainSpec = net.spec.train
        self.train, self.test = feeds(net, data)
        self.optimizer = OPTIMIZERS[self.recipe.optimizer.type](self.recipe.optimizer)
        self.position = (0, 0)
        self.stopped = False
        if threads is not None and threads < 1:
            raise SpecError(f"threads must be 1 or more, found {threads}")
        self._threads = threads or threads_here()
        self._shards = shard_count(Plan(net.graph), self.recipe.batch_size)
        self._on_step = on_step
        self._should_stop = should_stop
        self.loss_sum = 0.0

    @property
    def steps(self) -> int:
        """Steps an epoch, the last short batch included."""
        return -(-self.train.samples // self.recipe.batch_size)

    def run(self) -> Iterator[EpochResult]:
        """Train; a result after each epoch, which `net.history` then holds without its seconds.

        Errors: DivergedError with epoch, step and the first bad tensor.
        """
        with Team(self.net, self._shards, self._threads) as team:
            for epoch in range(1, self.recipe.epochs + 1):
                # Held for the epoch alone: what the caller does between two is not ours to slow.
                with threadpool_limits(1, user_api="blas"), np.errstate(all="ignore"):
                    result = self._epoch(team, epoch)
                if result is None:
                    return
                self.net.history.append(
                    {
                        "epoch": result.epoch,
                        "loss": result.loss,
                        "train_accuracy": result.train_accuracy,
                        "test_accuracy": result.test_accuracy,
                    }
                )
                yield result

    def _epoch(self, team: Team, epoch: int) -> EpochResult | None:
        start = time.perf_counter()
        size = self.recipe.batch_size
        order = generator(self.recipe.seed, "order", epoch).permutation(self.train.samples)
        params, grads = self.net.params, self.net.grads
        self.loss_sum = 0.0
        for step in range(1, self.steps + 1):
            if self._should_stop is not None and self._should_stop():
                self.stopped = True
                return None
            rows = order[(step - 1) * size : step * size]
            inputs, targets = self.train.batch(rows)
            loss = team.gradient(inputs, targets)
            self._check(loss, epoch, step)
            self.optimizer.update(params, grads)
            self.loss_sum += loss * len(rows)
            self.position = (epoch, step)
            if self._on_step is not None:
                self._on_step(Progress(epoch, step, self.steps, len(rows), loss))
        self._check_parameters(epoch)
        return EpochResult(
            epoch,
            self.loss_sum / self.train.samples,
            self._accuracy(team, self.train),
            self._accuracy(team, self.test) if self.test else None,
            time.perf_counter() - start,
        )

    def _accuracy(self, team: Team, feed: Feed) -> float:
        batches = -(-feed.samples // CHUNK)
        right = team.correct(batches, lambda i: feed.batch(slice(i * CHUNK, (i + 1) * CHUNK)))
        return right / feed.samples

    def _check(self, loss: float, epoch: int, step: int) -> None:
        grads = self.net.engine.flat_grads
        # One product is a cheap sieve: what is not finite stays so in it (and so does overflow).
        if np.isfinite(loss) and np.isfinite(np.dot(grads, grads)):
            return
        bad = first_bad(self.net.params) or first_bad(self.net.grads, "gradient of ")
        if bad is None and np.isfinite(loss):
            return  # the product alone overflowed
        if bad is None:  # all are finite, and their products are not
            params = self.net.params
            largest = max(params, key=lambda name: float(np.abs(params[name]).max()))
            bad = f"none, the largest '{largest}'"
        raise self._diverged(f"the loss is {loss}, the first bad tensor {bad}", epoch, step)

    def _check_parameters(self, epoch: int) -> None:
        bad = first_bad(self.net.params) or first_bad(self.net.state)
        if bad is not None:
            raise self._diverged(f"NaN or infinity is in {bad}", epoch, self.steps)

    def _diverged(self, what: str, epoch: int, step: int) -> DivergedError:
        return DivergedError(
            f"{self.net.spec.name}: training diverged: {what} (epoch {epoch}, step {step}); "
            "try a lower learning rate"
        )


def first_bad(arrays: dict[str, Array], prefix: str = "") -> str | None:
    """The name of the first array with NaN or infinity in it."""
    for name, array in arrays.items():
        if not np.isfinite(array).all():
            return f"{prefix}'{name}'"
    return None


def fit(
    net: Network,
    data: Dataset,
    *,
    threads: int | None = None,
    on_step: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[EpochResult]:
    """Train a network by its spec's recipe; an EpochResult after each epoch. Prints nothing.

    threads: default, all processors. on_step is called after each step; should_stop is asked
    before each, and training ends where it says yes.
    Errors: SpecError, DatasetError, ShapeError, DivergedError.
    """
    return Trainer(net, data, threads=threads, on_step=on_step, should_stop=should_stop).run()
