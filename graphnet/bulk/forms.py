"""The forms of an output: rows of a block as the bytes that stand in the file, CSV or JSON lines.

The third form, Parquet, keeps columns until all are there: `graphnet.bulk.parquet`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphnet.answering.answers import Answers
from graphnet.bulk.columns import Column, Columns, Wish
from graphnet.errors import GraphnetError, clipped

_QUOTED = re.compile(r'[",\r\n]')


class Places(NamedTuple):
    """Where the samples of a block came from, as `Block` has it."""

    files: list[str]
    rows: list[int | None]


class Form:
    """How rows look. suffix: of the files that have this form.

    Columns: `image`, or `file` and `row`; those of the answer; `error`, where there is none.
    """

    suffix = ""

    def __init__(self, answers: Answers, pictures: bool, wish: Wish) -> None:
        self.columns = Columns(answers, wish)
        self.answers, self.pictures, self.wish = answers, pictures, wish
        self.where = ["image"] if pictures else ["file", "row"]

    def header(self) -> bytes:
        """What stands before all rows."""
        return b""

    def rows(
        self, places: Places, good: Sequence[int], found: Mapping[str, Any], said: Mapping[int, str]
    ) -> bytes:
        """The rows of a block. good: indices of the samples that are answered, found: what the
        network says of them; said: by index, what is wrong with a sample."""
        raise NotImplementedError

    def is_own(self, start: bytes) -> bool:
        """Whether a file that starts so may be one of this form."""
        raise NotImplementedError

    def place(self, places: Places, i: int) -> list[str | int | None]:
        """The first cells of a row."""
        if self.pictures:
            return [places.files[i]]
        return [places.files[0], places.rows[i]]


class Csv(Form):
    """Comma-separated values in UTF-8 with a header; a number has the digits that give it back."""

    suffix = ".csv"

    def __init__(self, answers: Answers, pictures: bool, wish: Wish) -> None:
        super().__init__(answers, pictures, wish)
        self.titles = [title for column in self.columns.all for title in _titles(column)]

    def header(self) -> bytes:
        return _line([*self.where, *self.titles, "error"])

    def rows(
        self, places: Places, good: Sequence[int], found: Mapping[str, Any], said: Mapping[int, str]
    ) -> bytes:
        cells: dict[int, tuple[str, ...]] = {}
        if good:
            values = self.columns.values(found)
            both = zip(self.columns.all, values, strict=True)
            texts = [cells for column, value in both for cells in _cells(column, value)]
            cells = dict(zip(good, zip(*texts, strict=True), strict=True))
        empty = ("",) * len(self.titles)
        lines = []
        for i in range(len(places.rows) or len(places.files)):
            where = ["" if v is None else _cell(str(v)) for v in self.place(places, i)]
            lines.append(",".join((*where, *cells.get(i, empty), _cell(said.get(i, "")))))
        return ("\n".join(lines) + "\n").encode("utf-8", "backslashreplace")

    def is_own(self, start: bytes) -> bool:
        return start.startswith(",".join(self.where).encode() + b",")


def _titles(column: Column) -> list[str]:
    if column.kind != "numbers":
        return [column.title]
    return [column._replace(key=name).title for name in column.names]


def _cells(column: Column, values: Any) -> Iterator[list[str]]:
    """The cells of a block, a list for each column of the file."""
    if column.kind == "text":
        yield [_cell(text) for text in values]
    elif column.kind == "texts":
        yield [_cell(", ".join(texts)) for texts in values]
    elif column.kind == "numbers":
        for numbers in values.T:
            yield _digits(numbers)
    else:
        yield _digits(values)


def _digits(numbers: Any) -> list[str]:
    """The shortest digits that give back the same number."""
    found: list[str] = numbers.astype("U32").tolist()
    return found


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _line(cells: Sequence[str]) -> bytes:
    return (",".join(map(_cell, cells)) + "\n").encode("utf-8", "backslashreplace")


class JsonLines(Form):
    """An object a line; with `every` those that `infer --json` prints, and `error` in place of an
    answer that is not there."""

    suffix = ".jsonl"

    def rows(
        self, places: Places, good: Sequence[int], found: Mapping[str, Any], said: Mapping[int, str]
    ) -> bytes:
        objects: dict[int, dict[str, Any]] = {}
        if good:
            make = self._every if self.wish.every else self._few
            objects = dict(zip(good, make(found, len(good)), strict=True))
        lines = []
        for i in range(len(places.rows) or len(places.files)):
            cells = zip(self.where, self.place(places, i), strict=True)
            row = {key: value for key, value in cells if value is not None} | objects.get(i, {})
            if i in said:
                row["error"] = said[i]
            lines.append(json.dumps(row))
        return ("\n".join(lines) + "\n").encode()

    def _every(self, found: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
        outputs = self.answers.outputs
        for i in range(count):
            values = {o.name: o.values(found[o.name][i], self.wish.shares) for o in outputs}
            yield {"outputs": values} if len(outputs) > 1 else values[outputs[0].name]

    def _few(self, found: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
        values = [_plain(value) for value in self.columns.values(found)]
        for i in range(count):
            row: dict[str, Any] = {}
            for column, value in zip(self.columns.all, values, strict=True):
                into = row.setdefault("outputs", {}) if column.output else row
                into = into.setdefault(column.output, {}) if column.output else into
                single = column.kind == "numbers" and len(column.names) == 1
                into[column.names[0] if single else column.key] = (
                    value[i][0] if single else value[i]
                )
            yield row

    def is_own(self, start: bytes) -> bool:
        return start.startswith(f'{{"{self.where[0]}": '.encode())


def _plain(values: Any) -> Any:
    """Numbers as JSON has them: a float32 as the shortest digits that give it back."""
    if not isinstance(values, np.ndarray):
        return values
    if values.ndim > 1:
        return [_plain(row) for row in values]
    return values.tolist() if values.dtype.kind == "i" else [float(t) for t in _digits(values)]


def form_of(path: str, answers: Answers, pictures: bool, wish: Wish) -> Form:
    """The form that a file's name asks for.

    Errors: GraphnetError for any other name, and for Parquet where pyarrow is not installed.
    """
    from graphnet.bulk.parquet import Parquet

    for form in (Csv, JsonLines, Parquet):
        if path.lower().endswith(form.suffix):
            return form(answers, pictures, wish)
    names = "NAME.csv, NAME.jsonl or NAME.parquet"
    raise GraphnetError(clipped(f"{path}: the name says no form: {names} is expected"))
