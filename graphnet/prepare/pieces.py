"""Arrays of .npy and .npz files some rows at a time: memory stays flat over any length."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import IO, BinaryIO

import numpy as np

from graphnet.errors import DatasetError, quoted
from graphnet.prepare.arrays import (
    DAMAGE,
    HEADROOM,
    MAGIC,
    Array,
    Begun,
    begin_array,
    members_of,
    rest_of,
)
from graphnet.prepare.files import problem, shown


def is_npy(file: BinaryIO) -> bool:
    """Whether a .npy file is open here."""
    file.seek(0)
    start = file.read(len(MAGIC))
    file.seek(0)
    return start == MAGIC


class Pieces:
    """The rows of a file's arrays, side by side; of a .npy the only array, under `wanted[0]`.

    count: rows. Arrays in Fortran order hold no row in one piece: they are read whole.
    Errors: DatasetError, also while rows are read.
    """

    def __init__(
        self,
        file: BinaryIO,
        path: str | os.PathLike[str],
        wanted: Sequence[str],
        unused: Sequence[str] = (),
    ) -> None:
        self.path = path
        self._held = ExitStack()
        self._parts: dict[str, _Rows] = {}
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        try:
            if is_npy(file):
                self._parts[wanted[0]] = _Rows(file, size, shown(path), size + HEADROOM)
            else:
                archive = self._held.enter_context(zipfile.ZipFile(file))
                for name, member in members_of(archive, path, wanted, unused).items():
                    stream = self._held.enter_context(archive.open(member))
                    where = f"{shown(path)}: array {quoted(name, 60)}"
                    self._parts[name] = _Rows(stream, member.file_size, where, size + HEADROOM)
        except DAMAGE as e:
            raise problem(path, f"is no whole .npz file: {str(e) or type(e).__name__}") from e
        self.count = _same_counts(self._parts, path)

    def first(self) -> dict[str, Array]:
        """Of each array none of its rows: its shape and its type."""
        return {name: np.empty((0, *p.shape[1:]), p.dtype) for name, p in self._parts.items()}

    def read(self, rows: int) -> Iterator[dict[str, Array]]:
        """The next rows of each array, so many at a time."""
        try:
            with self._held:
                for start in range(0, self.count, rows):
                    stop = min(start + rows, self.count)
                    yield {name: part.read(start, stop) for name, part in self._parts.items()}
                for part in self._parts.values():
                    part.end()
        except DAMAGE as e:
            what = f"is not whole: {str(e) or type(e).__name__}"
            raise problem(self.path, what) from e


class _Rows:
    """The rows of one array, from a stream that goes forward alone."""

    def __init__(self, stream: IO[bytes], size: int, where: str, most: int) -> None:
        self._stream, self._where = stream, where
        begun = begin_array(stream, size, where)
        self.dtype, self.shape = begun.dtype.newbyteorder("="), begun.shape
        self._begun = begun
        self._whole = self._read_whole(begun, most) if begun.fortran else None

    def _read_whole(self, begun: Begun, most: int) -> Array:
        if begun.nbytes > most:
            what = f"takes {begun.nbytes:,} bytes in Fortran order, but {most:,} may be decoded"
            raise DatasetError(f"{self._where} {what}: save it in C order")
        return rest_of(self._stream, begun, self._where)

    def read(self, start: int, stop: int) -> Array:
        """Rows, in order."""
        if self._whole is not None:
            return self._whole[start:stop]
        shape = (stop - start, *self.shape[1:])
        wanted = math.prod(shape) * self._begun.dtype.itemsize
        found = bytearray()
        while len(found) < wanted:
            piece = self._stream.read(wanted - len(found))
            if not piece:
                raise DatasetError(f"{self._where} ends early, in row {start + 1:,} or behind it")
            found += piece
        array = np.frombuffer(found, self._begun.dtype).reshape(shape)
        return array.astype(self.dtype, copy=False)

    def end(self) -> None:
        """The end, where an archive compares its checksum."""
        self._stream.read(1)


def _same_counts(parts: Mapping[str, _Rows], path: str | os.PathLike[str]) -> int:
    first = next(iter(parts))
    for name, part in parts.items():
        if not part.shape:
            raise problem(path, f"array {quoted(name)} is a single number: samples are expected")
        if part.shape[0] != parts[first].shape[0]:
            what = f"array {quoted(name)} has {part.shape[0]} samples, but {quoted(first)} has"
            raise problem(path, f"{what} {parts[first].shape[0]}")
    return parts[first].shape[0]
