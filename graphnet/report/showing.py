"""A sample as a person knows it: a picture, a row, a text; else its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphnet.declaration import Shape
from graphnet.layers.base import Array
from graphnet.network import Network
from graphnet.prepare.text import BOUNDARY, joined, last_positions, next_input, preparation_of
from graphnet.report.writing import written
from graphnet.spec.columns import NumberColumn
from graphnet.spec.graph import InputSpec
from graphnet.spec.image import ImageSpec
from graphnet.spec.prepared import columns_of
from graphnet.spec.text import PADDING

MOST_NUMBERS = 12
MOST_CELLS = 40
LONGEST = 300
LINE_END = "⏎"
"""How the end of a line stands in a text."""


class Picture(NamedTuple):
    """Pixels. Shapes: (H, W, 1) or (H, W, 3), uint8"""

    pixels: NDArray[np.uint8]


class Words(NamedTuple):
    """A text."""

    text: str


class Cells(NamedTuple):
    """A row of a table, column by column."""

    cells: list[tuple[str, str]]


Shown = Picture | Words | Cells


def inputs_shown(net: Network, inputs: Mapping[str, Array]) -> dict[str, Shown]:
    """One sample, by input; what has a `value` of its own is left out.

    Shapes: each of one sample, without the batch axis
    """
    return {
        name: _input(net, name, given, np.asarray(inputs[name]))
        for name, given in net.spec.inputs.items()
        if given.value is None
    }


def array_shown(net: Network, array: Array, like: str) -> Shown:
    """Numbers that a network gave: a picture where its target `like` is an input that is one."""
    given = net.spec.inputs.get(like)
    if given is not None and given.image is not None and math.prod(given.shape) == array.size:
        return Picture(_pixels(given.image, array))
    return _plain(array)


def text_so_far(net: Network, inputs: Mapping[str, Array], place: int | None) -> str | None:
    """Of a network that tells the next character or word, what stands before the place."""
    name = next_input(net.graph)
    if name is None or place is None:
        return None
    preparation = preparation_of(net, name)
    codes = [int(code) for code in np.asarray(inputs[name])[: place + 1] if code != PADDING]
    units = [preparation.names[code] for code in codes if code < len(preparation.names)]
    text = preparation.text
    return joined(text, (unit for unit in units if unit != BOUNDARY))


def class_names(net: Network, output: str, known: tuple[str, ...] | None) -> list[str] | None:
    """The names of an output's classes; of a network that tells the next character, those."""
    names = net.labels(output) or known
    if names is not None:
        return list(names)
    name = next_input(net.graph)
    if name is None:
        return None
    entries = [LINE_END if e == BOUNDARY else e for e in preparation_of(net, name).names]
    count = net.graph.shapes[output][-1]
    return [repr(e) if e.isspace() else e for e in entries] + [
        f"<unused {k}>" for k in range(len(entries), count)
    ]


def plane(shape: Shape) -> Shape | None:
    """The shape of an array as a picture, (H, W, C); None where it is none."""
    if len(shape) == 2 and min(shape) > 1:
        return (*shape, 1)
    if len(shape) == 3 and shape[2] in (1, 3) and min(shape[:2]) > 1:
        return shape
    return None


def _input(net: Network, name: str, given: InputSpec, array: Array) -> Shown:
    if given.image is not None:
        return Picture(_pixels(given.image, array))
    if given.columns is not None:
        return _row(net, name, given, array.reshape(-1))
    if given.text is not None:
        preparation = preparation_of(net, name)
        last = int(last_positions(array[None])[0]) + 1 if given.text.pad == "end" else None
        codes = [int(code) for code in array[:last] if last is not None or code != PADDING]
        units = [preparation.names[code] for code in codes if code < len(preparation.names)]
        line = joined(preparation.text, (u for u in units if u != BOUNDARY))
        return Words(line[:LONGEST] + "…" * (len(line) > LONGEST))
    return _plain(array)


def _pixels(image: ImageSpec, array: Array) -> NDArray[np.uint8]:
    """The way of ImagePreparation back: pixel = (x * std + mean - low) / (high - low) * 255."""
    x = array.reshape(image.shapes[0]).astype(np.float64)
    low, high = image.range
    x = x * np.array(image.std or 1.0) + np.array(image.mean or 0.0)
    levels = np.clip(np.rint((x - low) / (high - low) * 255), 0, 255)
    pixels: NDArray[np.uint8] = levels.astype(np.uint8)
    return pixels


def _row(net: Network, name: str, given: InputSpec, x: Array) -> Shown:
    """The way of ColumnPreparation back; numbers to 6 digits."""
    cells: list[tuple[str, str]] = []
    at = 0
    for key, column in columns_of(given, net.prepare, name).items():
        if isinstance(column, NumberColumn):
            assert column.mean is not None
            assert column.std is not None
            cells.append((key, f"{float(x[at]) * column.std + column.mean:.6g}"))
            at += 1
            continue
        values = column.values or ()
        width = 1 if given.dtype is not None else len(values)
        code = int(x[at]) if given.dtype is not None else int(np.argmax(x[at : at + width]))
        cells.append((key, values[code]))
        at += width
    return Cells(cells[:MOST_CELLS])


def _plain(array: Array) -> Shown:
    shape = plane(array.shape)
    if shape is not None:
        x = array.reshape(shape).astype(np.float64)
        low, high = float(x.min()), float(x.max())
        levels = np.rint((x - low) / ((high - low) or 1) * 255)
        return Picture(levels.astype(np.uint8))
    flat = array.reshape(-1)
    shown = ", ".join(_number(value) for value in flat[:MOST_NUMBERS].tolist())
    more = f", … ({flat.size:,} numbers)" if flat.size > MOST_NUMBERS else ""
    return Words(shown + more)


def _number(value: Any) -> str:
    return str(value) if isinstance(value, int) else written(value)
