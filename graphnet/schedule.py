"""In which order a replica computes, and how many samples at a time.

A pass is cut into phases. Within one, samples go through all calls a tile at a time, so that what
one layer leaves is still in cache when the next one reads it. Between two, either the number of
samples a call changes (a product of matrices takes all of a shard), or the shards of a batch meet
because a layer needs sums over all of it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from graphnet.layers.base import NodeSpec
from graphnet.spec.reader import Resolved

TILE_BYTES = 6 * 1024 * 1024
"""What one call may read and write. A second-level cache holds less, but shorter calls make
threads wait for each other at the interpreter's lock: two of them took 1.3 times as long with
512 KiB. Within a call, what earns it (convolution) has blocks of its own that stay in cache."""
PREDICTION_TILE_BYTES = 2 * 1024 * 1024
"""The same in prediction, which makes half as many calls: 1,000 images of mnist_cnn take 18.9 ms
in place of 21."""

LOSS = ":loss"
"""Stands for the losses among the nodes, whose names have no colon."""


def loss_name(i: int) -> str:
    """Under what the buffers of a loss lie, beside those of the nodes."""
    return f"{LOSS}{i}"


Operation = Literal["forward", "gather", "loss", "gather_back", "backward"]


class Call(NamedTuple):
    """One layer's turn."""

    operation: Operation
    node: str


class Phase(NamedTuple):
    """Calls that a tile goes through together; `meeting`: the layers whose sums over the whole
    batch, gathered here, the next phase needs."""

    tile: int
    calls: tuple[Call, ...]
    meeting: tuple[str, ...] = ()


class Segment(NamedTuple):
    """Phases that a shard runs through by itself; `meeting` and `operation`: what the shards join
    after it, nothing after the last one."""

    phases: range
    meeting: tuple[str, ...]
    operation: Operation


