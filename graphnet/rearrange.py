"""The graph as it is computed, where that differs from the graph as it is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from graphnet.spec.reader import Resolved


def rearranged(graph: Resolved) -> Resolved:
    """The same numbers from less work: a layer that keeps the order of numbers, followed by one
    that picks some of them, changes places with it.

    max(relu(a), relu(b)) = relu(max(a, b)), so a Relu before a MaxPool2D computes a quarter after
    it. The two nodes keep their ids: only what is between them is another value, and nobody else
    reads it. Their gradients are the same too, for where the Relu is flat they are 0.
    """
    readers = Counter(s for sources in graph.wiring.sources.values() for s in sources)
    nodes, shapes = dict(graph.nodes), dict(graph.shapes)
    read = {*graph.wiring.outputs, *(objective.on for objective in graph.objectives)}
    for node in graph.wiring.order:
        sources = graph.wiring.sources[node]
        if not nodes[node].picks or len(sources) != 1:
            continue
        (before,) = sources
        if before not in nodes or not nodes[before].monotone:
            continue
        if readers[before] == 1 and before not in read:
            nodes[before], nodes[node] = nodes[node], nodes[before]
            shapes[before] = shapes[node]
    return replace(graph, nodes=nodes, shapes=shapes)
