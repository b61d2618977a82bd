"""softmax(q @ k.T) @ v for the heads of a batch, a few samples at a time, and its mirror image.

Shapes: q, o (N, heads, T, d), k, v (N, heads, S, d), views as they lie; weights (N, heads, T, S).
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
    q: Array, k: Array, v: Array, weights: Array, out: Array, hiding: Sequence[Array] = ()
) -> None:
    """weights = softmax(q @ k.T + hiding), out = weights @ v; a row that sees nothing gets 0.

    hiding: 0 or -inf, for all samples (1, 1, T, S) or for each (N, 1, 1 or T, S).
    """
    few, tiny = np.finfo(weights.dtype).min, np.finfo(weights.dtype).tiny
    for rows in _blocks(weights):
        part = weights[rows]
        np.matmul(q[rows], k[rows].swapaxes(-1, -2), out=part)
        for hidden in hiding:
            np.add(part, hidden if len(hidden) == 1 else hidden[rows], out=part)
        largest = np.maximum.reduce(part, axis=-1, keepdims=True)
        if hiding:
            np.maximum(largest, few, out=largest)  # -inf - -inf is no number
        np.subtract(part, largest, out=part)
        np.exp(part, out=part)
        total = np.add.reduce(part, axis=-1, keepdims=True)
        if hiding:
            np.maximum(total, tiny, out=total)
        np.multiply(part, np.reciprocal(total, out=total), out=part)
        np.matmul(part, v[rows], out=out[rows])


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
    """dq, dk, dv from dout; shares: sum(dout * out) of each row, (N, heads, T, 1).

    work: (samples of a block, heads, T, S), written over.
    """
    for rows in _blocks(weights):
        a, do = weights[rows], dout[rows]
        ds = work[: len(a)]
        np.matmul(a.swapaxes(-1, -2), do, out=dv[rows])
        np.matmul(do, v[rows].swapaxes(-1, -2), out=ds)
        np.subtract(ds, shares[rows], out=ds)
        np.multiply(ds, a, out=ds)
        np.matmul(ds, k[rows], out=dq[rows])
        np.matmul(ds.swapaxes(-1, -2), q[rows], out=dk[rows])


def _blocks(weights: Array) -> list[slice]:
    step = samples_at_once(*weights.shape[1:])
    return [slice(start, start + step) for start in range(0, len(weights), step)]
