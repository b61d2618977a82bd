"""Numerical against analytical gradients: the check of Deep Learning from Scratch, 5.7.3."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from graphnet.layers.base import Array
from graphnet.network import Network

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


def check(net: Network, x: Any, t: Any) -> list[Row]:
    """A row for each parameter of a float64 network.

    Errors: SpecError, ShapeError, DatasetError.
    """
    numerical = net.numerical_gradient(x, t)
    analytical = net.gradient(x, t)
    return [compare(name, analytical[name], numerical[name]) for name in analytical]


def compare(name: str, analytical: Array, numerical: Array) -> Row:
    """The two figures for one pair of gradients; both zero is full agreement."""
    scale = float(np.linalg.norm(analytical) + np.linalg.norm(numerical))
    error = float(np.linalg.norm(analytical - numerical)) / scale if scale else 0.0
    return Row(name, float(np.mean(np.abs(analytical - numerical))), error)
