"""One replica at work: layers in order, gradients in reverse, sums where edges fan out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from graphnet.declaration import Shape
from graphnet.layers.base import LAYERS, Array, Buffer, Layer
from graphnet.losses import LOSSES, Loss
from graphnet.plan import Plan
from graphnet.spec.reader import Resolved
from graphnet.workspace import Workspace, aligned


class Step(NamedTuple):
    """One layer's turn: where its inputs come from, and which of them want a gradient."""

    id: str
    layer: Layer
    sources: tuple[str, ...]
    wants: tuple[bool, ...]


class Engine:
    """The layers of one replica: parameters shared with others, buffers and gradients its own.

    layers: in running order. grads: `node/name` -> array, parts of the one array `flat_grads`.
    Everything a pass returns lies in buffers that the next pass writes over; `passes` counts them.
    """

    def __init__(self, graph: Resolved, arrays: Mapping[str, Array]) -> None:
        self.graph = graph
        self.dtype = np.dtype(graph.spec.dtype)
        self.workspace = Workspace(self.dtype)
        self.flat_grads, self.grads = self._gradients(arrays)
        self.layers = OrderedDict((n, self._layer(n, arrays)) for n in graph.wiring.order)
        self._sharers = [
            (layer, self.layers[layer.spec.share])
            for layer in self.layers.values()
            if layer.spec.share is not None
        ]
        plan = Plan(graph)
        sources = graph.wiring.sources
        self._everything = [
            Step(n, layer, sources[n], (True,) * len(sources[n]))
            for n, layer in self.layers.items()
        ]
        self._prediction = [step for step in self._everything if step.id in plan.needed]
        self._training = [
            step._replace(wants=plan.wants(step.id))
            for step in self._prediction
            if step.id in plan.trained
        ]
        trained = {step.id for step in self._training}
        self._idle = [layer for n, layer in self.layers.items() if n not in trained]
        # A node in the middle may be given a gradient from outside and get one from an edge too.
        self._sums = {
            name: self.workspace.buffers(f"{name}:sum", {"dout": Buffer(graph.shapes[name])})
            for name in {**dict.fromkeys(plan.forks), **dict.fromkeys(self.layers)}
        }
        self.loss = self._loss()
        self.passes = 0

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The values of what the outputs need, by name."""
        return self._forward(self._prediction, inputs)

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The values of every input and node, by name."""
        return self._forward(self._everything, inputs)

    def backward(self, douts: Mapping[str, Array]) -> dict[str, Array]:
        """The gradients of every input and node that `douts` reaches, after `forward`."""
        return self._backward(self._everything, douts)

    def gradient(self, inputs: Mapping[str, Array], t: Array, dout: float = 1.0) -> float:
        """The loss over a batch; `grads` then hold dout * d(loss)/d(parameters).

        t: as `loss.targets` gives it.
        """
        assert self.loss is not None
        output = self.graph.wiring.outputs[0]
        loss = self.loss.forward(self.predict(inputs)[output], t)
        for layer in self._idle:  # a pass over everything may have left gradients there
            layer.clear()
        self._backward(self._training, {output: self.loss.backward(dout)})
        return loss

    def _forward(self, steps: Iterable[Step], inputs: Mapping[str, Array]) -> dict[str, Array]:
        self.passes += 1
        values = dict(inputs)
        for step in steps:
            values[step.id] = step.layer.forward(*[values[source] for source in step.sources])
        return values

    def _backward(self, steps: list[Step], douts: Mapping[str, Array]) -> dict[str, Array]:
        found = dict(douts)
        for step in reversed(steps):
            layer = step.layer
            if step.id not in found:
                layer.clear()
                continue
            layer.needs = step.wants
            dxs = layer.backward(found[step.id])
            for source, dx, wanted in zip(step.sources, dxs, step.wants, strict=True):
                if wanted and dx is not None:
                    earlier = found.get(source)
                    found[source] = dx if earlier is None else self._sum(source, earlier, dx)
        for sharer, owner in self._sharers:
            for name, grad in sharer.grads.items():
                np.add(owner.grads[name], grad, out=owner.grads[name])
        return found

    def _sum(self, name: str, dout: Array, dx: Array) -> Array:
        """Both gradients of a name whose edges fan out, in memory that belongs to no layer."""
        return np.add(dout, dx, out=self._sums[name].take("dout", len(dx)))

    def _layer(self, node_id: str, arrays: Mapping[str, Array]) -> Layer:
        graph = self.graph
        node, arriving = graph.nodes[node_id], graph.arriving(node_id)
        owner = node.share or node_id
        params = {name: arrays[f"{owner}/{name}"] for name in node.parameters(*arriving)}
        if node.share is None:
            grads = {name: self.grads[f"{node_id}/{name}"] for name in params}
        else:  # what it finds is added to the owner's
            grads = {name: np.zeros_like(param) for name, param in params.items()}
        state = {name: arrays[f"{owner}/{name}"] for name in node.states(*arriving)}
        declared = node.buffers(graph.shapes[node_id], *arriving)
        buffers = self.workspace.buffers(node_id, declared)
        cls = LAYERS[node.type]
        return cls(node, params=params, grads=grads, state=state, buffers=buffers)

    def _gradients(self, arrays: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        """One array for all gradients, so that replicas' sums are one addition, and its parts."""
        shapes: dict[str, Shape] = {}
        for node_id in self.graph.wiring.order:
            node = self.graph.nodes[node_id]
            if node.share is None:
                found = node.parameters(*self.graph.arriving(node_id))
                shapes |= {f"{node_id}/{name}": arrays[f"{node_id}/{name}"].shape for name in found}
        flat = aligned((sum(arrays[name].size for name in shapes),), self.dtype)
        flat.fill(0)
        parts, start = {}, 0
        for name, shape in shapes.items():
            size = arrays[name].size
            parts[name] = flat[start : start + size].reshape(shape)
            start += size
        return flat, parts

    def _loss(self) -> Loss | None:
        spec = self.graph.spec.loss
        if spec is None:
            return None
        declared = spec.buffers(self.graph.shapes[self.graph.wiring.outputs[0]])
        return LOSSES[spec.type](spec, buffers=self.workspace.buffers(":loss", declared))
