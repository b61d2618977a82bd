"""From the bytes of a file to plain JSON values, within the limits, with no value guessed."""

from __future__ import annotations

import json
import math
import os
import re
import stat
from typing import Any

from graphnet.errors import GraphnetError, SpecError, SpecLimitError, clipped, quoted
from graphnet.spec.positions import Positions, line_column
from graphnet.spec.problems import Problem, error

MAX_BYTES = 2 * 2**20
MAX_DEPTH = 64
MAX_KEYS = 200_000
"""In all objects together; each could be a mistake of its own."""
_LARGEST_INTEGER = 2**63 - 1
_SURROGATE = re.compile("[\ud800-\udfff]")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?')


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a spec file.

    Errors: SpecError where it is missing, no regular file or not UTF-8; SpecLimitError past 2 MiB.
    """
    name = os.fspath(path)
    flags = os.O_RDONLY | getattr(os, "O_BINARY", 0)
    try:
        # Without O_NONBLOCK a FIFO would wait for a writer for ever.
        handle = os.open(name, flags | getattr(os, "O_NONBLOCK", 0))
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise SpecError(clipped(f"{name}: not a regular file (a spec is a JSON file)"))
            with open(handle, "rb", closefd=False) as file:
                data = file.read(MAX_BYTES + 1)
        finally:
            os.close(handle)
    except (OSError, ValueError) as e:
        reason = getattr(e, "strerror", None) or e
        raise SpecError(clipped(f"{name}: cannot be read: {reason}")) from None
    return decode(data, name)


def decode(data: bytes, name: str) -> str:
    """Bytes as text: UTF-8 without a byte order mark."""
    if len(data) > MAX_BYTES:
        raise SpecLimitError(clipped(f"{name}: larger than the limit of {MAX_BYTES:,} bytes"))
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise _at(name, 1, 1, "starts with a byte order mark: save the file as UTF-8 without one")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as e:
        before = data[: e.start].decode("utf-8")
        line, column = line_column(before, len(before))
        byte = data[e.start]
        what = f"byte 0x{byte:02x} is not UTF-8: save the file in that encoding"
        raise _at(name, line, column, what) from None


def parse(text: str, name: str, limit: int = MAX_BYTES) -> Any:
    """The JSON values of a text.

    Units: limit in characters.
    Errors: SpecError for what is not JSON, for a key given twice, NaN, infinity, an integer
    beyond 64 bits, a number that overflows, a lone surrogate; SpecLimitError past 64 levels
    or 200,000 keys.
    """
    if len(text) > limit:
        raise SpecLimitError(clipped(f"{name}: larger than the limit of {limit:,} bytes"))
    _check_depth(text, name)
    duplicated, keys = False, 0
    refused: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal duplicated, keys
        keys += len(items)
        if keys > MAX_KEYS:
            raise SpecLimitError(clipped(f"{name}: more than {MAX_KEYS:,} keys in all"))
        value = dict(items)
        duplicated |= len(value) != len(items)
        return value

    def number(literal: str) -> float:
        value = float(literal)
        if not math.isfinite(value):
            refused.append(literal)
        return value

    def integer(literal: str) -> int:
        if len(literal) > 20 or abs(int(literal)) > _LARGEST_INTEGER:
            refused.append(literal)
            return 0
        return int(literal)

    def constant(literal: str) -> float:
        refused.append(literal)
        return 0.0

    try:
        value = json.loads(
            text,
            object_pairs_hook=pairs,
            parse_float=number,
            parse_int=integer,
            parse_constant=constant,
        )
    except json.JSONDecodeError as e:
        from graphnet.spec.slips import slip  # for broken files alone

        offset, reason = slip(text, e)
        raise _at(name, *line_column(text, offset), reason) from None
    if refused or duplicated:
        raise _refused(text, name, refused)
    if "\\u" in text or _SURROGATE.search(text):
        _check_surrogates(text, name)
    return value


def _check_depth(text: str, name: str) -> None:
    """The C decoder recurses: what is nested too deeply never reaches it."""
    depth = 0
    for mark in re.finditer(r"[{}\[\]]", _STRING.sub(lambda s: " " * len(s.group()), text)):
        depth += 1 if mark.group() in "{[" else -1
        if depth > MAX_DEPTH:
            line, column = line_column(text, mark.start())
            what = f"nested more than {MAX_DEPTH} levels deep"
            raise SpecLimitError(clipped(f"{name}:{line}:{column}: {what}"))


def _check_surrogates(text: str, name: str) -> None:
    for string in _STRING.finditer(text):
        if _SURROGATE.search(json.loads(string.group())):
            line, column = line_column(text, string.start())
            raise _at(name, line, column, "a lone surrogate is no character: write the pair")


def _refused(text: str, name: str, literals: list[str]) -> GraphnetError:
    """The places of doubled keys and of numbers that JSON or 64 bits do not have."""
    places = Positions(text, wanted=(), literals=frozenset(literals))
    problems = [
        Problem(path, f"key {quoted(path[-1])} is given twice in one object", at_key=True)
        for path in dict.fromkeys(path for path, _ in places.duplicates)
    ]
    problems += [Problem(path, _no_number(literal)) for path, literal in places.found]
    return error(problems, name, text)


def _no_number(literal: str) -> str:
    if literal.lstrip("-") in ("NaN", "Infinity"):
        return f"{literal} is no JSON number: write a finite one"
    if re.fullmatch(r"-?\d+", literal):
        return f"integer {quoted(literal, 40)} is beyond 64 bits"
    return f"number {quoted(literal, 40)} overflows: write a finite one"


def _at(name: str, line: int, column: int, what: str) -> SpecError:
    return SpecError(clipped(f"{name}:{line}:{column}: {what}"))
