"""The JSON of a request's body: strict, and quick where nothing in it is odd."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from graphnet.errors import DatasetError, SpecError, SpecLimitError, clipped, quoted
from graphnet.spec.source import MAX_BYTES, parse

NAME = "body"
"""What errors call it."""
NUMBER_BYTES = 24
"""Of one number as JSON writes it, with its comma; it allows bodies of large samples."""


class TooLargeError(SpecLimitError):
    """A body of more JSON than is read."""


def json_limit(numbers: int) -> int:
    """Bytes of JSON that are read where a sample has so many numbers."""
    return max(MAX_BYTES, NUMBER_BYTES * numbers)


def read_json(body: bytes, limit: int) -> Any:
    """The value of a body; its numbers are any that JSON writes, also such as overflow.

    Errors: SpecError for what is no JSON, or has keys twice, NaN, lone surrogates; TooLargeError
    past the limit, SpecLimitError where it is nested too deep.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as e:
        what = f"byte 0x{body[e.start]:02x} is not UTF-8 (byte {e.start + 1})"
        raise SpecError(f"{NAME}: {what}") from None
    if text.startswith("\ufeff"):
        raise SpecError(f"{NAME}: starts with a byte order mark: send UTF-8 without one")
    if len(body) > limit:
        what = f"{len(body):,} bytes of JSON, but {limit:,} are read: send several requests"
        raise TooLargeError(f"{NAME}: {what}")
    if "\\u" in text:
        return parse(text, NAME, limit)
    try:
        # A number a call of Python's, as the strict reader takes them, is three times slower.
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    except (ValueError, RecursionError):
        value = parse(text, NAME, limit)  # which says where, and what is wrong
    return value


def refuse_bools(value: Any) -> None:
    """NumPy takes true and false for 1 and 0, and Python takes them for numbers.

    Errors: DatasetError.
    """
    if isinstance(value, bool):
        what = f"{json.dumps(value)} is no number or text: the model takes none"
        raise DatasetError(f"{NAME}: {what}")
    if isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            refuse_bools(one)


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
