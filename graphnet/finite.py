"""Whether numbers are finite, and the names of those that are not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from graphnet.layers.base import Array

if TYPE_CHECKING:
    from graphnet.network import Network


def sieved(flat: Array) -> bool:
    """Whether all elements of an array of one axis are finite, where warnings are off. One product
    is a cheap sieve: what is not finite stays so in it (so does overflow)."""
    return math.isfinite(np.dot(flat, flat)) or bool(np.isfinite(flat).all())


def is_finite(array: Array) -> bool:
    """Whether no element is NaN or infinite."""
    if array.dtype.kind != "f":
        return True
    with np.errstate(all="ignore"):
        return sieved(array.reshape(-1))


def bad_among(what: str, arrays: Mapping[str, Array]) -> str | None:
    """The first array that is not finite, as an error says it: `NaN is in parameter 'a/W'`."""
    for name, array in arrays.items():
        if not is_finite(array):
            return said(array, f"{what} '{name}'")
    return None


def bad_of(net: Network) -> str | None:
    """The first parameter, else the first state, that is not finite."""
    return bad_among("parameter", net.params) or bad_among("state", net.state)


def bad_samples(array: Array) -> Array:
    """Which of its samples, along the first axis, are not finite."""
    bad: Array = np.logical_or.reduce(~np.isfinite(array).reshape(len(array), -1), axis=1)
    return bad


def said(array: Array, tensor: str) -> str:
    """What an error says of an array that is not finite."""
    return f"{'NaN' if np.isnan(array).any() else 'infinity'} is in {tensor}"
