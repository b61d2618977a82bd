"""What a page says of each node when it is clicked, as plain values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from graphnet.draw.bitmaps import range_of
from graphnet.draw.cards import loss_name
from graphnet.draw.formulas import formulas_of
from graphnet.draw.numbers import Numbers
from graphnet.draw.words import attributes_of, filled_from, number_text, shape_text
from graphnet.errors import printable
from graphnet.layers.base import LAYERS, Array
from graphnet.losses import LOSSES
from graphnet.network import Network
from graphnet.plan import Plan
from graphnet.spec.reader import Resolved

MOST_NUMBERS = 40
"""Numbers of an array that are written out; of a larger one, its range and its mean."""
Row = tuple[str, str]


def details_of(
    graph: Resolved, net: Network | None = None, numbers: Numbers | None = None
) -> dict[str, Any]:
    """By name, `title`, `doc` and `rows` of (what, text)."""
    found: dict[str, Any] = {}
    for name, given in graph.spec.inputs.items():
        about = [("shape", shape_text(given.shape) or "scalar")]
        about.append(("type", given.dtype or graph.spec.dtype))
        about.append(("filled from", filled_from(given)))
        rows = [*about, *_numbers(name, numbers)]
        found[name] = _entry(f"{name}: input", given.doc, rows)
    plan = Plan(graph)
    for name in graph.wiring.order:
        rows = list(_node(graph, plan, name, net)) + list(_numbers(name, numbers))
        if numbers is not None and name in graph.wiring.outputs:
            rows += _scores(graph, net, name, numbers.values[name])
        node = graph.nodes[name]
        found[name] = _entry(f"{name}: {node.type}", node.doc, rows)
    for i, objective in enumerate(graph.objectives):
        formulas = formulas_of(LOSSES[objective.spec.type])
        rows = [("forward", formulas.forward), ("backward", formulas.backward)]
        rows += [("scores", objective.on), ("target", objective.target)]
        if numbers is not None and numbers.losses:
            rows.append(("loss", number_text(numbers.losses[i])))
        found[loss_name(i)] = _entry(f"loss: {objective.spec.type}", None, rows)
    return found


def _entry(title: str, doc: str | None, rows: list[Row]) -> dict[str, Any]:
    shown = [(what, printable(text)) for what, text in rows if text]
    return {"title": printable(title), "doc": printable(doc or ""), "rows": shown}


def _node(graph: Resolved, plan: Plan, name: str, net: Network | None) -> Iterator[Row]:
    node, formulas = graph.nodes[name], formulas_of(LAYERS[graph.nodes[name].type])
    yield "forward", formulas.forward
    yield "backward", formulas.backward
    yield "shapes", formulas.shapes
    yield "source", formulas.source
    sources = graph.wiring.sources[name]
    for port, source in zip(node.ports_for(len(sources)), sources, strict=True):
        yield f"in: {port}", f"{source} ({shape_text(graph.shapes[source]) or 'scalar'})"
    yield "out", shape_text(graph.shapes[name]) or "scalar"
    yield from attributes_of(node, ("id", "type", "doc"))
    cost = plan.cost(name)
    if cost.parameters:
        yield "parameters", f"{cost.parameters:,}"
    yield "FLOPs", f"{cost.forward:,} forward, {cost.backward:,} backward, a sample"
    for key, parameter in node.parameters(*graph.arriving(name)).items():
        array = None
        if net is not None:
            array = net.params.get(f"{node.share or name}/{key}")
        text = shape_text(parameter.shape) or "scalar"
        yield key, text if array is None else f"{text}: {_told(array)}"


def _numbers(name: str, numbers: Numbers | None) -> Iterator[Row]:
    if numbers is None or name not in numbers.values:
        return
    yield "value", _told(numbers.values[name])
    if numbers.values[name].dtype.kind == "f":
        yield f"d({numbers.of}) / d({name})", _told(numbers.grads[name])
    for target, grad in numbers.back.get(name, ()):
        yield f"of it, back from {target}", _told(grad)


def _scores(graph: Resolved, net: Network | None, name: str, scores: Array) -> list[Row]:
    """Each class with its score, the best first, where the scores are those of few classes."""
    labels = net.labels(name) if net is not None else graph.spec.labels_of(name)
    if labels is None or scores.shape != (len(labels),) or len(labels) > MOST_NUMBERS:
        return []
    best = np.argsort(-scores, kind="stable")
    return [("scores", ", ".join(f"{labels[k]} {number_text(float(scores[k]))}" for k in best))]


def _told(array: Array) -> str:
    """All of a small array, else its range, mean and share of zeros."""
    if array.size <= MOST_NUMBERS:
        return _nested(array.tolist())
    zeros = 1 - np.count_nonzero(array) / array.size
    mean = f"{float(np.mean(array, dtype=np.float64)):.3g}".replace("-", "−")
    return f"{range_of(array)}, mean {mean}, {zeros:.0%} zeros"


def _nested(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_nested, value))}]"
    return number_text(value)