class Schedule:
    """The phases of a prediction or of a training step, for shards of so many samples.

    order: the nodes that compute, in running order. sources: for each of them where its inputs
    come from; nodes that only train stand aside in a prediction. trained: those that run backward.
    judged: in training, the nodes whose scores losses take.
    """

    def __init__(self, graph: Resolved, samples: int, *, training: bool) -> None:
        self.graph = graph
        self.samples = samples
        self.training = training
        self.outputs = graph.wiring.outputs
        self.judged = tuple(dict.fromkeys(o.on for o in graph.objectives)) if training else ()
        needed = ancestors(graph.wiring.sources, self.judged or self.outputs)
        self._aside = set() if training else {n for n in needed if self._stands_aside(n)}
        self.order = self._order(needed - self._aside)
        self.sources = {
            n: tuple(self.through(s) for s in graph.wiring.sources[n]) for n in self.order
        }
        self.trained = trained(graph) & set(self.order) if training else set()
        self.tiles = self._tiles()
        self.phases = self._phases()
        self.forward_phases = self._last_forward() + 1
        self.segments = self._segments()

    def _segments(self) -> list[Segment]:
        found, start = [], 0
        for i, phase in enumerate(self.phases):
            if phase.meeting or i == len(self.phases) - 1:
                phases = range(start, i + 1)
                found.append(Segment(phases, phase.meeting, phase.calls[-1].operation))
                start = i + 1
        return found

    def _last_forward(self) -> int:
        """The phase that ends with the loss, or the last one."""
        at_loss = [i for i, p in enumerate(self.phases) if Call("loss", LOSS) in p.calls]
        return at_loss[0] if at_loss else len(self.phases) - 1

    def through(self, name: str) -> str:
        """The name itself; of a node that stands aside, where its value comes from."""
        while name in self._aside:
            name = self.graph.wiring.sources[name][0]
        return name

    def meets(self, node: str) -> bool:
        """Whether the shards of a batch meet before this node."""
        return self.training and self.graph.nodes[node].meets

    def _stands_aside(self, name: str) -> bool:
        return name in self.graph.nodes and self.graph.nodes[name].trains_only

    def _order(self, needed: set[str]) -> list[str]:
        """Running order, but layers that meet come as late as can be: where several are ready at
        a time, the shards meet once for all of them."""
        order = [n for n in self.graph.wiring.order if n in needed]
        if not any(self.meets(n) for n in order):
            return order
        rank = {n: i for i, n in enumerate(order)}
        waiting = {n: {s for s in self.graph.wiring.sources[n] if s in rank} for n in order}
        readers: dict[str, list[str]] = {n: [] for n in order}
        for n, sources in waiting.items():
            for source in sources:
                readers[source].append(n)
        ready = [(self.meets(n), rank[n]) for n in order if not waiting[n]]
        heapq.heapify(ready)
        found = []
        while ready:
            n = order[heapq.heappop(ready)[1]]
            found.append(n)
            for reader in readers[n]:
                waiting[reader].discard(n)
                if not waiting[reader]:
                    heapq.heappush(ready, (self.meets(reader), rank[reader]))
        return found

    def _tiles(self) -> dict[str, int]:
        """Samples a call: one number for each run of nodes that can be divided."""
        tiles: dict[str, int] = {}
        run: list[str] = []
        for node in [*self.order, None]:
            if node is not None and divisible(self.graph, node):
                run.append(node)
                continue
            if run:
                limit = TILE_BYTES if self.training else PREDICTION_TILE_BYTES
                most = max(1, limit // max(map(self._call_bytes, run)))
                even = -(-self.samples // -(-self.samples // most))
                tiles |= dict.fromkeys(run, even)
                run = []
            if node is not None:
                tiles[node] = self.samples
        names = (LOSS, *(loss_name(i) for i in range(len(self.graph.objectives))))
        return tiles | dict.fromkeys(names, self.samples)

    def _call_bytes(self, node: str) -> int:
        """Bytes of one sample that a call reads and writes."""
        shapes = [*self.graph.arriving(node), self.graph.shapes[node]]
        return sum(map(math.prod, shapes)) * np.dtype(self.graph.spec.dtype).itemsize

    def _phases(self) -> list[Phase]:
        phases = _Phases(self.tiles)
        for run in self._runs(self.order):
            if self.meets(run[0]):
                phases.meet([Call("gather", n) for n in run])
            phases.add(Call("forward", n) for n in run)
        if self.training:
            phases.add([Call("loss", LOSS)])
            for run in self._runs([n for n in reversed(self.order) if n in self.trained]):
                if self.meets(run[0]):
                    phases.meet([Call("gather_back", n) for n in run])
                phases.add(Call("backward", n) for n in run)
        return phases.done()

    def _runs(self, nodes: Iterable[str]) -> Iterable[list[str]]:
        """The nodes one by one, but those together that can meet at once: neighbours of which
        none computes what another one reads."""
        run: list[str] = []
        for node in nodes:
            linked = set(self.sources[node]) & set(run)
            linked |= {n for n in run if node in self.sources[n]}
            if run and self.meets(node) and not linked:
                run.append(node)
                continue
            if run:
                yield run
            run = [node] if self.meets(node) else []
            if not run:
                yield [node]
        if run:
            yield run


class _Phases:
    """Phases in the making: a call joins the last one where it takes as many samples."""

    def __init__(self, tiles: Mapping[str, int]) -> None:
        self._tiles = tiles
        self._found: list[Phase] = []

    def add(self, calls: Iterable[Call]) -> None:
        for call in calls:
            tile = self._tiles[call.node]
            last = self._found[-1] if self._found else None
            ended = last is None or last.meeting or last.calls[-1].operation == "loss"
            if last is None or ended or last.tile != tile:
                self._found.append(Phase(tile, (call,)))
            else:
                self._found[-1] = last._replace(calls=(*last.calls, call))

    def meet(self, calls: list[Call]) -> None:
        """Calls after which the shards meet."""
        self.add(calls)
        meeting = tuple(call.node for call in calls)
        self._found[-1] = self._found[-1]._replace(meeting=meeting)

    def done(self) -> list[Phase]:
        return self._found


def divisible(graph: Resolved, node: str) -> bool:
    """Whether a node can be given a few samples at a time: not a product that wants all of them,
    nor a view of what comes in, which costs nothing and has no memory to be written into."""
    spec: NodeSpec = graph.nodes[node]
    declared = spec.buffers(graph.shapes[node], *graph.arriving(node))
    return "out" in declared and not spec.undivided


def ancestors(sources: Mapping[str, Iterable[str]], names: Iterable[str]) -> set[str]:
    """The nodes among `names` and all that they depend on; inputs are none."""
    found = {n for n in names if n in sources}
    waiting = list(found)
    while waiting:
        for source in sources[waiting.pop()]:
            if source in sources and source not in found:
                found.add(source)
                waiting.append(source)
    return found


def trained(graph: Resolved) -> set[str]:
    """The names that depend on a parameter; no other needs a gradient to train."""
    found: set[str] = set()
    for node in graph.wiring.order:
        sources = graph.wiring.sources[node]
        if graph.nodes[node].parameters(*graph.arriving(node)) or not found.isdisjoint(sources):
            found.add(node)
    return found
