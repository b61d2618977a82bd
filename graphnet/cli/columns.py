"""Epochs as rows of a table: which columns there are, and which of them fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from graphnet.errors import printable
from graphnet.training.result import EpochResult

GAP = "  "
BEST = "best"
_LONGEST_TITLE = 20


class Row(NamedTuple):
    """What one row tells: an epoch, its learning rate at the end, and samples a second."""

    result: EpochResult
    lr: float
    rate: float


class Column(NamedTuple):
    """head: the part that is measured; title: the figure; rank: the highest goes first where the
    table is too wide."""

    head: str
    title: str
    width: int
    rank: int
    cell: Callable[[Row], str]


class EpochTable:
    """Header and rows of a run, as wide as `width` at most where that can be.

    The columns are those that the first epoch measured; of each part one figure comes first.
    """

    def __init__(self, first: EpochResult, epochs: int, width: int, *, scheduled: bool) -> None:
        columns = list(_columns(first, epochs, scheduled))
        keeps_best = first.best_epoch is not None
        room = width - (len(GAP + BEST) if keeps_best else 0)
        while _width(columns) > room and len(columns) > 2:
            columns.remove(max(columns, key=lambda column: column.rank))
        self.columns = columns

    def header(self) -> list[str]:
        """Two lines: parts, each over the first of its figures, and the figures."""
        heads, before, end = "", "", 0
        for column in self.columns:
            end += column.width + len(GAP)
            if column.head and column.head != before:
                start = end - len(GAP) - len(column.head)
                if heads:  # a long name over a narrow column goes on to the right
                    start = max(start, len(heads) + len(GAP))
                heads = heads.ljust(start) + column.head
            before = column.head
        titles = GAP.join(column.title.rjust(column.width) for column in self.columns)
        return [heads, titles]

    def row(self, row: Row) -> str:
        """One epoch, the best so far marked."""
        cells = [column.cell(row).rjust(column.width) for column in self.columns]
        best = GAP + BEST if row.result.best_epoch == row.result.epoch else ""
        return GAP.join(cells) + best


def _width(columns: list[Column]) -> int:
    return sum(column.width for column in columns) + len(GAP) * (len(columns) - 1)


def _columns(first: EpochResult, epochs: int, scheduled: bool) -> list[Column]:
    digits = len(str(epochs))
    found = [
        Column(
            "",
            "epoch",
            max(5, 2 * digits + 1),
            0,
            lambda row: f"{row.result.epoch:>{digits}}/{epochs}",
        ),
        Column("", "loss", 8, 0, lambda row: number(row.result.loss)),
    ]
    for part, rank in (("train", 4), ("validation", 2), ("test", 1)):
        names = _figures(first, part)
        for i, name in enumerate(names):
            # Of several figures of a part the first counts, and a validation's loss.
            rank_of = rank + (0 if i == 0 else 1 if name == "loss" else 10 + i)
            found.append(_figure(part, name, rank_of))
    if scheduled:
        found.append(Column("", "lr", 8, 6, lambda row: f"{row.lr:.3g}"))
    found.append(Column("", "samples/s", 9, 7, lambda row: f"{row.rate:,.0f}"))
    found.append(Column("", "time", 7, 8, lambda row: seconds(row.result.seconds)))
    return found


def _figures(result: EpochResult, part: str) -> list[str]:
    """The names of what was measured of a part; its accuracy first."""
    names = [name for name in result.metrics if name.startswith(f"{part}_")]
    names = [name.removeprefix(f"{part}_") for name in names]
    found = []
    accuracy = f"{part}_accuracy" in result.numbers()
    if accuracy and not any(name.startswith("accuracy/") for name in names):
        found.append("accuracy")
    if part == "validation" and result.validation_loss is not None:
        names.insert(0 if found else 1, "loss")
    return found + names


def _figure(part: str, name: str, rank: int) -> Column:
    key = f"{part}_{name}"

    def cell(row: Row) -> str:
        value = row.result.numbers().get(key)
        return "" if value is None else number(value)

    # The name of a figure may hold that of a class, a stranger's text.
    title = printable(name)
    if len(title) > _LONGEST_TITLE:
        title = title[: _LONGEST_TITLE - 2] + ".."
    return Column(part, title, max(len(title), 8), rank, cell)


def number(value: float) -> str:
    """A figure in eight characters, nine where it is below 0: of a small one, digits that count."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e3 else f"{value:.2e}"


def seconds(value: float) -> str:
    """A time in seven characters: 45 ms, 0.12 s, 12.3 s, 1:02:03."""
    if value < 0.1:
        return f"{value * 1000:.0f} ms"
    if value < 100:
        return f"{value:.2f} s" if value < 10 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
