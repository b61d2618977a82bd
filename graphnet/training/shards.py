"""A batch cut into shards by the spec alone, computed by threads, joined in a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from graphnet.crew import Crew
from graphnet.layers.base import Array, BatchLayer
from graphnet.network import Network
from graphnet.plan import MOST_SHARDS
from graphnet.program import Program
from graphnet.schedule import Segment
from graphnet.training.measure import Counts, Measure, Measured, pack, unpack
from graphnet.training.ranks import Ranks
from graphnet.training.tree import Tree, Twig

Draws = Callable[[str, int, int], "np.random.Generator"]
"""(node, number of the shard, number of the tile) -> what a layer draws from in this step."""
AT_ONCE = 1024
"""Pieces that are measured before their counts are joined: what is held of any number of samples
is little."""
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


def joined_at_once(parts: Sequence[Array], join: Callable[[Array, Array], Array]) -> Array:
    """As `joined`, all pairs of a level in one call: of 512 shards 9 calls in place of 511.

    join: each element of its result follows from those of both at that place, and from those
    before and behind it along the first axis.
    """
    found = np.stack(parts, axis=1)
    while found.shape[1] > 1:
        even = found.shape[1] & ~1
        pairs = join(found[:, 0:even:2], found[:, 1:even:2])
        found = np.concatenate([pairs, found[:, even:]], axis=1)
    return found[:, 0]


def add_into(one: Array, other: Array) -> Array:
    """one + other, in the first of them."""
    return np.add(one, other, out=one)


class Team:
    """Replicas of a network, one for each shard of this rank, and the threads that run them.

    The threads, and the ranks, only decide who computes a shard: the numbers are the same for any
    count. BLAS is to be held to one thread meanwhile.
    """

    def __init__(self, net: Network, shards: int, threads: int, ranks: Ranks | None = None) -> None:
        self.ranks = ranks or Ranks()
        self.shards = shards
        most = len(self._mine(shards))
        # A batch has no more shards; each further replica would only take memory.
        self.crew = Crew(min(threads, max(MOST_SHARDS, most)))
        count = max(most, self.crew.threads)
        self.engines = [net.engine, *(net.replica().engine for _ in range(count - 1))]
        self._sums = self.ranks.sums(net.engine, self.crew)

    def close(self) -> None:
        """Let the threads go."""
        self.crew.close()

    def rows(self, samples: int) -> slice:
        """Which samples of a batch of so many `gradient` takes here."""
        shards = cut(samples, self.shards)
        mine = self._mine(len(shards))
        return slice(shards[mine[0]].start, shards[mine[-1]].stop)

    def gradient(
        self,
        inputs: Mapping[str, Array],
        targets: Sequence[Array],
        draws: Draws,
        samples: int | None = None,
    ) -> tuple[float, Sequence[Array]]:
        """The mean loss over a batch, and the parts of its gradient: the sum of these flat arrays
        is that of the batch. The state has moved.

        samples: how many the batch has, where these are the `rows` of this rank alone.
        """
        shards = cut(samples or len(next(iter(inputs.values()))), self.shards)
        mine, counting = self._mine(len(shards)), self.ranks.share(len(shards))
        begin = shards[mine[0]].start
        parts = [slice(shards[i].start - begin, shards[i].stop - begin) for i in mine]
        masses = [self.engines[0].masses([t[rows] for t in targets]) for rows in parts]
        whole = self._whole_masses(masses[: len(counting)], shards)
        programs: list[Program] = [None] * len(parts)  # type: ignore[list-item] # filled below
        segments: list[Segment] = []
        grads = [engine.flat_grads for engine in self.engines[: len(parts)]]
        self._sums.begin(grads[: len(counting)])
        done = self._sums.done if counting else None

        def first(k: int) -> None:
            part = {name: array[parts[k]] for name, array in inputs.items()}
            engine, judged = self.engines[k], [t[parts[k]] for t in targets]
            pairs = zip(masses[k], whole, strict=True)
            shares = [mass / of if of else 0.0 for mass, of in pairs]
            program = engine.begin(
                part, judged, shares, lambda node, tile: draws(node, mine[k], tile)
            )
            program.done = None if done is None else partial(done, k)
            programs[k] = program
            program.run_segment(0)
            if len(program.schedule.segments) == 1:
                engine.finish()

        def further(segment: int, k: int) -> None:
            programs[k].run_segment(segment)
            if segment == len(segments) - 1:
                self.engines[k].finish()

        self._each(len(parts), first)
        segments = programs[0].schedule.segments
        for i in range(1, len(segments)):
            self._meet(programs, segments[i - 1], len(counting), len(shards))
            self._each(len(parts), lambda k, i=i: further(i, k))  # type: ignore[misc]
        self.engines[0].remember(programs[0])
        summed = self._sums.end(grads, len(shards))
        losses = [[program.loss_value] for program in programs[: len(counting)]]
        return sum(loss for (loss,) in self.ranks.numbers(losses, len(shards), 1)), summed

    def _mine(self, shards: int) -> range:
        """The shards that are computed here. A rank that has none computes the first one: without
        counting for the sums, it then draws, meets and remembers as all do."""
        return self.ranks.share(shards) or range(1)

    def _whole_masses(
        self, masses: Sequence[Sequence[float]], shards: Sequence[slice]
    ) -> list[float]:
        """What the mean of each loss over the batch divides by."""
        if all(loss.equal for loss in self.engines[0].losses):  # no rank needs to be asked
            return [float(shards[-1].stop)] * len(self.engines[0].losses)
        found = self.ranks.numbers(masses, len(shards), len(self.engines[0].losses))
        return joined(found, lambda one, other: [a + b for a, b in zip(one, other, strict=True)])

    def count(
        self,
        measure: Measure,
        batches: int,
        batch: Callable[[int, int], tuple[dict[str, Array], list[Array]]],
    ) -> Measured:
        """What is measured over all batches.

        batch: from the number of a thread and that of a batch, its inputs and targets.
        """
        tree, mine = Tree(batches, measure.join), self.ranks.share(batches)
        for start in range(mine.start, mine.stop, AT_ONCE):
            some = range(start, min(start + AT_ONCE, mine.stop))
            found: dict[int, Counts] = {}

            def work(
                thread: int, i: int, first: int = start, found: dict[int, Counts] = found
            ) -> None:
                found[i] = measure.count(self.engines[thread], *batch(thread, first + i))

            self.crew.each(len(some), work)
            for i in range(len(some)):
                tree.add(Twig(0, start + i), found[i])
        return measure.value(self.ranks.complete(tree, pack, unpack))

    def _each(self, items: int, work: Callable[[int], None]) -> None:
        if items == 1:  # on this thread: handing over costs a tenth of a small step
            work(0)
        else:
            self.crew.each(items, lambda thread, i: work(i))

    def _meet(
        self, programs: Sequence[Program], segment: Segment, counting: int, shards: int
    ) -> None:
        """What the shards gathered for the layers that need the whole batch, joined."""
        mine = [[p.parts[node] for node in segment.meeting] for p in programs[:counting]]
        shapes = [programs[0].parts[node] for node in segment.meeting]
        every = self.ranks.arrays(mine, shards, shapes)
        for k, node in enumerate(segment.meeting):
            layer = programs[0].layers[node][0]
            assert isinstance(layer, BatchLayer)
            forth = segment.operation == "gather"
            join = layer.join if forth else np.add
            whole = (joined if shards <= MOST_SHARDS else joined_at_once)(every[k], join)
            for program in programs:
                program.meet(node, segment.operation, whole)
