"""Attention: with the products around it one MultiHeadAttention, else its steps one by one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from graphnet.exchange.importer.broadcast import widened
from graphnet.exchange.importer.elementwise import pair, scaled
from graphnet.exchange.importer.graph import LOWEST, Graph
from graphnet.exchange.importer.linear import product
from graphnet.exchange.importer.reduction import along_axis
from graphnet.exchange.importer.reshape import reshaped
from graphnet.exchange.importer.values import Live, Operator, Value

Convert = Callable[[Graph, Operator], list[Value | None]]


def _attention(graph: Graph, op: Operator) -> list[Value | None]:
    op.ignore("softmax_precision", "qk_matmul_output_mode")
    if any(op.given(i) is not None for i in (4, 5, 6)) or any(op.outputs[1:]):
        raise op.error("it remembers keys and values, or gives them: that is not understood")
    q, k, v = op.live(0), op.live(1), op.live(2)
    flat = len(q.axes) == 3
    heads = op.attribute("q_num_heads") if flat else graph.dims(q)[1]
    kv_heads = op.attribute("kv_num_heads") if flat else graph.dims(k)[1]
    if not heads or not kv_heads or heads % kv_heads:
        raise op.error(f"{heads} heads of queries, {kv_heads} of keys")
    causal, scale = bool(op.attribute("is_causal", 0)), op.attribute("scale")
    cap = op.attribute("softcap", 0.0)
    if not cap and flat and scale is None and heads == kv_heads:
        whole = _whole(graph, op, heads, causal)
        if whole is not None:
            return [whole]
    queries = _by_head(graph, q, heads)
    keys, values = (_shared(graph, _by_head(graph, x, kv_heads), heads) for x in (k, v))
    size = graph.dims(queries)[-1]
    scores = product(graph, op, queries, keys.relabelled([keys.axes[i] for i in (0, 1, 3, 2)]))
    scores = scaled(graph, scores, 1 / math.sqrt(size) if scale is None else scale)
    if cap:  # cap * tanh(scores / cap)
        scores = scaled(graph, graph.like(scaled(graph, scores, 1 / cap), "Tanh"), cap)
    for mask in _masks(graph, op, causal, graph.dims(scores)):
        scores = pair(graph, "Add", scores, mask)
    weights = along_axis(graph, scores, "Softmax", 3)
    mixed = product(graph, op, weights, values)
    if not flat:
        return [mixed]
    mixed = mixed.relabelled([mixed.axes[i] for i in (0, 2, 1, 3)])
    n, steps, *rest = graph.dims(mixed)
    return [reshaped(graph, mixed, (n, steps, math.prod(rest)))]


def _by_head(graph: Graph, x: Live, heads: int) -> Live:
    """(N, T, heads * d) as (N, heads, T, d); what has heads already stays as it is."""
    if len(x.axes) == 4:
        return x
    n, steps, size = graph.dims(x)
    cut = reshaped(graph, x, (n, steps, heads, size // heads))
    return cut.relabelled([cut.axes[i] for i in (0, 2, 1, 3)])


def _shared(graph: Graph, x: Live, heads: int) -> Live:
    """Keys or values of fewer heads, each for as many of the queries'."""
    n, mine, steps, size = graph.dims(x)
    if mine == heads:
        return x
    wide = x.relabelled((*x.axes[:2], (), *x.axes[2:]))
    wide = widened(graph, wide, (n, mine, heads // mine, steps, size))
    return reshaped(graph, wide, (n, heads, steps, size))


def _masks(graph: Graph, op: Operator, causal: bool, dims: tuple[int, ...]) -> list[Value]:
    """What is added to the scores."""
    found: list[Value] = []
    mask = op.given(3)
    if isinstance(mask, Live):
        if mask.whole_numbers:
            raise op.error("its mask is computed, and its heads are not those of a layer")
        found.append(mask)
    elif mask is not None:
        found.append(np.where(mask, 0.0, LOWEST) if mask.dtype == np.bool_ else mask)
    if causal:
        graph.value_room(math.prod(dims[-2:]))
        found.append(np.triu(np.full(dims[-2:], LOWEST), 1))
    return found


def _whole(graph: Graph, op: Operator, heads: int, causal: bool) -> Live | None:
    """A layer with the products that nothing but this attention takes."""
    parts = [op.live(i) for i in range(3)]
    ids = [x.source for x in parts]
    if any(graph.made.get(x.source) not in op.alone for x in parts) or len(set(ids)) < 3:
        return None
    nodes = {node["id"]: node for node in graph.nodes if node["id"] in ids}
    sources = {i: next(a for a, b in graph.edges if b == i) for i in ids}
    units = {node["units"] for node in nodes.values()}
    q, k, v = ids
    mask = op.given(3)
    if len(units) > 1 or sources[k] != sources[v] or len(graph.shapes[sources[q]]) != 2:
        return None
    if mask is not None and (not isinstance(mask, Live) or not mask.whole_numbers):
        return None
    (size,) = units
    ports = [sources[q]]
    if mask is not None or sources[k] != sources[q]:
        ports.append(sources[k])
    if mask is not None:
        ports.append(mask.source)
    bias = any("bias" not in nodes[i] for i in ids)
    arrays = {"Wo": np.eye(size)}
    for letter, i in zip("qkv", ids, strict=True):
        arrays[f"W{letter}"] = graph.arrays[f"{i}/W"]
        if bias:
            arrays[f"b{letter}"] = graph.arrays.get(f"{i}/b", np.zeros(size))
    if bias:
        arrays["bo"] = np.zeros(size)
    graph.remove(ids)
    name = op.name.removesuffix(".mixed")
    source = graph.add(
        "MultiHeadAttention",
        ports,
        arrays,
        name,
        heads=heads,
        units=size,
        causal=causal or None,
        bias=None if bias else False,
    )
    graph.open_heads[source] = op.outputs[0]
    return replace(parts[0], source=source, shape=graph.shapes[source])


OPERATORS: dict[str, Convert] = {"Attention": _attention}
