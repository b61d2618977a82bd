"""Numerical against analytical gradients: the check of Deep Learning from Scratch, 5.7.3."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphnet.errors import SpecError
from graphnet.layers.base import Array
from graphnet.network import Network

STEP = 1e-5
"""h: the error of the difference itself is of order h^2, that of rounding 1e-16 / h."""
TOLERANCE = 1e-6


class Row(NamedTuple):
    """One parameter's check.

    difference: mean of |analytical - numerical|; error: |a - n| / (|a| + |n|), of norms.
    """

    name: str
    difference: float
    error: float

    @property
    def passed(self) -> bool:
        return self.error <= TOLERANCE  # so that NaN fails


def numerical_gradient(net: Network, x: Any, t: Any, step: float = STEP) -> dict[str, Array]:
    """dW[i] = (loss(W[i] + h) - loss(W[i] - h)) / (2 h), for every element of every parameter

    Errors: SpecError for a float32 network.
    Source: Deep Learning from Scratch, 4.3.
    """
    if net.spec.dtype != "float64":
        raise SpecError("a numerical gradient needs float64: build(spec, dtype='float64')")
    loss = net.prepared_loss(x, t)
    found = {}
    for name, param in net.params.items():
        grad = np.empty_like(param)
        for i in np.ndindex(param.shape):
            kept = param[i]
            try:
                param[i] = kept + step
                above = loss()
                param[i] = kept - step
                below = loss()
            finally:
                param[i] = kept
            grad[i] = (above - below) / (2 * step)
        found[name] = grad
    return found


def check(net: Network, x: Any, t: Any) -> list[Row]:
    """A row for each parameter of a float64 network.

    Errors: SpecError, ShapeError, DatasetError.
    """
    numerical = numerical_gradient(net, x, t)
    analytical = net.gradient(x, t)
    return [compare(name, analytical[name], numerical[name]) for name in analytical]


def compare(name: str, analytical: Array, numerical: Array) -> Row:
    """The two figures for one pair of gradients; both zero is full agreement."""
    scale = float(np.linalg.norm(analytical) + np.linalg.norm(numerical))
    error = float(np.linalg.norm(analytical - numerical)) / scale if scale else 0.0
    return Row(name, float(np.mean(np.abs(analytical - numerical))), error)
