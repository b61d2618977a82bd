"""One input of a network, read from JSON: pixels or pictures, cells, texts, numbers.

Each says its JSON Schema beside what it takes, so that the two do not part.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphnet.errors import BundleError, DatasetError, ImageError, clipped, quoted
from graphnet.inputs import dtype_of, with_batch_axis
from graphnet.network import Network
from graphnet.serving.bodies import kind_of
from graphnet.serving.values import Schema, array_of, grey_pixels, is_number, nested, whole

Read = tuple[Any, int | None]
"""An array with a batch axis, and how many samples there are; None for one without that axis."""
NO_INK = "no ink is found in the picture: its label means nothing"


class Field:
    """One input. size: the numbers of a sample.

    Errors: BundleError where the bundle lacks what it takes to read one.
    """

    def __init__(self, net: Network, name: str, path: str) -> None:
        self.name = name
        self.given = net.spec.inputs[name]
        self.shape = self.given.shape
        self.dtype = dtype_of(net.spec, name)
        self.size = int(np.prod(self.shape, dtype=object))
        try:
            self.prepare(net)
        except DatasetError as e:
            raise BundleError(clipped(f"{path}: {e}")) from None

    def prepare(self, net: Network) -> None:
        """Make what the values are prepared with.

        Errors: DatasetError.
        """

    def read(self, value: Any) -> Read:
        """What a JSON value says.

        Errors: DatasetError, ShapeError, ImageError, ImageTooLargeError.
        """
        raise NotImplementedError

    def schemas(self) -> list[Schema]:
        """The ways in which `read` takes one sample; those of one list are given in one way."""
        raise NotImplementedError


class Numbers(Field):
    """Lists of numbers in the input's shape, as `predict` takes them."""

    def read(self, value: Any) -> Read:
        array = array_of(self.name, value)
        if self.dtype.kind == "i":
            array = whole(self.name, array)
        return with_batch_axis(f"input '{self.name}'", array, self.shape, self.dtype)

    def schemas(self) -> list[Schema]:
        if self.dtype.kind == "i":
            item: Schema = {"type": "integer", "minimum": -(2**53), "maximum": 2**53}
        else:
            most = float(np.finfo(self.dtype).max)
            item = {"type": "number", "minimum": -most, "maximum": most}
        return [nested(item, self.shape)]


class Pictures(Field):
    """Pixels 0-255 of a picture of the right size, or a PNG or JPEG as base64."""

    def prepare(self, net: Network) -> None:
        from graphnet.prepare.image import ImagePreparation

        image = self.given.image
        assert image is not None
        self.preparation = ImagePreparation(image, self.shape, net.spec.dtype)
        self.needs_ink = image.fit == "digit"
        self.pixels = [image.shapes[0]]
        if image.mode == "grey":
            self.pixels.insert(0, image.size)

    def read(self, value: Any) -> Read:
        if isinstance(value, str):
            return self.numbers(self._decoded(value, self.name)[np.newaxis]), None
        if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            found = [self._decoded(one, f"{self.name}[{i}]") for i, one in enumerate(value)]
            return self.numbers(np.stack(found)), len(found)
        if (quick := grey_pixels(value, self.pixels[0])) is not None:
            return self.numbers(self.preparation.orient(quick)), None
        array = whole(self.name, array_of(self.name, value))
        for shape in self.pixels:
            if array.shape == shape or (array.shape[1:] == shape and len(array)):
                break
        else:
            wanted = " or ".join(map(str, self.pixels))
            what = f"pixels of shape {wanted}, or several such, are expected"
            raise DatasetError(clipped(f"input '{self.name}': {what}, found {array.shape}"))
        if array.min() < 0 or array.max() > 255:
            bad = array.min() if array.min() < 0 else array.max()
            raise DatasetError(f"input '{self.name}': pixels are 0 to 255, found {bad}")
        alone = array.shape == shape
        pixels = self.preparation.orient(array.astype(np.uint8).reshape(-1, *shape))
        return self.numbers(pixels), None if alone else len(pixels)

    def numbers(self, pixels: Any) -> Any:
        """What the network takes of N pictures."""
        return self.preparation.numbers(pixels)

    def picture(self, data: bytes, what: str) -> tuple[Any, str | None]:
        """The pixels of a PNG or JPEG, and what is to be said of them.

        Errors: ImageError, ImageTooLargeError.
        """
        from graphnet.prepare.picture import read_picture

        pixels = self.preparation.picture(read_picture(data, what))
        empty = self.needs_ink and pixels.min() == pixels.max()
        return pixels, NO_INK if empty else None

    def decoded(self, pictures: Sequence[bytes]) -> list[tuple[Any, str | None] | None]:
        """What `picture` makes of each PNG of just the right kind, decoded together; None for any
        other file, and for what is no PNG."""
        from graphnet.prepare.small import pixels_of, rows_of

        height, width, channels = self.pixels[-1]
        rows = [rows_of(data) for data in pictures]
        good = [
            i
            for i, one in enumerate(rows)
            if one is not None and one.size == (width, height) and one.channels == channels
        ]
        found: list[tuple[Any, str | None] | None] = [None] * len(rows)
        if good:
            pixels = self.preparation.orient(
                pixels_of([one for one in map(rows.__getitem__, good) if one])
            )
            for i, one in zip(good, pixels, strict=True):
                empty = self.needs_ink and one.min() == one.max()
                found[i] = one, NO_INK if empty else None
        return found

    def _decoded(self, text: str, what: str) -> Any:
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            what = f"input '{what}': base64 of a PNG or JPEG is expected, found"
            raise ImageError(f"{what} {quoted(text, 40)}") from None
        return self.picture(data, f"input '{what}'")[0]

    def schemas(self) -> list[Schema]:
        item = {"type": "integer", "minimum": 0, "maximum": 255}
        encoded = {
            "type": "string",
            "format": "picture",
            "contentEncoding": "base64",
            "description": "A PNG or JPEG.",
        }
        return [*(nested(item, shape) for shape in self.pixels), encoded]


