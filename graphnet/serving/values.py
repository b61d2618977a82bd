"""Lists of numbers of a JSON body, as arrays, and the schema of such lists."""

from __future__ import annotations

import math
from itertools import chain
from typing import Any

import numpy as np

from graphnet.declaration import Shape
from graphnet.errors import DatasetError, clipped
from graphnet.serving.bodies import kind_of

Schema = dict[str, Any]


def nested(item: Schema, shape: Shape) -> Schema:
    """The schema of lists in a shape."""
    for size in reversed(shape):
        item = {"type": "array", "items": item, "minItems": size, "maxItems": size}
    return item


def grey_pixels(value: Any, shape: Shape) -> Any:
    """The pixels of one grey picture; None for all else, right or wrong.

    A picture of 28x28 takes 10 us, as an array of whatever numbers these are 60.
    """
    if len(shape) != 2 or not isinstance(value, list) or len(value) != shape[0]:
        return None
    if set(map(type, value)) != {list} or set(map(len, value)) != {shape[1]}:
        return None
    try:
        data = bytes(chain.from_iterable(value))
    except (TypeError, ValueError):  # something else than whole numbers from 0 to 255
        return None
    return np.frombuffer(data, np.uint8).reshape(1, *shape)


def array_of(name: str, value: Any) -> Any:
    """Numbers, or lists of them, as an array in their own type.

    Errors: DatasetError for what is no number; lists of unequal lengths.
    """
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError) as e:
        raise DatasetError(clipped(f"input '{name}': no array of numbers: {e}")) from None
    if array.dtype.kind not in "fiu" or array.size == 0:
        found = _first_other(value)
        what = "lists of numbers are expected, found"
        raise DatasetError(clipped(f"input '{name}': {what} {found}"))
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DatasetError(f"input '{name}': a number overflows: write a finite one")
    return array


def whole(name: str, array: Any) -> Any:
    """The same numbers as int64; 1.0 is a whole number, as in JSON Schema.

    Errors: DatasetError for one with a fraction, or beyond 2^53.
    """
    if array.dtype.kind == "i":
        return array
    with np.errstate(invalid="ignore"):
        good = (np.abs(array) <= 2**53) & (array == np.floor(array))
    if not good.all():
        found = np.asarray(array)[~good].ravel()[0]
        raise DatasetError(f"input '{name}': whole numbers are expected, found {found}")
    return array.astype(np.int64)


def _first_other(value: Any) -> str:
    """What stands in the first place that holds no number."""
    while isinstance(value, list):
        if not value:
            return "an empty list"
        odd = [one for one in value if isinstance(one, list) or not is_number(one)]
        if not odd:
            return "numbers"
        value = odd[0]
    return kind_of(value)


def is_number(value: Any) -> bool:
    """Whether it is a finite number; beyond 64 bits, a whole one is none that NumPy takes."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
