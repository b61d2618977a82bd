"""The cells of some rows of a CSV file, by column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphnet.prepare.table import Kind, Row, TableReader

Array = npt.NDArray[Any]
Cells = dict[str, Any]
"""By column: numbers as a float64 array, texts as a list."""
_LONGEST = 2**17 - 1


class Header(NamedTuple):
    """What the first line of a file says, and how its rows are read.

    line: its bytes; names: the columns of the file in their order.
    """

    line: bytes
    names: Sequence[str]
    kinds: Mapping[str, Kind]
    unused: Sequence[str]
    delimiter: str


def plain_cells(text: bytes, header: Header) -> Cells | None:
    """The cells of whole lines without quotes and mistakes; None where there is more to read in
    them, so that `read_rows` must.

    An eighth of its time: lines are cut in one go, and a column's numbers are read in one.
    """
    mark = header.delimiter.encode()
    text = text.replace(b"\r\n", b"\n")
    if len(mark) > 1 or b'"' in text or b"\r" in text or b"\0" in text or not text:
        return None
    if mark + b" " in text or b"\n " in text or text[:1] == b" ":
        return None
    raw = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(raw == 10)
    if text[-1:] != b"\n":
        ends = np.append(ends, len(raw))
    marks = np.searchsorted(np.flatnonzero(raw == mark[0]), ends)
    width = len(header.names)
    if (np.diff(marks, prepend=0) != width - 1).any():
        return None
    if np.diff(ends, prepend=-1).max() > _LONGEST:
        return None
    try:
        cells = text.decode("utf-8").removesuffix("\n").replace("\n", header.delimiter)
    except UnicodeDecodeError:
        return None
    return _columns(cells.split(header.delimiter), width, header)


def _columns(cells: Sequence[str], width: int, header: Header) -> Cells | None:
    found: Cells = {}
    for key, kind in header.kinds.items():
        column = cells[header.names.index(key) :: width]
        if kind != "number":
            if not all(map(str.strip, column)):
                return None
            found[key] = column
            continue
        # What Python takes for a number besides (1_000, other scripts' digits) is none.
        together = "".join(column)
        if not together.isascii() or "_" in together:
            return None
        try:
            numbers = np.fromiter(map(float, column), np.float64, len(column))
        except ValueError:
            return None
        if not np.isfinite(numbers).all():
            return None
        found[key] = numbers
    return found


def read_rows(text: bytes, header: Header, name: str, line: int) -> Iterator[Row]:
    """The rows of whole lines, one by one, the first of them at this line of the file.

    Errors: DatasetError, as of a TableReader.
    """
    # The header may be of several lines.
    behind = line - 1 - header.line.count(b"\n")
    file = BytesIO(header.line + text)
    return iter(
        TableReader(file, name, header.kinds, header.unused, header.delimiter, after=behind)
    )


def cells_of(rows: Sequence[Row], kinds: Mapping[str, Kind]) -> Cells:
    """Good rows, by column."""
    columns = zip(*(row.cells for row in rows), strict=True) if rows else iter([()] * len(kinds))
    return {
        key: np.array(column, np.float64) if kind == "number" else list(column)
        for (key, kind), column in zip(kinds.items(), columns, strict=True)
    }
