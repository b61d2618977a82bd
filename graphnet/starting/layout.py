"""A spec's values as the text of a file that a person goes on with: as the specs that ship."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

WIDTH = 100


def spec_text(values: Mapping[str, Any], *, ascii_only: bool = False) -> str:
    """JSON with one node a line, types below each other; what fits on one line is not broken."""
    parts = []
    for key, value in values.items():
        if key == "nodes":
            text = _nodes(value)
        elif key == "inputs":
            text = _opened(value, 2)
        else:
            text = _shown(value, 2, len(key) + 6)
        parts.append(f"  {_json(key)}: {text}")
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    if not ascii_only or text.isascii():
        return text
    return "".join(c if c.isascii() else json.dumps(c)[1:-1] for c in text)


def _nodes(nodes: Sequence[Mapping[str, Any]]) -> str:
    width = max(len(_json(node["id"])) for node in nodes)
    lines = []
    for node in nodes:
        head = f'"id": {_json(node["id"])},'.ljust(width + 7)
        rest = ", ".join(f"{_json(k)}: {_json(v)}" for k, v in node.items() if k != "id")
        lines.append(f"    {{{head} {rest}}}")
    return "[\n" + ",\n".join(lines) + "\n  ]"


def _shown(value: Any, indent: int, before: int = 0) -> str:
    """On one line where it fits behind `before` characters, else opened."""
    text = _json(value)
    if indent + before + len(text) <= WIDTH or not isinstance(value, (dict, list)) or not value:
        return text
    if isinstance(value, dict):
        return _opened(value, indent)
    pad = " " * (indent + 2)
    if any(isinstance(item, (dict, list)) for item in value):
        inner = ",\n".join(pad + _shown(item, indent + 2) for item in value)
        return f"[\n{inner}\n{' ' * indent}]"
    return f"[\n{_filled(value, pad)}\n{' ' * indent}]"


def _filled(value: Sequence[Any], pad: str) -> str:
    """Plain values, as many on a line as fit."""
    lines, line = [], pad
    for i, item in enumerate(value):
        text = _json(item) + "," * (i < len(value) - 1)
        if line != pad and len(line) + len(text) > WIDTH:
            lines.append(line.rstrip())
            line = pad
        line += text + " "
    return "\n".join([*lines, line.rstrip()])


def _opened(value: Mapping[str, Any], indent: int) -> str:
    pad = " " * (indent + 2)
    lines = [f"{pad}{_json(k)}: {_shown(v, indent + 2, len(k) + 4)}" for k, v in value.items()]
    return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text)
