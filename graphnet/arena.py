"""Where every buffer of a pass lies: one block of memory, used again as soon as it is free.

The spec says every shape before the first step, so the life of every buffer is known: from the
call that writes it to the last one that reads it.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from graphnet.layers.base import Array, Buffer, NodeSpec
from graphnet.schedule import LOSS, Call, Schedule, loss_name
from graphnet.workspace import ALIGNMENT

Key = tuple[str, str]
"""(node, name of a buffer); ("x", "sum") is the sum of the gradients of a name that fans out."""


class Place(NamedTuple):
    """Where a buffer lies: `whole` for all samples of a shard, else for those of one tile."""

    offset: int
    buffer: Buffer
    samples: int
    whole: bool


class Storage:
    """Memory that one or more buffers lie in, one after the other or as views of each other."""

    def __init__(self, buffer: Buffer, nbytes: int) -> None:
        self.buffer = buffer
        self.nbytes = nbytes  # of one sample
        self.touched: set[int] = set()  # the numbers of the calls that read or write it
        self.read_after: set[int] = set()  # those after which it is added to what they wrote
        self.merged: Storage | None = None
        self.lasting = False

    def root(self) -> Storage:
        storage = self
        while storage.merged is not None:
            storage = storage.merged
        return storage

    def take_over(self, other: Storage) -> None:
        """The buffers of `other` lie here from now on."""
        other.merged = self
        self.touched |= other.touched
        self.read_after |= other.read_after
        self.lasting |= other.lasting


class Layout:
    """The places of all buffers that a schedule needs, and the bytes of the block they share."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.dtype = np.dtype(schedule.graph.spec.dtype)
        self.calls = [call for phase in schedule.phases for call in phase.calls]
        self._time = {call: i for i, call in enumerate(self.calls)}
        self._storages: dict[Key, Storage] = {}
        self._values: dict[str, list[Storage]] = {}
        self._gradients: dict[str, list[Storage]] = {}
        self._declared: dict[str, Mapping[str, Buffer]] = {}
        self.sums: set[str] = set()
        self._forward()
        if schedule.training:
            self._backward()
        self._merge()
        self.scratch = max((self._scratch_bytes(n) for n in self._declared), default=0)
        self.places, self.nbytes = self._place()

    def array(self, block: Array, key: Key) -> Array:
        """The buffer in a block of `nbytes` bytes."""
        place = self.places[key]
        shape = (place.samples, *place.buffer.shape)
        if place.buffer.scratch:
            shape = place.buffer.shape
        dtype = np.dtype(bool) if place.buffer.mask else self.dtype
        nbytes = math.prod(shape) * dtype.itemsize
        return block[place.offset : place.offset + nbytes].view(dtype).reshape(shape)

    # What is written and read, and when.

    def _forward(self) -> None:
        schedule = self.schedule
        for node in schedule.order:
            declared = self._buffers(node)
            now = self._time[Call("forward", node)]
            reads = {now}
            if schedule.meets(node):
                reads.add(self._time[Call("gather", node)])
            for source in schedule.sources[node]:
                self._touch(self._values.get(source, []), reads)
            gradients = {f"d{port}" for port in self._ports(node)}
            for name, buffer in declared.items():
                if buffer.trains and not schedule.training:
                    continue
                if not (buffer.scratch or buffer.kept or buffer.back or name in gradients):
                    self._new((node, name), buffer).touched |= reads
            views = [s for source in schedule.sources[node] for s in self._values.get(source, [])]
            self._values[node] = [self._storages[node, "out"]] if "out" in declared else views
            if node in schedule.trained:
                self._keep(node, reads)
        for name in schedule.judged:
            self._touch(self._values.get(name, []), {self._time[Call("loss", LOSS)]})
        for name in () if schedule.training else schedule.outputs:
            for storage in self._values.get(schedule.through(name), []):
                storage.lasting = True

    def _keep(self, node: str, reads: set[int]) -> None:
        """What the backward pass of a node reads lives until then."""
        spec = self._spec(node)
        later = {self._time[Call("backward", node)]}
        if self.schedule.meets(node):
            later.add(self._time[Call("gather_back", node)])
        for port, source in zip(self._ports(node), self.schedule.sources[node], strict=True):
            if spec.keeps is None or port in spec.keeps:
                self._touch(self._values.get(source, []), later)
        for name in self._declared[node]:
            if (node, name) in self._storages and (spec.keeps is None or name in spec.keeps):
                self._storages[node, name].touched |= later | reads

    def _backward(self) -> None:
        graph, at_loss = self.schedule.graph, self._time[Call("loss", LOSS)]
        for i, objective in enumerate(graph.objectives):
            key = loss_name(i)
            self._declared[key] = objective.spec.buffers(graph.shapes[objective.on])
            for name, buffer in self._declared[key].items():
                self._new((key, name), buffer).touched.add(at_loss)
            self._arrive(objective.on, [self._storages[key, "dx"]], at_loss)
        for call in self.calls:
            if call.operation == "gather_back":
                continue
            if call.operation == "backward":
                self._backward_of(call.node, self._time[call])

    def _backward_of(self, node: str, now: int) -> None:
        schedule, spec = self.schedule, self._spec(node)
        arriving = self._gradients[node]
        reads = {now}
        if schedule.meets(node):
            reads.add(self._time[Call("gather_back", node)])
        self._touch(arriving, reads)
        for name, buffer in self._declared[node].items():
            if buffer.back:
                self._new((node, name), buffer).touched |= reads
        wants = [s in schedule.trained for s in schedule.sources[node]]
        ports = self._ports(node)
        for port, source, wanted in zip(ports, schedule.sources[node], wants, strict=True):
            name, leaving = f"d{port}", arriving
            if name in self._declared[node]:
                if not wanted and spec.skips_unwanted:
                    continue
                storage = self._new((node, name), self._declared[node][name])
                storage.touched.add(now)
                leaving = [storage]
            if wanted:
                self._arrive(source, leaving, now)

    def _arrive(self, name: str, leaving: list[Storage], now: int) -> None:
        """A gradient of a name: the first one, or one that is added to those before it."""
        earlier = self._gradients.get(name)
        if earlier is None:
            self._gradients[name] = leaving
            return
        self._touch(leaving, {now})
        self._touch(earlier, {now})
        for storage in earlier:
            storage.read_after.add(now)
        if name not in self.sums:
            self.sums.add(name)
            self._new((name, "sum"), Buffer(self.schedule.graph.shapes[name]))
        self._storages[name, "sum"].touched.add(now)
        self._gradients[name] = [self._storages[name, "sum"]]

    def _merge(self) -> None:
        """Layers that may write over what they read do so where nobody reads it later."""
        for call in self.calls:
            if call.operation not in ("forward", "backward"):
                continue
            node, back = call.node, call.operation == "backward"
            spec = self._spec(node)
            name = f"d{spec.ports[0]}" if back else "out"
            if ("dx" if back else "out") not in spec.overwrites:
                continue
            if (node, name) not in self._storages:
                continue
            read = (
                self._gradients[node]
                if back
                else self._values.get(self.schedule.sources[node][0], [])
            )
            written = self._storages[node, name].root()
            if len(read) != 1:
                continue
            under = read[0].root()
            fits = under.nbytes == written.nbytes and under.buffer.mask == written.buffer.mask
            now = self._time[call]
            free = not under.lasting and max(under.touched) == now and now not in under.read_after
            if under is not written and fits and free:
                under.take_over(written)

    # Where it lies.

    def _place(self) -> tuple[dict[Key, Place], int]:
        phases, spans = self._phase_spans()
        roots: dict[int, tuple[Storage, int, int, int, bool]] = {}
        for storage in self._storages.values():
            root = storage.root()
            if id(root) in roots:
                continue
            first, last = min(root.touched), max(root.touched)
            inside = {phases[t] for t in root.touched}
            tile = self.schedule.phases[phases[first]].tile
            whole = len(inside) > 1 or root.lasting or tile >= self.schedule.samples
            samples = self.schedule.samples if whole else tile
            if whole and tile < self.schedule.samples:  # every tile of the phase writes its part
                first = spans[phases[first]][0]
            if whole and self.schedule.phases[phases[last]].tile < self.schedule.samples:
                last = spans[phases[last]][1]
            if root.lasting:
                last = len(self.calls)
            roots[id(root)] = (root, first, last, root.nbytes * samples, whole)
        offsets, end = _pack(
            [(key, first, last, size) for key, (_, first, last, size, _) in roots.items()],
            _rounded(self.scratch),
        )
        places = {}
        for key, storage in self._storages.items():
            root = storage.root()
            whole = roots[id(root)][4]
            tile = self.schedule.tiles.get(key[0], self.schedule.samples)
            samples = self.schedule.samples if whole else tile
            places[key] = Place(offsets[id(root)], storage.buffer, samples, whole)
        for node, declared in self._declared.items():
            start = 0
            for name, buffer in declared.items():
                if buffer.scratch:
                    places[node, name] = Place(start, buffer, 0, True)
                    start += _rounded(self._bytes(buffer))
        return places, end

    def _phase_spans(self) -> tuple[list[int], list[tuple[int, int]]]:
        """For each call its phase, and for each phase its first and last call."""
        phases: list[int] = []
        spans = []
        for i, phase in enumerate(self.schedule.phases):
            spans.append((len(phases), len(phases) + len(phase.calls) - 1))
            phases += [i] * len(phase.calls)
        return phases, spans

    def _new(self, key: Key, buffer: Buffer) -> Storage:
        self._storages[key] = Storage(buffer, self._bytes(buffer))
        return self._storages[key]

    def _bytes(self, buffer: Buffer) -> int:
        return math.prod(buffer.shape) * (1 if buffer.mask else self.dtype.itemsize)

    def _scratch_bytes(self, node: str) -> int:
        buffers = self._declared[node].values()
        return sum(_rounded(self._bytes(b)) for b in buffers if b.scratch)

    def _spec(self, node: str) -> NodeSpec:
        return self.schedule.graph.nodes[node]

    def _ports(self, node: str) -> tuple[str, ...]:
        return self._spec(node).ports_for(len(self.schedule.sources[node]))

    def _buffers(self, node: str) -> Mapping[str, Buffer]:
        graph = self.schedule.graph
        self._declared[node] = self._spec(node).buffers(graph.shapes[node], *graph.arriving(node))
        return self._declared[node]

    @staticmethod
    def _touch(storages: Iterable[Storage], times: set[int]) -> None:
        for storage in storages:
            storage.touched |= times


