"""One pass over a CSV file: every row checked, and where some of them begin."""

from __future__ import annotations

import csv
import hashlib
from array import array
from collections.abc import Callable, Container, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from graphnet.data.streams.cells import Array, Cells, Header, cells_of, plain_cells
from graphnet.data.streams.pieces import CHANGED, Mark, Piece
from graphnet.data.table import NO_ROW, WANTED, good_rows
from graphnet.prepare.files import MAX_LINE, open_file, problem, shown
from graphnet.prepare.table import Kind, TableReader

_CHUNK = 2**20
_AT_ONCE = 4096


class Index(NamedTuple):
    """Where the rows of a file are.

    every: offsets holds the place of each row whose number is a multiple of it, then the end; lines
    the line on which it stands. plain: how many rows, from the first on, are a line each.
    """

    piece: Piece
    header: Header
    every: int
    offsets: Array
    lines: Array
    plain: int
    checksum: str


class Counted:
    """Lines that a reader asks for, first these, then those of a file, and how far it has come."""

    def __init__(self, first: bytes, file: BinaryIO, digest: Any = None) -> None:
        self._first, self._file, self._digest = first.splitlines(True), file, digest
        self.at = file.tell()

    def readline(self, most: int) -> bytes:
        """The next one, or so much of it."""
        if self._first:
            return self._first.pop(0)
        found = self._file.readline(most)
        self.at += len(found)
        if self._digest is not None:
            self._digest.update(found)
        return found


def header_of(
    path: Path, kinds: Mapping[str, Kind], unused: Sequence[str], delimiter: str
) -> tuple[Header, int]:
    """The header of a file, and about how many bytes a row takes.

    Errors: DatasetError.
    """
    with open_file(path, WANTED) as file:
        lines = Counted(b"", file)
        reader = TableReader(
            lines,  # type: ignore[arg-type] # readline is all that is asked of it
            path,
            kinds,
            unused,
            delimiter,
        )
        file.seek(0)
        line, start = file.read(lines.at), file.read(_CHUNK)
    header = Header(line, tuple(reader.header), kinds, unused, delimiter)
    return header, max(1, len(start) // max(1, start.count(b"\n")))


def scan(
    path: Path,
    header: Header,
    every: int,
    learnt: Container[str],
    see: Callable[[Cells], None] | None,
    tell: Callable[[int], None] | None = None,
) -> Index:
    """Read a file to its end; every row is seen, in the order of the file.

    tell: is told how many bytes are read.
    Errors: DatasetError with file and line, ten rows at most.
    """
    with open_file(path, WANTED) as file:
        mark, found = Mark.of(file), _Scan(header, every, see, tell)
        file.seek(len(header.line))
        whole = found.plain_file(file)
        plain = found.rows
        if not whole:
            file.seek(found.at)
            found.any_rows(file, path, learnt)
    if not found.rows:
        raise problem(path, NO_ROW)
    return found.index(Piece(path, len(header.line), found.rows, mark), plain)


class _Scan:
    def __init__(
        self,
        header: Header,
        every: int,
        see: Callable[[Cells], None] | None,
        tell: Callable[[int], None] | None,
    ) -> None:
        self.header, self.every, self._see, self._tell = header, every, see, tell
        self.rows, self.at, self.line = 0, len(header.line), 1 + header.line.count(b"\n")
        self._offsets, self._lines = array("q"), array("q")
        self.digest: Any = hashlib.sha256(header.line)

    def plain_file(self, file: BinaryIO) -> bool:
        """Plain lines up to the end; False where something else comes."""
        rest = b""
        while piece := file.read(_CHUNK):
            lines = rest + piece
            cut = lines.rfind(b"\n") + 1
            text, rest = lines[:cut], lines[cut:]
            if len(rest) > _CHUNK or (text and not self.plain_lines(text)):
                return False
        return not rest or self.plain_lines(rest)

    def any_rows(self, file: BinaryIO, path: Path, learnt: Container[str]) -> None:
        """All rows from here on, as any CSV file has them."""
        header = self.header
        lines = Counted(header.line, file, self.digest)
        reader = TableReader(
            lines,  # type: ignore[arg-type] # readline is all that is asked of it
            path,
            header.kinds,
            header.unused,
            header.delimiter,
            after=self.line - 1 - header.line.count(b"\n"),
        )
        rows = []
        for row in good_rows(reader, path, learnt, begun=self.rows > 0):
            if self.rows % self.every == 0:
                self._offsets.append(self.at)
                self._lines.append(row.line)
            self.rows += 1
            self.at = lines.at
            rows.append(row)
            if len(rows) == _AT_ONCE:
                self.seen(cells_of(rows, header.kinds))
                rows.clear()
        if rows:
            self.seen(cells_of(rows, header.kinds))

    def plain_lines(self, text: bytes) -> bool:
        """Whole lines, if each is a row without quotes or mistakes."""
        cells = plain_cells(text, self.header)
        if cells is None:
            return False
        starts = line_starts(text)
        first = -self.rows % self.every
        self._offsets.extend((starts[first :: self.every] + self.at).tolist())
        self._lines.extend(range(self.line + first, self.line + len(starts), self.every))
        self.rows += len(starts)
        self.line += len(starts)
        self.at += len(text)
        self.digest.update(text)
        self.seen(cells)
        return True

    def seen(self, cells: Cells) -> None:
        if self._see is not None:
            self._see(cells)
        if self._tell is not None:
            self._tell(self.at)

    def index(self, piece: Piece, plain: int) -> Index:
        self._offsets.append(self.at)
        offsets, lines = (np.array(a, np.int64) for a in (self._offsets, self._lines))
        checksum = self.digest.hexdigest()
        return Index(piece, self.header, self.every, offsets, lines, plain, checksum)


def line_starts(text: bytes) -> Array:
    """Where each line begins."""
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == 10) + 1
    starts = np.concatenate([[0], ends])
    return starts[:-1] if starts[-1] == len(text) else starts


def place_of(index: Index, row: int) -> str:
    """`file:line` of a row; about, behind the first that is not a line of its own."""
    line = int(index.lines[row // index.every]) + row % index.every
    about = "about " if row >= index.plain else ""
    return f"{shown(index.piece.path)}:{about}{line}"


def row_starts(text: bytes, index: Index) -> Array:
    """Where each row begins, where quotes may hold several lines together."""

    lines = Counted(b"", BytesIO(text))
    rows = csv.reader(
        iter(lambda: lines.readline(MAX_LINE + 1).decode("utf-8"), ""),
        delimiter=index.header.delimiter,
        strict=True,
        skipinitialspace=True,
    )
    starts = [0]
    try:
        for _ in rows:
            starts.append(lines.at)
    except (csv.Error, UnicodeDecodeError):
        raise problem(index.piece.path, CHANGED) from None
    return np.array(starts[:-1], np.int64)
