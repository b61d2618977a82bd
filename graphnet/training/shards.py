"""A batch cut into shards by the spec alone, computed by threads, added in a fixed order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TypeVar

import numpy as np

from graphnet.layers.base import Array
from graphnet.network import Network
from graphnet.plan import Plan
from graphnet.scores import class_of

SHARD_FLOPS = 40_000_000
"""Work that makes a shard worth a thread: some 0.4 ms of one core, ten times a hand-over."""
MOST_SHARDS = 8
T = TypeVar("T")
R = TypeVar("R")


def shard_count(plan: Plan, batch_size: int) -> int:
    """How many shards a batch has: 1, 2, 4 or 8, from the work that the spec says, never from
    the machine."""
    cost = plan.total()
    work = (cost.forward + cost.backward) * batch_size
    shards = 1
    while shards < MOST_SHARDS and work >= 2 * shards * SHARD_FLOPS and batch_size >= 2 * shards:
        shards *= 2
    return shards


def cut(samples: int, shards: int) -> list[slice]:
    """The shards of a batch: as equal as can be, the longer ones first, none of them empty."""
    shards = min(shards, samples)
    size, longer = divmod(samples, shards)
    stops = [(i + 1) * size + min(i + 1, longer) for i in range(shards)]
    return [slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False)]


def threads_here() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Team(AbstractContextManager["Team"]):
    """Replicas of a network and the threads that run them, BLAS held to one thread in each.

    The threads only decide who computes a shard: the numbers are the same for any count.
    """

    def __init__(self, net: Network, shards: int, threads: int) -> None:
        # A batch has no more shards; each further replica would only take memory.
        threads = min(threads, MOST_SHARDS)
        self.shards = shards
        self.engines = [net.engine]
        self.engines += [net.replica().engine for _ in range(max(shards, threads) - 1)]
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown()

    def gradient(self, inputs: Mapping[str, Array], t: Array) -> float:
        """The mean loss over a batch; the first engine's `grads` then hold its gradient."""
        parts = cut(len(t), self.shards)

        def shard(i: int) -> float:
            rows = parts[i]
            part = {name: array[rows] for name, array in inputs.items()}
            share: float = (rows.stop - rows.start) / len(t)
            loss = self.engines[i].gradient(part, t[rows], share)
            return loss * share

        if len(parts) == 1:  # on this thread: handing over costs a tenth of a small step
            return shard(0)
        losses = self._map(shard, range(len(parts)))
        self._add([engine.flat_grads for engine in self.engines[: len(parts)]])
        return sum(losses)

    def correct(self, batches: int, batch: Callable[[int], tuple[dict[str, Array], Array]]) -> int:
        """How many samples of all batches the network gets right."""
        output = self.engines[0].graph.wiring.outputs[0]
        workers = len(self.engines) if self._pool is not None else 1

        def work(worker: int) -> int:
            right = 0
            for i in range(worker, batches, workers):
                inputs, t = batch(i)
                scores = self.engines[worker].predict(inputs)[output]
                right += int(np.count_nonzero(class_of(output, scores) == t))
            return right

        return sum(self._map(work, range(workers)))

    def _map(self, work: Callable[[T], R], items: Iterable[T]) -> list[R]:
        if self._pool is None:
            return [work(item) for item in items]

        def quietly(item: T) -> R:
            # Warnings are settings of a thread; training finds what is not finite by itself.
            with np.errstate(all="ignore"):
                return work(item)

        return list(self._pool.map(quietly, items))

    @staticmethod
    def _add(grads: list[Array]) -> None:
        """grads[0] += all others, as a binary tree over their numbers: ((0+1)+(2+3))+..."""
        stride = 1
        while stride < len(grads):
            for i in range(0, len(grads) - stride, 2 * stride):
                np.add(grads[i], grads[i + stride], out=grads[i])
            stride *= 2
