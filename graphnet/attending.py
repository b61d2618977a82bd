"""softmax(q @ k.T) @ v for the heads of a batch, a few samples at a time, and its mirror image.

Weights lie with one column for each row of q: what is done along a column is done with many rows
side by side. Of 64 by 64 weights the softmax takes two thirds of the time that it takes by rows.

Shapes: q, o (N, heads, T, d), k, v (N, heads, S, d), views as they lie; weights (N, heads, S, T).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BLOCK = 64 * 1024
"""Weights that are computed at a time: all that is done with them happens in a second-level cache,
and a call is still long enough to cost nothing."""


def samples_at_once(heads: int, rows: int, columns: int) -> int:
    """Samples of a block."""
    return max(1, BLOCK // (heads * rows * columns))


def attend(
    q: Array,
    k: Array,
    v: Array,
    weights: Array | None,
    out: Array,
    work: tuple[Array, Array],
    hiding: Sequence[Array] = (),
) -> None:
    """weights = softmax(k @ q.T + hiding), out = weights.T @ v; what sees nothing gets 0.

    weights: None where nobody asks for them later. hiding: 0 or -inf, for all samples (1, 1, S, T)
    or for each (N, 1, S, 1 or T). work: twice the weights of a block, written over.
    """
    few, tiny = np.finfo(q.dtype).min, np.finfo(q.dtype).tiny
    ones = np.ones((1, k.shape[2]), q.dtype)
    for rows in _blocks(len(q), len(work[0])):
        part = work[1][: len(q[rows])] if weights is None else weights[rows]
        np.matmul(k[rows], q[rows].swapaxes(-1, -2), out=part)
        for hidden in hiding:
            np.add(part, hidden if len(hidden) == 1 else hidden[rows], out=part)
        largest = _largest(part, work[0][: len(part)])
        if hiding:
            np.maximum(largest, few, out=largest)  # -inf - -inf is no number
        np.subtract(part, largest, out=part)
        np.exp(part, out=part)
        total = np.matmul(ones, part)
        if hiding:
            np.maximum(total, tiny, out=total)
        np.multiply(part, np.reciprocal(total, out=total), out=part)
        np.matmul(part.swapaxes(-1, -2), v[rows], out=out[rows])


def attend_back(
    q: Array,
    k: Array,
    v: Array,
    weights: Array,
    dout: Array,
    shares: Array,
    work: Array,
    dq: Array,
    dk: Array,
    dv: Array,
) -> None:
    """dq, dk, dv from dout; shares: sum(dout * out) of each row of q, (N, heads, 1, T).

    work: as large as the weights of a block, written over.
    """
    for rows in _blocks(len(q), len(work)):
        a, do = weights[rows], dout[rows]
        ds = work[: len(a)]
        np.matmul(a, do, out=dv[rows])
        np.matmul(v[rows], do.swapaxes(-1, -2), out=ds)
        np.subtract(ds, shares[rows], out=ds)
        np.multiply(ds, a, out=ds)
        np.matmul(ds.swapaxes(-1, -2), k[rows], out=dq[rows])
        np.matmul(ds, q[rows], out=dk[rows])


def _largest(part: Array, work: Array) -> Array:
    """The largest of each column, (..., 1, T), in `work`: by halves, which overlap in one row
    where their number is odd. `maximum.reduce` takes four times as long."""
    count = part.shape[-2]
    found = np.maximum(part[..., :1, :], part[..., -1:, :], out=work[..., :1, :])
    while count > 2:
        half = (count + 1) // 2
        lower, upper = part[..., :half, :], part[..., count - half : count, :]
        part = np.maximum(lower, upper, out=work[..., :half, :])
        count = half
    if count == 2:
        np.maximum(part[..., :1, :], part[..., 1:2, :], out=found)
    return found


def _blocks(samples: int, at_once: int) -> list[slice]:
    return [slice(start, start + at_once) for start in range(0, samples, at_once)]
