"""Layers that move numbers."""

from __future__ import annotations

import numpy as np

from graphnet.exchange.exporter.elementwise import Write
from graphnet.exchange.exporter.graph import FIRST, FLAT, LAST, Node, OnnxGraph, axis_in

ELEMENTWISE = ("Relu", "Dropout", "Identity", "Sigmoid", "Tanh")
"""Layers that may stand between a Flatten and the Affine that it is for."""


def flatten(graph: OnnxGraph, node: Node) -> None:
    """Flatten; of an image with its channels first, where all that follows can be told."""
    (source,) = node.sources
    if not node.shapes[0]:
        axes = graph.integers(f"{node.id}/axes", [1])
        graph.give(node.id, graph.node("Unsqueeze", [graph.take(source), axes], node.id))
    elif graph.orders(source) == [FIRST] and _only_affine(graph, node.id):
        tensor = graph.node("Flatten", [graph.take(source, FIRST)], node.id)
        graph.give(node.id, tensor, FLAT)
        graph.flat[node.id] = node.shapes[0]
    else:
        graph.give(node.id, graph.node("Flatten", [graph.take(source)], node.id))


def _only_affine(graph: OnnxGraph, name: str) -> bool:
    """Whether all that takes these numbers ends in an Affine, whose rows can be put in order."""
    if name in graph.outputs:
        return False
    return all(
        node.kind == "Affine" or (node.kind in ELEMENTWISE and _only_affine(graph, node.id))
        for node in graph.consumers[name]
    )


def identity(graph: OnnxGraph, node: Node) -> None:
    """Identity"""
    order = graph.order(*node.sources)
    tensor = graph.node("Identity", [graph.take(node.sources[0], order)], node.id)
    graph.give(node.id, tensor, order)
    if order == FLAT:
        graph.flat[node.id] = graph.flat[node.sources[0]]


def reshape(graph: OnnxGraph, node: Node) -> None:
    """Reshape; 0 keeps the batch."""
    to = graph.integers(f"{node.id}/shape", [0, *node.out])
    graph.give(node.id, graph.node("Reshape", [graph.take(node.sources[0]), to], node.id))


def transpose(graph: OnnxGraph, node: Node) -> None:
    """Transpose"""
    order = [0, *(axis + 1 for axis in node.spec.order(node.shapes[0]))]
    graph.give(node.id, graph.node("Transpose", [graph.take(node.sources[0])], node.id, perm=order))


def concat(graph: OnnxGraph, node: Node) -> None:
    """Concat"""
    order = graph.order(*node.sources)
    order = LAST if order == FLAT else order
    given = [graph.take(source, order) for source in node.sources]
    axis = axis_in(order, node.spec.axis, len(node.out))
    graph.give(node.id, graph.node("Concat", given, node.id, axis=axis), order)


def sliced(graph: OnnxGraph, node: Node) -> None:
    """Slice"""
    spec, rank = node.spec, len(node.out)
    order = graph.order(*node.sources)
    order = order if order == FIRST else LAST
    given = [graph.take(node.sources[0], order)]
    axes = range(len(spec.starts)) if spec.axes is None else spec.axes
    if not len(axes):
        graph.give(node.id, graph.node("Identity", given, node.id), order)
        return
    places = [axis_in(order, axis, rank) for axis in axes]
    steps = spec.steps or [1] * len(places)
    columns = {"starts": spec.starts, "ends": spec.ends, "axes": places, "steps": steps}
    given += [graph.integers(f"{node.id}/{name}", list(n)) for name, n in columns.items()]
    graph.give(node.id, graph.node("Slice", given, node.id), order)


def broadcast(graph: OnnxGraph, node: Node) -> None:
    """Expand, behind axes of size 1 for those that are missing."""
    x = graph.take(node.sources[0])
    missing = len(node.out) - len(node.shapes[0])
    if missing:
        axes = graph.integers(f"{node.id}/axes", range(1, missing + 1))
        x = graph.node("Unsqueeze", [x, axes], f"{node.id}.wide")
    to = graph.integers(f"{node.id}/shape", [1, *node.out])
    graph.give(node.id, graph.node("Expand", [x, to], node.id))


def recurrent(kind: str) -> Write:
    """A layer that reads a sequence; ONNX has the steps before the samples, and directions."""

    def write(graph: OnnxGraph, node: Node) -> None:
        spec, arrays = node.spec, node.arrays
        ports = [graph.take(source) for source in node.sources]
        x = graph.node("Transpose", ports[:1], f"{node.id}.steps", perm=[1, 0, 2])
        b = arrays["b"]
        second = np.zeros_like(b)
        if "bu" in arrays:
            second[2 * spec.units :] = arrays["bu"]
        both = np.concatenate([b, second])
        given = [x]
        for name, array in (("W", arrays["W"].T), ("R", arrays["U"].T), ("B", both)):
            given.append(graph.constant(f"{node.owner}/{name}", array[np.newaxis]))
        if len(ports) > 1:
            given.append(graph.node("Cast", [ports[1]], f"{node.id}.lengths", to=6))
        for port, tensor in zip(("h0", "c0"), ports[2:], strict=False):
            first = graph.integers(f"{node.id}/direction", [0])
            given.append(graph.node("Unsqueeze", [tensor, first], f"{node.id}.{port}"))
        every = spec.outputs == "all"
        names = [f"{node.id}.all"] if every else ["", f"{node.id}.last"]
        before = getattr(spec, "linear_before_reset", False)
        graph.several(
            kind,
            given,
            names,
            hidden_size=spec.units,
            direction="reverse" if spec.reverse else None,
            activations=["Relu"] if getattr(spec, "activation", "tanh") == "relu" else None,
            linear_before_reset=1 if before else None,
        )
        axis = graph.integers(f"{node.id}/axis", [1 if every else 0])
        found = graph.node("Squeeze", [names[-1], axis], f"{node.id}.flat" if every else node.id)
        if every:
            found = graph.node("Transpose", [found], node.id, perm=[1, 0, 2])
        graph.give(node.id, found)

    return write
