"""Rows of a CSV file -> the numbers that a network takes, as the input's `columns` declare."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Literal, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from graphnet.declaration import Shape, did_you_mean
from graphnet.errors import DatasetError, clipped, quoted
from graphnet.prepare.files import problem, shown, text_lines
from graphnet.spec.columns import Column, NumberColumn

Array = NDArray[Any]
Kind = Literal["number", "category"]
_CSV = {
    "new-line": "a line ends with \\r alone: save it with \\n or \\r\\n",
    "unexpected": "the quotes that are opened here do not close",
    "field": "a cell of more than 131,072 characters: do its quotes close?",
}
"""What the reader finds wrong, by its first word."""


class Row(NamedTuple):
    """One row: the line on which it starts, its cells in the order that was asked for, and what is
    wrong with it, if anything is. texts: the column of numbers in which it has another text."""

    line: int
    cells: list[Any]
    problem: str | None = None
    texts: str | None = None


class TableReader:
    """The rows of a CSV file with a header, one by one.

    wanted: the columns that must be there, a number's cells as floats, a category's as text.
    unused: those that may be there besides. Empty lines may follow the last row.
    after: how many lines of the file there are, which this one has not, behind its header.

    Errors: DatasetError `file:line: ...` where nothing more can be read: another header, no
    UTF-8, quotes that do not close. A bad row is a Row with a `problem`.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str | os.PathLike[str],
        wanted: Mapping[str, Kind],
        unused: Sequence[str] = (),
        delimiter: str = ",",
        after: int = 0,
    ) -> None:
        self.name = shown(name)
        self._after = after
        self._reader = csv.reader(
            text_lines(file, name, after), delimiter=delimiter, strict=True, skipinitialspace=True
        )
        self._line = 1
        header = self._next()
        if header is None:
            raise problem(self.name, "the file is empty: its first line names the columns")
        self.header = header
        self._check(header, wanted, unused)
        self._columns = [(key, header.index(key), kind == "number") for key, kind in wanted.items()]
        self._width = len(header)

    def __iter__(self) -> Iterator[Row]:
        empty = 0
        while True:
            self._line = line = self._reader.line_num + 1 + self._after
            cells = self._next()
            if cells is None:
                return
            if not cells:
                empty = empty or line
                continue
            if empty:
                yield self._bad(empty, "an empty line: take it out")
                empty = 0
            yield self._row(line, cells)

    def _row(self, line: int, cells: list[str]) -> Row:
        if len(cells) != self._width:
            what = f"{len(cells)} cells, but the header names {self._width} columns"
            return self._bad(line, what)
        found: list[Any] = []
        for key, at, number in self._columns:
            cell = cells[at]
            if not cell.strip():
                return self._bad(
                    line, f"column {quoted(key)} is empty: fill it, or leave the row out"
                )
            if number:
                value = number_in(cell)
                if value is None:
                    what = f"column {quoted(key)}: a finite number is expected, found"
                    return self._bad(line, f"{what} {quoted(cell)}")._replace(texts=key)
                found.append(value)
            else:
                found.append(cell)
        return Row(line, found)

    def _bad(self, line: int, what: str) -> Row:
        return Row(line, [], clipped(f"{self.name}:{line}: {what}"))

    def _next(self) -> list[str] | None:
        try:
            return next(self._reader, None)
        except csv.Error as e:
            what = _CSV.get(str(e).split(" ")[0], str(e))
            raise problem(f"{self.name}:{self._line}", f"is no CSV: {what}") from None

    def _check(self, header: list[str], wanted: Mapping[str, Kind], unused: Sequence[str]) -> None:
        where = f"{self.name}:1"
        if len(set(header)) < len(header):
            twice = next(key for key, count in Counter(header).items() if count > 1)
            raise problem(where, f"column {quoted(twice)} is named twice")
        present = set(header)
        missing = [key for key in wanted if key not in present]
        known = {*wanted, *unused}
        unknown = [key for key in header if key not in known]
        if missing:
            hint = did_you_mean(missing[0], unknown[:100])
            hint = hint or _other_delimiter(header) or f"; its first line names {_listed(header)}"
            raise problem(where, f"no column {_listed(missing)}{hint}")
        if unknown:
            what = f"column {_listed(unknown)} is not known here: leave it out, or name it in"
            raise problem(where, f"{what} 'unused' of the spec's data")


