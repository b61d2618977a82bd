"""RESULTS.md: ratios beside targets first, then every side of every case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.cases import FLOOR, OURS, Case, Target, Training
from benchmarks.runner import TOLERANCE, Outcome, belongs, medians

HEAD = """# Results

Written by `make bench`; each figure is the median of {rounds} rounds after a warm-up. A round is
every side once, in turning order; every framework has a process of its own. All sides start from
the same weights and take the same batches, and their losses or scores agree within {tolerance:g}.
The ratio is graphnet's time by that of the fastest side of the peers named.
"""


@dataclass(frozen=True)
class Ratio:
    """One target of a case with what was measured; None where a side of it is not there."""

    target: Target
    ours: float | None
    best: str | None
    theirs: float | None

    @property
    def value(self) -> float | None:
        """Our median by that of the best peer."""
        if self.ours is None or self.theirs is None:
            return None
        return self.ours / self.theirs

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        if self.value is None:
            return "not measured"
        return "met" if self.value <= self.target.at_most else "missed"


def ratios(outcome: Outcome) -> list[Ratio]:
    """The targets of a case, measured."""
    found = medians(outcome.times)
    result = []
    for target in outcome.case.targets:
        peers = {name: found[name] for name in found if belongs(name, target.against)}
        best = min(peers, key=peers.__getitem__, default=None)
        theirs = None if best is None else peers[best]
        result.append(Ratio(target, found.get(target.ours), best, theirs))
    return result


def text(
    outcomes: Sequence[Outcome],
    rounds: int,
    processor: str,
    versions: Mapping[str, str],
    load: str,
) -> str:
    """The whole report, as Markdown."""
    parts = [HEAD.format(rounds=rounds, tolerance=TOLERANCE)]
    parts.append(f"Processor: {processor}. Load of the machine before the run: {load}.\n")
    every = dict(versions)
    for outcome in outcomes:
        every |= outcome.versions
    parts.append("Versions: " + ", ".join(f"{k} {v}" for k, v in every.items()) + ".\n")
    parts.append(_missing(outcomes))
    parts.append(_problems(outcomes))
    parts.append("## Ratios\n\n" + _ratio_table(outcomes))
    parts.append(_floor_table(outcomes))
    parts.append("## Every side\n")
    parts += [_sides(outcome) for outcome in outcomes]
    return "\n".join(part for part in parts if part)


def problems(outcomes: Sequence[Outcome]) -> list[str]:
    """What makes the run a failed one: sides that failed, or that compute something else."""
    found = []
    for outcome in outcomes:
        name = outcome.case.name
        found += [f"{name}: {side}: failed: {why}" for side, why in outcome.failed.items()]
        for side in outcome.disagreeing:
            found.append(f"{name}: {side}: disagrees by {outcome.differences[side]:.2g}")
    return found


def missing(outcomes: Sequence[Outcome]) -> list[str]:
    """What was left out, and why: `family: reason (cases)`."""
    cases: dict[str, list[str]] = {}
    for outcome in outcomes:
        for side, why in outcome.missing.items():
            cases.setdefault(f"{side}: {why}", []).append(outcome.case.name)
    return [f"{what} ({', '.join(names)})" for what, names in cases.items()]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table, the first of them its head."""
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    lines.insert(1, "| " + " | ".join("---" for _ in rows[0]) + " |")
    return "\n".join(lines) + "\n"


def figure(seconds: float | None, case: Case) -> str:
    """A time in the case's unit, with three digits."""
    if seconds is None:
        return "-"
    value = seconds * case.factor
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _missing(outcomes: Sequence[Outcome]) -> str:
    lines = missing(outcomes)
    return "Missing:\n\n" + "".join(f"- {line}\n" for line in lines) if lines else ""


def _problems(outcomes: Sequence[Outcome]) -> str:
    lines = problems(outcomes)
    return "**Errors**:\n\n" + "".join(f"- {line}\n" for line in lines) if lines else ""


def _ratio_table(outcomes: Sequence[Outcome]) -> str:
    rows = [["case", "against", "graphnet", "peer", "unit", "best side", "ratio", "at most", ""]]
    for outcome in outcomes:
        for ratio in ratios(outcome):
            rows.append(
                [
                    outcome.case.title,
                    ratio.target.what,
                    figure(ratio.ours, outcome.case),
                    figure(ratio.theirs, outcome.case),
                    outcome.case.unit,
                    ratio.best or "-",
                    "-" if ratio.value is None else f"{ratio.value:.2f}",
                    f"{ratio.target.at_most:.2f}",
                    ratio.verdict,
                ]
            )
    return table(rows)


def _floor_table(outcomes: Sequence[Outcome]) -> str:
    rows = []
    for outcome in outcomes:
        found = medians(outcome.times)
        floors = {name: found[name] for name in found if belongs(name, [FLOOR.name])}
        if not isinstance(outcome.case, Training) or not floors:
            continue
        ours = found.get(OURS.name)
        row = [outcome.case.title, figure(ours, outcome.case)]
        for name, seconds in floors.items():
            share = "-" if ours is None else f"{seconds / ours:.0%}"
            row += [f"{name.partition(': ')[2]}: {figure(seconds, outcome.case)} ms", share]
        rows.append(row)
    if not rows:
        return ""
    widest = max(len(row) for row in rows)
    head = ["case", "graphnet, ms a step", *("GEMM floor", "share") * ((widest - 2) // 2)]
    about = (
        "The GEMM floor is the matrix products of a step alone, in plain NumPy; with several "
        "threads each has its shard of the batch and BLAS on one thread. The share is floor / "
        "graphnet.\n\n"
    )
    return "## Share of the GEMM floor\n\n" + about + table([head, *rows])


def _sides(outcome: Outcome) -> str:
    case = outcome.case
    rows = [["side", case.unit, "quartiles", "difference", ""]]
    ordered = sorted(medians(outcome.times).items(), key=lambda one: one[1])
    for name, seconds in ordered:
        low, high = np.percentile(outcome.times[name], [25, 75])
        differs = outcome.differences.get(name)
        wrong = name in outcome.disagreeing
        rows.append(
            [
                name,
                figure(seconds, case),
                f"{figure(low, case)} to {figure(high, case)}",
                "-" if differs is None else f"{differs:.1e}",
                "DISAGREES" if wrong else outcome.notes.get(name, ""),
            ]
        )
    rows += [[name, "-", "-", "-", f"FAILED: {why}"] for name, why in outcome.failed.items()]
    rows += [[name, "-", "-", "-", f"missing: {why}"] for name, why in outcome.missing.items()]
    return f"### {case.title}\n\n" + table(rows)
