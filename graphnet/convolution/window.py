"""Where a sliding window lies: padding, stride, dilation, and the views of what it sees."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from graphnet.errors import ShapeError

COPIED = 16 * 1024
"""Bytes that are copied at a time."""

Array = npt.NDArray[np.floating]
Pair = tuple[int, int]
Padding = int | tuple[int, ...] | Literal["same", "valid"]


class Window(NamedTuple):
    """A window that slides over samples of (height, width, ...), and the outputs it makes.

    padding: (before, after) along each of the two axes; out: the number of its positions there.
    """

    size: Pair
    kernel: Pair
    stride: Pair
    dilation: Pair
    padding: tuple[Pair, Pair]
    out: Pair

    @property
    def reach(self) -> Pair:
        """Rows and columns from a window's first element to its last, both included."""
        return (
            (self.kernel[0] - 1) * self.dilation[0] + 1,
            (self.kernel[1] - 1) * self.dilation[1] + 1,
        )

    @property
    def padded(self) -> Pair:
        """Rows and columns with the padding."""
        return (
            self.size[0] + sum(self.padding[0]),
            self.size[1] + sum(self.padding[1]),
        )

    @property
    def is_padded(self) -> bool:
        return self.padding != ((0, 0), (0, 0))

    @property
    def is_point(self) -> bool:
        """Whether output and input lie one on the other: 1x1, stride 1."""
        lies = self.size == self.out and not self.is_padded
        return self.kernel == (1, 1) == self.stride and lies

    @property
    def tiles_exactly(self) -> bool:
        """Whether each element is in one window and no other."""
        return (
            self.kernel == self.stride
            and self.dilation == (1, 1)
            and not self.is_padded
            and self.size == (self.out[0] * self.stride[0], self.out[1] * self.stride[1])
        )


def window(size: Pair, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding) -> Window:
    """The window over an image of `size`.

    out = floor((size + padding - reach) / stride) + 1 along each axis, reach the extent of the
    dilated kernel. "same": out = ceil(size / stride), an odd row or column of padding at the end;
    "valid": none; one number: on all sides; two: above and below, left and right; four: above,
    left, below, right.

    Errors: ShapeError where the image is smaller than the window, or the padding not smaller.
    Source: ONNX, Conv: `auto_pad` SAME_UPPER, VALID, and `pads`.
    """
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    pads = _pads(size, reach, stride, padding)
    out = []
    for axis in (0, 1):
        before, after = pads[axis]
        if max(before, after) >= reach[axis] and max(before, after) > 0:
            raise ShapeError("its padding must be smaller than its window")
        room = size[axis] + before + after - reach[axis]
        if room < 0:
            raise ShapeError(
                f"its window of {reach[0]}x{reach[1]} is larger than the image with its padding: "
                "take a smaller one, or pad more"
            )
        out.append(room // stride[axis] + 1)
    return Window(size, kernel, stride, dilation, pads, (out[0], out[1]))


def transposed(
    size: Pair, kernel: Pair, stride: Pair, dilation: Pair, padding: Padding, more: Pair
) -> Window:
    """The window of the convolution whose transpose takes an image of `size` to the window's size.

    size of the window = stride * (size - 1) + more + reach - padding along each axis, with fewer
    than stride or dilation `more` rows and columns at the end; "same": stride * size.

    Errors: ShapeError where nothing is left, or `more` is not that small.
    Source: ONNX, ConvTranspose: `output_padding`, `auto_pad` SAME_UPPER, VALID, and `pads`.
    """
    if any(m >= max(s, d) for m, s, d in zip(more, stride, dilation, strict=True)):
        raise ShapeError("its output_padding must be smaller than its stride or its dilation")
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    whole = [s * (n - 1) + m + r for s, n, m, r in zip(stride, size, more, reach, strict=True)]
    if padding == "same":
        out = [n * s for n, s in zip(size, stride, strict=True)]
        left = [max(w - o, 0) for w, o in zip(whole, out, strict=True)]
        pads = (left[0] // 2, -(-left[0] // 2)), (left[1] // 2, -(-left[1] // 2))
    else:
        pads = _pads(size, reach, stride, padding)
        out = [w - sum(p) for w, p in zip(whole, pads, strict=True)]
    if min(out) < 1:
        raise ShapeError("its padding leaves nothing of its output")
    return Window((out[0], out[1]), kernel, stride, dilation, pads, size)


def _pads(size: Pair, reach: tuple[int, ...], stride: Pair, padding: Padding) -> tuple[Pair, Pair]:
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        found = []
        for n, r, s in zip(size, reach, stride, strict=True):
            total = max((-(-n // s) - 1) * s + r - n, 0)
            found.append((total // 2, total - total // 2))
        return found[0], found[1]
    if isinstance(padding, int):
        return (padding, padding), (padding, padding)
    assert not isinstance(padding, str)
    if len(padding) == 2:
        return (padding[0], padding[0]), (padding[1], padding[1])
    top, left, bottom, right = padding
    return (top, bottom), (left, right)


def strided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> Array:
    """A view of contiguous x with another shape and strides (in bytes), `offset` bytes behind its
    start. NumPy's as_strided takes ten times as long."""
    try:
        return np.ndarray(shape, x.dtype, x, offset, strides)
    except ValueError:
        # An axis of one entry may have a stride that no address has: nothing steps along it.
        steps = tuple(0 if n == 1 else stride for n, stride in zip(shape, strides, strict=True))
        return np.ndarray(shape, x.dtype, x, offset, steps)


def element(w: Window, x: Array, i: int, j: int) -> Array:
    """Element (i, j) of every window: a view (N, out height, out width, ...) of padded x."""
    top, left = i * w.dilation[0], j * w.dilation[1]
    rows = slice(top, top + (w.out[0] - 1) * w.stride[0] + 1, w.stride[0])
    columns = slice(left, left + (w.out[1] - 1) * w.stride[1] + 1, w.stride[1])
    return x[:, rows, columns]


def windows(w: Window, x: Array) -> Array:
    """Every window: a view (N, out height, out width, kh, kw, C) of contiguous padded x."""
    n, h, v, c = x.strides
    shape = (len(x), *w.out, *w.kernel, x.shape[3])
    strides = (n, h * w.stride[0], v * w.stride[1], h * w.dilation[0], v * w.dilation[1], c)
    return strided(x, shape, strides)


def inside(w: Window, padded: Array) -> Array:
    """The image within its padding, a view."""
    (top, _), (left, _) = w.padding
    return padded[:, top : top + w.size[0], left : left + w.size[1]]


def add_to(target: Array, part: Array) -> None:
    """target += part, a view of elements that lie apart: some samples at a time, or some rows.

    NumPy cannot tell that such elements do not overlap and copies them first: the copy should stay
    in cache. Shapes: both (N, rows, ...).
    """
    one = math.prod(part.shape[1:]) * part.itemsize
    samples = max(1, COPIED // one)
    rows = max(1, part.shape[1] * COPIED // one) if one > COPIED else part.shape[1]
    for i in range(0, len(part), samples):
        for j in range(0, part.shape[1], rows):
            piece = target[i : i + samples, j : j + rows]
            np.add(piece, part[i : i + samples, j : j + rows], out=piece)
