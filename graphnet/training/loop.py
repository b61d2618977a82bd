"""Mini-batch training: Deep Learning from Scratch, 5.7.1 and 5.7.4."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from graphnet.blas import one_thread
from graphnet.crew import threads_here
from graphnet.data.dataset import Dataset
from graphnet.errors import DatasetError, DivergedError, SpecError
from graphnet.layers.base import Array
from graphnet.network import Network
from graphnet.optimizers import optimizer_for
from graphnet.plan import Plan
from graphnet.randomness import generator
from graphnet.spec.recipe import TrainSpec
from graphnet.training.ahead import Ahead
from graphnet.training.augment import Augmenter
from graphnet.training.feed import Feed, Room, feeds
from graphnet.training.shards import Team
from graphnet.training.update import Update


@dataclass(frozen=True)
class EpochResult:
    """One epoch. loss: mean over its steps, each before its update; accuracies, 0 to 1, over the
    whole parts after it, None where no loss is one of classes; seconds: its steps and both
    accuracies."""

    epoch: int
    loss: float
    train_accuracy: float | None
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


class Trainer(AbstractContextManager["Trainer"]):
    """Everything that training holds: the network, the data, the optimizer, the threads, and where
    it is.

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
        if threads is not None and threads < 1:
            raise SpecError(f"threads must be 1 or more, found {threads}")
        self.net = net
        self.recipe: TrainSpec = net.spec.train
        self.train, self.test = feeds(net, data)
        if data.prepare is not None:
            if net.prepare not in (None, data.prepare):
                what = "the network was fitted to other data; load_data(spec, prepare=net.prepare)"
                raise DatasetError(f"{net.spec.name}: {what} prepares these as those were")
            net.prepare = data.prepare
        self.optimizer = optimizer_for(self.recipe.optimizer, net.params)
        self.position = (0, 0)
        self.stopped = False
        size = self.recipe.batch_size
        plan = Plan(net.graph)
        self.team = Team(net, plan.shards(size), threads or threads_here())
        self._update = Update(net.engine, self.optimizer, self.team.crew, self.recipe.clip)
        augment = self.recipe.augment
        self._ahead = Ahead(
            self.train,
            size,
            plan.ahead(size),
            Augmenter(net.spec, augment, self.recipe.seed) if augment else None,
        )
        self._piece = net.engine.piece
        self._on_step = on_step
        self._should_stop = should_stop
        self._judged = self._first_of_classes()
        self.loss_sum = 0.0

    def _first_of_classes(self) -> int | None:
        """The number of the first loss of classes that takes an output."""
        graph = self.net.graph
        return next(
            (
                i
                for i, objective in enumerate(graph.objectives)
                if objective.spec.classifies and objective.on in graph.wiring.outputs
            ),
            None,
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.team.close()

    @property
    def batches(self) -> int:
        """Steps an epoch, the last short batch included."""
        return -(-self.train.samples // self.recipe.batch_size)

    def run(self) -> Iterator[EpochResult]:
        """Train; a result after each epoch, which `net.history` then holds without its seconds.

        Errors: DivergedError with epoch, step and the first bad tensor.
        """
        with self:
            for epoch in range(1, self.recipe.epochs + 1):
                result = self._epoch(epoch)
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

    def steps(self, order: Array, epoch: int = 1) -> Iterator[float]:
        """One step for each batch of the samples in `order`; yields its loss before the update.

        Between two steps BLAS is still held to one thread and warnings of this thread are off, as
        for `on_step`: both go back when the last step is done, or the iterator is closed.
        Errors: DivergedError.
        """
        seed = self.recipe.seed
        with one_thread(), np.errstate(all="ignore"):
            for step, (inputs, targets) in enumerate(self._ahead.batches_of(order, epoch), 1):

                def draws(
                    node: str, shard: int, tile: int, step: int = step
                ) -> np.random.Generator:
                    return generator(seed, "training", node, epoch, step, shard, tile)

                loss, grads = self.team.gradient(inputs, targets, draws)
                if not self._update(grads, self.rate(epoch, step)) or not np.isfinite(loss):
                    self._check(loss, epoch, step)
                yield loss

    def rate(self, epoch: int, step: int) -> float:
        """The learning rate of a step; both count from 1."""
        schedule, lr = self.recipe.schedule, self.recipe.optimizer.lr
        if schedule is None:
            return lr
        at = (epoch - 1) * self.batches + step - 1
        return lr * schedule.factor(at, self.recipe.epochs, self.batches)

    def _epoch(self, epoch: int) -> EpochResult | None:
        start = time.perf_counter()
        size, samples = self.recipe.batch_size, self.train.samples
        order = generator(self.recipe.seed, "order", epoch).permutation(samples)
        self.loss_sum = 0.0
        if self._asked_to_stop():
            return None
        for step, loss in enumerate(self.steps(order, epoch), 1):
            count = min(size, samples - (step - 1) * size)
            self.loss_sum += loss * count
            self.position = (epoch, step)
            if self._on_step is not None:
                self._on_step(Progress(epoch, step, self.batches, count, loss))
            if step < self.batches and self._asked_to_stop():
                return None
        self._check_parameters(epoch)
        return EpochResult(
            epoch,
            self.loss_sum / samples,
            self._accuracy(self.train),
            self._accuracy(self.test) if self.test else None,
            time.perf_counter() - start,
        )

    def _asked_to_stop(self) -> bool:
        if self._should_stop is not None and self._should_stop():
            self.stopped = True
        return self.stopped

    def _accuracy(self, feed: Feed) -> float | None:
        """The share of right answers to the first output's loss of classes; None without one."""
        if self._judged is None:
            return None
        judged, piece = self._judged, self._piece
        rooms = [Room(feed, piece) for _ in range(self.team.crew.threads)]
        with one_thread(), np.errstate(all="ignore"):
            right, count = self.team.correct(
                judged,
                -(-feed.samples // piece),
                lambda thread, i: feed.part(slice(i * piece, (i + 1) * piece), rooms[thread]),
            )
        return right / max(count, 1)

    def _check(self, loss: float, epoch: int, step: int) -> None:
        bad = first_bad(self.net.params) or first_bad(self.net.grads, "gradient of ")
        if bad is None:  # all are finite, and their products are not
            params = self.net.params
            largest = max(params, key=lambda name: float(np.abs(params[name]).max()))
            bad = f"none, the largest '{largest}'"
        raise self._diverged(f"the loss is {loss}, the first bad tensor {bad}", epoch, step)

    def _check_parameters(self, epoch: int) -> None:
        bad = first_bad(self.net.params) or first_bad(self.net.state)
        if bad is not None:
            raise self._diverged(f"NaN or infinity is in {bad}", epoch, self.batches)

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
