"""From a graph to the cards that stand for its inputs, nodes, losses and outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from graphnet.declaration import Shape
from graphnet.draw.card import LABEL, WIDEST, Card, Line, Stem
from graphnet.draw.groups import Wire
from graphnet.draw.symbols import COMMUTES, symbol_of
from graphnet.draw.text import fitted, width_of
from graphnet.draw.words import attributes_of, filled_from, shape_text
from graphnet.errors import printable
from graphnet.layers.base import LAYERS, NodeSpec
from graphnet.plan import Plan
from graphnet.spec.reader import Resolved

_OWN = ("id", "type", "doc", "shape", "share", "init", "bias_init")
FAMILIES = {
    "linear": "product",
    "embedding": "product",
    "convolution": "convolution",
    "transposed": "convolution",
    "pooling": "pooling",
    "sequence_pooling": "pooling",
    "normalization": "norm",
    "layer_norm": "norm",
    "group_norm": "norm",
    "activation": "activation",
    "sigmoids": "activation",
    "softmax": "activation",
    "rectifiers": "activation",
    "gates": "activation",
    "recurrent": "sequence",
    "gru": "sequence",
    "attention": "sequence",
    "position": "sequence",
    "regularization": "structure",
    "structure": "structure",
    "shaping": "structure",
    "padding": "structure",
}
"""By the file of a layer that is no primitive node, what its box is coloured by."""

Written = Callable[[str, Shape], Stem]
"""What stands on the arrow that leaves a name, of this shape."""


def shapes_alone(name: str, shape: Shape) -> Stem:
    """The shape above the arrow, and nothing below."""
    return Stem((Line(shape_text(shape), LABEL, "shape"),) if shape else ())


def cards_of(graph: Resolved, written: Written = shapes_alone) -> tuple[list[Card], list[Wire]]:
    """Everything that is drawn, and the arrows between, those of the losses with them."""
    return list(_cards(graph, written)), list(_wires(graph))


def output_name(output: str) -> str:
    """What the end of an output's arrow is called: no id has a space."""
    return f"output {output}"


def loss_name(i: int) -> str:
    """What the i-th loss is called."""
    return f"loss {i}"


def _ends(graph: Resolved) -> list[str]:
    """The outputs that nothing else uses."""
    used = {source for sources in graph.wiring.sources.values() for source in sources}
    used.update(objective.on for objective in graph.objectives)
    return [name for name in graph.wiring.outputs if name not in used]


def _wires(graph: Resolved) -> Iterator[Wire]:
    for node in graph.wiring.order:
        for port, source in enumerate(graph.wiring.sources[node]):
            yield Wire(source, node, port)
    for i, objective in enumerate(graph.objectives):
        yield Wire(objective.on, loss_name(i))
        if objective.target in graph.spec.inputs:
            yield Wire(objective.target, loss_name(i), 1)
        yield Wire(loss_name(i), output_name(loss_name(i)))
    for name in _ends(graph):
        yield Wire(name, output_name(name))


def _cards(graph: Resolved, written: Written) -> Iterator[Card]:
    for name, given in graph.spec.inputs.items():
        line = Line(fitted(name, 13, WIDEST, bold=True), 13, "title")
        kind = filled_from(given)
        about = f"input {shape_text(given.shape) or 'scalar'} {given.dtype or graph.spec.dtype}"
        tip = _tip(name, about + (f", filled from {kind}" if kind else ""), given.doc)
        stem = written(name, given.shape)
        yield Card(name, "input", [line], tip, "input", stem=stem)
    plan = Plan(graph)
    for name in graph.wiring.order:
        node, parameters = graph.nodes[name], plan.cost(name).parameters
        yield _node(graph, node, parameters, written(name, graph.shapes[name]))
    for i, objective in enumerate(graph.objectives):
        loss = objective.spec
        lines = [Line(loss.type, 13, "title"), Line(_target(objective.target), 11)]
        for key, value in attributes_of(loss, ("type", "on", "target", "weight")):
            text = f"{key} {value}"
            lines.append(Line(fitted(text, LABEL, WIDEST), LABEL))
        if loss.weight != 1:
            lines.append(Line(f"weight {loss.weight:g}", LABEL))
        stem = written(loss_name(i), ())
        arrivals = 1 + (objective.target in graph.spec.inputs)
        tip = _tip("loss", f"{loss.type} on {objective.on}", None)
        yield Card(loss_name(i), "loss", lines, tip, "loss", stem=stem, arrivals=arrivals)
        yield Card(output_name(loss_name(i)), "output", [])
    for name in _ends(graph):
        yield Card(output_name(name), "output", [], printable(f"output {name}"))


def _target(name: str) -> str:
    return fitted(f"target {name}", 11, WIDEST)


def _node(graph: Resolved, node: NodeSpec, parameters: int, stem: Stem) -> Card:
    sources = graph.wiring.sources[node.id]
    ports: Sequence[str] = node.ports_for(len(sources))
    if len(ports) < 2 or node.type in COMMUTES or len(ports) > 8:
        ports = ()
    shown = [f"{key} {value}" for key, value in attributes_of(node, _OWN)]
    arrays = _arrays(graph, node, parameters)
    short = node.id.rpartition("/")[2]
    about = (
        f"{node.type}{', ' + ', '.join(shown) if shown else ''}{'; ' + arrays if arrays else ''}"
    )
    tip = _tip(node.id, about, node.doc)
    name = Line(fitted(short, 11, WIDEST), 11, "id")
    # An output that is used inside the graph too has no end of its own.
    is_output = node.id in graph.wiring.outputs and node.id not in _ends(graph)
    symbol = symbol_of(node)
    if symbol is not None:
        sign = Line(symbol, 18 if len(symbol) < 3 else 14, "symbol")
        return Card(
            node.id,
            "primitive",
            [sign],
            tip,
            "primitive",
            caption=Line(f"{name.text} (output)", 11, "id") if is_output else name,
            ports=ports,
            stem=stem,
            arrivals=len(sources),
            path=node.id,
        )
    lines = [Line(node.type, 13, "title"), name]
    for text in (*_broken(shown), arrays):
        if text:
            lines.append(Line(fitted(text, LABEL, WIDEST), LABEL))
    if is_output:
        lines.append(Line("output", LABEL))
    family = FAMILIES[LAYERS[node.type].__module__.rpartition(".")[2]]
    return Card(
        node.id,
        "layer",
        lines,
        tip,
        family,
        ports=ports,
        stem=stem,
        arrivals=len(sources),
        path=node.id,
    )


def _broken(words: Sequence[str]) -> list[str]:
    """Words with commas between, in two lines at most."""
    first: list[str] = []
    for i, word in enumerate(words):
        if first and width_of(", ".join([*first, word]), LABEL) > WIDEST - 20:
            return [", ".join(first) + ",", ", ".join(words[i:])]
        first.append(word)
    return [", ".join(first)]


def _arrays(graph: Resolved, node: NodeSpec, parameters: int) -> str:
    """`W 784×50, b 50`; whose they are where they are another's."""
    if node.share is not None:
        return f"shares {node.share}"
    declared = node.parameters(*graph.arriving(node.id))
    names = ", ".join(f"{n} {shape_text(p.shape) or '()'}" for n, p in declared.items())
    return names if len(declared) < 4 else f"{parameters:,} parameters"


def _tip(name: str, about: str, doc: str | None) -> str:
    text = printable(f"{name}: {about}" if name else about)
    return f"{text}\n{printable(doc)}" if doc else text
