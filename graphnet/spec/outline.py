"""What still stands in a spec with mistakes in it. Imported for wrong specs alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from graphnet.declaration import NAME, NODE_NAME, Shape, ShapeField
from graphnet.layers.base import LAYERS, NodeSpec
from graphnet.spec.problems import Path, Problem
from graphnet.spec.wiring import Outline

_SHAPE: TypeAdapter[Shape] = TypeAdapter(ShapeField, config=ConfigDict(strict=True))


def outline_of(values: Any, problems: Sequence[Problem] = ()) -> Outline[NodeSpec]:
    """What can be understood of a spec with mistakes in it.

    problems: those that were found; where one says that an input's shape is wrong, what follows
    from that shape is none.
    """
    wrong = {p.at[1] for p in problems if p.at[:1] == ("inputs",) and p.at[2:] == ("shape",)}
    values = values if isinstance(values, dict) else {}
    inputs = values.get("inputs")
    nodes, edges, outputs = values.get("nodes"), values.get("edges"), values.get("outputs")
    found_nodes = list(_nodes(nodes if isinstance(nodes, list) else []))
    found_edges = [
        (("edges", i), path)
        for i, path in enumerate(edges if isinstance(edges, list) else [])
        if isinstance(path, list) and path and all(isinstance(step, str) for step in path)
    ]
    return Outline(
        {k: None if k in wrong else _shape(v) for k, v in inputs.items()}
        if isinstance(inputs, dict)
        else {},
        found_nodes,
        found_edges,
        outputs if _texts(outputs) else None,
        complete=isinstance(inputs, dict)
        and isinstance(nodes, list)
        and isinstance(edges, list)
        and 0 < len(found_nodes) == len(nodes)
        and 0 < len(found_edges) == len(edges)
        and (outputs is None or _texts(outputs))
        and all(re.fullmatch(NAME, name) for name in inputs)
        and all(re.fullmatch(NODE_NAME, node_id) for _, node_id, _ in found_nodes),
    )


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)


def _nodes(values: list[Any]) -> Iterator[tuple[Path, str, NodeSpec | None]]:
    for i, node in enumerate(values):
        if not isinstance(node, dict) or not isinstance(node.get("id"), str):
            continue
        spec = None
        if isinstance(node.get("type"), str) and node["type"] in LAYERS:
            try:
                spec = LAYERS[node["type"]].Spec.model_validate(node)
            except ValidationError:
                spec = None  # reported by the check of the whole
        yield ("nodes", i), node["id"], spec


def _shape(value: Any) -> Shape | None:
    try:
        shape: Shape = _SHAPE.validate_python(value["shape"])
    except (ValidationError, KeyError, TypeError):
        return None  # reported by the check of the whole
    return shape
