"""What is wrong with a spec: gathered as problems, raised as one error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from graphnet.declaration import below as below
from graphnet.errors import GraphnetError, ShapeError, SpecError, SpecLimitError, clipped, quoted

MOST_REPORTED = 10
Path = tuple[str | int, ...]
Kind = Literal["spec", "shape", "limit"]


@dataclass(frozen=True)
class Problem:
    """One mistake: its place in the file, and what was expected, found, and a way out.

    about: the node that it concerns, as a person names it; absent, the message starts with the
    JSON path. at_key: the mistake is the key itself, not its value. expanded: the node that a
    block's node became, where the mistake showed; others: in how many more it showed.
    """

    at: Path
    text: str
    about: str | None = None
    kind: Kind = "spec"
    at_key: bool = False
    expanded: str | None = None
    others: int = 0

    def line(self) -> str:
        where, more = json_path(self.at), f" and {self.others} more" if self.others else ""
        if self.about:
            return f"{self.about}{more}: {self.text} ({where})"
        if self.expanded:
            return f"{where}: {self.text} (expanded: {quoted(self.expanded, 160)}{more})"
        return f"{where}: {self.text}"


def json_path(at: Path) -> str:
    """("nodes", 1, "type") -> `nodes[1].type`; the file as a whole is `spec`."""
    text = ""
    for step in at:
        if isinstance(step, int) or not re.fullmatch(r"[\w$-]{1,150}", step):
            text += f"[{quoted(step)}]"
        else:
            text += f".{step}" if text else step
    return text or "spec"


def error(problems: list[Problem], source: str, text: str | None) -> GraphnetError:
    """One error for all problems of a file, in the order of their places, ten at most.

    text: the JSON that the places are looked up in; None for a spec that was made in Python.
    """
    if text is None:
        lines = list(dict.fromkeys(f"{source}: {problem.line()}" for problem in problems))
        count, shown = len(lines), lines[:MOST_REPORTED]
    else:
        from graphnet.spec.positions import Positions, line_column  # only for wrong specs

        above = {problem.at[:n] for problem in problems for n in range(len(problem.at) + 1)}
        places = Positions(text, above)
        found = [(places.offset(p.at, key=p.at_key), p.line()) for p in problems]
        unique = list(dict.fromkeys(sorted(found, key=lambda item: item[0])))
        count, shown = len(unique), []
        for offset, what in unique[:MOST_REPORTED]:
            line, column = line_column(text, offset)
            shown.append(f"{source}:{line}:{column}: {what}")
    if count > MOST_REPORTED:
        shown.append(f"{source}: and {count - MOST_REPORTED} more")
    kinds = {problem.kind for problem in problems}
    cls = SpecLimitError if "limit" in kinds else SpecError if "spec" in kinds else ShapeError
    return cls("\n".join(clipped(line) for line in shown))
