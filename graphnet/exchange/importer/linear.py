"""Products of matrices: with constants they are Affine layers, else MatMul."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from graphnet.exchange.importer.broadcast import broadcast_dims, factors_of, widened
from graphnet.exchange.importer.elementwise import pair, scaled, single, wide
from graphnet.exchange.importer.graph import Graph
from graphnet.exchange.importer.values import Live, Operator, Value
from graphnet.layers.base import Array

Convert = Callable[[Graph, Operator], list[Value | None]]


def affine(graph: Graph, x: Live, W: Array, b: Array | None = None) -> Live:
    """x @ W + b along ONNX's last axis.

    Errors: BatchError where the batch is in it.
    """
    x = graph.freed(x, [len(x.axes) - 1])
    group = x.axes[-1]
    if 0 in group:
        raise graph.mixes()
    # The axis may be a product whose parts lie in another order: the rows of W then go to theirs.
    order = sorted(group)
    if order != list(group):
        W = W.reshape([*(graph.size(x, a) for a in group), -1])
        W = W.transpose([*(group.index(a) for a in order), W.ndim - 1]).reshape(-1, W.shape[-1])
    others = [a for a in range(1, len(x.shape) + 1) if a not in group]
    source = graph.laid(x, [*((a,) for a in others), tuple(order)])
    arrays = {"W": W} if b is None else {"W": W, "b": b}
    source = graph.add(
        "Affine",
        [source],
        arrays,
        units=W.shape[1],
        axis=-1 if others else None,
        bias=False if b is None else None,
    )
    moved = {0: 0} | {a: i + 1 for i, a in enumerate(others)}
    axes = [tuple(moved[a] for a in group) for group in x.axes[:-1]]
    shape = graph.shapes[source]
    return replace(x, source=source, shape=shape, axes=(*axes, (len(shape),)), image=False)


def product(graph: Graph, op: Operator, x: Value, y: Value) -> Live:
    """x @ y, as NumPy has it.

    Errors: ExchangeError where the shapes do not fit, BatchError where samples are mixed.
    """
    if isinstance(x, Live) and not isinstance(y, Live) and y.ndim in (1, 2):
        _check(graph, op, graph.dims(x)[-1:], y.shape[:1])
        closes = graph.open_heads.get(x.source) in op.alone and x.axes[-1] == (len(x.shape),)
        if closes and y.shape == (x.shape[-1],) * 2:
            graph.give_product(x.source, y, op.outputs[0])
            return x
        found = affine(graph, x, y.reshape(y.shape[0], -1))
        if y.ndim == 1:
            return found.relabelled(found.axes[:-1])
        graph.unbiased[found.source] = graph.made[found.source] = op.outputs[0]
        return found
    if isinstance(y, Live) and not isinstance(x, Live) and x.ndim in (1, 2):
        turned = y if len(y.axes) == 1 else _turned(y)
        _check(graph, op, x.shape[-1:], graph.dims(turned)[-1:])
        found = affine(graph, turned, x.reshape(-1, x.shape[-1]).T)
        if x.ndim == 1 or len(y.axes) == 1:
            # One of the two was a vector: its axis is left out of the result.
            return found if len(y.axes) == 1 and x.ndim == 2 else found.relabelled(found.axes[:-1])
        return _turned(found)
    return _of_both(graph, op, x, y)


def _turned(x: Live) -> Live:
    """x with its last two axes changed."""
    return x.relabelled((*x.axes[:-2], x.axes[-1], x.axes[-2]))


def _check(graph: Graph, op: Operator, mine: tuple[int, ...], theirs: tuple[int, ...]) -> None:
    if mine != theirs or not mine:
        raise op.error(f"its matrices do not fit: {list(mine)} meets {list(theirs)}")


def _of_both(graph: Graph, op: Operator, x: Value, y: Value) -> Live:
    """The product of two arrays that are both computed, or too many matrices for one layer."""
    if not isinstance(x, Live) and not isinstance(y, Live):
        raise op.error("it is not computed on constants alone")
    a, b = _as_live(graph, op, x, y), _as_live(graph, op, y, x)
    vectors = len(a.axes) == 1, len(b.axes) == 1
    if vectors[0]:
        a = a.relabelled(((), *a.axes))
    if vectors[1]:
        b = b.relabelled((*b.axes, ()))
    rank = max(len(a.axes), len(b.axes))
    a = a.relabelled(((),) * (rank - len(a.axes)) + a.axes)
    b = b.relabelled(((),) * (rank - len(b.axes)) + b.axes)
    _check(graph, op, graph.dims(a)[-1:], graph.dims(b)[-2:-1])
    a, b = (graph.freed(x, [rank - 2, rank - 1]) for x in (a, b))
    if any(0 in group for x in (a, b) for group in x.axes[-2:]):
        raise op.mixes()
    if factors_of(graph, a)[:-2] != factors_of(graph, b)[:-2] or a.batch != b.batch:
        lead = broadcast_dims(graph, [graph.dims(a)[:-2], graph.dims(b)[:-2]])
        a, b = (graph.settled(widened(graph, x, (*lead, *graph.dims(x)[-2:]))) for x in (a, b))
        if a.batch != b.batch:
            raise op.mixes("its inputs have the batch in different axes")
    sources = []
    for x in (a, b):
        lead_groups = [(axis,) for group in x.axes[:-2] for axis in group if axis != 0]
        sources.append(graph.laid(x, [*lead_groups, *x.axes[-2:]]))
    source = graph.add("MatMul", sources)
    shape = graph.shapes[source]
    numbers = iter(range(1, len(shape) + 1))
    axes = [tuple(0 if axis == 0 else next(numbers) for axis in group) for group in a.axes[:-2]]
    last = [(len(shape) - 1,)] * (not vectors[0]) + [(len(shape),)] * (not vectors[1])
    return Live(source, shape, (*axes, *last))


def _as_live(graph: Graph, op: Operator, value: Value, other: Value) -> Live:
    """The value; a constant as an input that has one."""
    if isinstance(value, Live):
        return value
    assert isinstance(other, Live)
    batch, rank = other.batch, value.ndim
    if batch is None:
        return Live(graph.value(value), value.shape, tuple((i + 1,) for i in range(rank)))
    at = batch - len(other.axes) + rank
    if not 0 <= at < rank - 2:
        shape: tuple[int, ...] = value.shape
        at = 0 if at < 0 else at
        if at == 0 and rank < len(other.axes):
            # The batch is in front of all axes of the constant.
            value = value.reshape((1,) * (len(other.axes) - rank) + shape)
            return _as_live(graph, op, value, other)
        raise op.mixes()
    if value.shape[at] != 1:
        if (value != value.take([0], axis=at)).any():
            raise op.mixes("a constant has other numbers for each sample of the batch")
        value = value.take([0], axis=at)
    sample = value.reshape(value.shape[:at] + value.shape[at + 1 :])
    rest = iter(range(1, value.ndim))
    axes = tuple((0,) if i == at else (next(rest),) for i in range(value.ndim))
    return Live(graph.value(sample), sample.shape, axes)


def _matmul(graph: Graph, op: Operator) -> list[Value | None]:
    return [product(graph, op, op.value(0), op.value(1))]


def _gemm(graph: Graph, op: Operator) -> list[Value | None]:
    alpha, beta = op.attribute("alpha", 1.0), op.attribute("beta", 1.0)
    a, b = op.value(0), op.value(1)
    op.ignore("broadcast")
    a = _transposed(a) if op.attribute("transA", 0) else a
    b = _transposed(b) if op.attribute("transB", 0) else b
    c = op.given(2)
    if beta == 0:
        c = None
    if isinstance(a, Live) and not isinstance(b, Live) and (c is None or not isinstance(c, Live)):
        _check(graph, op, graph.dims(a)[-1:], b.shape[:1])
        units = b.shape[-1]
        bias = None
        if c is not None and c.size in (1, units) and c.shape[-1:] in ((), (1,), (units,)):
            bias, c = np.broadcast_to(c.reshape(-1) * beta, (units,)), None
        found = affine(graph, a, b * alpha, bias)
    else:
        found = product(graph, op, a, b)
        graph.unbiased.pop(found.source, None)
        found = found if alpha == 1 else scaled(graph, found, alpha)
    if c is None:
        return [found]
    if isinstance(c, Live):
        c = c if beta == 1 else scaled(graph, c, beta)
    elif (number := single(c)) is not None:
        return [scaled(graph, wide(graph, found, c), 1.0, number * beta)]
    else:
        c = c * beta
    return [pair(graph, "Add", found, c)]


def _transposed(value: Value) -> Value:
    return _turned(value) if isinstance(value, Live) else value.T


OPERATORS: dict[str, Convert] = {"MatMul": _matmul, "Gemm": _gemm}
