"""Shape inference over the whole graph, before a weight is allocated or a data set opened."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from graphnet.declaration import Shape
from graphnet.errors import ShapeError
from graphnet.layers.base import NodeSpec
from graphnet.spec.problems import Path, Problem
from graphnet.spec.wiring import Wiring, label

MAX_BYTES = 8 * 2**30
"""The parameters together, or the buffers of one sample: what a bundle can hold."""


def infer(
    inputs: Mapping[str, Shape | None],
    nodes: Sequence[tuple[Path, str, NodeSpec | None]],
    wiring: Wiring,
    itemsize: int,
) -> tuple[dict[str, Shape], list[Problem]]:
    """The shape of one sample of every input and node, as far as shapes can be known."""
    shapes = {name: shape for name, shape in inputs.items() if shape is not None}
    specs = {node_id: (at, spec) for at, node_id, spec in nodes}
    problems: list[Problem] = []
    for node_id in wiring.order:
        at, spec = specs[node_id]
        sources = wiring.sources[node_id]
        if spec is None or any(s not in shapes for s in sources) or len(sources) != len(spec.ports):
            if spec is not None and spec.shape is not None:
                shapes[node_id] = spec.shape  # the author's claim lets the rest be checked
            continue
        shape, problem = _node(at, spec, sources, [shapes[s] for s in sources])
        shapes[node_id] = shape if shape is not None else spec.shape or ()
        if shape is None and spec.shape is None:
            del shapes[node_id]
        if problem:
            problems.append(problem)
    problems += _shared(specs, wiring, shapes)
    if not problems:
        problems += _sizes(specs, wiring, shapes, itemsize)
    return shapes, problems


def _node(
    at: Path, spec: NodeSpec, sources: Sequence[str], shapes: Sequence[Shape]
) -> tuple[Shape | None, Problem | None]:
    given = ", ".join(
        f"'{name}' gives {shape}" for name, shape in zip(sources, shapes, strict=True)
    )
    try:
        shape = spec.infer_shape(*shapes)
    except ShapeError as e:
        return None, Problem(at, f"{e}; {given}", label(spec), "shape")
    if spec.shape is not None and spec.shape != shape:
        text = f"its output has shape {shape}, but 'shape' claims {spec.shape}; {given}"
        return spec.shape, Problem((*at, "shape"), text, label(spec), "shape")
    return shape, None


def _shared(
    specs: Mapping[str, tuple[Path, NodeSpec | None]], wiring: Wiring, shapes: Mapping[str, Shape]
) -> list[Problem]:
    """What is wrong with the nodes that use another's parameters."""
    problems = []
    for at, spec in specs.values():
        if spec is None or spec.share is None:
            continue
        place, about = (*at, "share"), label(spec)
        other = specs.get(spec.share, (at, None))[1]
        if spec.share not in specs:
            problems.append(Problem(place, f"node '{spec.share}' is not defined", about))
        elif other is None:
            continue
        elif other.id == spec.id or other.share is not None:
            text = f"it cannot share with '{other.id}', which owns no parameters itself"
            problems.append(Problem(place, text, about))
        elif "init" in spec.model_fields_set:
            text = f"'init' belongs to '{other.id}', whose parameters it uses: leave it out here"
            problems.append(Problem((*at, "init"), text, about))
        elif _own(spec) != _own(other):
            text = f"it must have the type and attributes of {label(other)} to share with it"
            problems.append(Problem(place, text, about))
        elif all(n in shapes for n in (*wiring.sources[spec.id], *wiring.sources[other.id])):
            mine, theirs = (
                {k: p.shape for k, p in {**n.parameters(*x), **n.states(*x)}.items()}
                for n, x in ((n, [shapes[s] for s in wiring.sources[n.id]]) for n in (spec, other))
            )
            if mine != theirs:
                text = f"its parameters have shapes {mine}, those of '{other.id}' {theirs}"
                problems.append(Problem(place, text, about, "shape"))
    return problems


def _own(spec: NodeSpec) -> dict[str, object]:
    """The attributes that two nodes must have in common to share parameters."""
    free = {"id", "doc", "shape", "share", "init"}
    return {k: v for k, v in spec if k not in free}


def _sizes(
    specs: Mapping[str, tuple[Path, NodeSpec | None]],
    wiring: Wiring,
    shapes: Mapping[str, Shape],
    itemsize: int,
) -> list[Problem]:
    """Sizes that no file could hold, found before anything is allocated."""
    total = 0
    for at, spec in specs.values():
        if spec is None or any(name not in shapes for name in (spec.id, *wiring.sources[spec.id])):
            continue
        parameters = spec.parameters(*(shapes[name] for name in wiring.sources[spec.id]))
        total += sum(math.prod(p.shape) for p in parameters.values()) * itemsize
        if total > MAX_BYTES:
            text = f"with it the parameters take {total} bytes; the limit is {MAX_BYTES}"
            return [Problem(at, text, label(spec), "limit")]
        sample = math.prod(shapes[spec.id]) * itemsize
        if sample > MAX_BYTES:
            text = f"one sample of its output takes {sample} bytes; the limit is {MAX_BYTES}"
            return [Problem(at, text, label(spec), "limit")]
    return []
