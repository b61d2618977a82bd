"""The JSON of a request's body: strict, and quick where nothing in it is odd."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from graphnet.errors import SpecError, clipped, quoted
from graphnet.spec.source import MAX_BYTES, parse

NAME = "body"
"""What errors call it."""
NUMBER_BYTES = 24
"""Of one number as JSON writes it, with its comma; it allows bodies of large samples."""
_ODD = re.compile(r"\d{19}|[eE]\+?\d{3}|\\u")
"""What may be too large a number, or half a character: the slow reader looks."""


def json_limit(numbers: int) -> int:
    """Bytes of JSON that are read where a sample has so many numbers."""
    return max(MAX_BYTES, NUMBER_BYTES * numbers)


def read_json(body: bytes, limit: int) -> Any:
    """The value of a body.

    Errors: SpecError for what is no JSON, or has keys twice, numbers that are none or too large,
    lone surrogates; SpecLimitError past the limit, 64 levels or 200,000 keys.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as e:
        what = f"byte 0x{body[e.start]:02x} is not UTF-8 (byte {e.start + 1})"
        raise SpecError(f"{NAME}: {what}") from None
    if text.startswith("\ufeff"):
        raise SpecError(f"{NAME}: starts with a byte order mark: send UTF-8 without one")
    if len(body) > limit or _ODD.search(text):
        return parse(text, NAME, limit)
    try:
        # A number a call of Python's, as the strict reader takes them, is three times slower.
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    except (ValueError, RecursionError):
        return parse(text, NAME, limit)  # which says where, and what is wrong


def _unique(items: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(items)
    if len(value) != len(items):
        raise ValueError
    return value


def _refused(literal: str) -> NoReturn:
    raise ValueError(literal)


def kind_of(value: Any) -> str:
    """What a JSON value is, in words: `text 'a'`, `a list`."""
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return f"text {quoted(value, 40)}"
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else clipped(f"number {value!r}")
