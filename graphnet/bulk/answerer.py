"""Blocks -> replies: what every process that answers does.

A sample that cannot be answered has a stand-in of zeros in its batch, so that the others stand
where they would stand beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphnet.answering.answers import Answers
from graphnet.answering.feeding import Feeding, Pictures
from graphnet.answering.rows import Arrays, Tables, Texts
from graphnet.bulk.blocks import (
    Block,
    Reply,
    block_of,
    fingerprint,
    status_of,
    status_text,
    statuses_of,
)
from graphnet.bulk.forms import Form, Places
from graphnet.errors import (
    DatasetError,
    ImageError,
    ImageTooLargeError,
    clipped,
)

Inputs = Mapping[str, Any]
NO_INK = "no ink is found in it: its label means nothing"
NOT_FINITE = "the network's scores are not finite"


class Answerer:
    """One network that answers blocks, on one thread."""

    def __init__(self, feeding: Feeding, answers: Answers, form: Form) -> None:
        self.feeding, self.answers, self.form = feeding, answers, form
        answers.threads = 1
        makers: Any = {
            Pictures: PictureInputs,
            Tables: TableInputs,
            Texts: TextInputs,
            Arrays: ArrayInputs,
        }
        self._inputs = makers[type(feeding)](feeding)

    def __call__(self, message: bytes) -> bytes:
        """The reply to a block, both as messages.

        Errors: BundleError, ShapeError where all samples are alike wrong.
        """
        block = block_of(message)
        statuses: list[str] = []
        wrong = dict(block.wrong)
        notes: dict[int, str] = {}
        found: dict[str, Any] = {}
        if len(wrong) < len(block):
            inputs = self._inputs(block, wrong, notes, statuses)
            if len(wrong) < len(block):
                found = self.answers.batch(inputs)
                self._check(block, found, wrong)
        good = [i for i in range(len(block)) if i not in wrong]
        places = Places(block.files, block.rows)
        data = self.form.rows(places, good, {k: v[good] for k, v in found.items()}, notes | wrong)
        mark = fingerprint(message, statuses or statuses_of(block))
        return Reply(len(block), len(wrong), len(notes.keys() - wrong), mark, data).packed()

    def _check(self, block: Block, found: Inputs, wrong: dict[int, str]) -> None:
        """Name the samples whose scores are not finite."""
        for scores in found.values():
            finite = np.isfinite(scores).reshape(len(block), -1).all(axis=1)
            for i in map(int, np.flatnonzero(~finite)):
                where = block.files[i] if not block.rows else f"{block.files[0]}:{block.rows[i]}"
                wrong.setdefault(i, clipped(f"{where}: {NOT_FINITE}"))


class PictureInputs:
    """Pixels of PNG and JPEG files; small ones are decoded together."""

    def __init__(self, feeding: Pictures) -> None:
        self.name, self.preparation = feeding.name, feeding.preparation
        self.needs_ink = feeding.needs_ink
        image = feeding.preparation.image
        self._channels, (height, width) = image.channels, image.size
        self._size = width, height

    def __call__(
        self, block: Block, wrong: dict[int, str], notes: dict[int, str], statuses: list[str]
    ) -> Inputs:
        from graphnet.prepare.picture import file_content, read_picture
        from graphnet.prepare.small import Rows, rows_of

        pixels = np.zeros((len(block), *self.preparation.image.shapes[0]), np.uint8)
        small: dict[tuple[Any, int], list[tuple[int, Rows]]] = {}
        given = block.body or {}
        for i, path in enumerate(block.files):
            statuses.append("")
            if i in wrong:
                statuses[i] = status_of(path)
                continue
            name = "standard input" if i in given else path
            try:
                if i in given:
                    data = given[i]
                    statuses[i] = status_of(path)
                else:
                    data, status = file_content(path)
                    statuses[i] = status_text(status)
                rows = rows_of(data)
                if rows is None:
                    pixels[i] = self.preparation.picture(read_picture(data, name))
                else:
                    small.setdefault((rows.size, rows.channels), []).append((i, rows))
            except (ImageError, ImageTooLargeError) as e:
                wrong[i] = str(e)
                statuses[i] = statuses[i] or status_of(path)
        for group in small.values():
            self._decode(group, pixels)
        if self.needs_ink:
            flat = pixels.reshape(len(pixels), -1)
            for i in map(int, np.flatnonzero(flat.min(axis=1) == flat.max(axis=1))):
                notes[i] = clipped(f"{block.files[i]}: {NO_INK}")
        return {self.name: self.preparation.numbers(pixels)}

    def _decode(self, group: Sequence[tuple[int, Any]], into: Any) -> None:
        from PIL import Image

        from graphnet.prepare.small import pixels_of

        found = pixels_of([rows for _, rows in group])
        numbers = [i for i, _ in group]
        if group[0][1].size == self._size and found.shape[3] == self._channels:
            into[numbers] = self.preparation.orient(found)
            return
        for i, picture in zip(numbers, found, strict=True):
            shape = picture.shape[:2] if picture.shape[2] == 1 else picture.shape
            into[i] = self.preparation.picture(Image.fromarray(picture.reshape(shape)))


class TableInputs:
    """Cells of rows."""

    def __init__(self, feeding: Tables) -> None:
        self.kinds, self.preparations = feeding.kinds, feeding.preparations

    def __call__(
        self, block: Block, wrong: dict[int, str], notes: dict[int, str], statuses: list[str]
    ) -> Inputs:
        name, lines, rows = block.body
        stand_in = next(cells for i, cells in enumerate(rows) if i not in wrong)
        columns = zip(*(stand_in if i in wrong else c for i, c in enumerate(rows)), strict=True)
        cells = dict(zip(self.kinds, columns, strict=True))
        inputs = {}
        for key, preparation in self.preparations.items():
            inputs[key], problems = preparation.numbers(cells)
            for i, what in problems.items():
                wrong.setdefault(i, clipped(f"{name}:{lines[i]}: {what}"))
        return inputs


class TextInputs:
    """Lines of text."""

    def __init__(self, feeding: Texts) -> None:
        self.feeding = feeding

    def __call__(
        self, block: Block, wrong: dict[int, str], notes: dict[int, str], statuses: list[str]
    ) -> Inputs:
        feeding, (name, lines) = self.feeding, block.body
        found = []
        for i, line in enumerate(lines):
            units = feeding.units_of(feeding.preparation.text, line)
            problem = None if feeding.goes_on else feeding.preparation.problem(units)
            if problem is not None:
                wrong[i] = clipped(f"{name}:{block.rows[i]}: {problem}")
            found.append([] if problem is not None else units)
        return feeding.inputs(found)


class ArrayInputs:
    """Rows of arrays."""

    def __init__(self, feeding: Arrays) -> None:
        self.spec = feeding.net.spec

    def __call__(
        self, block: Block, wrong: dict[int, str], notes: dict[int, str], statuses: list[str]
    ) -> Inputs:
        from graphnet.prepare.arrays import check_finite, numbers_of

        name, body = block.body
        inputs = {}
        for key, (dtype, shape, data) in body.items():
            array = np.frombuffer(data, dtype).reshape(shape)
            try:
                check_finite(array, "", dtype_of_input(self.spec, key))
            except DatasetError:
                array = self._without(array, key, name, block, wrong)
            inputs[key] = numbers_of(self.spec, key, array)
        return inputs

    def _without(self, array: Any, key: str, name: str, block: Block, wrong: dict[int, str]) -> Any:
        """Zeros in place of the rows that hold NaN, infinity or too large a number."""
        array = array.copy()
        dtype = dtype_of_input(self.spec, key)
        with np.errstate(over="ignore"):
            cast = array.astype(dtype).reshape(len(array), -1)
        for i in map(int, np.flatnonzero(~np.isfinite(cast).all(axis=1))):
            bad = array[i].ravel()[int(np.argmin(np.isfinite(cast[i])))]
            what = f"array '{key}', sample {block.rows[i]}: {bad} is no finite {dtype}"
            wrong.setdefault(i, clipped(f"{name}: {what}"))
            array[i] = 0
        return array


def dtype_of_input(spec: Any, name: str) -> np.dtype[Any]:
    """The type of an input's numbers."""
    from graphnet.inputs import dtype_of

    return dtype_of(spec, name)
