"""A layer's formulas, forward and backward, out of its docstring."""

from __future__ import annotations

import re
from typing import NamedTuple

_LABELS = re.compile(r"(Shapes|Units|Errors|Source): (.*)")
_GRADIENT = re.compile(
    r"(?:(?:(?<=\. )With|(?<=: )with) [^.]*?)?"
    r"(?:each )?\bd[A-Za-z]\w*'?(?:\[i\])?(?: = d\w+)* \+?= "
)
"""Where a Source line goes on with a gradient."""


class Formulas(NamedTuple):
    """forward: the docstring's first paragraph; backward: what it says of gradients, empty where it
    says nothing; shapes: of what comes in and goes out; source: whose idea it is."""

    forward: str
    backward: str
    shapes: str
    source: str


def formulas_of(kind: type) -> Formulas:
    """The formulas of a layer or loss, each as one line."""
    parts = sections(kind.__doc__ or "")
    source, backward = source_and_gradient(parts.get("Source", ""))
    forward, shapes = (" ".join(parts.get(k, "").split()) for k in ("formula", "Shapes"))
    return Formulas(forward, backward, shapes, source)


def sections(doc: str) -> dict[str, str]:
    """A docstring in parts: "formula", "more", then Shapes, Units, Errors, Source as they come."""
    found = {"formula": "", "more": ""}
    at = "formula"
    for line in (line.strip() for line in doc.strip().splitlines()):
        head = _LABELS.match(line)
        if head:
            at, line = head[1], head[2]
        elif not line and at == "formula":
            at = "more"
        found[at] = f"{found.get(at, '')}\n{line}"
    return {name: text.strip() for name, text in found.items()}


def source_and_gradient(text: str) -> tuple[str, str]:
    """A Source line in its two parts: whose idea it is, and the gradients."""
    text = " ".join(text.split())
    found = _GRADIENT.search(text)
    if found is None:
        return text, ""
    return text[: found.start()].rstrip(" ;:,."), text[found.start() :]
