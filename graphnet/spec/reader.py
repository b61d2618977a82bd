"""From text to a checked GraphSpec; everything that is wrong is reported together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from pydantic import ValidationError

from graphnet.declaration import Shape
from graphnet.layers.base import NodeSpec
from graphnet.losses import LossSpec
from graphnet.spec import meaning, shapes, source
from graphnet.spec.graph import MAX_EDGES, MAX_NODES, GraphSpec
from graphnet.spec.problems import Problem, error
from graphnet.spec.wiring import Outline, Wiring, wire


class Objective(NamedTuple):
    """A loss in its graph: the node whose scores it takes, and the name of their targets."""

    spec: LossSpec
    on: str
    target: str


@dataclass(frozen=True)
class Resolved:
    """A spec with what follows from it: the wiring, and the shape of one sample of each name.

    nbytes: what no pass over one sample takes more than, the parameters with it.
    """

    spec: GraphSpec
    nodes: dict[str, NodeSpec]
    wiring: Wiring
    shapes: dict[str, Shape]
    nbytes: int = 0

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

    Blocks are put in first: what comes back is the plain spec.
    Errors: SpecError, ShapeError, SpecLimitError.
    """
    if isinstance(values, dict) and (problems := _past_limits(values)):
        raise error(problems, name, text)
    if has_blocks(values):
        return _check_blocks(values, name, text)
    found, problems = _understood(values, True)
    if found is None or problems:
        raise error(problems, name, text)
    return found


def has_blocks(values: Any) -> bool:
    """Whether a spec has anything that a plain one has not."""
    if not isinstance(values, dict):
        return False
    nodes = values.get("nodes")
    nodes = nodes if isinstance(nodes, list) else []
    return "blocks" in values or any(
        isinstance(n, dict) and n.get("type") == "Block" for n in nodes
    )


def _check_blocks(values: dict[str, Any], name: str, text: str | None) -> Resolved:
    from graphnet.spec.expansion import expand  # for specs with blocks alone

    plain = expand(values)
    problems = _past_limits(plain.values)
    found = None
    if not problems:
        blocks = values.get("blocks")
        names = tuple(blocks) if isinstance(blocks, dict) else ()
        found, problems = _understood(plain.values, plain.wired, names)
    problems = plain.problems + plain.origins.back(problems) or plain.unused
    if found is None or problems:
        raise error(problems, name, text)
    return found


def _understood(
    values: Any, wired: bool, blocks: Sequence[str] = ()
) -> tuple[Resolved | None, list[Problem]]:
    """A plain spec resolved, and what is wrong.

    wired: whether its edges are worth a look; blocks: the names of those that were put in.
    """
    try:
        spec = GraphSpec.model_validate(values)
    except ValidationError as e:
        from graphnet.spec.mistakes import problems_of  # for wrong specs alone
        from graphnet.spec.outline import outline_of

        problems = problems_of(e, values, blocks=blocks)
        if wired:
            outline = outline_of(values, problems)
            wiring, wrong = wire(outline)
            problems = problems + wrong
            problems += shapes.infer(outline.inputs, outline.nodes, wiring, 4).problems
        return None, problems
    return _resolved(spec) if wired else (None, [])


def resolve(spec: GraphSpec) -> Resolved:
    """Wiring and shapes of a spec.

    Errors: SpecError, ShapeError, SpecLimitError.
    """
    found, problems = _resolved(spec)
    if problems:
        raise error(problems, spec.name, None)
    return found


def _resolved(spec: GraphSpec) -> tuple[Resolved, list[Problem]]:
    nodes = [(("nodes", i), node.id, node) for i, node in enumerate(spec.nodes)]
    edges = [(("edges", i), path) for i, path in enumerate(spec.edges)]
    inputs = {key: given.shape for key, given in spec.inputs.items()}
    problems = _past_limits({"nodes": nodes, "edges": spec.edges, "inputs": inputs})
    if problems:
        return Resolved(spec, {}, Wiring((), {}, ()), {}), problems
    wiring, problems = wire(Outline(inputs, nodes, edges, spec.outputs, complete=True))
    itemsize = 8 if spec.dtype == "float64" else 4
    found = shapes.infer(inputs, nodes, wiring, itemsize)
    problems += found.problems
    if not problems:
        problems = meaning.check(spec, wiring, found.shapes)
    by_id = {node.id: node for node in spec.nodes}
    return Resolved(spec, by_id, wiring, found.shapes, found.nbytes), problems


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
