"""From the files of a call to batches of what a network takes: one class a kind of input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np

from graphnet.cli.answers import Place
from graphnet.cli.common import complain
from graphnet.errors import (
    BundleError,
    BundleLimitError,
    DatasetError,
    GraphnetError,
    ImageError,
    ImageTooLargeError,
    clipped,
)
from graphnet.inputs import dtype_of
from graphnet.network import Network
from graphnet.plan import Plan

BATCH = 256
"""Samples whose numbers are held at once: memory stays flat over any folder or file."""
BATCH_BYTES = 64 * 2**20
"""Of their pixels, numbers and what is computed; fewer samples where an input is large."""
SAMPLE_BYTES = 160 * 2**20
"""Of one sample: a stranger's model of a few bytes must not take all memory."""
SUFFIXES = (".png", ".jpg", ".jpeg")
Batch = tuple[list[Place], dict[str, Any]]


class Feeding:
    """Batches of samples for a network; `codes` gathers the exit codes of what could not be read.

    Errors: BundleLimitError where one sample takes too much memory.
    """

    sample = "one sample"

    def __init__(self, net: Network, path: str) -> None:
        self.net = net
        self.path = path
        self.codes: set[int] = set()
        self.names = [name for name, given in net.spec.inputs.items() if given.value is None]
        nbytes = self.bytes_of_input() + Plan(net.graph).predict_bytes()
        if nbytes > SAMPLE_BYTES:
            what = f"{self.sample} takes {nbytes:,} bytes of memory; the limit is {SAMPLE_BYTES:,}"
            raise BundleLimitError(clipped(f"{path}: {what}"))
        self.size = max(1, min(BATCH, BATCH_BYTES // max(nbytes, 1)))

    def bytes_of_input(self) -> int:
        """What one sample takes before the network has it."""
        shapes = ((name, self.net.spec.inputs[name].shape) for name in self.names)
        return sum(
            int(np.prod(shape, dtype=object)) * dtype_of(self.net.spec, name).itemsize
            for name, shape in shapes
        )

    def batches(self, files: Sequence[str]) -> Iterator[Batch]:
        """Places and inputs, at most `size` samples at a time."""
        raise NotImplementedError

    def failed(self, error: GraphnetError) -> None:
        """One file or sample that cannot be answered; the others are."""
        for line in str(error).splitlines():
            complain(line)
        self.codes.add(error.exit_code)


class Pictures(Feeding):
    """PNG and JPEG files, and folders of them."""

    sample = "one picture"

    def __init__(self, net: Network, path: str) -> None:
        from graphnet.prepare.image import ImagePreparation

        super().__init__(net, path)
        (self.name,) = self.names
        declared = net.spec.inputs[self.name]
        assert declared.image is not None
        self.preparation = ImagePreparation(declared.image, declared.shape, net.spec.dtype)
        self.needs_ink = declared.image.fit == "digit"
        self.seen: Any = None

    def bytes_of_input(self) -> int:
        image = self.net.spec.inputs[self.names[0]].image
        assert image is not None
        return 4 * image.size[0] * image.size[1]

    def batches(self, files: Sequence[str]) -> Iterator[Batch]:
        single = is_single(files)
        found: list[tuple[Place, Any]] = []
        for path in self._paths(files):
            pixels = self._pixels(path)
            if pixels is not None:
                found.append((Place("image", path, "" if single else path), pixels))
            if len(found) == self.size:
                yield self._batch(found)
                found = []
        if found:
            yield self._batch(found)

    def _batch(self, found: list[tuple[Place, Any]]) -> Batch:
        self.seen = found[0][1]
        numbers = self.preparation.numbers(np.stack([pixels for _, pixels in found]))
        return [place for place, _ in found], {self.name: numbers}

    def _pixels(self, path: str) -> Any:
        from graphnet.prepare.picture import read_picture

        try:
            if path == "-":
                image = read_picture(sys.stdin.buffer, "standard input")
            else:
                image = read_picture(path)
            pixels = self.preparation.picture(image)
        except (ImageError, ImageTooLargeError) as e:
            return self.failed(e)
        if self.needs_ink and pixels.min() == pixels.max():
            complain(f"{path}: no ink is found in it: its label means nothing")
        return pixels

    def _paths(self, given: Sequence[str]) -> Iterator[str]:
        """Files as given, folders' PNG and JPEG files, sorted, at any depth.

        A folder that has none or cannot be read is named.
        """

        def unreadable(error: OSError) -> None:
            self.failed(ImageError(f"{error.filename}: cannot be read: {error.strerror}"))

        for path in given:
            if path == "-" or not os.path.isdir(path):
                yield path
                continue
            found = False
            for folder, folders, files in os.walk(path, onerror=unreadable):
                folders.sort()
                for name in sorted(files):
                    if name.lower().endswith(SUFFIXES):
                        found = True
                        yield os.path.join(folder, name)
            if not found:
                self.failed(ImageError(f"{path}: no PNG or JPEG file is in this folder"))


class Rows(Feeding):
    """Files that hold one sample a row."""

    wanted = "a file"

    def batches(self, files: Sequence[str]) -> Iterator[Batch]:
        for path in files:
            try:
                if path == "-":
                    yield from self._named(
                        path, files, self.rows(sys.stdin.buffer, "standard input")
                    )
                    continue
                from graphnet.prepare.files import open_file

                with open_file(path, self.wanted) as file:
                    yield from self._named(path, files, self.rows(file, path))
            except DatasetError as e:
                self.failed(e)

    def _named(
        self, path: str, files: Sequence[str], found: Iterator[tuple[Sequence[int], dict[str, Any]]]
    ) -> Iterator[Batch]:
        start = "" if len(files) == 1 else f"{path}:"
        for rows, inputs in found:
            yield [Place("file", path, f"{start}{row}", row) for row in rows], inputs

    def rows(self, file: BinaryIO, name: str) -> Iterator[tuple[Sequence[int], dict[str, Any]]]:
        """Numbers of rows, from 1, and the inputs that they become."""
        raise NotImplementedError


class Tables(Rows):
    """CSV files with a header; a row that is wrong is named, the others are answered."""

    wanted = "a CSV file with a header"

    def __init__(self, net: Network, path: str) -> None:
        from graphnet.prepare.table import ColumnPreparation, Kind
        from graphnet.spec.columns import NumberColumn
        from graphnet.spec.prepared import TableForm, columns_of

        super().__init__(net, path)
        self.kinds: dict[str, Kind] = {}
        self.preparations = {}
        try:
            for name in self.names:
                given = net.spec.inputs[name]
                columns = columns_of(given, net.prepare, name)
                dtype = dtype_of(net.spec, name)
                self.preparations[name] = ColumnPreparation(columns, given.shape, dtype)
                for key, column in columns.items():
                    self.kinds[key] = "number" if isinstance(column, NumberColumn) else "category"
        except DatasetError as e:
            raise BundleError(clipped(f"{path}: {e}")) from None
        self.form = (net.prepare and net.prepare.table) or TableForm()

    def rows(self, file: BinaryIO, name: str) -> Iterator[tuple[Sequence[int], dict[str, Any]]]:
        from graphnet.prepare.table import TableReader

        reader = TableReader(file, name, self.kinds, self.form.unused, self.form.delimiter)
        found: list[tuple[int, int, list[Any]]] = []
        number = 0
        for number, (line, cells, wrong) in enumerate(reader, 1):
            if wrong is not None:
                self.failed(DatasetError(wrong))
                continue
            found.append((number, line, cells))
            if len(found) == self.size:
                yield from self._whole(name, found)
                found = []
        if found:
            yield from self._whole(name, found)
        if not number:
            raise DatasetError(clipped(f"{name}: there is no row behind the header"))

    def _whole(
        self, name: str, found: list[tuple[int, int, list[Any]]]
    ) -> Iterator[tuple[Sequence[int], dict[str, Any]]]:
        """The rows whose cells are all known."""
        columns = list(zip(*(cells for _, _, cells in found), strict=True))
        cells = dict(zip(self.kinds, columns, strict=True))
        inputs, wrong = {}, dict[int, str]()
        for key, preparation in self.preparations.items():
            inputs[key], problems = preparation.numbers(cells)
            wrong |= problems
        for i in sorted(wrong):
            self.failed(DatasetError(clipped(f"{name}:{found[i][1]}: {wrong[i]}")))
        good = [i for i in range(len(found)) if i not in wrong]
        if good:
            taken = inputs if not wrong else {key: array[good] for key, array in inputs.items()}
            yield [found[i][0] for i in good], taken


class Arrays(Rows):
    """.npz files with an array for each input."""

    wanted = "a .npz file"

    def rows(self, file: BinaryIO, name: str) -> Iterator[tuple[Sequence[int], dict[str, Any]]]:
        import io
        import zipfile

        from graphnet.prepare.arrays import check_input, numbers_of, read_npz, same_lengths

        if file is sys.stdin.buffer:  # an archive's table of contents stands at its end
            file = io.BytesIO(file.read())
        if not zipfile.is_zipfile(file):
            names = ", ".join(f"'{wanted}'" for wanted in self.names)
            what = f"this model takes .npz files with the arrays {names}; this is none"
            raise DatasetError(clipped(f"{name}: {what}"))
        arrays = read_npz(file, name, self.names, self.net.graph.targets)
        count = same_lengths(arrays, name)
        for key, array in arrays.items():
            check_input(self.net.spec, key, array, name)
        for start in range(0, count, self.size):
            part = {
                key: numbers_of(self.net.spec, key, array[start : start + self.size])
                for key, array in arrays.items()
            }
            yield range(start + 1, min(start + self.size, count) + 1), part


class Texts(Rows):
    """Text files with one sample a line, or one text of the command line."""

    wanted = "a text file, one text a line"

    def __init__(self, net: Network, path: str) -> None:
        from graphnet.prepare.text import next_input, preparation_of, units_of

        super().__init__(net, path)
        (self.name,) = self.names
        try:
            self.preparation = preparation_of(net, self.name)
        except DatasetError as e:
            raise BundleError(clipped(f"{path}: {e}")) from None
        self.goes_on = next_input(net.graph) is not None
        self.units_of = units_of

    def rows(self, file: BinaryIO, name: str) -> Iterator[tuple[Sequence[int], dict[str, Any]]]:
        for found in self.lines(file, name):
            yield [row for row, _ in found], self.inputs([units for _, units in found])

    def lines(self, file: BinaryIO, name: str) -> Iterator[list[tuple[int, list[str]]]]:
        """Numbers of lines, from 1, and their characters or words."""
        from graphnet.prepare.files import text_lines

        found: list[tuple[int, list[str]]] = []
        for row, raw in enumerate(text_lines(file, name), 1):
            units = self.units(raw.rstrip("\r\n"), f"{name}:{row}")
            if units is not None:
                found.append((row, units))
            if len(found) == self.size:
                yield found
                found = []
        if found:
            yield found

    def units(self, line: str, where: str) -> list[str] | None:
        """The characters or words of one text; None where it cannot be answered."""
        found = self.units_of(self.preparation.text, line)
        wrong = None if self.goes_on else self.preparation.problem(found)
        if wrong is not None:
            self.failed(DatasetError(clipped(f"{where}: {wrong}")))
        return found if wrong is None else None

    def inputs(self, lines: list[list[str]]) -> dict[str, Any]:
        """What the network takes of some texts."""
        if self.goes_on:
            lines = [self.preparation.start(units) for units in lines]
        return {self.name: self.preparation.numbers(lines)}

    def text(self, text: str) -> Iterator[Batch]:
        """The batch of one text."""
        units = self.units(text, "--text")
        if units is not None:
            yield [Place("text", text, "")], self.inputs([units])


class Continuations(Texts):
    """Texts with what follows them, `most` characters or words, in place of inputs."""

    def __init__(self, net: Network, path: str, most: int) -> None:
        super().__init__(net, path)
        self.most = most

    def inputs(self, lines: list[list[str]]) -> dict[str, Any]:
        from graphnet.prepare.generate import go_on
        from graphnet.prepare.text import joined

        added = go_on(self.net, self.preparation, lines, self.most)
        both = zip(lines, added, strict=True)
        return {"line": [joined(self.preparation.text, [*units, *more]) for units, more in both]}


def is_single(files: Sequence[str]) -> bool:
    """Whether a call names one picture, and no folder."""
    return len(files) == 1 and not os.path.isdir(files[0])


def feeding_of(net: Network, path: str) -> Feeding:
    """What reads the files that a network takes.

    Errors: BundleError where files are not what it takes.
    """
    fed: Mapping[str, Any] = {n: g for n, g in net.spec.inputs.items() if g.value is None}
    kinds = {
        "image" if g.image else "columns" if g.columns else "text" if g.text else ""
        for g in fed.values()
    }
    if kinds == {"image"} and len(fed) == 1:
        return Pictures(net, path)
    if kinds == {"columns"}:
        return Tables(net, path)
    if kinds == {"text"} and len(fed) == 1:
        return Texts(net, path)
    return Arrays(net, path)
