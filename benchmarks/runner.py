"""One case in one run: every side checked, then timed in turns."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from benchmarks.cases import Case, Family
from benchmarks.side import UnavailableError
from benchmarks.worker import SideError, Worker

TOLERANCE = 1e-3
PAUSE = 0.1
"""Seconds between two sides: the last one's idle threads spin for up to 30 ms before they sleep."""
Say = Callable[[str], None]


@dataclass
class Outcome:
    """What a case gave. Sides are named `family: variant`.

    times: seconds of each round. differences: greatest deviation from the first side.
    missing: why a family or a side is not there. failed: what went wrong with a side.
    """

    case: Case
    times: dict[str, list[float]] = field(default_factory=dict)
    differences: dict[str, float] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def disagreeing(self) -> list[str]:
        """Sides that compute something else; what is no number disagrees too."""
        return [side for side, found in self.differences.items() if not found <= TOLERANCE]


def run(case: Case, rounds: int, say: Say) -> Outcome:
    """Check and time all sides of a case."""
    outcome = Outcome(case)
    with ExitStack() as stack:
        sides: dict[str, tuple[Worker, str]] = {}
        for family in case.families:
            absent = absent_packages(family)
            if absent:
                outcome.missing[family.name] = f"{', '.join(absent)}: not installed"
                continue
            worker = stack.enter_context(Worker(family, case))
            try:
                for variant in worker.ask("variants"):
                    sides[side_name(family.name, variant)] = worker, variant
                outcome.versions |= worker.ask("versions")
            except UnavailableError as e:
                outcome.missing[family.name] = str(e)
            except SideError as e:
                outcome.failed[family.name] = str(e)
        _check(sides, outcome, say)
        _time(sides, outcome, rounds, say)
    return outcome


def _check(sides: dict[str, tuple[Worker, str]], outcome: Outcome, say: Say) -> None:
    reference = None
    for name, (worker, variant) in sides.items():
        say(f"{outcome.case.name}: {name}: what it computes")
        try:
            found = worker.ask("answer", variant)
        except UnavailableError as e:
            outcome.missing[name] = str(e)
            continue
        except SideError as e:
            outcome.failed[name] = str(e)
            continue
        outcome.times[name] = []
        if found is not None:
            reference = found if reference is None else reference
            outcome.differences[name] = difference(found, reference)


def _time(sides: dict[str, tuple[Worker, str]], outcome: Outcome, rounds: int, say: Say) -> None:
    def measure(name: str) -> float:
        worker, variant = sides[name]
        return worker.ask("measure", variant)

    def failed(name: str, error: SideError) -> None:
        outcome.failed[name] = str(error)

    say(f"{outcome.case.name}: {rounds} rounds over {len(outcome.times)} sides")
    outcome.times = interleave(list(outcome.times), measure, rounds, failed)
    for name in outcome.times:
        worker, variant = sides[name]
        if note := worker.ask("note", variant):
            outcome.notes[name] = note


def interleave(
    names: Sequence[str],
    measure: Callable[[str], float],
    rounds: int,
    failed: Callable[[str, SideError], None],
    pause: float = PAUSE,
) -> dict[str, list[float]]:
    """The times of each side: one round to warm up, then `rounds`, every side once in each.

    The order turns by one from round to round, so nobody always follows the same neighbour's
    place in line. A side that fails is left out from then on, and out of the result.
    """
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds + 1):
        for name in rotated(list(times), turn):
            try:
                seconds = measure(name)
            except SideError as e:
                failed(name, e)
                del times[name]
                continue
            if turn > 0:
                times[name].append(seconds)
            time.sleep(pause)
    return times


def rotated(names: Sequence[str], turn: int) -> list[str]:
    """The names, beginning with the one whose turn it is."""
    start = turn % len(names) if names else 0
    return [*names[start:], *names[:start]]


def difference(found: np.ndarray, reference: np.ndarray) -> float:
    """max |found - reference| / max(1, max |reference|); infinite where the shapes differ."""
    if np.shape(found) != np.shape(reference):
        return float("inf")
    scale = max(1.0, float(np.max(np.abs(reference))))
    return float(np.max(np.abs(np.subtract(found, reference, dtype=np.float64)))) / scale


def absent_packages(family: Family) -> list[str]:
    """The packages that a family needs and that are not installed."""
    return [name for name in family.needs if importlib.util.find_spec(name) is None]


def side_name(family: str, variant: str) -> str:
    """`family: variant`, or the family alone."""
    return f"{family}: {variant}" if variant else family


def belongs(side: str, names: Sequence[str]) -> bool:
    """Whether a side is one of `names`, or of a family among them."""
    return side in names or side.partition(":")[0] in names


def medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of each side's rounds, in seconds."""
    return {name: float(np.median(found)) for name, found in times.items() if found}