class Cells(Field):
    """Columns of a table: a value each for one row, a list each for several."""

    def prepare(self, net: Network) -> None:
        from graphnet.prepare.table import ColumnPreparation
        from graphnet.spec.columns import NumberColumn
        from graphnet.spec.prepared import columns_of

        self.columns = columns_of(self.given, net.prepare, self.name)
        self.preparation = ColumnPreparation(self.columns, self.shape, self.dtype)
        self.kinds = {
            key: "number" if isinstance(column, NumberColumn) else "category"
            for key, column in self.columns.items()
        }
        table = net.prepare and net.prepare.table
        self.unused = list(table.unused) if table else []

    def read(self, value: Any) -> Read:
        if not isinstance(value, Mapping) or set(value) != set(self.kinds):
            names = ", ".join(quoted(key, 40) for key in list(self.kinds)[:5])
            what = f"an object with the columns {names} is expected"
            raise DatasetError(clipped(f"input '{self.name}': {what}, found {kind_of(value)}"))
        counts = {len(cell) if isinstance(cell, list) else None for cell in value.values()}
        if len(counts) > 1 or counts == {0}:
            what = "a value each, or lists of one length that is not 0, are expected"
            raise DatasetError(f"body: columns: {what}")
        (count,) = counts
        cells = {key: value[key] if count is not None else [value[key]] for key in self.kinds}
        for key, kind in self.kinds.items():
            _check_cells(key, kind, cells[key])
        array, wrong = self.preparation.numbers(cells)
        if wrong:
            i = min(wrong)
            row = "" if count is None else f"row {i}: "
            raise DatasetError(clipped(f"body: {row}{wrong[i]}"))
        return array, count

    def schemas(self) -> list[Schema]:
        required = list(self.kinds)
        properties = {key: self.cell_schema(key) for key in required}
        return [
            {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": False,
            }
        ]

    def cell_schema(self, key: str) -> Schema:
        """One cell of a column."""
        if self.kinds[key] == "number":
            return {"type": "number"}
        values: Sequence[str] = getattr(self.columns[key], "values", None) or ()
        return {"type": "string", "enum": list(values)}


class Texts(Field):
    """A text, or several."""

    def prepare(self, net: Network) -> None:
        from graphnet.prepare.text import next_input, preparation_of, units_of

        self.preparation = preparation_of(net, self.name)
        self.goes_on = next_input(net.graph) == self.name
        self.units_of = units_of

    def read(self, value: Any) -> Read:
        texts = value if isinstance(value, list) else [value]
        lines = []
        for i, text in enumerate(texts):
            where = f"input '{self.name}'" + (f"[{i}]" if isinstance(value, list) else "")
            if not isinstance(text, str):
                raise DatasetError(clipped(f"{where}: a text is expected, found {kind_of(text)}"))
            units = self.units_of(self.preparation.text, text)
            wrong = None if self.goes_on else self.preparation.problem(units)
            if wrong is not None:
                raise DatasetError(clipped(f"{where}: {wrong}"))
            lines.append(self.preparation.start(units) if self.goes_on else units)
        if not lines:
            raise DatasetError(f"input '{self.name}': the list has no text")
        array = self.preparation.numbers(lines)
        return array, len(lines) if isinstance(value, list) else None

    def schemas(self) -> list[Schema]:
        schema: Schema = {"type": "string"}
        if not self.goes_on:
            schema["minLength"] = 1
            if self.preparation.text.unit == "character" and not self.preparation.text.cut:
                schema["maxLength"] = self.preparation.positions
        return [schema]


def _check_cells(key: str, kind: str, cells: list[Any]) -> None:
    for i, cell in enumerate(cells):
        if (kind == "number") == is_number(cell) and (kind == "number" or isinstance(cell, str)):
            continue
        wanted = "a number" if kind == "number" else "a text"
        what = f"column {quoted(key)}: {wanted} is expected, found {kind_of(cell)}"
        row = "" if len(cells) == 1 else f"row {i}: "
        raise DatasetError(clipped(f"body: {row}{what}"))
