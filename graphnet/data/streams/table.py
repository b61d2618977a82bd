"""Streams of rows of CSV files: read once to be checked and fitted to, then in places."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from graphnet.data.dataset import Dataset
from graphnet.data.room import bytes_of
from graphnet.data.streams.base import (
    Form,
    Held,
    Range,
    Stream,
    Streamed,
    Taken,
    blocks_of,
    places_in,
)
from graphnet.data.streams.cells import Array, Cells, cells_of, plain_cells, read_rows
from graphnet.data.streams.fit import Fit
from graphnet.data.streams.pieces import CHANGED, paths_of
from graphnet.data.streams.scan import Index, header_of, line_starts, place_of, row_starts, scan
from graphnet.data.table import WANTED, Named, kinds_of
from graphnet.data.targets import answers, named_targets
from graphnet.errors import DatasetError
from graphnet.inputs import dtype_of
from graphnet.memory import LITTLE
from graphnet.prepare.files import problem, shown
from graphnet.prepare.table import ColumnPreparation
from graphnet.spec.graph import GraphSpec
from graphnet.spec.prepared import Prepared, columns_of
from graphnet.spec.reader import resolve
from graphnet.spec.sources import Csv

Progress = Callable[[str, int, int | None], None]
_KEPT = 4
_PASS = 2**14
"""Rows of one step of a pass over a part."""


class Lines(NamedTuple):
    """Rows of a file as they stand in it, and where each begins; the last place is the end."""

    within: Index
    text: bytes
    starts: Array


class TableStream(Stream):
    """Rows of CSV files, one behind the other.

    Of every block of rows the place is kept, 16 bytes; rows are put into numbers when they are
    taken.
    """

    def __init__(
        self, spec: GraphSpec, targets: Named, indexes: Sequence[Index], each: int
    ) -> None:
        self._indexes, self._named = indexes, targets
        self._starts = np.cumsum([0, *(index.piece.rows for index in indexes)])
        self.samples = int(self._starts[-1])
        self.shuffled_by(each)
        self.inputs = {}
        for name, given in spec.inputs.items():
            if given.value is None:
                self.inputs[name] = Form(given.shape, dtype_of(spec, name))
        self._spec = spec
        self._preparations: dict[str, ColumnPreparation] = {}
        self._prepared = Prepared()
        self._kept: dict[tuple[int, int, int], tuple[bytes, Array]] = {}
        self._lock = threading.Lock()

    def prepared_by(self, prepared: Prepared) -> None:
        """Take what was fitted to the training part.

        Errors: DatasetError where columns do not fill an input.
        """
        self._prepared = prepared
        name = shown(self._indexes[0].piece.path)
        for key, given in self._spec.inputs.items():
            if given.value is not None:
                continue
            columns = columns_of(given, prepared, key)
            try:
                dtype = dtype_of(self._spec, key)
                self._preparations[key] = ColumnPreparation(columns, given.shape, dtype)
            except DatasetError as e:
                raise problem(name, str(e)) from None

    def hold(self, ranges: Sequence[Range]) -> HeldLines:
        return HeldLines(
            self, ranges, [part for start, stop in ranges for part in self._lines(start, stop)]
        )

    def answers(self, ranges: Sequence[Range]) -> dict[str, Array]:
        held = self.hold(ranges)
        at = np.arange(sum(stop - start for start, stop in ranges))
        return self.answered(held.cells(at), held, at)

    def answered(self, cells: Cells, held: HeldLines, at: Array) -> dict[str, Array]:
        """The targets of some rows."""
        named = [[cells[name] for name in names] for _, names in self._named]
        places = _Places(self, held, at)
        found = answers(self._named, named, self._prepared, places, "")
        return found if isinstance(found, dict) else {self._named[0][0].name: found}

    def numbers(self, cells: Cells, held: HeldLines, at: Array) -> dict[str, Array]:
        """The inputs of some rows."""
        found = {}
        for name, preparation in self._preparations.items():
            found[name], wrong = preparation.numbers(cells)
            for i in sorted(wrong)[:1]:
                raise DatasetError(f"{self.place(held.number(int(at[i])))}: {wrong[i]}")
        return found

    def place(self, sample: int) -> str:
        piece = int(np.searchsorted(self._starts, sample, side="right")) - 1
        return place_of(self._indexes[piece], sample - int(self._starts[piece]))

    def fingerprint(self) -> str:
        """Of every byte, as the pass over them found it."""
        return "-".join(index.checksum for index in self._indexes)

    def _lines(self, start: int, stop: int) -> Iterator[Lines]:
        while start < stop:
            piece = int(np.searchsorted(self._starts, start, side="right")) - 1
            base = int(self._starts[piece])
            end = min(stop, int(self._starts[piece + 1]))
            index, row = self._indexes[piece], start - base
            first, last = row // index.every, -(-(end - base) // index.every)
            text, starts = self._blocks(piece, first, last)
            rows = slice(row - first * index.every, end - base - first * index.every + 1)
            yield Lines(index, text, starts[rows])
            start = end

    def _blocks(self, piece: int, first: int, last: int) -> tuple[bytes, Array]:
        """Neighbouring blocks of a file, and where each row begins.

        What is measured comes in pieces smaller than a block: the latest ones are kept.
        """
        key = (piece, first, last)
        with self._lock:
            found = self._kept.get(key)
        if found is None:
            found = _read(self._indexes[piece], first, last)
            with self._lock:
                while len(self._kept) >= _KEPT:
                    del self._kept[next(iter(self._kept))]
                if last - first == 1:
                    self._kept[key] = found
        return found


def passes(part: Streamed) -> Iterator[Cells]:
    """The cells of a part, in steps."""
    assert isinstance(part.stream, TableStream)
    for start in range(0, len(part), _PASS):
        numbers = part.numbers(np.arange(start, min(start + _PASS, len(part))))
        ranges = part.ranges(numbers)
        yield part.stream.hold(ranges).cells(places_in(ranges, numbers))


class HeldLines(Held):
    """Rows as they stand in their files."""

    def __init__(
        self, stream: TableStream, ranges: Sequence[Range], parts: Sequence[Lines]
    ) -> None:
        self._stream, self._ranges, self._parts = stream, ranges, parts
        self._starts = np.cumsum([0, *(len(part.starts) - 1 for part in parts)])

    def take(self, at: Array, into: Mapping[str, Array] | None = None) -> Taken:
        cells = self.cells(at)
        return self._stream.numbers(cells, self, at), self._stream.answered(cells, self, at)

    def cells(self, at: Array) -> Cells:
        """The cells of some rows by column.

        Errors: DatasetError where they are no longer the rows that were checked.
        """
        header, path = self._parts[0].within.header, self._parts[0].within.piece.path
        of = np.searchsorted(self._starts, at, side="right") - 1
        rows = []
        for part, row in zip(of.tolist(), (at - self._starts[of]).tolist(), strict=True):
            _, text, starts = self._parts[part]
            rows.append(text[starts[row] : starts[row + 1]])
        text = b"".join(row if row[-1:] == b"\n" else row + b"\n" for row in rows)
        cells = plain_cells(text, header)
        if cells is None:
            found = list(read_rows(text, header, shown(path), 2))
            if any(row.problem is not None for row in found):
                raise problem(path, CHANGED)
            cells = cells_of(found, header.kinds)
        if any(len(column) != len(at) for column in cells.values()):
            raise problem(path, CHANGED)
        return cells

    def number(self, at: int) -> int:
        """The number in the stream of what is held at a place."""
        for start, stop in self._ranges:
            if at < stop - start:
                return start + at
            at -= stop - start
        raise IndexError(at)


class _Places(Sequence[str]):
    """`file:line` of some rows, each made when it is asked for."""

    def __init__(self, stream: TableStream, held: HeldLines, at: Array) -> None:
        self._stream, self._held, self._at = stream, held, at

    def __len__(self) -> int:
        return len(self._at)

    def __getitem__(self, i: Any) -> Any:
        return self._stream.place(self._held.number(int(self._at[i])))


def _read(index: Index, first: int, last: int) -> tuple[bytes, Array]:
    """Neighbouring blocks of a file, where each row begins, and the end."""
    begin, end = int(index.offsets[first]), int(index.offsets[min(last, len(index.offsets) - 1)])
    with index.piece.open(WANTED) as file:
        try:
            file.seek(begin)
            text = file.read(end - begin)
        except OSError as e:
            raise problem(index.piece.path, f"cannot be read: {e.strerror or e}") from e
    if len(text) < end - begin:
        raise problem(index.piece.path, "has become shorter since the run began")
    plain = min(last * index.every, index.piece.rows) <= index.plain
    starts = line_starts(text) if plain else row_starts(text, index)
    return text, np.append(starts, len(text))


def _teller(progress: Progress | None, name: str, size: int) -> Callable[[int], None] | None:
    """What tells how far a pass over a file is that takes seconds."""
    if progress is None or size < LITTLE:
        return None
    return lambda done: progress(name, done, size)


def _told(
    steps: Iterable[Cells], part: Streamed, progress: Progress | None, name: str
) -> Iterator[Cells]:
    """The steps of a pass over a part, each told of."""
    each, rows = part.stream.bytes_each, 0
    tell = _teller(progress, name, each * len(part))
    for cells in steps:
        yield cells
        rows += _PASS
        if tell is not None:
            tell(each * min(rows, len(part)))


def stream_csv(
    spec: GraphSpec,
    data: Csv,
    folder: Path,
    fitted: Prepared | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """The rows of CSV files, each part of one file or of several (`rows-*.csv`).

    Every row is read once and checked; what is fitted to the train part has the numbers that it
    has of rows in memory, and takes a second pass for the deviations (and one before, where a
    test share comes off). progress(file, bytes, of) is called in passes over large files.
    Errors: DatasetError with file and line, ten rows at most.
    """
    targets = named_targets(resolve(spec), data.targets)
    kinds, learnt = kinds_of(spec, targets)
    fit = Fit(spec, targets)
    wanted = fitted is None and data.test_share is None

    def part(pattern: str, see: Any) -> Streamed:
        paths = paths_of(folder / pattern, WANTED)
        first, each = header_of(paths[0], kinds, data.unused, data.delimiter)
        indexes = []
        for path in paths:
            header, _ = header_of(path, kinds, data.unused, data.delimiter)
            if header.names != first.names:
                what = f"its columns are not those of {shown(paths[0])}, in their order"
                raise problem(path, f"{what}: pieces of one set are alike")
            tell = _teller(progress, path.name, bytes_of(path))
            indexes.append(scan(path, header, blocks_of(each)[0], learnt, see, tell))
        return Streamed(TableStream(spec, targets, indexes, each))

    train = part(data.train, fit.add if wanted else None)
    test = None if data.test is None else part(data.test, None)
    if data.test_share is not None:
        train, test = train.parted(data.test_share, 0, "test_share")
        if fitted is None:
            for cells in _told(passes(train), train, progress, "means"):
                fit.add(cells)
    prepared = fitted or fit.prepared(
        data,
        shown(folder / data.train),
        lambda: _told(passes(train), train, progress, "deviations"),
    )
    for one in (train, test):
        if one is not None:
            assert isinstance(one.stream, TableStream)
            one.stream.prepared_by(prepared)
    return Dataset("csv", train, test, prepare=prepared)
