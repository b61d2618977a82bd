"""Small arrays as bytes, between processes of one run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgpack
import numpy as np

from graphnet.layers.base import Array

_TYPES = {np.dtype(text).str: np.dtype(text) for text in ("f8", "f4", "i8", "i4", "u1", "b1")}


def pack_arrays(arrays: Sequence[Array]) -> bytes:
    """Arrays of numbers with their types and shapes.

    Errors: KeyError for a type that is not on the list.
    """
    rows = [(_TYPES[a.dtype.str].str, a.shape, np.ascontiguousarray(a).tobytes()) for a in arrays]
    found: bytes = msgpack.packb(rows)
    return found


def unpack_arrays(data: bytes) -> list[Array]:
    """What `pack_arrays` was given."""
    rows: list[Any] = msgpack.unpackb(data)
    return [np.frombuffer(part, _TYPES[kind]).reshape(shape).copy() for kind, shape, part in rows]