def number_in(cell: str) -> float | None:
    """A finite decimal number; what Python takes besides (1_000, other scripts' digits) is none."""
    if not cell.isascii() or "_" in cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if abs(value) != float("inf") and value == value else None


def _other_delimiter(header: Sequence[str]) -> str:
    """A remedy where a header of one column holds another mark that separates."""
    marks = [mark for mark in ";,\t|" if len(header) == 1 and mark in header[0]]
    shown = "\\t" if marks[:1] == ["\t"] else "".join(marks[:1])
    if not marks:
        return ""
    what = f"; its first line is {quoted(header[0], 60)}"
    return f'{what}: write "delimiter": "{shown}" in the spec\'s data'


def _listed(names: Sequence[str]) -> str:
    return ", ".join(quoted(name, 40) for name in names[:5]) + ", ..." * (len(names) > 5)


class ColumnPreparation:
    """The numbers of one input, column by column: see NumberColumn and CategoryColumn.

    Training on a table and answering one both take this way, and give the same bits.

    Shapes: n cells a column -> (n, *shape)
    Errors: DatasetError where columns do not fill the shape.
    """

    def __init__(self, columns: Mapping[str, Column], shape: Shape, dtype: DTypeLike) -> None:
        self.columns = columns
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self._whole = self.dtype.kind == "i"
        self._codes: dict[str, dict[str, int]] = {}
        width = 0
        for key, column in columns.items():
            if isinstance(column, NumberColumn):
                width += 1
                continue
            values = column.values or ()
            self._codes[key] = {value: code for code, value in enumerate(values)}
            width += 1 if self._whole else len(values)
        if width != (shape[0] if shape else 1):
            counts = ", ".join(f"{quoted(k)} {len(codes)}" for k, codes in self._codes.items())
            raise DatasetError(
                clipped(
                    f"the columns become {width} numbers (values found in {counts}), but the "
                    f"input has shape {list(shape)}: write [{width}], or give 'values' in the spec"
                )
            )
        self._width = width

    def numbers(self, cells: Mapping[str, Sequence[Any]]) -> tuple[Array, dict[int, str]]:
        """The numbers of some rows, and what is wrong with some of them, by their index.

        Shapes: (n, *shape)
        """
        count = len(next(iter(cells.values())))
        out = np.zeros((count, self._width), self.dtype)
        wrong: dict[int, str] = {}
        at = 0
        for key, column in self.columns.items():
            if isinstance(column, NumberColumn):
                # In float64 whatever the graph computes in: the statistics are.
                assert column.mean is not None
                assert column.std is not None
                with np.errstate(over="ignore"):
                    values = (np.array(cells[key], np.float64) - column.mean) / column.std
                    out[:, at] = values
                for i in map(int, np.flatnonzero(~np.isfinite(out[:, at]))):
                    value = float(cells[key][i])
                    what = f"column {quoted(key)}: {value!r} is too large for {self.dtype}"
                    wrong.setdefault(i, what)
                at += 1
                continue
            codes, unknown = classes_of(key, cells[key], self._codes[key])
            wrong = {**unknown, **wrong}
            if self._whole:
                out[:, at] = codes
                at += 1
            else:
                rows = np.flatnonzero(codes >= 0)
                out[rows, at + codes[rows]] = 1
                at += len(self._codes[key])
        return out.reshape(count, *self.shape), wrong


def classes_of(
    column: str, cells: Sequence[str], codes: Mapping[str, int]
) -> tuple[NDArray[np.int64], dict[int, str]]:
    """The number of each cell's value, -1 for one that is not known; those are put into words.

    Shapes: (n,)
    """
    found = np.fromiter((codes.get(cell, -1) for cell in cells), np.int64, len(cells))
    wrong = {}
    for i in np.flatnonzero(found < 0)[:1000]:
        known = did_you_mean(cells[i], codes) or f"; known are {_listed(list(codes))}"
        wrong[int(i)] = f"column {quoted(column)}: {quoted(cells[i])} is no known value{known}"
    return found, wrong
