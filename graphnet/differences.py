"""Gradients by central differences: the slow way, which nothing can get wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from graphnet.layers.base import Array, Arrays

DIFFERENCE = 1e-5
"""h of the numerical gradient: the error of the difference is of order h^2, that of rounding
1e-16 / h."""


def central_differences(loss: Callable[[], float], arrays: Arrays) -> dict[str, Array]:
    """d(loss)/d(every element of every array), which are left as they were."""
    found = {}
    for name, array in arrays.items():
        found[name] = np.empty_like(array)
        for i in np.ndindex(array.shape):
            found[name][i] = central_difference(loss, array, i)
    return found


def central_difference(
    loss: Callable[[], float], array: Array, i: tuple[int, ...], h: float = DIFFERENCE
) -> float:
    """(loss(array[i] + h) - loss(array[i] - h)) / (2 h); the element is left as it was."""
    kept = array[i]
    try:
        array[i] = kept + h
        above = loss()
        array[i] = kept - h
        below = loss()
    finally:
        array[i] = kept
    return (above - below) / (2 * h)
