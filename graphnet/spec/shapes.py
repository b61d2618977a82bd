"""Shape inference over the whole graph, before a weight is allocated or a data set opened."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

from graphnet.declaration import Shape, did_you_mean
from graphnet.errors import ShapeError, quoted
from graphnet.layers.base import NodeSpec
from graphnet.spec.problems import MOST_REPORTED, Path, Problem
from graphnet.spec.wiring import Wiring, label

MAX_BYTES = 8 * 2**30
"""The parameters together, or the buffers of one sample: what a bundle can hold."""


class Inferred(NamedTuple):
    """The shape of one sample of every input and node, as far as shapes can be known; what is
    wrong; and where nothing is, the bytes of the parameters and of all that one sample is computed
    in: no pass over one takes more."""

    shapes: dict[str, Shape]
    problems: list[Problem]
    nbytes: int


def infer(
    inputs: Mapping[str, Shape | None],
    nodes: Sequence[tuple[Path, str, NodeSpec | None]],
    wiring: Wiring,
    itemsize: int,
) -> Inferred:
    """The shapes that follow from the inputs' and the nodes' attributes."""
    shapes = {name: shape for name, shape in inputs.items() if shape is not None}
    specs = {node_id: (at, spec) for at, node_id, spec in nodes}
    problems: list[Problem] = []
    sound: dict[str, tuple[Shape, ...]] = {}  # what arrives at the nodes whose shapes fit
    for node_id in wiring.order:
        at, spec = specs[node_id]
        sources = wiring.sources[node_id]
        if spec is None or any(s not in shapes for s in sources) or not spec.takes(len(sources)):
            if spec is not None and spec.shape is not None:
                shapes[node_id] = spec.shape  # the author's claim lets the rest be checked
            continue
        arriving = tuple(shapes[s] for s in sources)
        shape, problem = _node(at, spec, sources, arriving, inputs)
        if shape is not None:
            sound[node_id] = arriving
        if problem:
            problems.append(problem)
        known = spec.shape if spec.shape is not None else shape
        if known is not None:
            shapes[node_id] = known
    problems += _shared(specs, sound)
    nbytes = 0
    if not problems:
        problems, nbytes = _sizes(specs, sound, shapes, itemsize)
    return Inferred(shapes, problems, nbytes)


def _node(
    at: Path,
    spec: NodeSpec,
    sources: Sequence[str],
    shapes: Sequence[Shape],
    inputs: Container[str],
) -> tuple[Shape | None, Problem | None]:
    given = ", ".join(
        f"'{name}' gives {shape}" for name, shape in zip(sources, shapes, strict=True)
    )
    try:
        shape = spec.infer_shape(*shapes)
    except ShapeError as e:
        text = f"{e}; {given}"
        text += _other_way_round(spec, shapes)
        if len(sources) == 1 and sources[0] in inputs:
            text += _without_the_batch(spec, sources[0], shapes[0])
        return None, Problem(at, text, label(spec), "shape")
    if spec.shape is not None and spec.shape != shape:
        text = f"its output has shape {shape}, but 'shape' claims {spec.shape}; {given}"
        return shape, Problem((*at, "shape"), text, label(spec), "shape")
    return shape, None


def _other_way_round(spec: NodeSpec, shapes: Sequence[Shape]) -> str:
    """A remedy where two inputs fit once they change places."""
    if len(shapes) != 2:
        return ""
    try:
        spec.infer_shape(*reversed(shapes))
    except ShapeError:
        return ""
    return "; the other way round they fit: swap the two edges"


def _without_the_batch(spec: NodeSpec, name: str, shape: Shape) -> str:
    """A remedy where an input fits once its first axis, that of the samples, is left out."""
    # Of two equal sides, neither counts samples: it is a picture.
    if len(shape) < 2 or shape[0] == shape[1]:
        return ""
    first, *rest = shape
    try:
        spec.infer_shape(tuple(rest))
    except ShapeError:
        return ""
    return f"; if the {first} of '{name}' counts samples, leave it out: write \"shape\": {rest}"


def _shared(
    specs: Mapping[str, tuple[Path, NodeSpec | None]], sound: Mapping[str, tuple[Shape, ...]]
) -> list[Problem]:
    """What is wrong with the nodes that use another's parameters."""
    problems: list[Problem] = []
    for at, spec in specs.values():
        if spec is None or spec.share is None:
            continue
        place, about = (*at, "share"), label(spec)
        other = specs.get(spec.share, (at, None))[1]
        if spec.share not in specs:
            hint = ""
            if len(problems) < MOST_REPORTED:
                owners = [name for name, (_, s) in specs.items() if s and s.share is None]
                hint = did_you_mean(spec.share, owners)
            problems.append(Problem(place, f"node '{spec.share}' is not defined{hint}", about))
        elif other is None:
            continue
        elif other.id == spec.id:
            problems.append(Problem(place, "it cannot share with itself: leave it out", about))
        elif other.share is not None:
            text = f"'{other.id}' itself uses the parameters of '{other.share}': share with that"
            problems.append(Problem(place, text, about))
        elif "init" in spec.model_fields_set:
            text = f"'init' belongs to '{other.id}', whose parameters it uses: leave it out here"
            problems.append(Problem((*at, "init"), text, about))
        elif _own(spec) != _own(other):
            text = f"it must have the type and attributes of {label(other)} to share with it"
            text += _difference(spec, other) or ": leave 'share' out"
            problems.append(Problem(place, text, about))
        elif spec.id in sound and other.id in sound:
            mine, theirs = (
                {k: p.shape for k, p in {**n.parameters(*x), **n.states(*x)}.items()}
                for n, x in ((n, sound[n.id]) for n in (spec, other))
            )
            if mine != theirs:
                text = f"its parameters have shapes {mine}, those of '{other.id}' {theirs}"
                problems.append(Problem(place, text, about, "shape"))
    return problems


