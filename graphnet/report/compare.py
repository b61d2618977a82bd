"""Several trained networks side by side: their figures, their curves, and where specs differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from graphnet.network import Network
from graphnet.plan import Plan
from graphnet.report import charts
from graphnet.report.curves import PARTS, best_of, losses, measures, now
from graphnet.report.html import esc, figure, figures, nothing, numbers, p, page, table
from graphnet.report.plots import require_plots
from graphnet.report.training import epochs_table, figure_name
from graphnet.report.writing import measured
from graphnet.spec.canonical import canonical_text
from graphnet.training.resume import differences

MOST_DIFFERENCES = 50


class Run(NamedTuple):
    """A trained network under the name that it has here; equal ones are numbered where they are
    shown. Units: size, of its file, in bytes."""

    title: str
    net: Network
    size: int


def figures_of(runs: Sequence[Run]) -> tuple[list[str], list[list[str]]]:
    """A head and a row for each run: parameters, best epoch, loss, every figure, size. Of what a
    run did not measure the cell is empty.

    The loss is the mean over the steps of the epoch that the network is of; figures are those of
    that epoch too.
    """
    names: dict[str, None] = {}
    runs = numbered(runs)
    for run in runs:
        for part in reversed(PARTS):
            found = measures(run.net.history)
            names |= dict.fromkeys(f"{part}_{name}" for name in found if part in found[name])
    several = any("validation_loss" in (now(run.net) or {}) for run in runs)
    losses_shown = ["loss", *["validation_loss"] * several]
    rows = []
    for run in runs:
        entry, best = now(run.net) or {}, best_of(run.net)
        known = {**entry, **entry.get("metrics", {})}
        cells = [f"{Plan(run.net.graph).total().parameters:,}", f"{len(run.net.history):,}"]
        cells.append("" if best is None else str(best.place + 1))
        for name in (*losses_shown, *names):
            value = known.get(name)
            cells.append(measured(value) if isinstance(value, float) else "")
        rows.append([run.title, *cells, f"{run.size:,}"])
    shown = [_in_words(name) for name in (*losses_shown, *names)]
    return ["name", "parameters", "epochs", "best epoch", *shown, "bytes"], rows


def html_compare(runs: Sequence[Run]) -> str:
    """The page about these runs; the same runs give the same text.

    Errors: GraphnetError where matplotlib is not installed.
    """
    require_plots()
    runs = numbered(runs)
    head, rows = figures_of(runs)
    sections = [
        ("figures", "Figures", table("Each network as it is in its file", head, rows)),
        ("curves", "Curves", _curves(runs)),
        ("specs", "Specs", _specs(runs)),
    ]
    lead = p(f"{_networks(len(runs))} side by side, as their files tell of their training.")
    title = f"{len(runs)} training{'s' * (len(runs) != 1)} compared"
    return page(title, lead, sections)


def numbered(runs: Sequence[Run]) -> list[Run]:
    """The runs with titles that are there once: "b" and "b (2)"."""
    taken = {run.title for run in runs}
    seen: set[str] = set()
    found = []
    for run in runs:
        title = run.title
        if title in seen:
            free = (f"{title} ({k})" for k in count(2))
            title = next(name for name in free if name not in taken)
        taken.add(title)
        seen.add(title)
        found.append(run._replace(title=title))
    return found


def _networks(many: int) -> str:
    return f"{many} network{'s' * (many != 1)}"


def _curves(runs: Sequence[Run]) -> str:
    if not any(run.net.history for run in runs):
        return nothing("There are no curves: none of these networks has a history.")
    # By the place of the run: its title is no key.
    drawn: dict[str, dict[int, list[float | None]]] = {}
    for place, run in enumerate(runs):
        for part, values in losses(run.net.history).items():
            name = "loss" if part == "train" else f"{part}_loss"
            drawn.setdefault(name, {})[place] = values
        for name, series in measures(run.net.history).items():
            for part, values in series.items():
                drawn.setdefault(f"{part}_{name}", {})[place] = values
    made = []
    for k, (name, by_place) in enumerate(drawn.items()):
        title = _in_words(name)
        series = {runs[at].title: values for at, values in by_place.items()}
        label = f"{title} by epoch, of {_networks(len(series))}"
        picture = charts.lines(
            f"compare-{k}", label, series, what=title, colours=list(by_place), named=True
        )
        title = title[:1].upper() + title[1:]
        below = epochs_table(title, series, measured)
        made.append(figure(picture, f"{title}, epoch by epoch.", below))
    untold = [run.title for run in runs if not run.net.history]
    more = nothing(f"Without a history: {', '.join(untold)}.") if untold else ""
    return figures(made) + more


def _specs(runs: Sequence[Run]) -> str:
    """Where each spec differs from the first."""
    first, *others = runs
    before = json.loads(canonical_text(first.net.spec))
    parts = [p(f"What each spec has that the one of {first.title} has not.")]
    for run in others:
        after = json.loads(canonical_text(run.net.spec))
        found = list(differences(before, after))
        parts.append(f"<h3>{esc(run.title)}</h3>")
        if not found:
            parts.append(p("The specs are the same."))
            continue
        rows = [[str(k), text] for k, text in enumerate(found[:MOST_DIFFERENCES], 1)]
        left = len(found) - len(rows)
        parts.append(
            numbers(f"{run.title} beside {first.title}", ["number", "what"], rows, words=2)
        )
        parts += [p(f"{left} more are not shown.")] * bool(left)
    return "".join(parts)


def _in_words(name: str) -> str:
    """`test_accuracy` as a person says it."""
    part, _, rest = name.partition("_")
    if not rest:
        return name
    return f"{part} {figure_name(rest)}"
