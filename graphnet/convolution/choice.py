"""Which way to compute a convolution, from its shape alone."""

from __future__ import annotations

from graphnet.convolution.columns import Columns, Point
from graphnet.convolution.lying import LyingColumns
from graphnet.convolution.method import Size
from graphnet.convolution.winograd import OUTPUTS, Winograd

PRODUCT = 0.022
"""ns for a multiplication and its addition in a product of matrices, one thread."""
COPY = 0.14
"""ns for a number that is copied into columns."""
POINTS_IN, POINTS_OUT = 0.72, 0.46
"""ns for a number of a tile's points, input and output: copied, transformed, copied."""


FEW = 12
"""Numbers of a window's row: with fewer side by side, columns that lie are copied faster."""


def method_for(size: Size) -> type[Point | Columns | LyingColumns | Winograd]:
    """The fastest of those that can, by figures measured on one core of a server processor; the
    ratio between them is what counts, and it moves little from one machine to the next."""
    w = size.window
    if w.is_point and size.groups == 1:
        return Point
    kh, kw = w.kernel
    plain = w.stride == (1, 1) == w.dilation and size.groups == 1 and kh == kw
    if plain and kh in (3, 5) and _winograd(size) < _columns(size):
        return Winograd
    if size.groups == 1 and w.stride[0] == 1 and kw * size.channels < FEW:
        return LyingColumns
    return Columns


def _columns(size: Size) -> float:
    """ns a sample."""
    (kh, kw), (oh, ow) = size.window.kernel, size.window.out
    return size.products * PRODUCT + oh * ow * kh * kw * size.channels * COPY


def _winograd(size: Size) -> float:
    """ns a sample."""
    rows, columns = (-(-n // OUTPUTS) for n in size.window.out)
    points = (OUTPUTS + size.window.kernel[0] - 1) ** 2 * rows * columns
    numbers = size.channels * POINTS_IN + size.filters * POINTS_OUT
    return points * (size.channels * size.filters * PRODUCT + numbers)
