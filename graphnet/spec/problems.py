"""What is wrong with a spec: gathered as problems, raised as one error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphnet.errors import GraphnetError, ShapeError, SpecError, SpecLimitError, clipped

MOST_REPORTED = 10
Path = tuple[str | int, ...]
Kind = Literal["spec", "shape", "limit"]


@dataclass(frozen=True)
class Problem:
    """One mistake: its place in the file, and what was expected, found, and a way out.

    about: the node that it concerns, as a person names it; absent, the message starts with the
    JSON path. at_key: the mistake is the key itself, not its value.
    """

    at: Path
    text: str
    about: str | None = None
    kind: Kind = "spec"
    at_key: bool = False

    def line(self) -> str:
        where = json_path(self.at)
        return f"{self.about}: {self.text} ({where})" if self.about else f"{where}: {self.text}"


def json_path(at: Path) -> str:
    """("nodes", 1, "type") -> `nodes[1].type`; the file as a whole is `spec`."""
    text = ""
    for step in at:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text or "spec"


def error(problems: list[Problem], source: str, text: str | None) -> GraphnetError:
    """One error for all problems of a file, in the order of their places, ten at most.

    text: the JSON that the places are looked up in; None for a spec that was made in Python.
    """
    lines = []
    if text is None:
        lines = [f"{source}: {problem.line()}" for problem in problems]
    else:
        from graphnet.spec.positions import Positions  # only a spec with a mistake pays for it

        places = Positions(text)
        found = [(places.of(p.at, key=p.at_key), p.line()) for p in problems]
        found.sort(key=lambda item: item[0])
        lines = [f"{source}:{line}:{column}: {what}" for (line, column), what in found]
    unique = list(dict.fromkeys(clipped(line) for line in lines))
    shown = unique[:MOST_REPORTED]
    if len(unique) > MOST_REPORTED:
        shown.append(f"{source}: and {len(unique) - MOST_REPORTED} more")
    kinds = {problem.kind for problem in problems}
    cls = SpecLimitError if "limit" in kinds else SpecError if "spec" in kinds else ShapeError
    return cls("\n".join(shown))
