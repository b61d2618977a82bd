"""Mini-batch training: Deep Learning from Scratch, 5.7.1 and 5.7.4."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from types import TracebackType

import numpy as np

from graphnet.blas import one_thread
from graphnet.data.dataset import Dataset
from graphnet.data.order import Order
from graphnet.errors import DatasetError, DivergedError, SpecError, clipped
from graphnet.finite import sieved
from graphnet.network import Network
from graphnet.optimizers import optimizer_for
from graphnet.plan import Plan
from graphnet.randomness import generator
from graphnet.spec.measured import judged, monitored
from graphnet.spec.recipe import TrainSpec
from graphnet.training.ahead import Ahead
from graphnet.training.augment import Augmenter
from graphnet.training.divergence import cause_of, first_bad_of
from graphnet.training.early import Best
from graphnet.training.evaluate import measured
from graphnet.training.feed import Feed, feeds
from graphnet.training.limits import check_memory, check_ranks
from graphnet.training.measure import Measure, Measured
from graphnet.training.norms import norms_of
from graphnet.training.ranks import Ranks
from graphnet.training.result import EpochResult, Progress, check_history
from graphnet.training.shards import Team
from graphnet.training.split import parted
from graphnet.training.update import Update
from graphnet.training.weights import balance


class Trainer(AbstractContextManager["Trainer"]):
    """Everything that training holds: the network, the data, the optimizer, the threads, and where
    it is.

    position: the last step that is done, (epoch, step), both from 1; epochs: how many are done and
    measured, the last entries of `net.history`; loss_sum: over the samples of the epoch at hand.
    Another run's position is set before `run` to go on from there.
    train, validation, test: the samples of each part; best: with early stopping, the best epoch so
    far. stopped: whether `should_stop` said so and the recipe was left between two steps.
    norms: whether each epoch records the norms of its layers' weights and gradients.
    ranks: the processes that share each batch; all of them hold a Trainer of the same run.
    """

    def __init__(
        self,
        net: Network,
        data: Dataset,
        *,
        threads: int | None = None,
        on_step: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        memory: int | None = None,
        norms: bool = False,
        ranks: Ranks | None = None,
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
        self.validation: Feed | None = None
        if self.recipe.validation is not None:
            self._keep_apart(self.recipe.validation)
        self.ranks = ranks or Ranks()
        check_ranks(net, self.ranks.size)
        count, here = self.ranks.size, self.ranks.here
        check_memory(net.graph, self.train.samples, memory, count, here)
        balance(net, self.train)
        self._labels = data.labels
        self._measure = Measure(net, data.labels)
        self._measures = {"validation": Measure(net, data.labels, losses=True)}
        parts = [name for name, feed in self._feeds().items() if feed is not None]
        figures = [figure.name for figure in self._measure.figures]
        check_history(net, figures, parts, norms=norms)
        self.records_norms = norms
        self.best = self._best()
        self.optimizer = optimizer_for(self.recipe.optimizer, net.params)
        self.position = (0, 0)
        self.epochs = 0
        self.stopped = False
        size = self.recipe.batch_size
        plan = Plan(net.graph)
        threads = threads or self.ranks.threads
        self.team = Team(net, plan.shards(size), threads, self.ranks)
        clip, agreed = self.recipe.clip, self.ranks.agreed
        self._update = Update(net.engine, self.optimizer, self.team.crew, clip, agreed)
        augment = self.recipe.augment
        self._ahead = Ahead(
            self.train,
            size,
            plan.ahead(size),
            Augmenter(net.spec, augment, self.recipe.seed) if augment else None,
            self.team.rows if self.ranks.size > 1 else None,
        )
        self._on_step = on_step
        self._should_stop = should_stop
        self.loss_sum = 0.0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.team.close()

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Of each part of the data set its checksum, by which a checkpoint knows it again."""
        parts = {"train": self.train, "test": self.test}
        return {name: feed.fingerprint() for name, feed in parts.items() if feed is not None}

    @property
    def batches(self) -> int:
        """Steps an epoch, the last short batch included."""
        return -(-self.train.samples // self.recipe.batch_size)

    @property
    def seen(self) -> int:
        """Samples that were trained on, each as often as it was."""
        epoch, step = self.position
        within = min(step * self.recipe.batch_size, self.train.samples)
        return max(epoch - 1, 0) * self.train.samples + within

    def run(self) -> Iterator[EpochResult]:
        """Train from where it is; a result after each epoch, which `net.history` then holds without
        its seconds.

        With early stopping the network ends as it was after its best epoch, however the run ends;
        only `should_stop` leaves it as it is, for a checkpoint that holds both.
        Errors: DivergedError with epoch, step and the first bad tensor; RankError where ranks are
        lost, or unlike.
        """
        with self:
            self.check_finite()
            self.ranks.begin(self)
            try:
                for epoch in range(self.epochs + 1, self.recipe.epochs + 1):
                    if self.best is not None and not self.best.patient:
                        return
                    result = self._epoch(epoch)
                    if result is None:
                        return
                    self.net.history.append(result.entry())
                    self.epochs = epoch
                    self.ranks.check(self)
                    yield result
            finally:
                self._restore()

    def report(self) -> tuple[str, Measured]:
        """Everything that can be measured of the network as it is now, of each class too, and the
        part it was measured over: test, else validation, else train."""
        part, feed = "train", self.train
        for name, other in (("validation", self.validation), ("test", self.test)):
            if other is not None:
                part, feed = name, other
        measure = Measure(self.net, self._labels, losses=True, reports=True)
        with self:
            return part, measured(self.team, measure, feed)

    def steps(self, order: Order, epoch: int = 1, done: int = 0) -> Iterator[float]:
        """One step for each batch of the samples in `order`; yields its loss before the update.
        done: the steps of this epoch before them.

        Between two steps BLAS is still held to one thread and warnings of this thread are off, as
        for `on_step`: both go back when the last step is done, or the iterator is closed.
        Errors: DivergedError.
        """
        seed, size = self.recipe.seed, self.recipe.batch_size
        state = [array.reshape(-1) for array in self.net.state.values()]
        with one_thread(), np.errstate(all="ignore"):
            batches = self._ahead.batches_of(order, epoch)
            for step, (inputs, targets) in enumerate(batches, done + 1):

                def draws(
                    node: str, shard: int, tile: int, step: int = step
                ) -> np.random.Generator:
                    return generator(seed, "training", node, epoch, step, shard, tile)

                at = (step - done - 1) * size
                samples = min(size, len(order) - at)
                loss, grads = self.team.gradient(inputs, targets, draws, samples)
                # A loss that is not finite moves no parameter: what it came from can be found.
                good = math.isfinite(loss) and all(map(sieved, state))
                if not good or not self._update(grads, self.rate(epoch, step)):
                    rows = order[at : at + size]
                    batch = self._ahead.whole(rows, epoch)[0]
                    moved = good and self._update.moved
                    numbers = self.train.numbers(rows)
                    what = cause_of(self, loss, batch, draws, numbers, moved=moved)
                    raise self._diverged(what, epoch, step)
                yield loss

    def check_finite(self) -> None:
        """Errors: DivergedError where what is kept from step to step is not finite: it would go on
        into every file that is written."""
        what = first_bad_of(self)
        if what is not None:
            epoch, step = self.position
            raise self._diverged(what, max(epoch, 1), max(step, 1))

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
        order = self.train.order(self.recipe.seed, epoch)
        done = self.position[1] if self.position[0] == epoch else 0
        if not done:
            self.loss_sum = 0.0
        if self._asked_to_stop():
            return None
        for step, loss in enumerate(self.steps(order[done * size :], epoch, done), done + 1):
            count = min(size, samples - (step - 1) * size)
            self.loss_sum += loss * count
            self.position = (epoch, step)
            if self._on_step is not None:
                self._on_step(Progress(epoch, step, self.batches, count, loss))
            if step < self.batches and self._asked_to_stop():
                return None
        self.check_finite()
        return self._result(epoch, start)

    def _result(self, epoch: int, start: float) -> EpochResult:
        """All that is measured after an epoch."""
        parts = {}
        for name, feed in self._feeds().items():
            if feed is not None:
                measure = self._measures.get(name, self._measure)
                try:
                    parts[name] = measured(self.team, measure, feed)
                except DivergedError as e:
                    raise self._diverged(f"{e} over the {name} part", epoch, self.batches) from None
        result = EpochResult.of(epoch, self.loss_sum / self.train.samples, parts)
        numbers = result.numbers()
        for name, value in numbers.items():
            if not np.isfinite(value):
                raise self._diverged(f"{name} is {value}", epoch, self.batches)
        if self.best is not None:
            self.best.judge(epoch, numbers[self.best.spec.monitor])
            result = replace(result, best_epoch=self.best.epoch)
        if self.records_norms:
            result = replace(result, norms=norms_of(self.net))
            for layer, pair in result.norms.items():
                if not np.isfinite(pair).all():
                    raise self._diverged(f"the norm of '{layer}' is infinite", epoch, self.batches)
        return replace(result, seconds=time.perf_counter() - start)

    def _feeds(self) -> dict[str, Feed | None]:
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def _keep_apart(self, share: float) -> None:
        """Take the validation part from the samples that are trained on."""
        parts = judged(self.net.spec, self.net.graph.wiring.outputs)
        self.train, self.validation = parted(self.train, share, self.recipe.seed, parts)

    def _best(self) -> Best | None:
        """What early stopping keeps.

        Errors: DatasetError where it follows a test part that is not there.
        """
        spec = self.recipe.early_stopping
        if spec is None:
            return None
        known = monitored(self.net.spec, self._measure.figures, test=self.test is not None)
        if spec.monitor not in known:
            text = f"early stopping follows '{spec.monitor}', but the data set has no test part"
            raise DatasetError(clipped(f"{self.net.spec.name}: {text}"))
        return Best(spec, known[spec.monitor], {**self.net.params, **self.net.state})

    def _restore(self) -> None:
        """The best epoch's network, unless the run is to be gone on with."""
        if self.best is None or self.best.epoch == 0 or self.stopped:
            return
        self.best.restore()
        for entry in self.net.history[len(self.net.history) - self.epochs :]:
            if entry["epoch"] == self.best.epoch:
                entry["best"] = True

    def _asked_to_stop(self) -> bool:
        if self._should_stop is not None and self._should_stop():
            self.ranks.ask_to_stop()
        self.stopped = self.stopped or self.ranks.stopping
        return self.stopped

    def _diverged(self, what: str, epoch: int, step: int) -> DivergedError:
        return DivergedError(
            f"{self.net.spec.name}: training diverged: {what} (epoch {epoch}, step {step}); "
            "try a lower learning rate"
        )
