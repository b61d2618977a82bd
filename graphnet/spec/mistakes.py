"""What Pydantic finds wrong with a spec, in the words of a spec; and what still stands in it.

Imported for wrong specs alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from graphnet.declaration import NAME, Shape, ShapeField, did_you_mean
from graphnet.errors import quoted
from graphnet.initializers import INITIALIZERS
from graphnet.layers.base import LAYERS, NodeSpec
from graphnet.losses import LOSSES
from graphnet.optimizers import OPTIMIZERS
from graphnet.spec.graph import GraphSpec, InputSpec
from graphnet.spec.image import ImageSpec
from graphnet.spec.problems import Path, Problem
from graphnet.spec.recipe import SOURCES, TrainSpec
from graphnet.spec.wiring import Outline

_EXPECTED = {
    "int_type": "an integer",
    "int_from_float": "an integer",
    "float_type": "a number",
    "string_type": "a text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "finite_number": "a finite number",
}
_BOUND = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}
_NAME_RULE = "letters, digits and _, not starting with a digit"


def problems_of(e: ValidationError, values: Any) -> list[Problem]:
    """The problems that a validation error holds, at their places in `values`."""
    return [_problem(details, values) for details in e.errors(include_url=False)]


def _problem(details: ErrorDetails, values: Any) -> Problem:
    at, key = _place(details["loc"], values)
    kind, found, ctx = details["type"], details["input"], details.get("ctx", {})
    if kind == "extra_forbidden":
        known = _attributes(at[:-1], values)
        hint = did_you_mean(at[-1], known) or f"; known here: {', '.join(known)}"
        return Problem(at, f"unknown attribute {quoted(at[-1])}{hint}", at_key=True)
    if kind == "missing":
        return Problem(at, f"missing attribute '{key}'")
    if kind == "tag" and ctx["key"]:
        return Problem((*at, ctx["key"]), ctx["text"])
    limit = kind in ("too_long", "string_too_long") and len(str(found)) > 10_000
    return Problem(at, _what(kind, details["msg"], found, ctx), kind="limit" if limit else "spec")


def _what(kind: str, message: str, found: Any, ctx: dict[str, Any]) -> str:
    shown = _JSON_WORDS.get(repr(found)) or quoted(found, 60)
    if kind in _EXPECTED:
        return f"{_EXPECTED[kind]} is expected, found {shown}"
    if kind in _BOUND:
        word, bound = _BOUND[kind]
        return f"must be {word} {ctx[bound]}, found {shown}"
    if kind == "literal_error":
        choices = ctx["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        hint = did_you_mean(found, choices)
        return f"{ctx['expected']} is expected, found {shown}{hint}"
    if kind == "string_pattern_mismatch":
        rule = _NAME_RULE if ctx["pattern"] == NAME else "1 to 64 letters, digits, _ and -"
        return f"a name of {rule} is expected, found {shown}"
    if kind == "too_short":
        return f"{ctx['min_length']} or more entries are expected, found {ctx['actual_length']}"
    if kind == "too_long":
        return f"at most {ctx['max_length']} entries are allowed, found {ctx['actual_length']}"
    if kind == "string_too_short":
        return "a text that is not empty is expected"
    if kind == "string_too_long":
        return f"at most {ctx['max_length']} characters are allowed, found {len(found)}"
    if kind in ("tag", "newer"):
        return str(ctx["text"])
    if kind == "value_error":
        return str(ctx["error"])
    return f"{message[0].lower()}{message[1:]}, found {shown}"


def _place(loc: tuple[str | int, ...], values: Any) -> tuple[Path, str | int]:
    """The path of a location that exists in `values`, and the step that does not, if any.

    Pydantic puts names of its own into locations (`[key]`, union members): they lead nowhere
    in the values and are left out.
    """
    at: list[str | int] = []
    key: str | int = ""
    for step in loc:
        inside = isinstance(values, dict) and step in values
        if inside or (isinstance(values, list) and isinstance(step, int) and step < len(values)):
            values = values[step]
            at.append(step)
        else:
            key = step
    return tuple(at), key


def _attributes(at: Path, values: Any) -> list[str]:
    """The attributes that the object at a path may have."""
    for step in at:
        values = values[step]
    model: type[BaseModel] | None = GraphSpec
    if at[:1] == ("inputs",):
        model = ImageSpec if at[2:] else InputSpec
    elif at[-1:] == ("init",):
        model = INITIALIZERS.get(values.get("type"))
    elif at[:1] == ("nodes",):
        model = LAYERS[values["type"]].Spec
    elif at == ("loss",):
        model = LOSSES[values["type"]].Spec
    elif at == ("data",):
        model = SOURCES[values["source"]]
    elif at == ("train",):
        model = TrainSpec
    elif at == ("train", "optimizer"):
        model = OPTIMIZERS[values["type"]].Spec
    return [f.alias or name for name, f in model.model_fields.items()] if model else []


def outline_of(values: Any) -> Outline:
    """What can be understood of a spec with mistakes in it."""
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
        {k: _shape(v) for k, v in inputs.items()} if isinstance(inputs, dict) else {},
        found_nodes,
        found_edges,
        outputs if _texts(outputs) else None,
        complete=isinstance(inputs, dict)
        and isinstance(nodes, list)
        and isinstance(edges, list)
        and len(found_nodes) == len(nodes)
        and len(found_edges) == len(edges)
        and (outputs is None or _texts(outputs)),
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
        shape: Shape = TypeAdapter(ShapeField).validate_python(value["shape"], strict=None)
    except (ValidationError, KeyError, TypeError):
        return None  # reported by the check of the whole
    return shape
