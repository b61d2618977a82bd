"""Training samples from the rows of CSV files."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.data.dataset import Array, Dataset, Split
from graphnet.data.room import bytes_of, require_room
from graphnet.data.targets import (
    Complaints,
    Target,
    answers,
    held_out,
    labels_found,
    named_targets,
)
from graphnet.errors import DatasetError, clipped, quoted
from graphnet.inputs import dtype_of
from graphnet.prepare.files import open_file, problem, shown
from graphnet.prepare.table import ColumnPreparation, Kind, Row, TableReader
from graphnet.spec.columns import MAX_VALUES, CategoryColumn, Column, NumberColumn
from graphnet.spec.graph import GraphSpec
from graphnet.spec.prepared import FittedColumn, Prepared, TableForm, columns_of
from graphnet.spec.reader import resolve
from graphnet.spec.sources import Csv

WANTED = "a CSV file with a header"
NO_ROW = "there is no row behind the header"
Named = Sequence[tuple[Target, tuple[str, ...]]]
_TEXTS = 5
"""First rows with a text where a number is expected, after which the column is what is wrong."""


@dataclass(frozen=True)
class Table:
    """The cells of a file by column, and the line of each row."""

    name: str
    lines: list[int]
    cells: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.lines)

    def part(self, chosen: NDArray[np.bool_]) -> Table:
        """Some of the rows."""
        rows = [int(i) for i in np.flatnonzero(chosen)]
        cells = {key: [column[i] for i in rows] for key, column in self.cells.items()}
        return Table(self.name, [self.lines[i] for i in rows], cells)

    @property
    def places(self) -> list[str]:
        """`file:line` of each row."""
        return [f"{self.name}:{line}" for line in self.lines]


def load_csv(spec: GraphSpec, data: Csv, folder: Path, fitted: Prepared | None = None) -> Dataset:
    """The rows of a CSV source as numbers.

    fitted: what an earlier training was fitted to, used as it is; None: fitted to the train part.
    Errors: DatasetError with file and line, ten rows at most.
    """
    targets = named_targets(resolve(spec), data.targets)
    kinds, numbers = kinds_of(spec, targets)
    for path in filter(None, (data.train, data.test)):
        require_room(folder / path, bytes_of(folder / path))
    train = read_table(folder / data.train, kinds, data.unused, data.delimiter, numbers)
    test = None
    if data.test is not None:
        test = read_table(folder / data.test, kinds, data.unused, data.delimiter)
    if data.test_share is not None:
        classes = [train.cells[names[0]] for target, names in targets if target.classes is not None]
        chosen = held_out(len(train), data.test_share, classes[0] if len(classes) == 1 else None)
        train, test = train.part(~chosen), train.part(chosen)
    prepared = fitted or _fit(spec, data, targets, train)

    def split(table: Table) -> Split:
        return _split(spec, targets, prepared, table)

    return Dataset("csv", split(train), split(test) if test else None, prepare=prepared)


def kinds_of(spec: GraphSpec, targets: Named) -> tuple[dict[str, Kind], set[str]]:
    """What each column holds that is needed, and which of the numbers are learnt.

    Errors: DatasetError for a target that is not of one column.
    """
    kinds: dict[str, Kind] = {}
    for given in spec.inputs.values():
        for key, column in (given.columns or {}).items() if given.value is None else ():
            kinds[key] = "number" if isinstance(column, NumberColumn) else "category"
    for target, names in targets:
        if target.classes is not None and (len(names) != 1 or len(target.scores) > 1):
            what = f"'{target.output}' gives {target.scores}: its target is one column of labels"
            raise DatasetError(clipped(f"{spec.name}: {what}"))
        kinds |= dict.fromkeys(names, "category" if target.classes is not None else "number")
    return kinds, {name for t, names in targets if t.classes is None for name in names}


def read_table(
    path: Path,
    kinds: Mapping[str, Kind],
    unused: Sequence[str],
    delimiter: str,
    learnt: Container[str] = (),
) -> Table:
    """All rows of a file.

    learnt: columns of numbers that are targets.
    Errors: DatasetError; a column of numbers that holds texts from the first rows on is one error.
    """
    lines: list[int] = []
    cells: dict[str, list[Any]] = {key: [] for key in kinds}
    columns = list(cells.values())
    # One text for equal cells: a category has few values and many rows.
    known: dict[Any, Any] = {}
    with open_file(path, WANTED) as file:
        reader = TableReader(file, path, kinds, unused, delimiter)
        for row in good_rows(reader, path, learnt):
            lines.append(row.line)
            for column, cell in zip(columns, row.cells, strict=True):
                column.append(known.setdefault(cell, cell) if type(cell) is str else cell)
    if not lines:
        raise problem(path, NO_ROW)
    return Table(shown(path), lines, cells)


def good_rows(
    reader: TableReader, path: Path, learnt: Container[str] = (), *, begun: bool = False
) -> Iterator[Row]:
    """The rows of a file, none of them bad.

    learnt: columns of numbers that are targets. begun: whether good rows came before.
    Errors: DatasetError, at the end of the file or for ten bad rows; a column of numbers that holds
    texts from the first rows on is one error.
    """
    complaints = Complaints()
    texts: dict[str, int] = {}
    for row in reader:
        if row.texts is not None and not begun:
            texts[row.texts] = texts.get(row.texts, 0) + 1
            if texts[row.texts] == _TEXTS:
                raise problem(path, _no_numbers(row.texts, learnt))
        if row.problem is not None:
            complaints.add(row.problem)
            continue
        begun = True
        yield row
    complaints.done()


def _no_numbers(column: str, learnt: Container[str]) -> str:
    """What to do with a column of numbers that is one of texts."""
    what = f"column {quoted(column)} is one of numbers for the spec, but its rows hold texts: "
    if column in learnt:
        return f"{what}the loss learns numbers; SoftmaxWithLoss learns classes"
    return f"{what}write \"category\" for it, or name it in 'unused' of the data"


def _fit(
    spec: GraphSpec,
    data: Csv,
    targets: Named,
    train: Table,
) -> Prepared:
    """What the spec leaves to the training part."""
    columns = {
        name: {key: _fitted(key, column, train) for key, column in open_ones.items()}
        for name, open_ones in open_columns(spec).items()
    }
    labels = {
        target.output: labels_found(
            target, f"{train.name}: column {quoted(names[0])}", train.cells[names[0]]
        )
        for target, names in targets
        if target.classes is not None and target.labels is None
    }
    return Prepared(columns=columns, labels=labels, table=form_of(data, targets))


def open_columns(spec: GraphSpec) -> dict[str, dict[str, Column]]:
    """Of each input the columns whose mean or values the spec leaves to the training part."""
    found = {}
    for name, given in spec.inputs.items():
        if given.value is None and given.columns is not None:
            open_ones = {
                key: column
                for key, column in given.columns.items()
                if (column.mean if isinstance(column, NumberColumn) else column.values) is None
            }
            if open_ones:
                found[name] = open_ones
    return found


def form_of(data: Csv, targets: Named) -> TableForm:
    """What the bundle keeps of how its tables are written."""
    unused = [name for _, names in targets for name in names] + list(data.unused)
    return TableForm(delimiter=data.delimiter, unused=tuple(sorted(unused)))


def _fitted(key: str, column: Column, train: Table) -> FittedColumn:
    cells = train.cells[key]
    if isinstance(column, CategoryColumn):
        return fitted_values(train.name, key, set(cells))
    # Sums that are rounded once: the same numbers on every machine.
    try:
        mean = math.fsum(cells) / len(cells)
        std = math.sqrt(math.fsum((cell - mean) ** 2 for cell in cells) / len(cells))
    except OverflowError:
        mean = std = math.inf
    return fitted_numbers(train.name, key, mean, std, cells[0])


def fitted_values(name: str, key: str, found: set[str]) -> FittedColumn:
    """The values of a category.

    Errors: DatasetError for too many of them, or too long ones.
    """
    values = tuple(sorted(found))
    if len(values) > MAX_VALUES or len(longest := max(values, key=len)) > 200:
        what = f"{len(values):,} values" if len(values) > MAX_VALUES else quoted(longest)
        what += f": a category has at most {MAX_VALUES:,} values of 200 characters"
        raise problem(name, f"column {quoted(key)}: {what}")
    return FittedColumn(values=values)


def fitted_numbers(name: str, key: str, mean: float, std: float, first: float) -> FittedColumn:
    """The statistics of a column of numbers, of which this is the first.

    Errors: DatasetError where they are not finite, or the numbers are all the same.
    """
    if not (math.isfinite(mean) and math.isfinite(std)):
        raise problem(name, f"column {quoted(key)}: its numbers are too large for a mean")
    if std <= abs(mean) * 1e-15:
        what = f"is {first!r} in every row of the training part, so its std is 0"
        remedy = "name it in 'unused', or give its 'mean' and 'std' in the spec"
        raise problem(name, f"column {quoted(key)} {what}: {remedy}")
    return FittedColumn(mean=mean, std=std)


def _split(
    spec: GraphSpec,
    targets: Named,
    prepared: Prepared,
    table: Table,
) -> Split:
    complaints = Complaints()
    inputs: dict[str, Array] = {}
    for name, given in spec.inputs.items():
        if given.value is not None:
            continue
        columns = columns_of(given, prepared, name)
        try:
            preparation = ColumnPreparation(columns, given.shape, dtype_of(spec, name))
        except DatasetError as e:
            raise problem(table.name, str(e)) from None
        inputs[name], wrong = preparation.numbers(table.cells)
        for i in sorted(wrong):
            complaints.add(f"{table.name}:{table.lines[i]}: {wrong[i]}")
    complaints.done()
    cells = [[table.cells[name] for name in names] for _, names in targets]
    return Split(inputs, answers(targets, cells, prepared, table.places, table.name))
