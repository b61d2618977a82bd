"""NumPy's broadcasting, made explicit: operands in one layout, of one shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from graphnet.declaration import Shape
from graphnet.exchange.importer.graph import Graph, plain
from graphnet.exchange.importer.values import Live, Value
from graphnet.layers.base import Array


def together(graph: Graph, values: Sequence[Value]) -> list[Live]:
    """The operands as arrays of one shape, their axes where one of them has them.

    Errors: ExchangeError where they do not broadcast, BatchError where one meets the batch axis.
    """
    rank = max(len(_dims(graph, v)) for v in values)
    values = [_of_rank(v, rank) for v in values]
    dims = broadcast_dims(graph, [_dims(graph, v) for v in values])
    lives = [v for v in values if isinstance(v, Live)]
    alike = all((v.shape, v.axes) == (lives[0].shape, lives[0].axes) for v in lives)
    if alike and len(lives) == len(values):
        return lives
    reference = max(lives, key=lambda v: (math.prod(graph.dims(v)), (0,) in v.axes))
    at = reference.batch
    if graph.batch == 1 and at is not None and reference.axes[at][0] == 0:
        # A batch of one has size 1 wherever it is said to stand.
        values = [
            graph.moved(v, at) if isinstance(v, Live) and v.batch != at else v for v in values
        ]
        lives = [v for v in values if isinstance(v, Live)]
    if graph.dims(reference) != dims:
        reference = widened(graph, reference, dims)
    if not all(_aligned(graph, v, reference) for v in lives):
        reference = graph.settled(reference)
        values = [graph.settled(v) if isinstance(v, Live) else v for v in values]
    return [
        _like(graph, v, reference) if isinstance(v, Live) else constant(graph, v, reference)
        for v in values
    ]


def widened(graph: Graph, x: Live, dims: Shape) -> Live:
    """x repeated along its axes of size 1 until ONNX sees `dims`.

    Errors: BatchError where the batch is not an axis of its own.
    """
    x = x.relabelled(((),) * (len(dims) - len(x.axes)) + x.axes)
    if graph.dims(x) == dims:
        return x
    x = graph.settled(x)
    batch = x.batch
    if batch is not None and dims[batch] != graph.batch:
        raise graph.mixes("it repeats the batch")
    places = [i for i in range(len(dims)) if i != batch]
    narrow = graph.laid(x, [x.axes[i] for i in places])
    shape = tuple(dims[i] for i in places)
    source = graph.add("Broadcast", [narrow], name=f"{x.source}_wide", to=list(shape))
    return replace(x, source=source, shape=shape, axes=plain(len(dims), batch))


def constant(graph: Graph, array: Array, reference: Live) -> Live:
    """A constant as an array that lies as `reference` does.

    Errors: BatchError where its numbers differ from sample to sample.
    """
    array = array.reshape((1,) * (len(reference.axes) - array.ndim) + array.shape)
    dims, factors = graph.dims(reference), factors_of(graph, reference)
    if any(mine not in (1, size) for mine, size in zip(array.shape, dims, strict=True)):
        text = f"a constant of shape {list(array.shape)} meets {list(dims)}"
        raise graph.mixes(text) if graph.batch in dims else graph.error(text)
    # One axis for each graphnet axis, in ONNX's order; those that it does not have get size 1.
    shape: list[int] = []
    order: list[int] = []
    for size, group, axes in zip(array.shape, factors, reference.axes, strict=True):
        shape += [1] * len(group) if size == 1 else group
        order += axes
    array = array.reshape(shape)
    if 0 in order:
        at = order.index(0)
        first = array.take([0], axis=at)
        if (array != first).any():
            raise graph.mixes("a constant has other numbers for each sample of the batch")
        array = first
    array = array.transpose([order.index(a) for a in sorted(order)])
    missing = [a for a in range(1, len(reference.shape) + 1) if a not in order]
    for a in missing:
        array = np.expand_dims(array, a if 0 in order else a - 1)
    array = array[0] if 0 in order else array
    source = graph.value(array)
    if array.shape != reference.shape:
        source = graph.add("Broadcast", [source], name=f"{source}_wide", to=list(reference.shape))
    return replace(reference, source=source)


def factors_of(graph: Graph, x: Live) -> list[list[int]]:
    """For each of ONNX's axes the sizes of the graphnet axes that it is the product of."""
    return [[graph.size(x, a) for a in group] for group in x.axes]


def broadcast_dims(graph: Graph, shapes: Sequence[Shape]) -> Shape:
    """The shape that operands of one rank broadcast to."""
    found = []
    for sizes in zip(*shapes, strict=True):
        large = {size for size in sizes if size != 1}
        if len(large) > 1:
            text = f"shapes {[list(shape) for shape in shapes]} do not broadcast"
            # Where the numbers of samples meet other sizes, another axis may be the batch's.
            raise graph.mixes(text) if graph.batch in large else graph.error(text)
        found.append(large.pop() if large else 1)
    return tuple(found)


def _aligned(graph: Graph, x: Live, reference: Live) -> bool:
    """Whether each axis of x is split as that of `reference`, or has size 1."""
    if (x.batch is None) != (reference.batch is None):
        return False
    pairs = zip(factors_of(graph, x), factors_of(graph, reference), strict=True)
    same_batch = x.batch == reference.batch
    return same_batch and all(mine == theirs or math.prod(mine) == 1 for mine, theirs in pairs)


def _like(graph: Graph, x: Live, reference: Live) -> Live:
    """x laid out as `reference` is, and as large."""
    if x.batch != reference.batch:
        raise graph.mixes("its inputs have the batch in different axes")
    groups: list[tuple[int, ...]] = [()] * len(reference.shape)
    for mine, theirs in zip(x.axes, reference.axes, strict=True):
        if len(mine) == len(theirs):
            for a, b in zip(mine, theirs, strict=True):
                if b != 0:
                    groups[b - 1] = (a,)
    source = graph.laid(x, groups)
    if graph.shapes[source] != reference.shape:
        name = f"{x.source}_wide"
        source = graph.add("Broadcast", [source], name=name, to=list(reference.shape))
    return replace(reference, source=source, image=x.image)


def _dims(graph: Graph, value: Value) -> Shape:
    return graph.dims(value) if isinstance(value, Live) else value.shape


def _of_rank(value: Value, rank: int) -> Value:
    """The value with axes of size 1 in front."""
    if isinstance(value, Live):
        return replace(value, axes=((),) * (rank - len(value.axes)) + value.axes)
    return value.reshape((1,) * (rank - value.ndim) + value.shape)
