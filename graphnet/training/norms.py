"""How large weights and gradients are, layer by layer: what a history keeps where it is asked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import numpy as np

from graphnet.layers.base import Array
from graphnet.network import Network

Norms = dict[str, list[float]]
"""By layer: the norm of its weights, and of their gradient."""
DIGITS = 6
LONGEST_NORM = -1.23457e-100
"""No rounded norm is written longer."""


def norms_of(net: Network) -> Norms:
    """sqrt(sum(W^2)) over all parameters of a layer, and the same of what its last step moved it
    by: the gradient of the whole batch as the optimizer saw it, after clipping and before decay

    Layers in running order; one that shares another's parameters has none of its own. Rounded to
    six significant digits.
    """
    return {
        layer: [_norm(arrays[name] for name in names) for arrays in (net.params, net.grads)]
        for layer, names in parameters_of(net).items()
    }


def parameters_of(net: Network) -> Mapping[str, list[str]]:
    """The names of the parameters of each layer that has any, in running order."""
    found: dict[str, list[str]] = {}
    for name in net.params:
        found.setdefault(name.rpartition("/")[0], []).append(name)
    return found


def _norm(arrays: Iterable[Array]) -> float:
    squares = sum(float(np.sum(np.square(array, dtype=np.float64))) for array in arrays)
    return float(f"{math.sqrt(squares):.{DIGITS}g}")