def _rounded(nbytes: int) -> int:
    return -(-nbytes // ALIGNMENT) * ALIGNMENT


def _pack(lives: list[tuple[int, int, int, int]], start: int) -> tuple[dict[int, int], int]:
    """Offsets for (key, first call, last call, bytes), and where the last one ends.

    By first call; each takes the smallest gap that holds it, else the end grows.
    """
    offsets: dict[int, int] = {}
    ending: list[tuple[int, int, int]] = []  # (last call, offset, bytes) of those alive
    gaps: list[tuple[int, int]] = []  # (offset, bytes), by offset
    end = start
    for key, first, last, nbytes in sorted(lives, key=lambda life: (life[1], -life[3])):
        size = _rounded(nbytes)
        while ending and ending[0][0] < first:
            _, offset, freed = ending.pop(0)
            _give_back(gaps, offset, freed)
        fitting = [(gap, at) for at, gap in gaps if gap >= size]
        if fitting:
            gap, at = min(fitting)
            i = bisect.bisect_left(gaps, (at, gap))
            gaps[i : i + 1] = [(at + size, gap - size)] if gap > size else []
        elif gaps and sum(gaps[-1]) == end:  # the last gap, and more behind it
            at = gaps.pop()[0]
            end = at + size
        else:
            at, end = end, end + size
        offsets[key] = at
        bisect.insort(ending, (last, at, size))
    return offsets, end


def _give_back(gaps: list[tuple[int, int]], offset: int, size: int) -> None:
    i = bisect.bisect_left(gaps, (offset, size))
    if i < len(gaps) and offset + size == gaps[i][0]:
        size += gaps.pop(i)[1]
    if i > 0 and sum(gaps[i - 1]) == offset:
        offset, before = gaps.pop(i - 1)
        i -= 1
        size += before
    gaps.insert(i, (offset, size))
