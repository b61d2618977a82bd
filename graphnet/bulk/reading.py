"""The files of a call -> blocks, in order: what one process does for all that answer."""

from __future__ import annotations

import io
import os
import sys
import threading
import zipfile
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from graphnet.answering.feeding import SUFFIXES, Feeding, Pictures, paths_of
from graphnet.answering.rows import Arrays, Tables, Texts
from graphnet.bulk.blocks import Block
from graphnet.errors import DatasetError, clipped
from graphnet.prepare.files import open_file, text_lines

STDIN = "standard input"


class Reading:
    """The blocks of some files, each of `size` samples at most.

    total: how many samples there are in all, as far as that is known.
    """

    total: int | None = None

    def __init__(self, feeding: Feeding, files: Sequence[str]) -> None:
        self.feeding = feeding
        self.files = files
        self.size = feeding.size

    def blocks(self) -> Iterator[Block]:
        """All samples, in the order in which the command without an output answers them."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing more is read."""


class PicturesRead(Reading):
    """Paths of pictures; meanwhile a thread counts them."""

    def __init__(self, feeding: Pictures, files: Sequence[str]) -> None:
        super().__init__(feeding, files)
        self._ended = threading.Event()
        self._counting = threading.Thread(target=self._count, daemon=True)
        self._counting.start()

    def blocks(self) -> Iterator[Block]:
        block = Block([])
        waiting: list[tuple[str, str | None]] = []
        wrong = waiting.append
        for path in paths_of(self.files, lambda path, e: wrong((path, clipped(str(e))))):
            waiting.append((path, None))
            if path == "-":
                body = block.body = block.body or {}
                body[len(block.files) + len(waiting) - 1] = sys.stdin.buffer.read()
            for found in waiting:
                _add(block, *found)
            waiting.clear()
            if len(block) >= self.size:
                yield block
                block = Block([])
        for found in waiting:
            _add(block, *found)
        if len(block):
            yield block

    def close(self) -> None:
        self._ended.set()
        self._counting.join()

    def _count(self) -> None:
        count = 0
        for path in self.files:
            if path == "-" or not os.path.isdir(path):
                count += 1
                continue
            for found in _pictures_below(path):
                count += found
                if self._ended.is_set():
                    return
        self.total = count


def _add(block: Block, path: str, wrong: str | None) -> None:
    if wrong is not None:
        block.wrong[len(block.files)] = wrong
    block.files.append(path)


def _pictures_below(folder: str) -> Iterator[int]:
    """How many pictures each folder has, without holding their names."""
    folders = [folder]
    while folders:
        count = 0
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if not entry.is_dir():
                        count += entry.name.lower().endswith(SUFFIXES)
                    elif not entry.is_symlink():
                        folders.append(entry.path)
        except OSError:  # named where it is read
            continue
        yield count


class RowsRead(Reading):
    """Files that hold one sample a row; a file that cannot be read is a block of its own."""

    wanted = "a file"

    def __init__(self, feeding: Feeding, files: Sequence[str]) -> None:
        super().__init__(feeding, files)
        self._sizes = [_size_of(path) for path in files]
        self._behind = 0
        self._rows = 0

    def blocks(self) -> Iterator[Block]:
        for path, size in zip(self.files, self._sizes, strict=True):
            try:
                if path == "-":
                    yield from self._counted(self.of_file(sys.stdin.buffer, path, STDIN), None)
                    continue
                with open_file(path, self.wanted) as file:
                    yield from self._counted(self.of_file(file, path, path), file)
            except DatasetError as e:
                yield Block([path], [None], {0: str(e)})
            self._behind += size
        self.total = self._rows

    def of_file(self, file: BinaryIO, path: str, name: str) -> Iterator[Block]:
        """The blocks of one open file; `name` is what errors call it."""
        raise NotImplementedError

    def _counted(self, blocks: Iterator[Block], file: BinaryIO | None) -> Iterator[Block]:
        every = sum(self._sizes)
        for block in blocks:
            self._rows += len(block)
            if file is not None and "-" not in self.files and (read := self._behind + _at(file)):
                self.total = round(self._rows * every / read)
            yield block


class TablesRead(RowsRead):
    """Rows of CSV files."""

    wanted = "a CSV file with a header"

    def __init__(self, feeding: Tables, files: Sequence[str]) -> None:
        super().__init__(feeding, files)
        self.kinds, self.form = feeding.kinds, feeding.form

    def of_file(self, file: BinaryIO, path: str, name: str) -> Iterator[Block]:
        from graphnet.prepare.table import TableReader

        reader = TableReader(file, name, self.kinds, self.form.unused, self.form.delimiter)
        block, number = Block([path], body=(name, [], [])), 0
        for number, (line, cells, wrong, _) in enumerate(reader, 1):
            if wrong is not None:
                block.wrong[len(block.rows)] = wrong
            block.rows.append(number)
            block.body[1].append(line)
            block.body[2].append(cells)
            if len(block.rows) == self.size:
                yield block
                block = Block([path], body=(name, [], []))
        if block.rows:
            yield block
        if not number:
            raise DatasetError(clipped(f"{name}: there is no row behind the header"))


class TextsRead(RowsRead):
    """Lines of text files."""

    wanted = "a text file, one text a line"

    def of_file(self, file: BinaryIO, path: str, name: str) -> Iterator[Block]:
        block = Block([path], body=(name, []))
        for row, raw in enumerate(text_lines(file, name), 1):
            block.rows.append(row)
            block.body[1].append(raw.rstrip("\r\n"))
            if len(block.rows) == self.size:
                yield block
                block = Block([path], body=(name, []))
        if block.rows:
            yield block


class ArraysRead(RowsRead):
    """Rows of the arrays in .npz files, or in a .npy file where there is one input."""

    wanted = "a .npz file"

    def of_file(self, file: BinaryIO, path: str, name: str) -> Iterator[Block]:
        from graphnet.prepare.arrays import check_input
        from graphnet.prepare.pieces import Pieces, is_npy

        net, names = self.feeding.net, self.feeding.names
        if path == "-":  # an archive's table of contents stands at its end
            file = io.BytesIO(file.read())
        if not zipfile.is_zipfile(file) and not (len(names) == 1 and is_npy(file)):
            shown = ", ".join(f"'{wanted}'" for wanted in names)
            what = f"this model takes .npz files with the arrays {shown}; this is none"
            raise DatasetError(clipped(f"{name}: {what}"))
        pieces = Pieces(file, name, names, net.graph.targets)
        for key, array in pieces.first().items():
            check_input(net.spec, key, array, name)
        row = 1
        for arrays in pieces.read(self.size):
            samples = len(next(iter(arrays.values())))
            body = {key: (a.dtype.str, a.shape, a.tobytes()) for key, a in arrays.items()}
            yield Block([path], list(range(row, row + samples)), body=(name, body))
            row += samples


def _size_of(path: str) -> int:
    try:
        return os.path.getsize(path)
    except (OSError, ValueError):
        return 0


def _at(file: BinaryIO) -> int:
    try:
        return file.tell()
    except (OSError, ValueError):
        return 0


def reading_of(feeding: Feeding, files: Sequence[str]) -> Reading:
    """What reads the files for a network."""
    readings: Any = {
        Pictures: PicturesRead,
        Tables: TablesRead,
        Texts: TextsRead,
        Arrays: ArraysRead,
    }
    found: Reading = readings[type(feeding)](feeding, files)
    return found
