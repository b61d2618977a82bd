"""Numerical against analytical gradients: the check of Deep Learning from Scratch, 5.7.3."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from graphnet.differences import DIFFERENCE, central_difference
from graphnet.errors import DivergedError
from graphnet.finite import bad_of
from graphnet.layers.base import Array
from graphnet.network import Network

TOLERANCE = 1e-6
ROUNDING = 1e-15
"""Of the loss, a few units in the last place."""
SMALLER = (1e-6, 1e-7)
"""h for a second look; below, rounding weighs more than a kink."""


class Row(NamedTuple):
    """One parameter's check.

    difference: mean of |analytical - numerical|; error: |a - n| / (|a| + |n|), of norms.
    resolved: whether |a - n| is more than the numerical one's own rounding, of norms.
    """

    name: str
    difference: float
    error: float
    resolved: bool = True

    @property
    def passed(self) -> bool:
        return self.error <= TOLERANCE or not self.resolved  # so that NaN fails


def check(net: Network, x: Any, t: Any) -> list[Row]:
    """A row for each parameter of a float64 network.

    Where an element disagrees, a kink (of a Relu, say) may lie within h of it: it is measured
    again with a smaller h, and the nearer value counts. A wrong gradient is wrong at every h.
    Errors: SpecError, ShapeError, DatasetError; DivergedError where the loss is not finite.
    """
    if bad := bad_of(net):
        raise DivergedError(f"{net.spec.name}: {bad}: no gradient")
    loss = net.prepared_loss(x, t)
    if not np.isfinite(loss()):
        raise DivergedError(f"{net.spec.name}: the loss is {loss()} on these samples: no gradient")
    with np.errstate(all="ignore"):  # what is not finite passes no check
        return _rows(net, loss, net.numerical_gradient(x, t), net.gradient(x, t))


def _rows(
    net: Network,
    loss: Callable[[], float],
    numerical: Mapping[str, Array],
    analytical: Mapping[str, Array],
) -> list[Row]:
    for name, param in net.params.items():
        a, n = analytical[name], numerical[name]
        doubtful = np.abs(a - n) > TOLERANCE / 10 * max(np.abs(a).max(), np.abs(n).max())
        for i in zip(*np.nonzero(doubtful), strict=True):
            for h in SMALLER:
                again = central_difference(loss, param, i, h)
                if abs(again - a[i]) < abs(n[i] - a[i]):
                    n[i] = again
    rounding = ROUNDING * abs(loss()) / DIFFERENCE
    return [compare(name, analytical[name], numerical[name], rounding) for name in analytical]


def compare(name: str, analytical: Array, numerical: Array, rounding: float = 0.0) -> Row:
    """The figures for one pair of gradients; both zero is full agreement, where zero is what
    lies below the rounding of the numerical one (a bias before a batch norm has no effect).

    rounding: of one element of the numerical gradient.
    """
    scale = float(np.linalg.norm(analytical) + np.linalg.norm(numerical))
    if max(np.abs(analytical).max(), np.abs(numerical).max()) <= rounding:
        scale = 0.0
    apart = float(np.linalg.norm(analytical - numerical))
    error = apart / scale if scale else 0.0
    resolved = not apart <= rounding * math.sqrt(analytical.size)  # so that NaN is
    return Row(name, float(np.mean(np.abs(analytical - numerical))), error, resolved)