def _own(spec: NodeSpec) -> dict[str, object]:
    """The attributes that two nodes must have in common to share parameters."""
    free = {"id", "doc", "shape", "share", "init"}
    return {k: v for k, v in spec if k not in free}


def _difference(spec: NodeSpec, other: NodeSpec) -> str:
    """The first attribute in which two nodes of one type differ."""
    if spec.type != other.type:
        return ""
    mine, theirs = _own(spec), _own(other)
    name = next(name for name in mine if mine[name] != theirs[name])
    return f"; '{name}' is {quoted(mine[name])} here, {quoted(theirs[name])} there"


def _sizes(
    specs: Mapping[str, tuple[Path, NodeSpec | None]],
    sound: Mapping[str, tuple[Shape, ...]],
    shapes: Mapping[str, Shape],
    itemsize: int,
) -> tuple[list[Problem], int]:
    """Sizes that no file could hold, found before anything is allocated; and the sum of all."""
    weights = total = 0
    for name, shape in shapes.items():
        size = math.prod(shape) * max(itemsize, 8)  # an input may be of int64
        if name not in specs and size > MAX_BYTES:
            text = f"one sample of it takes {size:,} bytes; the limit is {MAX_BYTES:,}"
            return [Problem(("inputs", name, "shape"), text, f"input '{name}'", "limit")], 0
        total += size
    for at, spec in specs.values():
        if spec is None or spec.id not in sound:
            continue
        parameters = spec.parameters(*sound[spec.id])
        weights += sum(math.prod(p.shape) for p in parameters.values()) * itemsize
        if weights > MAX_BYTES:
            text = f"with it the parameters take {weights:,} bytes; the limit is {MAX_BYTES:,}"
            return [Problem(at, text, label(spec), "limit")], 0
        sample = math.prod(shapes[spec.id]) * itemsize
        if sample > MAX_BYTES:
            text = f"one sample of its output takes {sample:,} bytes; the limit is {MAX_BYTES:,}"
            return [Problem(at, text, label(spec), "limit")], 0
        buffers = spec.buffers(shapes[spec.id], *sound[spec.id]).values()
        computed = sum(math.prod(b.shape) * (1 if b.mask else itemsize) for b in buffers)
        if computed > MAX_BYTES:
            text = f"one sample is computed in {computed:,} bytes; the limit is {MAX_BYTES:,}"
            return [Problem(at, text, label(spec), "limit")], 0
        total += computed
    return [], weights + total
