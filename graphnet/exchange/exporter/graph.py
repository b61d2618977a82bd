"""The ONNX graph under construction: names, constants, and in which order axes lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from graphnet.declaration import Shape
from graphnet.errors import ExchangeError, clipped
from graphnet.layers.base import Array, NodeSpec

OPSET = 18
"""The version of ONNX's operators that is written, unless one of a later version is needed."""

LAST, FIRST, FLAT = "last", "first", "flat"
"""The orders of a tensor's axes: graphnet's, channels last; ONNX's for images, (N, C, ...); and
what Flatten makes of the latter."""


class Emitted(NamedTuple):
    """A node of the ONNX graph."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


class Node:
    """A node of the network, as its row in the table writes it.

    sources: the names at its ports; shapes: of a sample at each; out: of what it gives. arrays: its
    parameters and state; owner: the node that they belong to.
    """

    def __init__(
        self,
        spec: NodeSpec,
        sources: tuple[str, ...],
        shapes: tuple[Shape, ...],
        out: Shape,
        arrays: dict[str, Array],
    ) -> None:
        self.spec: Any = spec
        self.id, self.kind, self.owner = spec.id, spec.type, spec.share or spec.id
        self.sources, self.shapes, self.out, self.arrays = sources, shapes, out, arrays

    def error(self, text: str) -> ExchangeError:
        """An error that names node and layer."""
        return ExchangeError(clipped(f"node '{self.id}' ({self.kind}): {text}"))


class OnnxGraph:
    """Nodes and constants; for every name of the network its tensors, by the order of their axes.

    consumers: for each name, the nodes that take it; outputs: the names that leave the graph.
    """

    def __init__(
        self, dtype: str, consumers: dict[str, list[Node]], outputs: Sequence[str]
    ) -> None:
        self.dtype, self.opset = np.dtype(dtype), OPSET
        self.consumers, self.outputs = consumers, set(outputs)
        self.nodes: list[Emitted] = []
        self.constants: dict[str, Array] = {}
        self.shapes: dict[str, Shape] = {}
        self.flat: dict[str, Shape] = {}
        self._tensors: dict[tuple[str, str], str] = {}
        self._names: set[str] = set()

    def needs(self, opset: int) -> None:
        """An operator that this version of the standard was the first to have."""
        self.opset = max(self.opset, opset)

    def name(self, wish: str) -> str:
        """A free name for a tensor."""
        found, i = wish, 1
        while found in self._names:
            i += 1
            found = f"{wish}.{i}"
        self._names.add(found)
        return found

    def give(self, source: str, tensor: str, order: str = LAST) -> None:
        """Say which tensor has the numbers of a name of the network."""
        self._tensors[source, order] = tensor

    def orders(self, source: str) -> list[str]:
        """The orders in which a name's numbers are there already."""
        return [order for order in (LAST, FIRST, FLAT) if (source, order) in self._tensors]

    def order(self, *sources: str) -> str:
        """The order in which layers that take any should take these: one that is there."""
        orders = [self.orders(source) for source in sources]
        for order in (LAST, FIRST, FLAT):
            if all(order in found for found in orders):
                return order
        ranks = {len(self.shapes[source]) for source in sources}
        some = any(FIRST in found for found in orders)
        return FIRST if some and ranks <= {2, 3} else LAST

    def take(self, source: str, order: str = LAST) -> str:
        """The tensor of a name with its axes in this order, turned where it is not there."""
        if (source, order) not in self._tensors:
            rank = len(self.shapes[source])
            if order == FIRST and rank < 2:
                return self.take(source, LAST)
            there = self._tensors[source, FIRST if order == LAST else LAST]
            turned = (0, rank, *range(1, rank)) if order == FIRST else (0, *range(2, rank + 1), 1)
            made = self.node("Transpose", [there], f"{source}.{order}", perm=list(turned))
            self.give(source, made, order)
        return self._tensors[source, order]

    def node(self, kind: str, inputs: Sequence[str], name: str, **attributes: Any) -> str:
        """A node of one output, which has its name."""
        made = self.name(name)
        given = {k: v for k, v in attributes.items() if v is not None}
        self.nodes.append(Emitted(kind, made, tuple(inputs), (made,), given))
        return made

    def several(
        self, kind: str, inputs: Sequence[str], names: Sequence[str], **attributes: Any
    ) -> None:
        """A node of several outputs, of which those without a name are not wanted."""
        given = {k: v for k, v in attributes.items() if v is not None}
        wanted = [name for name in names if name]
        self._names.update(wanted)
        self.nodes.append(Emitted(kind, wanted[0], tuple(inputs), tuple(names), given))

    def constant(self, name: str, array: Any, dtype: Any = None) -> str:
        """A constant under this name; one of the same name and numbers is there once."""
        made = np.asarray(array, self.dtype if dtype is None else dtype)
        found = self.constants.get(name)
        if found is not None and (found.shape != made.shape or (found != made).any()):
            return self.constant(self.name(name), array, dtype)
        self._names.add(name)
        self.constants[name] = np.ascontiguousarray(made).reshape(made.shape)
        return name

    def integers(self, name: str, numbers: Sequence[int]) -> str:
        """A constant of whole numbers."""
        return self.constant(name, list(numbers), np.int64)


def axis_in(order: str, axis: int, rank: int) -> int:
    """ONNX's number of a sample's axis, where the axes lie in this order."""
    axis = axis % rank
    if order == FIRST:
        return 1 if axis == rank - 1 else axis + 2
    return axis + 1
