"""What Pydantic finds wrong with a spec, in the words of a spec.

Imported for wrong specs alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from graphnet.declaration import NAME, NODE_NAME, did_you_mean
from graphnet.errors import quoted
from graphnet.initializers import INITIALIZERS
from graphnet.layers.base import LAYERS
from graphnet.losses import LOSSES
from graphnet.optimizers import OPTIMIZERS
from graphnet.schedules import SCHEDULES
from graphnet.spec import layertypes, remedies
from graphnet.spec.blocks import BlockNode, BlockSpec, is_block, is_reference
from graphnet.spec.clip import ClipSpec
from graphnet.spec.columns import COLUMNS
from graphnet.spec.early import EarlyStopping
from graphnet.spec.families import AUGMENTS, METRICS, SOURCES
from graphnet.spec.graph import GraphSpec, InputSpec
from graphnet.spec.image import ImageSpec
from graphnet.spec.othernames import NO_ATTRIBUTES
from graphnet.spec.problems import Path, Problem
from graphnet.spec.recipe import TrainSpec
from graphnet.spec.remedies import as_json
from graphnet.spec.text import TextSpec

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
_KIND = {*_EXPECTED, "literal_error"}
"""What Pydantic says of a value of another kind."""
_BOUND = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
_MOST_READ = 1000
"""Errors that are put into words; each costs time, and ten are shown."""
_JSON_WORDS = {"True": "true", "False": "false", "None": "null"}
_INPUT_PARTS: dict[str, type[BaseModel]] = {"image": ImageSpec, "text": TextSpec}
_COMMENTS = ("comment", "_comment", "comments", "description", "note", "notes", "//", "#")
_OF_OPTIMIZERS = {name for cls in OPTIMIZERS.values() for name in cls.Spec.model_fields}
_OF_SCHEDULES = {name for cls in SCHEDULES.values() for name in cls.model_fields}
_NAME_RULE = "letters, digits and _, not starting with a digit"


def problems_of(
    e: ValidationError, values: Any, above: Path = (), blocks: Sequence[str] = ()
) -> list[Problem]:
    """The problems that a validation error holds, at their places in `values`.

    above: where what was validated stands in them; blocks: the names of those that were put in.
    """
    details = [d for d in e.errors(include_url=False)[:_MOST_READ] if not _follows(d)]
    for one in details:
        one["loc"] = above + one["loc"]
    details = _meant(details, values)
    problems = []
    edges = values.get("edges") if isinstance(values, dict) else None
    if isinstance(edges, list) and edges and all(isinstance(path, str) for path in edges):
        text = f"a list of paths is expected, each a list itself: write [{as_json(edges)}]"
        problems = [Problem(("edges",), text)]
        details = [d for d in details if d["loc"][0] != "edges"]
    renamed = _renamed(details, values)
    for one in details:
        at, key = _place(one["loc"], values)
        if one["type"] == "extra_forbidden":
            problems.append(_unknown(at, renamed.get(at), values))
        elif one["type"] != "missing" or (*at, key) not in renamed.values():
            problems.append(_problem(one, at, key, blocks))
    return problems


def _meant(details: list[ErrorDetails], values: Any) -> list[ErrorDetails]:
    """One error for a value that may be of several kinds, of which Pydantic tries each.

    What is wrong within the kind that it is; where it is of none, what it may be.
    """
    several: dict[Path, list[ErrorDetails]] = {}
    kept = []
    for one in details:
        at, kind = _place(one["loc"], values)
        if kind == "" or one["type"] == "missing":
            kept.append(one)
            continue
        at = at[: one["loc"].index(kind)]
        if at not in several:
            kept.append(one)
        several.setdefault(at, []).append(one)
    found = []
    for one in kept:
        at, kind = _place(one["loc"], values)
        at = at if kind == "" else at[: one["loc"].index(kind)]
        group = [one] if kind == "" else several.get(at, [one])
        within = [d for d in group if d["type"] not in _KIND or _place(d["loc"], values)[0] != at]
        if len(group) == 1 or within:
            found += within or group
            continue
        words = " or ".join(_EXPECTED.get(d["type"]) or d["ctx"]["expected"] for d in group)
        found.append({**one, "type": "literal_error", "ctx": {"expected": words}})
    return found


def _follows(details: ErrorDetails) -> bool:
    """Whether an error is the consequence of others: a list counts none of its wrong entries."""
    too_short = details["type"] == "too_short"
    return too_short and len(details["input"]) >= details["ctx"]["min_length"]


def _renamed(details: list[ErrorDetails], values: Any) -> dict[Path, Path]:
    """Unknown attributes that stand for missing ones: two errors, but one mistake."""
    missing: dict[Path, list[str | int]] = {}
    unknown: dict[Path, list[str | int]] = {}
    for one in details:
        at, key = _place(one["loc"], values)
        if one["type"] == "missing":
            missing.setdefault(at, []).append(key)
        elif one["type"] == "extra_forbidden" and at[-1] not in NO_ATTRIBUTES:
            unknown.setdefault(at[:-1], []).append(at[-1])
    renamed = {}
    for at in missing.keys() & unknown.keys():
        alone = len(missing[at]) == len(unknown[at]) == 1
        for name in missing[at]:
            for key in unknown[at]:
                meant = remedies.other_attribute(key, [str(name)])
                if alone or meant or did_you_mean(key, [str(name)]):
                    renamed[(*at, key)] = (*at, name)
    return renamed


def _unknown(at: Path, meant: Path | None, values: Any) -> Problem:
    """An attribute that its object does not have; `meant` is one that is missing there."""
    known = _attributes(at[:-1], values)
    if meant is not None:
        hint = f"did you mean '{meant[-1]}', which is missing?"
    elif at[-1] in _COMMENTS and "doc" in known:
        hint = "a comment goes into 'doc'"
    elif at[:-1] == ("train",) and at[-1] in _OF_OPTIMIZERS:
        hint = "it belongs into 'optimizer'"
    elif at[:-1] == ("train",) and at[-1] in _OF_SCHEDULES:
        hint = "it belongs into 'schedule'"
    else:
        holder = values
        for step in at[:-1]:
            holder = holder[step]
        free = [name for name in known if name not in holder]
        other = remedies.other_attribute(at[-1], free)
        if other is not None:
            hint = f"it is called '{other}' here"
        elif at[-1] in NO_ATTRIBUTES and "id" in known:
            hint = NO_ATTRIBUTES[str(at[-1])]
        else:
            hint = did_you_mean(at[-1], free)[2:]
    hint = hint or f"known here: {', '.join(known)}"
    return Problem(at, f"unknown attribute {quoted(at[-1])}; {hint}", at_key=True)


def _problem(details: ErrorDetails, at: Path, key: str | int, blocks: Sequence[str]) -> Problem:
    kind, found, ctx = details["type"], details["input"], details.get("ctx", {})
    if kind == "missing":
        remedy = remedies.missing(key, found)
        return Problem(at, f"missing attribute '{key}'{remedy}")
    if kind == "below":
        return Problem((*at, *ctx["steps"]), ctx["text"])
    if kind == "tag":
        return _of_no_type(at, ctx["key"], ctx["text"], found, blocks)
    limit = kind in ("too_long", "string_too_long") and len(found) > 10_000
    text = _what(kind, details["msg"], found, ctx) + remedies.of_value(kind, found, at)
    return Problem(at, text, kind="limit" if limit else "spec")


def _of_no_type(
    at: Path, tag: str | None, text: str, found: dict[str, Any], blocks: Sequence[str]
) -> Problem:
    """An object whose type is missing (tag None) or unknown."""
    node = at[-2:-1] == ("nodes",)
    if tag is None:
        if node and "block" in found:
            text = f"missing attribute 'type': write {layertypes.as_block(found['block'])}"
            return Problem(at, text)
        wanted = "source" if at == ("data",) else "type"
        other = ("type", "kind", "name", "class", "source")
        close = next((k for k in found if k in other or did_you_mean(k, [wanted])), None)
        if close is None:
            text = f"missing attribute 'type': {layertypes.WANTED}" if node else text
            return Problem(at, text)
        text = f"unknown attribute {quoted(close)}; did you mean '{wanted}'?"
        return Problem((*at, close), text, at_key=True)
    name = found[tag]
    if node:
        text = layertypes.unknown(name, blocks)
    elif "; it must be one of " in text:
        start, _, names = text.partition("; it must be one of ")
        meant = remedies.named(name, names.split(", "))
        text = text if meant is None else f"{start}: it is called '{meant}' here"
    return Problem((*at, tag), text)


def _what(kind: str, message: str, found: Any, ctx: dict[str, Any]) -> str:
    text = _said(kind, message, found, ctx)
    where = "; no argument is put in here: only attributes of nodes inside a block take one"
    return text + where if is_reference(found) else text


def _said(kind: str, message: str, found: Any, ctx: dict[str, Any]) -> str:
    shown = _JSON_WORDS.get(repr(found)) or quoted(found, 60)
    if kind in _EXPECTED:
        return f"{_EXPECTED[kind]} is expected, found {shown}"
    if kind in _BOUND:
        word, bound = _BOUND[kind]
        most = ctx[bound]
        limit = f"{most:g}" if isinstance(most, float) else most
        return f"must be {word} {limit}, found {shown}{remedies.share(found, most)}"
    if kind == "literal_error":
        choices = ctx["expected"].replace("'", "").replace(" or ", ", ").split(", ")
        hint = did_you_mean(found, choices)
        expected = ctx["expected"].replace(" or ", ", ", ctx["expected"].count(" or ") - 1)
        if isinstance(found, str) and ctx["expected"] == found:
            hint = ": leave the quotes out"
        return f"{expected} is expected, found {shown}{hint}"
    if kind == "string_pattern_mismatch":
        rule = (
            _NAME_RULE
            if ctx["pattern"] in (NAME, NODE_NAME)
            else "1 to 64 letters, digits, _ and -"
        )
        like = remedies.name(found, ctx["pattern"])
        return f"a name of {rule} is expected, found {shown}{like}"
    if kind == "too_short":
        return f"{ctx['min_length']} or more entries are expected, found {ctx['actual_length']}"
    if kind == "too_long":
        return f"at most {ctx['max_length']} entries are allowed, found {ctx['actual_length']}"
    if kind == "string_too_short":
        return "a text that is not empty is expected"
    if kind == "string_too_long":
        return f"at most {ctx['max_length']} characters are allowed, found {len(found)}"
    if kind == "newer":
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
        model = _INPUT_PARTS.get(str(at[2])) if at[2:] else InputSpec
        if at[2:3] == ("columns",) and at[3:]:
            model = COLUMNS.get(values.get("type"))
    elif at[-1:] == ("init",):
        model = INITIALIZERS.get(values.get("type"))
    elif at[-2:-1] == ("nodes",):
        model = BlockNode if is_block(values) else LAYERS[values["type"]].Spec
    elif at[:1] == ("blocks",):
        model = BlockSpec
    elif at == ("loss",) or (at[:1] == ("losses",) and len(at) == 2):
        model = LOSSES[values["type"]].Spec
    elif at == ("data",):
        model = SOURCES[values["source"]]
    elif at == ("train",):
        model = TrainSpec
    elif at == ("train", "optimizer"):
        model = OPTIMIZERS[values["type"]].Spec
    elif at == ("train", "schedule"):
        model = SCHEDULES[values["type"]]
    elif at == ("train", "clip"):
        model = ClipSpec
    elif at == ("train", "early_stopping"):
        model = EarlyStopping
    elif at[:2] == ("train", "metrics"):
        model = METRICS[values["type"]]
    elif at[:2] == ("train", "augment"):
        model = AUGMENTS[values["type"]]
    known = [f.alias or name for name, f in model.model_fields.items()] if model else []
    return [*known, "blocks"] if model is GraphSpec else known
