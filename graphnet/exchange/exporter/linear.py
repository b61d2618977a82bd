"""Products of matrices, rows of tables, and attention."""

from __future__ import annotations

import numpy as np

from graphnet.exchange.exporter.graph import FLAT, LAST, Node, OnnxGraph
from graphnet.layers.base import Array


def affine(graph: OnnxGraph, node: Node) -> None:
    """Gemm for samples of one axis, else MatMul and Add."""
    (source,) = node.sources
    W, b, name = node.arrays["W"], node.arrays.get("b"), f"{node.owner}/W"
    order = graph.order(source)
    if order == FLAT:
        # The rows that belong to (height, width, channel) go to (channel, height, width).
        shape = graph.flat[source]
        rank = len(shape)
        turned = W.reshape(*shape, -1).transpose(rank - 1, *range(rank - 1), rank)
        W, name = turned.reshape(W.shape), f"{name}.first"
    x = graph.take(source, FLAT if order == FLAT else LAST)
    weight = graph.constant(name, W)
    if b is None:
        graph.give(node.id, graph.node("MatMul", [x, weight], node.id))
        return
    bias = graph.constant(f"{node.owner}/b", b)
    if len(node.shapes[0]) == 1:
        graph.give(node.id, graph.node("Gemm", [x, weight, bias], node.id))
        return
    product = graph.node("MatMul", [x, weight], f"{node.id}.product")
    graph.give(node.id, graph.node("Add", [product, bias], node.id))


def matmul(graph: OnnxGraph, node: Node) -> None:
    """A product of two tensors."""
    given = [graph.take(source) for source in node.sources]
    graph.give(node.id, graph.node("MatMul", given, node.id))


def embedding(graph: OnnxGraph, node: Node) -> None:
    """Rows of a constant."""
    table = graph.constant(f"{node.owner}/W", node.arrays["W"])
    given = [table, graph.take(node.sources[0])]
    graph.give(node.id, graph.node("Gather", given, node.id, axis=0))


def attention(graph: OnnxGraph, node: Node) -> None:
    """Products, and ONNX's Attention between them, which takes heads side by side as graphnet's."""
    graph.needs(23)
    x, *more = (graph.take(source) for source in node.sources)
    source = more[0] if more else x
    q, k, v = (
        _projected(graph, node, letter, tensor)
        for letter, tensor in (("q", x), ("k", source), ("v", source))
    )
    given = [q, k, v]
    if len(more) == 2:
        given.append(_mask(graph, node, more[1]))
    heads = node.spec.heads
    causal = int(node.spec.causal) or None
    mixed = graph.node(
        "Attention",
        given,
        f"{node.id}.mixed",
        q_num_heads=heads,
        kv_num_heads=heads,
        is_causal=causal,
    )
    graph.give(node.id, _projected(graph, node, "o", mixed, node.id))


def _projected(graph: OnnxGraph, node: Node, letter: str, x: str, name: str | None = None) -> str:
    """x @ W + b, with the parameters of this letter."""
    name = name or f"{node.id}.{letter}"
    weight = graph.constant(f"{node.owner}/W{letter}", node.arrays[f"W{letter}"])
    b: Array | None = node.arrays.get(f"b{letter}")
    if b is None:
        return graph.node("MatMul", [x, weight], name)
    product = graph.node("MatMul", [x, weight], f"{name}.product")
    return graph.node("Add", [product, graph.constant(f"{node.owner}/b{letter}", b)], name)


def _mask(graph: OnnxGraph, node: Node, tensor: str) -> str:
    """True where a position is seen, (N, 1, T, S)."""
    seen = graph.node("Cast", [tensor], f"{node.id}.seen", to=9)
    axes = [1] if len(node.shapes[2]) == 2 else [1, 2]
    given = [seen, graph.integers(f"{node.id}/mask_axes", axes)]
    mask = graph.node("Unsqueeze", given, f"{node.id}.mask")
    if len(axes) == 1:
        return mask
    rows = graph.integers(f"{node.id}/mask_rows", [1, 1, node.out[0], 1])
    return graph.node("Expand", [mask, rows], f"{node.id}.rows")


def position(graph: OnnxGraph, node: Node) -> None:
    """x + P"""
    P = node.arrays.get("P")
    if P is None:
        from graphnet.layers.position import waves

        P = waves(*node.out)
    name = f"{node.owner}/P"
    given = [graph.take(node.sources[0]), graph.constant(name, np.asarray(P))]
    graph.give(node.id, graph.node("Add", given, node.id))
