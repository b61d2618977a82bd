"""A layer's formulas, forward and backward, out of its docstring."""

from __future__ import annotations

import inspect
import re
from typing import NamedTuple

_LABELS = ("Shapes", "Units", "Errors", "Source", "Gradient", "Example")
_GRADIENT = re.compile(r"\bd[A-Za-z]\w*(\[\w+\])?( = |, )")


class Formulas(NamedTuple):
    """forward: the docstring's first paragraph; backward: what it says of gradients, empty where it
    says nothing; shapes: of what comes in and goes out."""

    forward: str
    backward: str
    shapes: str
    source: str


def formulas_of(kind: type) -> Formulas:
    """The formulas of a layer or loss."""
    text = inspect.cleandoc(kind.__doc__ or "")
    first, _, rest = text.partition("\n\n")
    parts = _sections(rest)
    source = parts.get("Source", "")
    backward = parts.get("Gradient", "")
    found = _GRADIENT.search(source)
    if not backward and found is not None:
        source, backward = source[: found.start()].rstrip(" :;"), source[found.start() :]
    return Formulas(_line(first), _line(backward), _line(parts.get("Shapes", "")), _line(source))


def _sections(text: str) -> dict[str, str]:
    """What follows each label at the beginning of a line."""
    pieces = re.split(rf"^({'|'.join(_LABELS)}): ", text, flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def _line(text: str) -> str:
    return " ".join(text.split())
