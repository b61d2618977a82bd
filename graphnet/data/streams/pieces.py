"""Rows of equal length in files, read where they lie.

They are read (pread), not mapped: what a mapped file has lent counts as memory of the process, and
a file that is cut meanwhile ends it without a word.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from graphnet.data.streams.base import Form, Range
from graphnet.errors import DatasetError
from graphnet.prepare.files import open_file, problem, shown

Array = npt.NDArray[Any]
_PROBES = 1024
_PROBE = 2**12
STAR = "*"
CHANGED = "has changed since the run began: begin anew when it rests"


class Mark(NamedTuple):
    """By which a file is known to be the one that it was."""

    size: int
    changed: int
    inode: int

    @classmethod
    def of(cls, file: BinaryIO) -> Mark:
        """That of an open file."""
        status = os.fstat(file.fileno())
        return cls(status.st_size, status.st_mtime_ns, status.st_ino)


class Piece(NamedTuple):
    """A file with rows from `offset` on."""

    path: Path
    offset: int
    rows: int
    mark: Mark

    def open(self, wanted: str) -> BinaryIO:
        """The file, as it was.

        Errors: DatasetError where it has changed.
        """
        file = open_file(self.path, wanted)
        if Mark.of(file) != self.mark:
            file.close()
            raise problem(self.path, CHANGED)
        return file


def paths_of(pattern: Path, wanted: str) -> list[Path]:
    """The files that a path names: itself, or where its last part holds `*` those of its folder
    whose names fit, sorted by name with the numbers in them by their value.

    Errors: DatasetError where there are none.
    """
    if STAR not in pattern.name:
        return [pattern]
    fits = re.compile(".*".join(map(re.escape, pattern.name.split(STAR))))
    try:
        with os.scandir(pattern.parent) as entries:
            names = [e.name for e in entries if fits.fullmatch(e.name) and e.name[0] != "."]
    except OSError as e:
        raise problem(pattern, f"its folder cannot be read: {e.strerror or e}") from None
    if not names:
        raise problem(pattern, f"no file has such a name: name {wanted}, or several with {STAR}")
    return [pattern.parent / name for name in sorted(names, key=_natural)]


def _natural(name: str) -> tuple[list[tuple[int, str]], str]:
    """part-2 before part-10; equal ones (part-02, part-2) by their letters."""
    parts = re.split(r"([0-9]+)", name)
    return [
        (int(p[:18]) if i % 2 else 0, p if i % 2 == 0 else "") for i, p in enumerate(parts)
    ], name


class Column:
    """One array of samples in the pieces of files, one behind the other.

    name: what errors call it. form: that of one sample in the files, of any byte order.
    """

    def __init__(self, name: str, pieces: Sequence[Piece], form: Form, wanted: str) -> None:
        self.name, self.pieces, self.form, self._wanted = name, pieces, form, wanted
        self.row_bytes = math.prod(form.shape) * form.dtype.itemsize
        self._starts = np.cumsum([0, *(piece.rows for piece in pieces)])
        self.samples = int(self._starts[-1])

    def read(self, ranges: Sequence[Range]) -> Array:
        """Ranges of samples, one behind the other.

        Errors: DatasetError.
        """
        count = sum(stop - start for start, stop in ranges)
        raw = np.empty((count, self.row_bytes), np.uint8)
        wanted, at = [], 0
        for start, stop in ranges:
            while start < stop:
                piece = int(np.searchsorted(self._starts, start, side="right")) - 1
                end = min(stop, int(self._starts[piece + 1]))
                wanted.append((piece, start - int(self._starts[piece]), at, end - start))
                at, start = at + end - start, end
        file: BinaryIO | None = None
        last = -1
        try:
            # By where they lie: each file is opened once, and a disk goes one way.
            for piece, row, at, rows in sorted(wanted):
                if piece != last:
                    if file is not None:
                        file.close()
                    file, last = self.pieces[piece].open(self._wanted), piece
                assert file is not None
                self._fill(file, self.pieces[piece], row, raw[at : at + rows])
        finally:
            if file is not None:
                file.close()
        return raw.view(self.form.dtype).reshape(count, *self.form.shape)

    def _fill(self, file: BinaryIO, piece: Piece, row: int, out: Array) -> None:
        view, done = out.reshape(-1).data, 0
        try:
            file.seek(piece.offset + row * self.row_bytes)
            while done < len(view):
                count = file.readinto(view[done:])  # type: ignore[attr-defined] # of BufferedReader
                if not count:
                    raise problem(piece.path, "has become shorter since the run began")
                done += count
        except OSError as e:
            raise problem(piece.path, f"cannot be read: {e.strerror or e}") from e

    def place(self, sample: int) -> str:
        """The file of a sample, and its number there."""
        piece = int(np.searchsorted(self._starts, sample, side="right")) - 1
        return f"{shown(self.pieces[piece].path)}, sample {sample - int(self._starts[piece])}"

    def describe(self, digest: Any) -> None:
        """Add to a checksum: the form, the pieces' sizes, and what stands at places in them."""
        digest.update(f"{self.form.dtype.str} {self.form.shape} {self.samples}\n".encode())
        probes = max(4, _PROBES // len(self.pieces))
        for piece in self.pieces:
            size = piece.rows * self.row_bytes
            digest.update(f"{piece.rows}\n".encode())
            starts = np.unique(np.linspace(0, max(0, size - _PROBE), probes).astype(np.int64))
            with piece.open(self._wanted) as file:
                for start in starts.tolist():
                    file.seek(piece.offset + start)
                    digest.update(file.read(min(_PROBE, size)))


def same_form(found: Sequence[tuple[Path, Form]]) -> Form:
    """The form of the samples of all pieces.

    Errors: DatasetError where one has another.
    """
    (first, form), *others = found
    for path, other in others:
        if other != form:
            what = f"its samples are {other.shape} {other.dtype}, those of {shown(first)} are "
            raise problem(path, f"{what}{form.shape} {form.dtype}: pieces of one set are alike")
    return form


def same_samples(columns: Sequence[Column]) -> int:
    """How many samples all arrays have.

    Errors: DatasetError.
    """
    first, *others = columns
    for column in others:
        if column.samples != first.samples:
            what = f"{column.name} has {column.samples:,} samples, but {first.name} has"
            raise DatasetError(f"{what} {first.samples:,}: give one a sample")
    return first.samples


def checksum_of(columns: Sequence[Column]) -> str:
    """Of what the pieces are and a thousand places in them: quick for any size. A change of some
    bytes elsewhere goes unseen."""
    digest = hashlib.sha256()
    for column in columns:
        column.describe(digest)
    return digest.hexdigest()
