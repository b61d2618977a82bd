"""What a campaign is, and the table of all of them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

GROUPS = {
    "fuzz": (
        *("campaigns.audit", "campaigns.bundles", "campaigns.readers"),
        *("campaigns.limits", "campaigns.bombs", "campaigns.samples", "campaigns.overflows"),
        "campaigns.requests",
    ),
    "soak": ("campaigns.saving", "campaigns.faults", "campaigns.resuming"),
}
"""The modules of each group; each has a tuple CAMPAIGNS."""


@dataclass
class Result:
    """cases: how many were tried; verdicts: how often each end was seen; wrong: a line for each
    case that broke the promise, the first hundred; faults: how many did."""

    cases: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    faults: int = 0

    def count(self, end: str, number: int = 1) -> None:
        """So many cases ended so."""
        self.cases += number
        self.verdicts[end] = self.verdicts.get(end, 0) + number

    def blame(self, line: str) -> None:
        """A case broke the promise."""
        self.faults += 1
        if len(self.wrong) < 100:
            self.wrong.append(line)

    def add(self, other: Result) -> None:
        """What another part of the campaign found."""
        for end, number in other.verdicts.items():
            self.count(end, number)
        self.faults += other.faults
        self.wrong = (self.wrong + other.wrong)[:100]


@dataclass(frozen=True)
class Campaign:
    """promise: its number in docs/security.md; what: in one line, for the report; cases: of a full
    run; run(cases, without): does so many, with the protection of that name taken out, or None;
    protections: those names, each with the number of cases after which it must have been missed.
    """

    name: str
    promise: int
    what: str
    cases: int
    run: Callable[[int, str | None], Result]
    protections: dict[str, int] = field(default_factory=dict)


def campaigns(group: str) -> list[Campaign]:
    """All campaigns of a group."""
    return [c for module in GROUPS[group] for c in importlib.import_module(module).CAMPAIGNS]
