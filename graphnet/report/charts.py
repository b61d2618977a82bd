"""The kinds of plots: lines, bars, a matrix, reliability, points, a histogram."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphnet.errors import printable
from graphnet.layers.base import Array
from graphnet.report.plots import DASHES, INK, LINE, MARKERS, PAGE, SERIES, SOFT, plot, word

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 12
FIRST_ROUND = len(SERIES)
"""Lines beyond these have a colour for the second time, and markers however many points there are:
every one of 24 has a colour and a marker that no other has."""
MARKED = 15
"""Markers of a line that has more points than FEW_POINTS."""
LEGEND = 56
"""Letters that a row of a legend holds, seven of them for each line's sample."""
MOST_CELLS = 64
"""Classes of a matrix whose cells are drawn one by one, with their counts where they are few."""
FEW_CELLS = 14
MOST_NAMES = 40
"""Classes whose names stand beside such a matrix."""
FEW_POINTS = 25
FAR = 1e30
SPREAD = 50.0
"""How many times the least number is the largest, where an axis becomes logarithmic."""


def lines(
    name: str,
    label: str,
    series: Mapping[str, Sequence[float | None]],
    *,
    x: Sequence[float] | None = None,
    what: str = "",
    across: str = "epoch",
    mark: int | None = None,
    log: bool | None = None,
    colours: Sequence[int] | None = None,
    named: bool = False,
) -> str:
    """A line for each series, over x (default: 1, 2, ...); named: a single one has its name too.

    mark: the place of the best epoch; log: whether the axis may be logarithmic; default, where
    the numbers are positive and span far; colours: the number of each line's colour and dash.
    """
    titles = _told_apart(list(series))
    numbered = list(range(len(series))) if colours is None else colours
    columns = max(1, min(3, LEGEND // (max(map(len, titles), default=0) + 7), len(series)))
    rows = -(-len(series) // columns) if named or len(series) > 1 else 0
    with plot(name, label, height=2.75 + 0.2 * rows) as made:
        axes = made.axes
        for k, (label_of, values) in enumerate(zip(titles, series.values(), strict=True)):
            at = x if x is not None else range(1, len(values) + 1)
            pairs = [
                (a, v) for a, v in zip(at, values, strict=False) if v is not None and _drawn(v)
            ]
            colour = numbered[k]
            step = 1 if len(pairs) <= FEW_POINTS else -(-len(pairs) // MARKED)
            plain = step > 1 and all(k < FIRST_ROUND for k in numbered)
            axes.plot(
                [a for a, _ in pairs],
                [v for _, v in pairs],
                color=SERIES[colour % 6],
                linestyle=DASHES[(colour + colour // 6) % 6],
                marker=None if plain else MARKERS[colour % len(MARKERS)],
                markevery=step,
                markerfacecolor=PAGE if colour // len(MARKERS) % 2 else SERIES[colour % 6],
                label=label_of,
            )
        numbers = [v for values in series.values() for v in values if v is not None and _drawn(v)]
        _scale(axes, numbers, log)
        axes.set_xlabel(across)
        if across.startswith("epoch"):
            longest = max(map(len, series.values()), default=0)
            _whole(axes, (0.5, longest + 0.5) if x is None else (min(x), math.ceil(max(x))))
        axes.set_ylabel(word(what, 40))
        if mark is not None:
            best = mark + 1.0 if x is None else x[mark]
            axes.axvline(best, color=SOFT, linestyle=(0, (2, 2)), linewidth=1)
            axes.annotate(
                "best",
                (best, 1),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="bottom",
                color=SOFT,
                fontsize=9,
            )
        if rows:
            made.figure.legend(loc="outside upper left", ncols=columns)
    return made.svg


def matrix(name: str, label: str, counts: Array, names: Sequence[str]) -> str:
    """Shares of each row as cells of one colour; with the counts where the cells are few.

    Shapes: counts (C, C), a row the class that it is, a column the class that was found
    """
    count = len(names)
    few = count <= FEW_CELLS
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    with plot(name, label, height=4.5) as made:
        axes = made.axes
        axes.grid(False)
        for i in range(count):
            for j in range(count):
                share = float(shares[i, j])
                if counts[i, j]:
                    colour = SERIES[0] if i == j else SERIES[1]
                    deep = 0.2 + 0.8 * share
                    axes.add_patch(_cell(j, i, colour, deep))
                    if few:
                        ink = PAGE if deep > 0.55 else INK
                        size = 9 if count <= 10 else 7
                        text = f"{int(counts[i, j]):,}"
                        axes.text(j, i, text, ha="center", va="center", color=ink, fontsize=size)
        axes.set_xlim(-0.5, count - 0.5)
        axes.set_ylim(count - 0.5, -0.5)
        axes.set_aspect("equal")
        short = [word(n, 10) for n in names] if count <= MOST_NAMES else []
        long = any(len(n) > 3 for n in short) or count > FEW_CELLS
        small = 9.0 if count <= 16 else 6.5
        axes.set_xticks(range(len(short)), short, rotation=90 if long else 0, fontsize=small)
        axes.set_yticks(range(len(short)), short, fontsize=small)
        axes.tick_params(length=0)
        axes.set_xlabel("found")
        axes.set_ylabel("is")
    return made.svg


def bars(name: str, label: str, series: Mapping[str, Sequence[float]], names: Sequence[str]) -> str:
    """Bars that lie, from 0 to 1, for each name one of each series."""
    count = len(names)
    with plot(name, label, height=1.1 + 0.3 * count) as made:
        axes = made.axes
        high = 0.8 / len(series)
        for k, (title, values) in enumerate(series.items()):
            at = np.arange(count) + (k - (len(series) - 1) / 2) * high
            hatch = "" if k == 0 else "////"
            face = SERIES[k] if k == 0 else "none"
            style: dict[str, Any] = {"facecolor": face, "edgecolor": SERIES[k], "hatch": hatch}
            axes.barh(at, values, height=high * 0.86, label=title, linewidth=0.8, **style)
        axes.set_yticks(range(count), [word(n, 16) for n in names])
        axes.set_ylim(count - 0.5, -0.5)
        axes.set_xlim(0, 1)
        axes.grid(False, axis="y")
        made.figure.legend(loc="outside upper left", ncols=2)
    return made.svg


def reliability(name: str, label: str, bins: Array) -> str:
    """The share that is right in each bin of probability, beside the line where both are equal.

    Shapes: bins (B, 3): answers, sum of their probabilities, right ones
    """
    count = len(bins)
    with plot(name, label, height=3.3) as made:
        axes = made.axes
        dashed: dict[str, Any] = {"color": INK, "linestyle": (0, (4, 3)), "linewidth": 1.2}
        axes.plot([0, 1], [0, 1], zorder=3, label="calibrated", **dashed)
        there = np.flatnonzero(bins[:, 0])
        share = bins[there, 2] / bins[there, 0]
        style: dict[str, Any] = {"facecolor": SERIES[0], "edgecolor": PAGE}
        axes.bar((there + 0.5) / count, share, width=1 / count, label="right", **style)
        mean = bins[there, 1] / bins[there, 0]
        axes.plot(
            mean,
            share,
            color=SERIES[1],
            marker="D",
            markersize=5,
            linestyle="",
            label="mean probability",
            markeredgecolor=PAGE,
            clip_on=False,
            zorder=4,
        )
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xlabel("probability that the scores give")
        axes.set_ylabel("share that is right")
        made.figure.legend(loc="outside upper left", ncols=3)
    return made.svg


def points(name: str, label: str, truth: Array, found: Array) -> str:
    """What was found over what is right, beside the line where both are equal."""
    with plot(name, label, height=3.6) as made:
        axes = made.axes
        low = float(min(truth.min(), found.min()))
        high = float(max(truth.max(), found.max()))
        ends = [low, high]
        axes.plot(ends, ends, color=SOFT, linestyle=(0, (4, 3)), linewidth=1)
        axes.plot(truth, found, linestyle="", marker="o", markersize=3, color=SERIES[0], alpha=0.45)
        axes.locator_params(nbins=5)
        axes.set_xlabel("right")
        axes.set_ylabel("found")
    return made.svg


def histogram(name: str, label: str, counts: Array, edges: Array, across: str) -> str:
    """How many numbers lie between two edges each.

    Shapes: counts (B,), edges (B + 1,)
    """
    with plot(name, label) as made:
        axes = made.axes
        style: dict[str, Any] = {"facecolor": SERIES[0], "edgecolor": PAGE}
        axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", **style)
        axes.axvline(0, color=SOFT, linestyle=(0, (4, 3)), linewidth=1)
        axes.locator_params(axis="x", nbins=6)
        axes.set_xlabel(across)
        axes.set_ylabel("numbers")
        axes.set_ylim(bottom=0)
    return made.svg


def shares(name: str, label: str, values: Sequence[float], names: Sequence[str]) -> str:
    """Bars that lie, from 0 to 1, one for each name."""
    with plot(name, label, height=0.8 + 0.3 * len(names)) as made:
        axes = made.axes
        axes.barh(range(len(names)), values, height=0.6, facecolor=SERIES[0], edgecolor=LINE)
        axes.set_yticks(range(len(names)), [word(n, 18) for n in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlim(0, 1)
        axes.grid(False, axis="y")
    return made.svg


def _cell(x: int, y: int, colour: str, deep: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((x - 0.47, y - 0.47), 0.94, 0.94, facecolor=colour, alpha=deep, linewidth=0)


def _drawn(value: float) -> bool:
    """Whether a number has a place in a plot: those past FAR only stand in the table."""
    return value == 0 or 1 / FAR < abs(value) < FAR


def _scale(axes: Axes, numbers: Sequence[float], log: bool | None) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    there = [n for n in numbers if n > 0]
    least = SPREAD if log is None else 5.0
    far = bool(there) and max(there) > least * min(there)
    if far and (log or (log is None and len(there) == len(numbers))):
        axes.set_yscale("log")
        if max(there) < 500 * min(there):
            axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())


def _whole(axes: Axes, ends: tuple[float, float]) -> None:
    """An axis of epochs: whole ticks alone, one where there is one epoch."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlim(ends)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))


def _told_apart(titles: list[str]) -> list[str]:
    """Titles as they stand in a legend; where their beginnings are alike, their ends."""
    short = [word(title) for title in titles]
    if len(set(short)) == len(short):
        return short
    return [word(title[::-1])[::-1] for title in map(printable, titles)]
