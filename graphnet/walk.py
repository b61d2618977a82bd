"""One pass over the whole graph, every value and every gradient kept: what a learner looks at."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np

from graphnet.layers.base import Array, Layer, fresh
from graphnet.spec.reader import Resolved


class Walk:
    """`forward` and `backward` over all nodes, in buffers that nothing else shares.

    Gradients come in at any node; where edges fan out they are added.
    """

    def __init__(self, graph: Resolved, layers: OrderedDict[str, Layer]) -> None:
        self.graph = graph
        self.layers = layers
        self._samples = 0
        self._held: list[Array] = []
        self._sums: dict[str, Array] = {}

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The values of every input and node, by name."""
        self._make_room(len(next(iter(inputs.values()))))
        for layer in self.layers.values():
            layer.prepare()
        values = dict(inputs)
        for node, layer in self.layers.items():
            values[node] = layer.forward(*[values[s] for s in self.graph.wiring.sources[node]])
        return values

    def backward(self, douts: Mapping[str, Array]) -> dict[str, Array]:
        """The gradients of every input and node that `douts` reaches, after `forward`.

        Layers that they do not reach get gradients of 0 for their parameters.
        """
        found = dict(douts)
        for node in reversed(self.layers):
            layer = self.layers[node]
            if node not in found:
                layer.clear()
                continue
            dxs = layer.backward(found[node])
            for source, dx in zip(self.graph.wiring.sources[node], dxs, strict=True):
                if dx is None:  # whole numbers have no gradient
                    continue
                earlier = found.get(source)
                found[source] = dx if earlier is None else self._sum(source, earlier, dx)
        return found

    @property
    def nbytes(self) -> int:
        """Bytes that are held now."""
        return sum(memory.nbytes for memory in [*self._held, *self._sums.values()])

    def _sum(self, name: str, dout: Array, dx: Array) -> Array:
        """Both gradients of a name, in memory that belongs to no layer."""
        if name not in self._sums:
            self._sums[name] = np.empty_like(dx)
        return np.add(dout, dx, out=self._sums[name])

    def _make_room(self, samples: int) -> None:
        """Buffers of their own for all layers, for so many samples."""
        if samples == self._samples:
            return
        dtype = np.dtype(self.graph.spec.dtype)
        self._held, self._sums, self._samples = [], {}, samples
        for node, layer in self.layers.items():
            spec = self.graph.nodes[node]
            declared = spec.buffers(self.graph.shapes[node], *self.graph.arriving(node))
            buffers = {name: fresh(buffer, samples, dtype) for name, buffer in declared.items()}
            layer.compute_in(buffers)
            self._held += buffers.values()
