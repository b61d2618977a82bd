"""Shapes, attributes and numbers as text."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

from graphnet.declaration import Declaration, Shape
from graphnet.errors import printable
from graphnet.spec.graph import InputSpec


def shape_text(shape: Shape) -> str:
    """`28×28×1`; nothing for a scalar."""
    return "×".join(map(str, shape))


def number_text(value: float) -> str:
    """A number as the book prints it: `650`, `2.2`, `0.62246`."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e9:
        return f"{int(value)}".replace("-", "−")
    return f"{value:.5g}".replace("-", "−")


def attributes_of(declared: Declaration, left_out: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What a person wrote beside these, by name: `kernel`, `3×3`."""
    for key in type(declared).model_fields:
        if key in declared.model_fields_set and key not in left_out:
            yield key, _value(getattr(declared, key))


def filled_from(given: InputSpec) -> str:
    """What an input is made from: image, columns or text; nothing where it comes as it is."""
    kinds = {"image": given.image, "columns": given.columns, "text": given.text}
    return next((kind for kind, found in kinds.items() if found is not None), "")


def _value(value: Any) -> str:
    if isinstance(value, Declaration):
        return str(getattr(value, "type", ""))
    if isinstance(value, (tuple, list)) and all(isinstance(v, int) for v in value):
        return "×".join(map(str, value)) if value else "none"
    if isinstance(value, str):
        return printable(value)
    return json.dumps(value, default=str)
