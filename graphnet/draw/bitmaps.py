"""Arrays as small pictures: images as they are, everything else as a heat map around 0."""

from __future__ import annotations

import io
import math
from base64 import b64encode

import numpy as np
from PIL import Image

from graphnet.draw.card import Bitmap
from graphnet.layers.base import Array
from graphnet.spec.image import ImageSpec

SIDE = 84
"""Pixels of a bitmap's longer side, about."""
MOST_CHANNELS = 16
"""Channels of a feature map that are shown, beside each other."""
MINUS, ZERO, PLUS = (178, 24, 43), (247, 247, 247), (33, 102, 172)
"""The colours of the least number, of 0 and of the largest: ColorBrewer's RdBu, which colour-blind
people tell apart."""
NOWHERE = (120, 128, 140)
"""Between channels."""
NOT_FINITE = (230, 0, 230)


def range_of(array: Array) -> str:
    """`−0.31 … 1.2`, or how many numbers are not finite."""
    wrong = int(array.size - np.isfinite(array).sum())
    if wrong:
        return f"{wrong:,} not finite"
    return f"{float(array.min()):.3g} … {float(array.max()):.3g}".replace("-", "−")


def image_of(array: Array, spec: ImageSpec) -> Bitmap:
    """The picture that a network sees, its preparation taken back."""
    height, width = spec.size
    pixels = np.asarray(array, np.float64).reshape(height, width, spec.channels)
    low, high = spec.range
    pixels = pixels * np.asarray(spec.std or 1.0) + np.asarray(spec.mean or 0.0)
    pixels = np.nan_to_num((pixels - low) / (high - low)).clip(0, 1)
    grey = np.repeat(pixels, 3, axis=2) if spec.channels == 1 else pixels
    return _bitmap((grey * 255).round().astype(np.uint8), "image")


def heat_map(array: Array, image: ImageSpec | None = None) -> Bitmap:
    """White for 0, blue above, red below, the darkest for what is farthest from 0.

    A vector goes on in the next row; of a feature map (height, width, channels) the first channels
    stand beside each other. image: the array is laid out like that picture.
    """
    values = np.asarray(array, np.float64)
    what = f"heat map, {range_of(values)}"
    if image is not None:
        values = values.reshape(*image.size, image.channels)
    if values.ndim < 2:
        return _bitmap(_folded(values.reshape(-1)), what)
    if values.ndim == 2:
        return _bitmap(_coloured(_reduced(values), np.abs(values)), what)
    values = values.reshape(-1, *values.shape[-2:])
    return _bitmap(_tiled(values), what)


def _folded(values: Array) -> Array:
    """A vector in rows that make a rectangle wider than high."""
    # Of a long one, means of neighbours: a bitmap has few thousand cells.
    if len(values) > SIDE**2 // 2:
        starts = np.arange(0, len(values), -(-len(values) // (SIDE**2 // 2)))
        values = np.add.reduceat(values, starts) / np.diff(np.append(starts, len(values)))
    count = len(values)
    columns = count if count <= 16 else min(count, math.ceil(math.sqrt(count * 2)))
    rows = -(-count // columns)
    cells = np.zeros(rows * columns)
    cells[:count] = values
    colours = _coloured(cells, np.abs(values))
    colours[count:] = NOWHERE
    return colours.reshape(rows, columns, 3)


def _tiled(values: Array) -> Array:
    """Channels beside each other, a pixel between."""
    scale = np.abs(values)
    shown = [_reduced(values[..., k]) for k in range(min(values.shape[-1], MOST_CHANNELS))]
    columns = math.ceil(math.sqrt(len(shown)))
    rows = -(-len(shown) // columns)
    high, wide = shown[0].shape[0] + 1, shown[0].shape[1] + 1
    found = np.empty((rows * high - 1, columns * wide - 1, 3), np.uint8)
    found[:] = NOWHERE
    for k, channel in enumerate(shown):
        top, left = k // columns * high, k % columns * wide
        found[top : top + high - 1, left : left + wide - 1] = _coloured(channel, scale)
    return found


def _reduced(values: Array) -> Array:
    """Means of so many neighbours that no side passes SIDE."""
    for axis in (0, 1):
        size = values.shape[axis]
        step = -(-size // SIDE)
        if step > 1:
            starts = np.arange(0, size, step)
            counts = np.diff(np.append(starts, size))
            sums = np.add.reduceat(values, starts, axis)
            values = sums / (counts[:, np.newaxis] if axis == 0 else counts)
    return values


def _coloured(values: Array, scale: Array) -> Array:
    """Colours of numbers by their part of the largest of `scale`."""
    finite = np.isfinite(values)
    most = float(scale[np.isfinite(scale)].max(initial=0.0)) or 1.0
    part = np.clip(np.where(finite, values, 0) / most, -1, 1)[..., np.newaxis]
    ends = np.where(part < 0, np.array(MINUS, float), np.array(PLUS, float))
    colours = np.array(ZERO) + (ends - np.array(ZERO)) * np.abs(part)
    colours[~finite] = NOT_FINITE
    found: Array = colours.round().astype(np.uint8)
    return found


def _bitmap(colours: Array, what: str) -> Bitmap:
    memory = io.BytesIO()
    Image.fromarray(colours, "RGB").save(memory, "PNG")
    height, width = colours.shape[:2]
    cell = SIDE / max(height, width)
    cell = min(10.0, int(cell) if cell >= 1 else cell)
    uri = f"data:image/png;base64,{b64encode(memory.getvalue()).decode('ascii')}"
    return Bitmap(uri, max(2, round(width * cell)), max(2, round(height * cell)), what)
