"""Products of matrices, in parts that OpenBLAS multiplies where they lie."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

SMALL = 1_000_000
"""Multiplications of one product up to which OpenBLAS takes its factors as they lie. Above, it
copies both first, which with few columns takes as long as a fifth of the product."""
LEAST, MOST = 16, 64
"""Rows of a part: with fewer its kernels are not filled, with more nothing is won."""
TURNED = 1024
"""Numbers of a part where the second factor is transposed: there its kernels take half as long
again with more, and rows of all columns up to three times as long."""
WIDTHS = 64, 32
"""Columns of a part, where not all are multiplied at once: the first that leaves LEAST rows."""


def product(a: Array, b: Array, out: Array | None) -> Array:
    """out = a @ b, some rows of a and some columns of b at a time where that is faster.

    10,000 rows of 784 by 50 columns take 8.8 ms in place of 11.6 on one thread; 784x100 by 100x50,
    the gradient of such a layer's weights, 80 us in place of 89; 1024x128 by 128x512 1.2 ms in
    place of 1.35, and its gradient 128x1024 by 1024x512 the same.

    Shapes: a (M, K), b (K, N) -> out (M, N)
    """
    if out is None or len(a) * b.size <= SMALL:
        found: Array = np.matmul(a, b, out=out)
        return found
    rows, columns = _part(len(a), *b.shape, _turned(b))
    if rows == 0:
        return np.matmul(a, b, out=out)
    whole = len(a) // rows * rows
    parts, into = a[:whole].reshape(-1, rows, a.shape[1]), out[:whole].reshape(-1, rows, b.shape[1])
    if columns == b.shape[1]:
        np.matmul(parts, b, out=into)
    else:
        np.matmul(parts[:, np.newaxis], in_columns(b, columns), out=in_columns(into, columns))
    if whole < len(a):
        np.matmul(a[whole:], b, out=out[whole:])
    return out


def by_columns(a: Array, b: Array, out: Array) -> Array:
    """out = a @ b for few rows, some columns of b at a time where that is faster.

    32x512 by 512x128 takes 39 us in place of 50 on one thread, and in place of 73 where b is
    transposed.

    Shapes: a (..., M, K), b (..., K, N) -> out (..., M, N)
    """
    np.matmul(*column_parts(a, b, out))
    return out


def column_parts(a: Array, b: Array, out: Array) -> tuple[Array, Array, Array]:
    """What `matmul` is to be given for `by_columns`, for loops that multiply in the same memory
    again and again."""
    columns = _columns(a.shape[-2], *b.shape[-2:], _turned(b))
    if columns == 0:
        return a, b, out
    return a[..., np.newaxis, :, :], in_columns(b, columns), in_columns(out, columns)


def _turned(b: Array) -> bool:
    """Whether the numbers of a column lie side by side."""
    return b.strides[-2] < b.strides[-1]


def in_columns(array: Array, columns: int) -> Array:
    """(..., M, N) as (..., N / columns, M, columns), a view."""
    *more, rows, count = array.shape
    return array.reshape(*more, rows, count // columns, columns).swapaxes(-2, -3)


@lru_cache(1024)
def _columns(rows: int, inner: int, columns: int, turned: bool) -> int:
    """How many columns are multiplied at a time, a divisor of all of them; 0 for all."""
    most = TURNED // rows if turned else SMALL // (rows * inner)
    return 0 if columns <= most else _divisor(columns, most)


@lru_cache(1024)
def _part(rows: int, inner: int, columns: int, turned: bool) -> tuple[int, int]:
    """How many rows and columns are multiplied at a time; 0 for all."""
    if turned or rows * inner * columns <= SMALL:
        return 0, 0
    all_columns = min(SMALL // (inner * columns) // 8 * 8, MOST)
    if LEAST <= all_columns < rows:
        return all_columns, columns
    for width in (_divisor(columns, most) for most in WIDTHS):
        found = min(SMALL // (inner * width) // LEAST * LEAST, MOST) if width else 0
        if LEAST <= found < rows:
            return found, width
    return 0, 0


def _divisor(number: int, most: int) -> int:
    """The greatest multiple of LEAST up to `most` that divides it, 0 where there is none."""
    fitting = [n for n in range(LEAST, min(most, number) + 1, LEAST) if number % n == 0]
    return max(fitting, default=0)
