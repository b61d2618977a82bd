"""From text to a checked GraphSpec; everything that is wrong is reported together."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from pydantic import ValidationError

from graphnet.declaration import Shape
from graphnet.layers.base import NodeSpec
from graphnet.losses import LossSpec
from graphnet.spec import meaning, shapes, source
from graphnet.spec.graph import MAX_NODES, GraphSpec
from graphnet.spec.problems import Problem, error
from graphnet.spec.wiring import Outline, Wiring, wire

MAX_EDGES = 100_000


class Objective(NamedTuple):
    """A loss in its graph: the node whose scores it takes, and the name of their targets."""

    spec: LossSpec
    on: str
    target: str


@dataclass(frozen=True)
class Resolved:
    """A spec with what follows from it: the wiring, and the shape of one sample of each name."""

    spec: GraphSpec
    nodes: dict[str, NodeSpec]
    wiring: Wiring
    shapes: dict[str, Shape]

    def arriving(self, node_id: str) -> tuple[Shape, ...]:
        """The shapes at a node's ports."""
        return tuple(self.shapes[source] for source in self.wiring.sources[node_id])

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What training minimises the weighted sum of."""
        losses = self.spec.all_losses
        return tuple(Objective(s, s.on or self.wiring.outputs[0], s.target) for s in losses)

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The names of the targets that a data set gives: those that are no input."""
        names = (objective.target for objective in self.objectives)
        return tuple(dict.fromkeys(name for name in names if name not in self.spec.inputs))


def read_spec(path: str | os.PathLike[str]) -> GraphSpec:
    """The spec in a JSON file, checked whole: fields, edges, shapes, loss, labels, data.

    Errors: SpecError, ShapeError, SpecLimitError, with `file:line:column` and ten problems at
    most.
    """
    return parse_spec(source.read_text(path), os.fspath(path))


def parse_spec(text: str, name: str = "spec") -> GraphSpec:
    """The spec in a JSON text; `name` stands for the file in messages.

    Errors: SpecError, ShapeError, SpecLimitError.
    """
    return check_values(source.parse(text, name), name, text).spec


def check_values(values: Any, name: str = "spec", text: str | None = None) -> Resolved:
    """The spec in plain JSON values, resolved; positions, if any, are looked up in `text`.

    Errors: SpecError, ShapeError, SpecLimitError.
    """
    if isinstance(values, dict) and (problems := _past_limits(values)):
        raise error(problems, name, text)
    try:
        spec = GraphSpec.model_validate(values)
    except ValidationError as e:
        from graphnet.spec.mistakes import outline_of, problems_of  # for wrong specs alone

        outline = outline_of(values)
        wiring, problems = wire(outline)
        problems = problems_of(e, values) + problems
        problems += shapes.infer(outline.inputs, outline.nodes, wiring, 4)[1]
        raise error(problems, name, text) from None
    return resolve(spec, name, text)


def resolve(spec: GraphSpec, name: str | None = None, text: str | None = None) -> Resolved:
    """Wiring and shapes of a spec.

    Errors: SpecError, ShapeError, SpecLimitError.
    """
    nodes = [(("nodes", i), node.id, node) for i, node in enumerate(spec.nodes)]
    edges = [(("edges", i), path) for i, path in enumerate(spec.edges)]
    inputs = {key: given.shape for key, given in spec.inputs.items()}
    if problems := _past_limits({"nodes": nodes, "edges": spec.edges, "inputs": inputs}):
        raise error(problems, name or spec.name, text)
    wiring, problems = wire(Outline(inputs, nodes, edges, spec.outputs, complete=True))
    itemsize = 8 if spec.dtype == "float64" else 4
    found, wrong = shapes.infer(inputs, nodes, wiring, itemsize)
    problems += wrong
    if not problems:
        problems = meaning.check(spec, wiring, found)
    if problems:
        raise error(problems, name or spec.name, text)
    return Resolved(spec, {node.id: node for node in spec.nodes}, wiring, found)


def _past_limits(values: Mapping[str, Any]) -> list[Problem]:
    """What is too long to be looked into: every entry could be a mistake of its own."""
    problems = []
    for key, kinds in (("inputs", dict), ("nodes", list), ("outputs", list)):
        found = values.get(key)
        if isinstance(found, kinds) and len(found) > MAX_NODES:
            text = f"at most {MAX_NODES:,} entries are allowed, found {len(found):,}"
            problems.append(Problem((key,), text, kind="limit"))
    edges = values.get("edges")
    if isinstance(edges, (list, tuple)):
        names = sum(len(path) if isinstance(path, (list, tuple)) else 1 for path in edges)
        if names > MAX_EDGES:
            text = f"at most {MAX_EDGES:,} names in paths are allowed, found {names:,}"
            problems.append(Problem(("edges",), text, kind="limit"))
    return problems
