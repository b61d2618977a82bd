"""A spec as the one JSON text that stands for it in a bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from graphnet.declaration import Declaration
from graphnet.spec.graph import GraphSpec

_LEFT_OUT = ("schema_", "data")
"""Where an editor finds the schema and where the data lies: true of one machine, not of a model."""


def canonical_text(spec: GraphSpec) -> str:
    """The spec without spaces and defaults, in the order of the grammar; equal specs, equal texts.

    Left out: `$schema` and `data`.
    """
    values = {k: v for k, v in plain(spec).items() if k not in _LEFT_OUT}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def readable_text(values: Mapping[str, Any], *, ascii_only: bool = False) -> str:
    """Plain values as a person would write them: one node and one path a line."""

    def shown(key: str, value: Any) -> str:
        if key not in ("nodes", "edges") or not isinstance(value, (list, tuple)):
            return json.dumps(value, ensure_ascii=ascii_only, allow_nan=False)
        lines = (f"    {json.dumps(item, ensure_ascii=ascii_only)}" for item in value)
        return "[\n" + ",\n".join(lines) + "\n  ]"

    lines = (f"  {json.dumps(key)}: {shown(key, value)}" for key, value in values.items())
    return _escaped("{\n" + ",\n".join(lines) + "\n}")


def _escaped(text: str) -> str:
    """JSON whose texts hold nothing that a terminal would obey: what cannot be printed stands as
    JSON writes it, as \\u and four digits. Outside of texts only line breaks are such."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text)


def plain(value: Any) -> Any:
    """The JSON values of a declaration, its defaults left out."""
    if isinstance(value, Declaration):
        fields = type(value).model_fields
        return {k: plain(v) for k, v in value if fields[k].is_required() or v != fields[k].default}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    return value
