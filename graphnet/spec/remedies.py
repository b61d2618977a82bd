"""What to write in place of a value that is wrong. Imported for wrong specs alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from graphnet.declaration import did_you_mean
from graphnet.initializers import INITIALIZERS
from graphnet.losses import LOSSES
from graphnet.optimizers import OPTIMIZERS
from graphnet.schedules import SCHEDULES
from graphnet.spec.examples import NODES, PARTS, TYPED, node
from graphnet.spec.families import SOURCES
from graphnet.spec.othernames import OTHER_ATTRIBUTES, OTHER_TYPES
from graphnet.spec.problems import Path

TYPED_KEYS: dict[str | int, tuple[str, Iterable[str]]] = {
    "init": ("type", INITIALIZERS),
    "loss": ("type", LOSSES),
    "optimizer": ("type", OPTIMIZERS),
    "schedule": ("type", SCHEDULES),
    "data": ("source", SOURCES),
}
"""Attributes whose value is an object with a type, by the word for that, and its types."""
_PLAIN = re.compile(r"-?\d{1,20}(\.\d{1,20})?([eE]-?\d{1,3})?|true|false")
_SHAPES = ("shape", "to", "axes")


def as_json(value: Any) -> str:
    """JSON that a person could paste, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:97] + "..."


def of_value(kind: str, found: Any, at: Path) -> str:
    """What to write for a value of another kind, behind a `: ` or `; `; else an empty text.

    kind: what was expected, in Pydantic's words.
    """
    key = at[-1] if at else ""
    plain = isinstance(found, str) and _PLAIN.fullmatch(found)
    if plain and kind in ("int_type", "float_type", "bool_type"):
        return ": leave the quotes out"
    if kind in ("int_type", "int_from_float") and isinstance(found, float) and found == int(found):
        return f": write {int(found)}"
    if kind == "int_type" and found is None and at[-2:-1] == ("shape",):
        return ": a shape has no place for the batch, leave it out"
    if kind in ("tuple_type", "list_type") and isinstance(found, (int, float)):
        return (
            f"; write [{json.dumps(found)}]" if key in _SHAPES else _as_in(key).replace(",", ";", 1)
        )
    if kind in ("tuple_type", "list_type") and key == "nodes" and isinstance(found, dict):
        nodes = [{"id": k, **v} for k, v in found.items() if isinstance(v, dict)][:1]
        return f"; write [{json.dumps(nodes[0], ensure_ascii=False)}, ...]" if nodes else ""
    if kind in ("dict_type", "model_type", "model_attributes_type"):
        return _object(found, key)
    return ""


def _object(found: Any, key: str | int) -> str:
    if isinstance(found, list) and key == "columns" and all(isinstance(k, str) for k in found):
        return f"; write {as_json(dict.fromkeys(found, 'number'))}"
    if key == "early_stopping":
        return f"; write {as_json(PARTS['EarlyStopping'])}"
    if key not in TYPED_KEYS or not isinstance(found, str) or len(found) > 60:
        return ""
    tag, known = TYPED_KEYS[key]
    if key == "data" and found not in known:
        suffix = found.rpartition(".")[2].lower()
        source = {"csv": "csv", "npz": "npz", "txt": "lines"}.get(suffix, "folder")
        more = {k: v for k, v in TYPED["Data"][source].items() if k in ("target",)}
        return f"; write {as_json({'source': source, 'train': found, **more})}"
    if (meant := named(found, known)) is not None:
        return f"; write {as_json({tag: meant})}"
    return f"; write {as_json({tag: next(iter(known))})}, or another of {', '.join(known)}"


def named(word: Any, known: Iterable[str]) -> str | None:
    """The member of a family that a word means."""
    names = list(known)
    if not isinstance(word, str) or len(word) > 100:
        return None
    if word in names:
        return word
    other = OTHER_TYPES.get(re.sub(r"[^a-z0-9]", "", word.lower()))
    if other in names:
        return other
    close = did_you_mean(word, names)
    return close.split("'")[1] if close else None


def other_attribute(word: Any, known: Iterable[str]) -> str | None:
    """What an attribute is called here that another framework calls so."""
    names = set(known)
    return next((name for name in OTHER_ATTRIBUTES.get(str(word), ()) if name in names), None)


def missing(key: str | int, holder: Any) -> str:
    """An example of an attribute that is missing: `, as in "units": 50`."""
    return _as_in(key, holder if isinstance(holder, Mapping) else {})


def _as_in(key: str | int, holder: Mapping[str, Any] | None = None) -> str:
    holder = holder or {}
    kind = str(holder.get("type", ""))
    of_kind = {**node(kind)} if kind in NODES else {}
    of_source = TYPED["Data"].get(str(holder.get("source", "")), {})
    parts = (of_kind, of_source, *(PARTS[part] for part in ("ImageSpec", "GraphSpec")))
    for example in (*parts, *PARTS.values()):
        if key in example and len(json.dumps(example[key])) <= 60:
            return f', as in "{key}": {as_json(example[key])}'
    return ""


def share(found: Any, bound: Any) -> str:
    """What a person means who writes a share as per cent."""
    numeric = isinstance(found, (int, float)) and not isinstance(found, bool)
    if bound == 1 and numeric and 1 < found <= 100:
        return f": write {found / 100:g} for {found:g}%"
    return ""


def name(found: Any, pattern: str) -> str:
    """A name like the one that is no name."""
    if not isinstance(found, str):
        return ""
    letters = re.sub(r"[^A-Za-z0-9_]+", "_", found).strip("_")
    if letters[:1].isdigit() and not pattern.startswith("^[A-Za-z0-9"):
        letters = f"_{letters}"
    return f"; write '{letters}'" if 0 < len(letters) <= 64 else ""
