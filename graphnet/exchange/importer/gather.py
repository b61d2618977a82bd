"""Gather: places of computed numbers, or rows of a constant table."""

from __future__ import annotations

from collections.abc import Callable

from graphnet.exchange.importer.graph import Graph
from graphnet.exchange.importer.reshape import reshaped
from graphnet.exchange.importer.structure import cut, joined
from graphnet.exchange.importer.values import Live, Operator, Value
from graphnet.layers.base import Array

Convert = Callable[[Graph, Operator], list[Value | None]]
MOST_PARTS = 256
"""Rows that a Gather of constant places may take one by one."""


def _gather(graph: Graph, op: Operator) -> list[Value | None]:
    data, indices = op.value(0), op.value(1)
    if isinstance(indices, Live):
        if isinstance(data, Live):
            raise op.error("both the table and the places are computed")
        return [_embedded(graph, op, data, indices)]
    assert isinstance(data, Live)
    axis = op.axis(op.attribute("axis", 0), len(data.axes))
    size = graph.dims(data)[axis]
    places = [int(i) + size if i < 0 else int(i) for i in indices.reshape(-1)]
    if not places or min(places) < 0 or max(places) >= size:
        raise op.error(f"it takes places {places[:5]} of {size}")
    found = _taken(graph, op, data, axis, places)
    groups = list(found.axes)
    if indices.ndim == 0:
        return [found.relabelled(groups[:axis] + groups[axis + 1 :])]
    dims = graph.dims(found)
    return [reshaped(graph, found, (*dims[:axis], *indices.shape, *dims[axis + 1 :]))]


def _taken(graph: Graph, op: Operator, x: Live, axis: int, places: list[int]) -> Live:
    """x at these places along one axis of ONNX."""
    step = places[1] - places[0] if len(places) > 1 else 1
    if step and places == list(range(places[0], places[0] + step * len(places), step)):
        stop = places[-1] + (1 if step > 0 else -1)
        return cut(graph, op, x, axis, slice(places[0], None if stop < 0 else stop, step))
    if len(places) > MOST_PARTS:
        raise op.error(f"it takes {len(places)} places in no order; at most {MOST_PARTS}")
    parts: list[Value] = [cut(graph, op, x, axis, slice(i, i + 1)) for i in places]
    return joined(graph, op, parts, axis)


def _embedded(graph: Graph, op: Operator, table: Array, indices: Live) -> Live:
    """Rows of a constant table."""
    if op.axis(op.attribute("axis", 0), table.ndim) != 0:
        raise op.error("it takes places along another axis than the first")
    W = table.reshape(len(table), -1)
    source = graph.add(
        "Embedding", [indices.source], {"W": W}, vocabulary=len(table), units=W.shape[1]
    )
    shape = graph.shapes[source]
    found = Live(source, shape, (*indices.axes, (len(shape),)))
    return reshaped(graph, found, (*graph.dims(indices), *table.shape[1:]))


OPERATORS: dict[str, Convert] = {"Gather": _gather}
