"""Reshape: where axes are only grouped otherwise, labels change and no number moves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from graphnet.declaration import Shape
from graphnet.exchange.importer.graph import Graph
from graphnet.exchange.importer.values import Axes, Live

Piece = tuple[int, int]
"""A graphnet axis and a size: a part of that axis."""


def reshaped(graph: Graph, x: Live, target: Shape) -> Live:
    """x where ONNX sees `target`.

    Errors: BatchError where the batch does not stay whole.
    """
    if target == graph.dims(x):
        return x
    if math.prod(target) != math.prod(graph.dims(x)):
        shown = f"{list(graph.dims(x))} cannot become {list(target)}"
        raise graph.error(f"{shown}: other numbers of elements")
    groups = _regrouped(graph, x, target)
    return _in_order(graph, x, target) if groups is None else _cut(graph, x, groups)


def _regrouped(graph: Graph, x: Live, target: Shape) -> list[list[Piece]] | None:
    """For each new axis the parts of graphnet axes that it is made of; None where some do not fit.

    The batch is kept also where it has size 1: in an axis of its own if there is one, else with
    the axis behind it, as in (batch * heads, ...), or before it, as in (steps * batch, size).
    """
    rest = [(a, graph.size(x, a)) for group in x.axes for a in group]
    rest = [piece for piece in rest if piece[1] != 1 or piece[0] == 0]
    groups: list[list[Piece]] = []
    for size in target:
        group: list[Piece] = []
        if rest and rest[0] == (0, 1):
            whole_behind = len(rest) > 1 and rest[1][1] == size
            into = groups[-1] if groups and size != 1 and whole_behind else group
            into.append(rest.pop(0))
        while size > 1:
            axis, whole = rest[0]
            if size % whole == 0:
                group.append(rest.pop(0))
                size //= whole
            elif whole % size == 0 and axis != 0:
                group.append((axis, size))
                rest[0] = (axis, whole // size)
                size = 1
            else:
                return None
        groups.append(group)
    if rest and groups:
        groups[-1] += rest
    return groups


def _cut(graph: Graph, x: Live, groups: list[list[Piece]]) -> Live:
    """x with its axes cut into the pieces of the groups, where one of them is cut at all."""
    pieces: dict[int, list[tuple[int, int, int]]] = {}
    for i, group in enumerate(groups):
        for j, (axis, size) in enumerate(group):
            pieces.setdefault(axis, []).append((i, j, size))
    axes: list[list[int]] = [[0] * len(group) for group in groups]
    shape: list[int] = []
    for axis in range(1, len(x.shape) + 1):
        if axis not in pieces:
            shape.append(x.shape[axis - 1])
            continue
        for i, j, size in pieces[axis]:
            shape.append(size)
            axes[i][j] = len(shape)
    source = x.source
    if tuple(shape) != x.shape:
        source = graph.add("Reshape", [source], name=f"{x.source}_cut", to=shape)
    return replace(x, source=source, shape=tuple(shape), axes=tuple(map(tuple, axes)), image=False)


def _in_order(graph: Graph, x: Live, target: Shape) -> Live:
    """x laid out as ONNX has it, then reshaped; the batch must be an axis before and behind."""
    batch = x.batch
    settled = graph.settled(x)
    places: Sequence[int] = range(len(target))
    axes: Axes
    if batch is None:
        shape, axes = target, tuple((i + 1,) for i in places)
    else:
        dims = graph.dims(x)
        before = math.prod(dims[:batch])
        fits = [i for i in places if target[i] == dims[batch] and math.prod(target[:i]) == before]
        if not fits:
            raise graph.mixes("it cuts the batch axis or joins it to others")
        at = fits[0]
        shape = tuple(size for i, size in enumerate(target) if i != at)
        rest = iter(range(1, len(target)))
        axes = tuple((0,) if i == at else (next(rest),) for i in places)
    ordered = graph.laid(settled, [g for i, g in enumerate(settled.axes) if i != batch])
    source = graph.add("Reshape", [ordered], to=list(shape))
    return replace(x, source=source, shape=shape, axes=axes, image=False)
