"""Operators that give numbers the same mean and variance."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from graphnet.exchange.importer.elementwise import pair, scaled
from graphnet.exchange.importer.graph import Graph
from graphnet.exchange.importer.reduction import reduced
from graphnet.exchange.importer.values import Live, Operator, Value
from graphnet.layers.base import Array

Convert = Callable[[Graph, Operator], list[Value | None]]


def channels_last(graph: Graph, op: Operator) -> Live:
    """Input 0 with the axis of channels, ONNX's 1, behind the others.

    Errors: BatchError where axis 0 is not that of the batch.
    """
    x = op.live(0)
    rank = len(x.axes)
    if x.batch != 0:
        raise op.mixes("it takes axis 0 for the batch, which is elsewhere")
    if rank < 2:
        raise op.error(f"it has {rank} axes; one of channels is missing")
    return replace(graph.settled(x, [*range(2, rank), 1]), image=True)


def _batch_norm(graph: Graph, op: Operator) -> list[Value | None]:
    op.ignore("momentum", "spatial", "consumed_inputs", "is_test")
    if op.attribute("training_mode", 0):
        raise op.error("it takes the statistics of the batch: export the model for inference")
    x = channels_last(graph, op)
    arrays = dict(zip(("gamma", "beta", "mean", "var"), map(op.constant, range(1, 5)), strict=True))
    source = graph.add("BatchNorm", [x.source], arrays, eps=op.attribute("epsilon", 1e-5))
    return [replace(x, source=source)]


def _of_groups(graph: Graph, op: Operator) -> list[Value | None]:
    op.ignore("stash_type")
    x = channels_last(graph, op)
    channels, groups = x.shape[-1], None
    if op.kind == "GroupNormalization":
        groups = op.attribute("num_groups")
    gamma, beta = op.constant(1), op.constant(2)
    if groups and gamma.size == groups != channels:  # up to version 20 of the operators
        gamma, beta = (np.repeat(a, channels // groups) for a in (gamma, beta))
    kind = "GroupNorm" if groups else "InstanceNorm"
    eps = op.attribute("epsilon", 1e-5)
    source = graph.add(kind, [x.source], {"gamma": gamma, "beta": beta}, groups=groups, eps=eps)
    return [replace(x, source=source)]


def _of_rows(kind: str) -> Convert:
    def convert(graph: Graph, op: Operator) -> list[Value | None]:
        op.ignore("stash_type")
        x, eps = op.live(0), op.attribute("epsilon", 1e-5)
        rank = len(x.axes)
        axis = op.axis(op.attribute("axis", -1), rank)
        if any(0 in group for group in x.axes[axis:]):
            raise op.mixes()
        if axis != rank - 1 or x.axes[-1] != (len(x.shape),):
            x = graph.settled(x)
        row = graph.dims(x)[axis:]
        graph.room(math.prod(row))
        first = len(x.shape) - len(row)
        scale = 1.0 if op.given(1) is None else op.constant(1)
        arrays: dict[str, Array] = {"gamma": np.broadcast_to(scale, row)}
        if kind == "LayerNorm":
            shift = 0.0 if op.given(2) is None else op.constant(2)
            arrays["beta"] = np.broadcast_to(shift, row)
        at = first if len(row) > 1 else None
        found = replace(x, source=graph.add(kind, [x.source], arrays, eps=eps, axis=at))
        if kind != "LayerNorm" or not any(op.outputs[1:]):
            return [found]
        return [found, *_statistics(graph, x, range(axis, rank), eps)]

    return convert


def _statistics(graph: Graph, x: Live, over: range, eps: float) -> list[Value | None]:
    """The mean of each row, and 1 / sqrt(var + eps)."""
    mean = reduced(graph, x, "Mean", over, keeps=True)
    apart = pair(graph, "Sub", x, mean)
    var = reduced(graph, pair(graph, "Mul", apart, apart), "Mean", over, keeps=True)
    inverse = graph.like(scaled(graph, var, 1.0, eps), "Power", exponent=-0.5)
    return [mean, inverse]


def _lp(graph: Graph, op: Operator) -> list[Value | None]:
    x = op.live(0)
    axis, p = op.axis(op.attribute("axis", -1), len(x.axes)), op.attribute("p", 2)
    if p == 1:
        size = reduced(graph, graph.like(x, "Abs"), "Sum", [axis], keeps=True)
    elif p == 2:
        squares = reduced(graph, pair(graph, "Mul", x, x), "Sum", [axis], keeps=True)
        size = graph.like(squares, "Sqrt")
    else:
        raise op.error(f"p is {p}; 1 and 2 are understood")
    return [pair(graph, "Div", x, size)]


def _mean_variance(graph: Graph, op: Operator) -> list[Value | None]:
    x = op.live(0)
    over = [op.axis(a, len(x.axes)) for a in op.attribute("axes", [0, 2, 3])]
    apart = pair(graph, "Sub", x, reduced(graph, x, "Mean", over, keeps=True))
    var = reduced(graph, pair(graph, "Mul", apart, apart), "Mean", over, keeps=True)
    size = scaled(graph, graph.like(var, "Sqrt"), 1.0, 1e-9)
    return [pair(graph, "Div", apart, size)]


OF_IMAGES: dict[str, Convert] = {
    "BatchNormalization": _batch_norm,
    "GroupNormalization": _of_groups,
    "InstanceNormalization": _of_groups,
}
OPERATORS: dict[str, Convert] = {
    **OF_IMAGES,
    "LayerNormalization": _of_rows("LayerNorm"),
    "RMSNormalization": _of_rows("RMSNorm"),
    "LpNormalization": _lp,
    "MeanVarianceNormalization": _mean_variance,
}
