"""Cook and Toom's matrices: a convolution of few outputs with fewer multiplications."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np

from graphnet.convolution.window import Array

POINTS = tuple(Fraction(p) for p in ("0", "1", "-1", "2", "-2", "1/2", "-1/2"))
"""Where the polynomials are evaluated; infinity is one more. Small ones keep rounding small."""


class Toom(NamedTuple):
    """y = A.T @ ((G @ g) * (B.T @ d)): m outputs of a filter g of r taps over m + r - 1 inputs d.

    In two dimensions each matrix is applied to rows and to columns.
    Source: Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, Fast Algorithms
    for Convolutional Neural Networks, 2015.
    """

    outputs: int
    taps: int
    A: Array
    B: Array
    G: Array

    @property
    def points(self) -> int:
        return self.outputs + self.taps - 1


@cache
def toom(outputs: int, taps: int, dtype: str) -> Toom:
    """The matrices for m outputs and r taps.

    A (points, m): powers of the points. G (points, r): powers too, over the products of the
    points' differences. B (points, points): the polynomials that vanish at all points but one.
    """
    points = POINTS[: outputs + taps - 2]
    n = len(points) + 1
    a = [[p**k for k in range(outputs)] for p in points] + [_last(outputs)]
    g = []
    b = []
    for i, p in enumerate(points):
        others = points[:i] + points[i + 1 :]
        scale = math.prod((p - q for q in others), start=Fraction(1))
        g.append([p**k / scale for k in range(taps)])
        b.append([*_vanishing(others), Fraction(0)])
    g.append(_last(taps))
    b.append(_vanishing(points))
    rows = (np.array([[float(v) for v in row] for row in m], dtype) for m in (a, b, g))
    first, second, third = rows
    assert second.shape == (n, n)
    return Toom(outputs, taps, first, np.ascontiguousarray(second.T), third)


def _last(size: int) -> list[Fraction]:
    return [Fraction(0)] * (size - 1) + [Fraction(1)]


def _vanishing(roots: tuple[Fraction, ...]) -> list[Fraction]:
    """The coefficients of the product of (x - root), lowest power first."""
    found = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *found]
        found = [s - root * c for s, c in zip(shifted, [*found, Fraction(0)], strict=True)]
    return found
