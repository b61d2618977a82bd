"""What graphnet writes beside an ONNX graph: names of classes, and how pictures are prepared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from graphnet.errors import ExchangeError

LARGEST = 2**20
"""Characters of a note: a spec as a whole has twice as many."""


def notes(found: Mapping[str, str], values: dict[str, Any]) -> None:
    """Put them into the values of a spec, where the model has what they speak of.

    Errors: ExchangeError where one is no JSON object. What it says is checked with the spec.
    """
    images = _object(found, "images")
    for name, given in values["inputs"].items():
        if name in images:
            given["image"] = images[name]
    labels = _object(found, "labels")
    named = {name: labels[name] for name in values["outputs"] if name in labels}
    if named:
        one = len(values["outputs"]) == 1
        values["labels"] = next(iter(named.values())) if one else named


def _object(found: Mapping[str, str], key: str) -> dict[str, Any]:
    text = found.get(key)
    if text is None:
        return {}
    try:
        value = json.loads(text) if len(text) <= LARGEST else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise ExchangeError(f"its note {key!r} is no JSON object")
    return value
