"""The slips that people make in JSON, each with a way out. Imported for broken files alone."""

from __future__ import annotations

import json
import re

from graphnet.errors import quoted
from graphnet.spec.positions import line_column

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_CURLED = "\u201c\u201d\u201e\u201f\u2018\u2019\u00ab\u00bb"


def slip(text: str, e: json.JSONDecodeError) -> tuple[int, str]:
    """Where a text stops being JSON, and why: an offset and a reason."""
    if not text.strip():
        return 0, "is empty: a spec is a JSON object"
    offset, reason = _comma_too_many(text, e) or (e.pos, _reason(text, e))
    return offset, f"not JSON: {reason}"


def _comma_too_many(text: str, e: json.JSONDecodeError) -> tuple[int, str] | None:
    """The decoder stops at that comma or at the bracket after it, as its version goes."""
    offset = e.pos if text[e.pos : e.pos + 1] == "," else len(text[: e.pos].rstrip()) - 1
    following = text[offset + 1 :].lstrip()[:1]
    if text[offset : offset + 1] == "," and following and following in "]}":
        return offset, f"the comma before '{following}' is one too many"
    return None


def _reason(text: str, e: json.JSONDecodeError) -> str:
    found = text[e.pos : e.pos + 1]
    shown = quoted(text[e.pos : e.pos + 12].split("\n")[0])
    if e.msg.startswith("Unterminated string"):
        return "the string that starts here has no closing quote"
    if e.msg.startswith("Invalid control character"):
        if found in "\r\n":
            return "the string before this has no closing quote on its line"
        return r"a tab in a string is written \t, other control characters \u...."
    if e.msg.startswith("Invalid \\"):
        return r"a backslash in a string is written \\ (in a path, / does as well)"
    if not found:
        return f"the text ends too early{_open_bracket(text)}"
    if found == "'":
        return f"strings take double quotes, found {shown}"
    if found in _CURLED:
        return f'strings take straight double quotes ("), found {shown}'
    if found in "/#":
        return 'comments do not exist; put the text into a "doc" field'
    if e.msg.startswith("Extra data"):
        return f"the spec has ended before this: nothing may follow, found {shown}"
    if e.msg.startswith("Expecting property name"):
        return f"a key in double quotes is expected, found {shown}"
    if e.msg.startswith("Expecting ':'"):
        return f"a ':' is expected between a key and its value, found {shown}"
    if e.msg.startswith("Expecting ','"):
        return _no_comma(text, e.pos, shown)
    if re.match(r"True|False|None", text[e.pos : e.pos + 5]):
        return f"write true, false or null, found {shown}"
    if found.isalpha():
        return f"a text takes double quotes, found {shown}"
    if found in ".+":
        return f"a number starts with a digit or '-', found {shown}"
    return f"a value is expected, found {shown}"


def _no_comma(text: str, offset: int, shown: str) -> str:
    """What the decoder takes for a missing comma, and what people meant."""
    found = text[offset]
    if found == ":":
        return f"a ':' stands in a list: is a ']' missing before it? found {shown}"
    if found in "]}":
        other = "}" if found == "]" else "]"
        return f"'{found}' closes nothing here: is a '{other}' missing before it?"
    if text[offset - 1].isdigit() and (found.isalnum() or found in "._"):
        return (
            f"a number has no extra 0 in front and digits on both sides of its '.', found {shown}"
        )
    return f"a comma is missing before {shown}"


def _open_bracket(text: str) -> str:
    """The innermost bracket that is still open where the text ends."""
    still_open: list[int] = []
    for mark in re.finditer(r"[{}\[\]]", _STRING.sub(lambda s: " " * len(s.group()), text)):
        if mark.group() in "{[":
            still_open.append(mark.start())
        elif still_open:
            still_open.pop()
    if not still_open:
        return ""
    line, column = line_column(text, still_open[-1])
    return f": nothing closes the '{text[still_open[-1]]}' of line {line}, column {column}"
