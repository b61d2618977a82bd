"""A spec for a table: which columns are numbers, which are categories, and what is learnt."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from graphnet.data.room import bytes_of, require_room
from graphnet.data.table import WANTED
from graphnet.data.targets import held_out
from graphnet.declaration import did_you_mean
from graphnet.errors import quoted
from graphnet.prepare.files import open_file, problem, shown, text_lines
from graphnet.prepare.table import number_in
from graphnet.starting.begin import Found, one_of_each
from graphnet.starting.checks import (
    FEW_SAMPLES,
    LARGEST_INPUT,
    about_counts,
    about_test,
    check_spread,
)
from graphnet.starting.network import answer, graph, of_numbers, recipe, scores

MOST_VALUES = 50
"""Of a category that becomes inputs, one number each."""
MOST_CODES = 10
"""Different whole numbers of a target that still are names of classes."""
_DELIMITERS = ",;\t|"
_SHOWN = 5
SOME = 'show its first rows alone, name it in the spec\'s data, and write "stream": true beside it'


class Column(NamedTuple):
    """The cells of a column, as text and, where all of them are, as numbers."""

    name: str
    cells: list[str]
    numbers: list[float] | None
    empty: int | None
    """The row of the first empty cell, where there is one."""

    @property
    def values(self) -> list[str]:
        """The different cells, sorted."""
        return sorted(set(self.cells))


def of_table(path: str, target: str | None) -> Found:
    """The last column is learnt unless another is named."""
    place = Path(path)
    delimiter, header, lines, rows = _read(place)
    notes: list[str] = []
    if target is None:
        target = header[-1]
        notes.append(f"the last column, {quoted(target)}, is learnt: --target names another")
    elif target not in header:
        names = ", ".join(quoted(name, 40) for name in header[:8])
        hint = did_you_mean(target, header) or f"; its first line names {names}"
        raise problem(f"{place}:1", f"no column {quoted(target)}{hint}")
    columns = [_column(name, [row[i] for row in rows]) for i, name in enumerate(header)]
    (learnt,) = (column for column in columns if column.name == target)
    if learnt.empty is not None:
        what = f"column {quoted(target)} is empty: what is learnt stands in every row"
        raise problem(f"{place}:{lines[learnt.empty]}", what)
    inputs: dict[str, Any] = {}
    left_out: list[tuple[str, str]] = []
    for column in columns:
        if column is learnt:
            continue
        kind, why = _kind(column, len(rows))
        if why is not None:
            where = "" if column.empty is None else f" (line {lines[column.empty]})"
            left_out.append((column.name, f"{why}{where}"))
            notes.append(f"column {quoted(column.name)} stays out: {why}{where}")
            continue
        inputs[column.name] = kind
        if kind != "number" and _decimal_commas(column.values):
            what = "is taken for categories: write 1.5 for 1,5 to use it as numbers"
            notes.append(f"column {quoted(column.name)} {what}")
    if not inputs:
        reasons = "; ".join(f"{quoted(name, 40)}: {why}" for name, why in left_out[:3])
        more = f"; and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        what = f"no column is left to learn {quoted(target, 60)} from"
        raise problem(place, f"{what} ({reasons}{more})")
    width = sum(1 if kind == "number" else len(kind["values"]) for kind in inputs.values())
    data: dict[str, Any] = {"source": "csv", "train": path, "target": target}
    if left_out:
        data["unused"] = [name for name, _ in left_out]
    if delimiter != ",":
        data["delimiter"] = delimiter
    data["test_share"] = 0.2
    ending, what = _ending(learnt, shown(place), len(rows))
    classes = learnt.cells if "labels" in ending else None
    if classes is not None:
        notes += about_counts(Counter(classes), FEW_SAMPLES, "row")
    notes += about_test(held_out(len(rows), data["test_share"], classes))
    nodes = [*of_numbers(width, len(rows)), *ending.pop("nodes")]
    categories = sum(kind != "number" for kind in inputs.values())
    doc = f"{what}, from {len(rows):,} rows of {place.name}: {_counted(len(inputs), categories)}."
    body = {
        "inputs": {"x": {"shape": [width], "columns": inputs}},
        **graph("x", nodes),
        **ending,
        "data": data,
        "train": recipe(len(rows), lr=0.005, held_out=True),
    }
    return Found(doc, body, notes)


def _read(place: Path) -> tuple[str, list[str], list[int], list[list[str]]]:
    """Delimiter, header, and of every row its line and cells."""
    require_room(place, bytes_of(place), SOME)
    with open_file(place, WANTED) as file:
        lines = list(text_lines(file, place))
    if not lines or not lines[0].strip():
        raise problem(f"{place}:1", "the file is empty: its first line names the columns")
    delimiter = max(_DELIMITERS, key=lines[0].count)
    reader = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    numbers: list[int] = []
    rows: list[list[str]] = []
    try:
        header = next(reader)
        for cells in reader:
            if cells:
                numbers.append(reader.line_num)
                rows.append(cells)
    except csv.Error as e:
        raise problem(f"{place}:{reader.line_num}", f"is no CSV: {e}") from None
    if len(header) < 2:
        what = f"one column, {quoted(header[0], 60)}: what is learnt and what from are two or more"
        raise problem(f"{place}:1", what)
    twice = next((name for name, n in Counter(header).items() if n > 1 or not name.strip()), None)
    if twice is not None:
        raise problem(f"{place}:1", f"column {quoted(twice)}: each has a name of its own")
    if all(number_in(name) is not None for name in header):
        what = "its first line holds numbers alone, and should name the columns"
        raise problem(f"{place}:1", what)
    for line, cells in zip(numbers, rows, strict=True):
        if len(cells) != len(header):
            what = f"{len(cells)} cells, but the header names {len(header)} columns"
            raise problem(f"{place}:{line}", what)
    if len(rows) < 10:
        raise problem(place, f"{len(rows)} rows are too few to learn from: ten at least are needed")
    return delimiter, header, numbers, rows


def _column(name: str, cells: list[str]) -> Column:
    empty = next((i for i, cell in enumerate(cells) if not cell.strip()), None)
    found = [number_in(cell) for cell in cells]
    numbers = [number for number in found if number is not None]
    return Column(name, cells, numbers if len(numbers) == len(cells) else None, empty)


def _kind(column: Column, rows: int) -> tuple[Any, str | None]:
    """What an input column is, or why it can be none."""
    if column.empty is not None:
        return None, "a cell is empty: fill it to use the column"
    values = column.values
    if len(values) == 1:
        return None, f"it is {quoted(values[0], 40)} in every row"
    if column.numbers is not None:
        steps = {later - earlier for earlier, later in pairwise(column.numbers)}
        if steps == {1.0} and column.numbers[0] in (0, 1):
            return None, "it counts the rows"
        largest = max(map(abs, column.numbers))
        if largest > LARGEST_INPUT:
            return None, f"it holds a number of {largest:.3g}, too large for float32"
        return "number", None
    if len(values) > min(MOST_VALUES, rows / 2):
        remedy = ": write 1.5 for 1,5 to use it as numbers" if _decimal_commas(values) else ""
        return None, f"{len(values):,} different texts are too many categories{remedy}"
    if max(map(len, values)) > 200:
        return None, "it holds texts of more than 200 characters"
    return {"type": "category", "values": values}, None


def _decimal_commas(values: Sequence[str]) -> bool:
    return all(number_in(value.replace(",", ".", 1)) is not None for value in values)


def _ending(column: Column, where: str, rows: int) -> tuple[dict[str, Any], str]:
    """The last nodes with loss and labels, and what they say."""
    values = column.values
    numbers = column.numbers
    codes = numbers is not None and all(number == int(number) for number in numbers)
    if numbers is not None and not (codes and len(values) <= min(MOST_CODES, rows / 10)):
        mean = math.fsum(numbers) / rows
        std = math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / rows)
        check_spread(where, f"column {quoted(column.name, 60)}", mean, std)
        if std == 0:
            raise problem(where, f"column {quoted(column.name)} is {values[0]} in every row")
        found = {"nodes": answer(1, mean, std), "loss": {"type": "MeanSquaredError"}}
        return found, f"The number {quoted(column.name)}"
    if len(values) > max(2, rows / 5):
        what = f"column {quoted(column.name)} has {len(values):,} different values in {rows:,} rows"
        raise problem(where, f"{what}: those are no classes; name what is learnt with --target")
    labels = one_of_each(values, f"column {quoted(column.name)}", where)
    if codes:
        labels.sort(key=float)
    found = {"nodes": [scores(len(labels))], "loss": {"type": "SoftmaxWithLoss"}, "labels": labels}
    return found, f"Which of {len(labels)} classes {quoted(column.name)} is: {_listed(labels)}"


def _counted(columns: int, categories: int) -> str:
    """What kinds of columns come in, and what becomes of them."""
    found = []
    if numbers := columns - categories:
        found.append(f"{numbers} column{'s' * (numbers > 1)} of numbers, which are standardised")
    if categories:
        text = f"{categories} of categories, of which each value is an input of its own"
        found.append(text if found else text.replace(" of", " column of", 1))
    return ", and ".join(found)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)
