"""Operators that make one number of many, and softmax, along axes of a sample."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from graphnet.exchange.importer.graph import Graph
from graphnet.exchange.importer.reshape import reshaped
from graphnet.exchange.importer.values import Live, Operator, Value

Convert = Callable[[Graph, Operator], list[Value | None]]


def reduced(graph: Graph, x: Live, kind: str, over: Sequence[int], keeps: bool) -> Live:
    """x with one number for all along these axes of ONNX.

    Errors: BatchError where the batch is one of them.
    """
    x = graph.freed(x, over)
    groups = [x.axes[i] for i in over]
    gone = sorted(a for group in groups for a in group)
    if 0 in gone:
        raise graph.mixes()
    # Along an axis of size 1 alone there is still work to do, such as log(exp(x)).
    if not gone and kind not in ("Sum", "Mean", "Max", "Min", "Prod"):
        x = graph.settled(x)
        gone = sorted(a for i in over for a in x.axes[i])
    source = x.source
    if gone:
        source = graph.add(kind, [source], axes=[a - 1 for a in gone])
    left = [a for a in range(len(x.shape) + 1) if a not in gone]
    axes = [
        tuple(left.index(a) for a in group) if i not in over else ()
        for i, group in enumerate(x.axes)
        if keeps or i not in over
    ]
    return replace(x, source=source, shape=graph.shapes[source], axes=tuple(axes))


def _reduction(kind: str) -> Convert:
    def convert(graph: Graph, op: Operator) -> list[Value | None]:
        x = op.live(0)
        rank = len(x.axes)
        axes = op.integers(1, "axes")
        keeps = bool(op.attribute("keepdims", 1))
        all_axes = [] if op.attribute("noop_with_empty_axes", 0) else list(range(rank))
        over = [op.axis(a, rank) for a in axes] if axes else all_axes
        return [reduced(graph, x, kind, over, keeps) if over else x]

    return convert


def _softmax(kind: str) -> Convert:
    def convert(graph: Graph, op: Operator) -> list[Value | None]:
        x = op.live(0)
        rank = len(x.axes)
        if op.opset >= 13:
            axis = op.axis(op.attribute("axis", -1), rank)
            return [along_axis(graph, x, kind, axis)]
        # All axes from this one on are one.
        axis = op.axis(op.attribute("axis", 1), rank) if rank > 1 else 0
        joined = tuple(a for group in x.axes[axis:] for a in group)
        found = along_axis(graph, x.relabelled((*x.axes[:axis], joined)), kind, axis)
        return [reshaped(graph, found, graph.dims(x))]

    return convert


def along_axis(graph: Graph, x: Live, kind: str, axis: int) -> Live:
    """A softmax along one axis of ONNX."""
    x = graph.freed(x, [axis])
    group = x.axes[axis]
    if 0 in group:
        raise graph.mixes()
    if len(group) != 1:
        x = graph.settled(x)
        group = x.axes[axis]
    at = group[0] - 1
    return graph.like(x, kind, axis=None if at == len(x.shape) - 1 else at)


OPERATORS: dict[str, Convert] = {
    "ReduceSum": _reduction("Sum"),
    "ReduceMean": _reduction("Mean"),
    "ReduceMax": _reduction("Max"),
    "ReduceMin": _reduction("Min"),
    "ReduceProd": _reduction("Prod"),
    "ReduceL1": _reduction("L1"),
    "ReduceL2": _reduction("L2"),
    "ReduceSumSquare": _reduction("SumSquare"),
    "ReduceLogSum": _reduction("LogSum"),
    "ReduceLogSumExp": _reduction("LogSumExp"),
    "Softmax": _softmax("Softmax"),
    "LogSoftmax": _softmax("LogSoftmax"),
    "Hardmax": _softmax("Hardmax"),
}
