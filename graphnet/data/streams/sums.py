"""Sums of any number of numbers, rounded once: those that `math.fsum` gives of all together."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
_LEAST = 1126
"""No bit of a float64's 53 counts for less than 2**-1126 where the number is its mantissa."""
_HALF = 27
_MOST = 2**20


class ExactSum:
    """The sum of float64 numbers, held as whole numbers by the exponent: a few kilobytes.

    Errors: OverflowError from `value`, as from fsum.
    """

    def __init__(self) -> None:
        self._bins: dict[int, int] = {}

    def add(self, numbers: Array) -> None:
        """More of them, all finite."""
        for start in range(0, len(numbers), _MOST):
            part, exponents = np.frexp(numbers[start : start + _MOST])
            whole = (part * 2.0**53).astype(np.int64)
            least = int(exponents.min())
            places = exponents - least
            # Halves of a mantissa: 2**20 of them fit into a float64 sum without rounding.
            high, low = whole >> _HALF, whole & ((1 << _HALF) - 1)
            sums = (np.bincount(places, weights=half) for half in (high, low))
            for place, (upper, lower) in enumerate(zip(*sums, strict=True)):
                found = (int(upper) << _HALF) + int(lower)
                if found:
                    key = least + place
                    self._bins[key] = self._bins.get(key, 0) + found

    def value(self) -> float:
        """The sum."""
        total = sum(number << (key - 53 + _LEAST) for key, number in self._bins.items())
        return total / (1 << _LEAST)
