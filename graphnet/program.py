"""A schedule with its layers and its memory: what one replica runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from graphnet.arena import Key, Layout
from graphnet.layers.base import LAYERS, Array, Arrays, BatchLayer, Layer
from graphnet.losses import LOSSES, Loss
from graphnet.schedule import Call, Phase, Schedule, loss_name
from graphnet.spec.reader import Resolved

Draws = Callable[[str, int], "np.random.Generator"]
"""(node, number of the tile) -> what a layer draws from in this step."""
Values = dict[str, Array]
Targets = Sequence[Array]
"""Of each loss, in the order of the spec."""


class Route(NamedTuple):
    """Where the gradient of one port goes; `sums`: by tile, where it is added to an earlier one."""

    port: int
    source: str
    sums: Sequence[Array] | None


class _Judge(NamedTuple):
    """A loss, the node whose scores it takes, its weight; `into`: where its gradient is added to
    that of a loss before it."""

    loss: Loss
    on: str
    weight: float
    into: Array | None


class _Crossing(NamedTuple):
    """Of one phase: the names whose values and gradients come from earlier phases, and the arrays,
    of all samples, in which it leaves those that later ones read."""

    values: set[str]
    gradients: set[str]
    made: Values
    left: Values


class Program:
    """The layers of one replica for batches of exactly so many samples, as a schedule runs them.

    Each tile has layer objects of its own, with parameters in common: what a layer remembers
    between its two passes belongs to one tile. The first tile's gradients are `grads` themselves;
    those of the others are added to them. done: is told of each node whose gradients are there.
    """

    def __init__(
        self,
        schedule: Schedule,
        layout: Layout,
        block: Array,
        arrays: Arrays,
        grads: Arrays,
        kept: Callable[[str], Arrays],
    ) -> None:
        self.schedule = schedule
        self.graph: Resolved = schedule.graph
        self.layout = layout
        self._buffers = {key: layout.array(block, key) for key in layout.places}
        self._slices = {
            tile: _tiles(schedule.samples, tile) for tile in {p.tile for p in schedule.phases}
        }
        self.layers: dict[str, list[Layer]] = {}
        for node in schedule.order:
            self.layers[node] = self._layers(node, arrays, grads, kept(node))
        self._preparing = [
            self.layers[n][0] for n in schedule.order if self.graph.nodes[n].prepares
        ]
        firsts = [layers[0] for layers in self.layers.values()]
        self.meeting = [layer for layer in firsts if isinstance(layer, BatchLayer)]
        self._routes = self._all_routes()
        self._crossing = self._crossings()
        self._steps = [
            [
                [self._step(call, tile) for call in phase.calls]
                for tile in range(len(self._slices[phase.tile]))
            ]
            for phase in schedule.phases
        ]
        self._results = [(name, schedule.through(name)) for name in schedule.outputs]
        self._objectives = self._losses()
        self.random = [n for n in schedule.order if self.graph.nodes[n].random]
        self.parts: dict[str, Array] = {}
        self._values: Values = {}
        self._gradients: Values = {}
        self._targets: Targets = ()
        self._shares: Sequence[float] = ()
        self.loss_value = 0.0
        self.done: Callable[[str], None] | None = None

    def begin(self, inputs: Arrays, targets: Targets = (), shares: Sequence[float] = ()) -> None:
        """Take a batch of exactly `schedule.samples` samples; of each loss, the targets and what
        share of the whole batch's mean these samples have."""
        self._values = dict(inputs)
        self._gradients = {}
        self._targets, self._shares = targets, shares

    def prepare(self) -> None:
        """Let the layers compute what depends on the parameters as they are now."""
        for layer in self._preparing:
            layer.prepare()

    def draw(self, draws: Draws) -> None:
        """Give the layers that draw random numbers what they draw from in this step."""
        for node in self.random:
            for i, layer in enumerate(self.layers[node]):
                layer.rng = draws(node, i)

    def predict(self, inputs: Arrays) -> Values:
        """The outputs, by name, in buffers that the next pass writes over."""
        self.begin(inputs)
        for i in range(len(self._steps)):
            self.run(i)
        found = {name: self._values[source] for name, source in self._results}
        self._values = {}  # the caller's arrays are not held on to
        return found

    def run(self, i: int) -> None:
        """One phase. What a meeting after it needs stands in `parts`."""
        tiles = self._steps[i]
        if len(tiles) == 1:
            for step in tiles[0]:
                step(self._values, self._gradients)
            return
        crossing, values, gradients = self._crossing[i], self._values, self._gradients
        slices = self._slices[self.schedule.phases[i].tile]
        taken = [(name, values[name]) for name in crossing.values if name in values]
        given = [(name, gradients[name]) for name in crossing.gradients if name in gradients]
        for rows, steps in zip(slices, tiles, strict=True):
            mine = {name: array[rows] for name, array in taken}
            theirs = {name: array[rows] for name, array in given}
            for step in steps:
                step(mine, theirs)
        values.update(crossing.made)
        gradients.update(crossing.left)

    def run_segment(self, k: int) -> None:
        """The phases up to the next meeting of the shards, or the end."""
        for i in self.schedule.segments[k].phases:
            self.run(i)

    def meet(self, node: str, operation: str, joined: Array) -> None:
        """What all shards together gathered for a node."""
        layer = self.layers[node][0]
        assert isinstance(layer, BatchLayer)
        if operation == "gather":
            layer.batch = joined
            layer.settle()
        else:
            layer.batch_back = joined
            layer.settle_back()

    # Made once.

    def _step(self, call: Call, tile: int) -> Callable[[Values, Values], None]:
        """A call as a function of the values and the gradients of a tile."""
        operation, node = call
        if operation == "loss":
            return self._judge
        if operation == "forward":
            return self._forward(node, tile)
        if operation == "backward":
            return self._backward(node, tile)
        return self._gather(operation, node, tile)

    def _forward(self, node: str, tile: int) -> Callable[[Values, Values], None]:
        forward, sources = self.layers[node][tile].forward, self.schedule.sources[node]
        if len(sources) == 1:
            (source,) = sources

            def one(values: Values, gradients: Values) -> None:
                values[node] = forward(values[source])

            return one

        def several(values: Values, gradients: Values) -> None:
            values[node] = forward(*[values[s] for s in sources])

        return several

    def _backward(self, node: str, tile: int) -> Callable[[Values, Values], None]:
        layer, routes = self.layers[node][tile], self._routes[node]
        owners = self.layers[node][0].grads if tile > 0 else {}
        last = tile == len(self.layers[node]) - 1

        def run(values: Values, gradients: Values) -> None:
            dxs = layer.backward(gradients[node])
            for port, source, sums in routes:
                dx = dxs[port]
                assert dx is not None
                if sums is not None:
                    dx = np.add(gradients[source], dx, out=sums[tile])
                gradients[source] = dx
            for name, total in owners.items():
                np.add(total, layer.grads[name], out=total)
            if last and self.done is not None:
                self.done(node)

        return run

    def _gather(self, operation: str, node: str, tile: int) -> Callable[[Values, Values], None]:
        layer, sources = self.layers[node][tile], self.schedule.sources[node]
        assert isinstance(layer, BatchLayer)

        def forth(values: Values, gradients: Values) -> None:
            part = layer.gather(*[values[s] for s in sources])
            self.parts[node] = layer.join(self.parts[node], part) if tile else part

        def back(values: Values, gradients: Values) -> None:
            part = layer.gather_back(gradients[node])
            self.parts[node] = self.parts[node] + part if tile else part

        return forth if operation == "gather" else back

    def _judge(self, values: Values, gradients: Values) -> None:
        total = 0.0
        for judge, t, share in zip(self._objectives, self._targets, self._shares, strict=True):
            loss, on, weight, into = judge
            dout = weight * share
            total += loss.forward(values[on], t) * dout
            dx = loss.backward(dout)
            gradients[on] = dx if into is None else np.add(gradients[on], dx, out=into)
        self.loss_value = total

    def _layers(self, node: str, arrays: Arrays, grads: Arrays, kept: Arrays) -> list[Layer]:
        graph, spec = self.graph, self.graph.nodes[node]
        arriving, owner = graph.arriving(node), spec.share or node
        params = {name: arrays[f"{owner}/{name}"] for name in spec.parameters(*arriving)}
        state = {name: arrays[f"{owner}/{name}"] for name in spec.states(*arriving)}
        wants = tuple(s in self.schedule.trained for s in self.schedule.sources[node])
        found: list[Layer] = []
        nothing = np.empty(0, graph.spec.dtype)
        own = {name: grads.get(f"{node}/{name}", nothing) for name in params}
        for tile, rows in enumerate(self._slices[self.schedule.tiles[node]]):
            if tile == 1 and node in self.schedule.trained:
                own = {name: np.empty_like(param) for name, param in params.items()}
            layer = LAYERS[spec.type](spec, params=params, grads=own, state=state, shapes=arriving)
            layer.needs = wants
            layer.training = layer.backs = self.schedule.training
            layer.compute_in({**self._views(node, rows), **kept})
            found.append(layer)
        return found

    def _views(self, node: str, rows: slice) -> Values:
        """The buffers of a node for one tile."""
        spec = self.graph.nodes[node]
        declared = spec.buffers(self.graph.shapes[node], *self.graph.arriving(node))
        return {
            name: self._view(node, name, rows)
            for name in declared
            if (node, name) in self.layout.places
        }

    def _view(self, node: str, name: str, rows: slice) -> Array:
        place, array = self.layout.places[node, name], self._buffers[node, name]
        if place.buffer.scratch:
            return array
        return array[rows] if place.whole else array[: rows.stop - rows.start]

    def _all_routes(self) -> dict[str, list[Route]]:
        """For each node that runs backward, where its gradients go."""
        reached = set(self.schedule.judged)
        routes: dict[str, list[Route]] = {}
        for phase in self.schedule.phases:
            for operation, node in phase.calls:
                if operation != "backward":
                    continue
                routes[node] = []
                for port, source in enumerate(self.schedule.sources[node]):
                    if source not in self.schedule.trained:
                        continue
                    sums = None
                    if source in reached:
                        slices = self._slices[phase.tile]
                        sums = [self._view(source, "sum", rows) for rows in slices]
                    reached.add(source)
                    routes[node].append(Route(port, source, sums))
        return routes

    def _crossings(self) -> list[_Crossing]:
        """What each phase takes from earlier ones and leaves to later ones."""
        # Where the gradient of a name lies, as it stands after the calls so far.
        lies: dict[str, Key] = {}
        for i, objective in enumerate(self.graph.objectives):
            on = objective.on
            lies[on] = (on, "sum") if on in lies else (loss_name(i), "dx")
        return [self._crossing_of(phase, lies) for phase in self.schedule.phases]

    def _crossing_of(self, phase: Phase, lies: dict[str, Key]) -> _Crossing:
        crossing = _Crossing(set(), set(), {}, {})
        for operation, node in phase.calls:
            if operation in ("forward", "gather"):
                crossing.values.update(self.schedule.sources[node])
            if operation == "forward" and self._is_whole((node, "out")):
                crossing.made[node] = self._buffers[node, "out"]
            if operation in ("backward", "gather_back"):
                crossing.gradients.add(node)
            if operation != "backward":
                continue
            for port, source, sums in self._routes[node]:
                crossing.gradients.add(source)
                ports = self.graph.nodes[node].ports_for(len(self.schedule.sources[node]))
                own = (node, f"d{ports[port]}")
                # A layer without memory for a gradient hands on the one that it was given.
                lies[source] = own if own in self.layout.places else lies[node]
                if sums is not None:
                    lies[source] = (source, "sum")
                if self._is_whole(lies[source]):
                    shape = (self.schedule.samples, *self.graph.shapes[source])
                    crossing.left[source] = self._buffers[lies[source]].reshape(shape)
        return crossing

    def _is_whole(self, key: Key) -> bool:
        place = self.layout.places.get(key)
        return place is not None and place.whole

    def _losses(self) -> list[_Judge]:
        """The losses of a training step, in order."""
        found: list[_Judge] = []
        if not self.schedule.training:
            return found
        seen: set[str] = set()
        for i, (spec, on, _) in enumerate(self.graph.objectives):
            names = spec.buffers(self.graph.shapes[on])
            loss = LOSSES[spec.type](
                spec, buffers={n: self._buffers[loss_name(i), n] for n in names}
            )
            into = self._buffers[on, "sum"] if on in seen else None
            found.append(_Judge(loss, on, spec.weight, into))
            seen.add(on)
        return found


def _tiles(samples: int, tile: int) -> list[slice]:
    return [slice(start, min(start + tile, samples)) for start in range(0, samples, tile)]
