"""A batch cut into shards by the spec alone, computed by threads, joined in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from graphnet.crew import Crew
from graphnet.layers.base import Array, BatchLayer
from graphnet.network import Network
from graphnet.plan import MOST_SHARDS
from graphnet.program import Program
from graphnet.schedule import Segment
from graphnet.training.measure import Counts, Measure, Measured

Draws = Callable[[str, int, int], "np.random.Generator"]
"""(node, number of the shard, number of the tile) -> what a layer draws from in this step."""
T = TypeVar("T")


def cut(samples: int, shards: int) -> list[slice]:
    """The shards of a batch: as equal as can be, the longer ones first, none of them empty."""
    shards = min(shards, samples)
    size, longer = divmod(samples, shards)
    stops = [(i + 1) * size + min(i + 1, longer) for i in range(shards)]
    return [slice(start, stop) for start, stop in zip([0, *stops], stops, strict=False)]


def joined(parts: Sequence[T], join: Callable[[T, T], T]) -> T:
    """All parts as a binary tree over their numbers: ((0+1)+(2+3))+..., whoever made them."""
    found = list(parts)
    stride = 1
    while stride < len(found):
        for i in range(0, len(found) - stride, 2 * stride):
            found[i] = join(found[i], found[i + stride])
        stride *= 2
    return found[0]


class Team:
    """Replicas of a network, one for each shard, and the threads that run them.

    The threads only decide who computes a shard: the numbers are the same for any count. BLAS is
    to be held to one thread meanwhile.
    """

    def __init__(self, net: Network, shards: int, threads: int) -> None:
        # A batch has no more shards; each further replica would only take memory.
        self.crew = Crew(min(threads, MOST_SHARDS))
        self.shards = shards
        count = max(shards, self.crew.threads)
        self.engines = [net.engine, *(net.replica().engine for _ in range(count - 1))]

    def close(self) -> None:
        """Let the threads go."""
        self.crew.close()

    def gradient(
        self, inputs: Mapping[str, Array], targets: Sequence[Array], draws: Draws
    ) -> tuple[float, list[Array]]:
        """The mean loss over a batch, and the parts of its gradient: the sum of these flat arrays
        is that of the batch. The state has moved."""
        parts = cut(len(next(iter(inputs.values()))), self.shards)
        masses = self.engines[0].masses(targets)
        programs: list[Program] = [None] * len(parts)  # type: ignore[list-item] # filled below
        segments: list[Segment] = []

        def first(i: int) -> None:
            rows = parts[i]
            part = {name: array[rows] for name, array in inputs.items()}
            engine, judged = self.engines[i], [t[rows] for t in targets]
            pairs = zip(engine.masses(judged), masses, strict=True)
            shares = [mass / whole if whole else 0.0 for mass, whole in pairs]
            program = engine.begin(part, judged, shares, lambda node, tile: draws(node, i, tile))
            programs[i] = program
            program.run_segment(0)
            if len(program.schedule.segments) == 1:
                engine.finish()

        def further(k: int, i: int) -> None:
            programs[i].run_segment(k)
            if k == len(segments) - 1:
                self.engines[i].finish()

        self._each(len(parts), first)
        segments = programs[0].schedule.segments
        for k in range(1, len(segments)):
            self._meet(programs, segments[k - 1])
            self._each(len(parts), lambda i, k=k: further(k, i))  # type: ignore[misc]
        self.engines[0].remember(programs[0])
        loss = sum(program.loss_value for program in programs)
        return loss, [engine.flat_grads for engine in self.engines[: len(parts)]]

    def count(
        self,
        measure: Measure,
        batches: int,
        batch: Callable[[int, int], tuple[dict[str, Array], list[Array]]],
    ) -> Measured:
        """What is measured over all batches.

        batch: from the number of a thread and that of a batch, its inputs and targets.
        """
        found: dict[int, Counts] = {}

        def work(thread: int, i: int) -> None:
            found[i] = measure.count(self.engines[thread], *batch(thread, i))

        self.crew.each(batches, work)
        return measure.value(joined([found[i] for i in range(batches)], measure.join))

    def _each(self, items: int, work: Callable[[int], None]) -> None:
        if items == 1:  # on this thread: handing over costs a tenth of a small step
            work(0)
        else:
            self.crew.each(items, lambda thread, i: work(i))

    @staticmethod
    def _meet(programs: Sequence[Program], segment: Segment) -> None:
        """What the shards gathered for the layers that need the whole batch, joined."""
        for node in segment.meeting:
            layer = programs[0].layers[node][0]
            assert isinstance(layer, BatchLayer)
            forth = segment.operation == "gather"
            join = layer.join if forth else np.add
            whole = joined([program.parts[node] for program in programs], join)
            for program in programs:
                program.meet(node, segment.operation, whole)
