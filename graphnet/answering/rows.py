"""Files that hold one sample a row, as batches: tables, arrays, texts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from graphnet.answering.answers import Place
from graphnet.answering.feeding import Batch, Complain, Feeding
from graphnet.errors import BundleError, DatasetError, clipped
from graphnet.inputs import dtype_of
from graphnet.network import Network
from graphnet.prepare.files import open_file, text_lines


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

    def __init__(self, net: Network, path: str, complain: Complain) -> None:
        from graphnet.prepare.table import ColumnPreparation, Kind
        from graphnet.spec.columns import NumberColumn
        from graphnet.spec.prepared import TableForm, columns_of

        super().__init__(net, path, complain)
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
        for number, (line, cells, wrong, _) in enumerate(reader, 1):
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
    takes_text = True

    def __init__(self, net: Network, path: str, complain: Complain) -> None:
        from graphnet.prepare.text import next_input, preparation_of, units_of

        super().__init__(net, path, complain)
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

    def __init__(self, net: Network, path: str, complain: Complain, most: int) -> None:
        super().__init__(net, path, complain)
        self.most = most

    def inputs(self, lines: list[list[str]]) -> dict[str, Any]:
        from graphnet.prepare.generate import go_on
        from graphnet.prepare.text import joined

        added = go_on(self.net, self.preparation, lines, self.most)
        both = zip(lines, added, strict=True)
        return {"line": [joined(self.preparation.text, [*units, *more]) for units, more in both]}
