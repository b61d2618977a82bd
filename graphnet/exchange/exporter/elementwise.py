"""Layers that compute with each number by itself, in whatever order the axes lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphnet.exchange.exporter.graph import FIRST, FLAT, LAST, Node, OnnxGraph, axis_in

Write = Callable[[OnnxGraph, Node], None]


def one(kind: str, opset: int = 0, **names: str) -> Write:
    """A layer of one input that is one operator; names: ONNX's attribute, and the layer's."""

    def write(graph: OnnxGraph, node: Node) -> None:
        graph.needs(opset)
        given = {theirs: getattr(node.spec, mine) for theirs, mine in names.items()}
        order = graph.order(*node.sources)
        tensor = graph.node(kind, [graph.take(node.sources[0], order)], node.id, **given)
        give(graph, node, tensor, order)

    return write


def give(graph: OnnxGraph, node: Node, tensor: str, order: str) -> None:
    """What a layer gives, in the order that it took."""
    graph.give(node.id, tensor, order)
    if order == FLAT:
        graph.flat[node.id] = graph.flat[node.sources[0]]


def two(kind: str) -> Write:
    """A layer of two inputs that is one operator."""

    def write(graph: OnnxGraph, node: Node) -> None:
        order = graph.order(*node.sources)
        given = [graph.take(source, order) for source in node.sources]
        give(graph, node, graph.node(kind, given, node.id), order)

    return write


def with_constants(kind: str, values: Callable[[Any], dict[str, float | None]]) -> Write:
    """A layer whose attributes are inputs of the operator, in their order."""

    def write(graph: OnnxGraph, node: Node) -> None:
        order = graph.order(*node.sources)
        given = [graph.take(node.sources[0], order)]
        for name, number in values(node.spec).items():
            found = "" if number is None else graph.constant(f"{node.id}/{name}", number)
            given.append(found)
        while not given[-1]:
            given.pop()
        give(graph, node, graph.node(kind, given, node.id), order)

    return write


def scale(graph: OnnxGraph, node: Node) -> None:
    """factor * x + offset"""
    order = graph.order(*node.sources)
    found = graph.take(node.sources[0], order)
    factor, offset = node.spec.factor, node.spec.offset
    if factor != 1 or offset == 0:
        number = graph.constant(f"{node.id}/factor", factor)
        name = node.id if offset == 0 else f"{node.id}.scaled"
        found = graph.node("Mul", [found, number], name)
    if offset != 0:
        number = graph.constant(f"{node.id}/offset", offset)
        found = graph.node("Add", [found, number], node.id)
    give(graph, node, found, order)


def silu(graph: OnnxGraph, node: Node) -> None:
    """x * sigmoid(x): the operator of its own is newer than most programs."""
    order = graph.order(*node.sources)
    x = graph.take(node.sources[0], order)
    gate = graph.node("Sigmoid", [x], f"{node.id}.gate")
    give(graph, node, graph.node("Mul", [x, gate], node.id), order)


def prelu(graph: OnnxGraph, node: Node) -> None:
    """A slope for each channel, which broadcasts."""
    order = graph.order(*node.sources)
    order = LAST if order == FLAT else order
    slope = node.arrays["slope"]
    name = f"{node.owner}/slope"
    if order == FIRST:
        slope = slope.reshape(-1, *[1] * (len(node.out) - 1))
        name = f"{name}.{order}"
    given = [graph.take(node.sources[0], order), graph.constant(name, slope)]
    graph.give(node.id, graph.node("PRelu", given, node.id), order)


def dropout(graph: OnnxGraph, node: Node) -> None:
    """What training drops, and inference leaves alone."""
    order = graph.order(*node.sources)
    ratio = graph.constant(f"{node.id}/ratio", node.spec.ratio)
    given = [graph.take(node.sources[0], order), ratio]
    give(graph, node, graph.node("Dropout", given, node.id), order)


def over_axis(kind: str) -> Write:
    """A layer along one axis of a sample."""

    def write(graph: OnnxGraph, node: Node) -> None:
        order = graph.order(*node.sources)
        order = LAST if order == FLAT else order
        axis = axis_in(order, node.spec.axis, len(node.out))
        given = [graph.take(node.sources[0], order)]
        graph.give(node.id, graph.node(kind, given, node.id, axis=axis), order)

    return write


def reduction(kind: str) -> Write:
    """A layer that makes one number of many."""

    def write(graph: OnnxGraph, node: Node) -> None:
        rank = len(node.shapes[0])
        axes = node.spec.axes
        axes = range(rank) if axes is None else [axis % rank for axis in axes]
        keeps = node.spec.keepdims
        given = [graph.take(node.sources[0])]
        if axes:
            given.append(graph.integers(f"{node.id}/axes", [axis + 1 for axis in axes]))
            tensor = graph.node(kind, given, node.id, keepdims=int(keeps))
        else:  # a scalar: along an axis of size 1, which stays away
            one = graph.integers(f"{node.id}/axes", [1])
            wider = graph.node("Unsqueeze", [given[0], one], f"{node.id}.wide")
            tensor = graph.node(kind, [wider, one], node.id, keepdims=0)
        graph.give(node.id, tensor)

    return write


def padded(graph: OnnxGraph, node: Node) -> None:
    """A margin around a sample."""
    widths = np.array(node.spec.widths, np.int64).reshape(-1, 2)
    pads = [0, *widths[:, 0], 0, *widths[:, 1]]
    given = [graph.take(node.sources[0]), graph.integers(f"{node.id}/pads", pads)]
    if node.spec.mode == "constant":
        given.append(graph.constant(f"{node.id}/value", node.spec.value))
    if node.spec.mode == "wrap":
        graph.needs(19)
    mode = None if node.spec.mode == "constant" else node.spec.mode
    graph.give(node.id, graph.node("Pad", given, node.id, mode=mode))
