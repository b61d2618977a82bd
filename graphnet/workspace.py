"""The memory that a replica computes in: one block, which grows to the largest pass seen."""

from __future__ import annotations

import math

import numpy as np

from graphnet.declaration import Shape
from graphnet.layers.base import Array

ALIGNMENT = 64
"""Bytes: a cache line, and what the widest vector loads like best."""


def aligned(shape: Shape, dtype: np.dtype[np.generic]) -> Array:
    """An uninitialised array that starts at a multiple of 64 bytes."""
    nbytes = math.prod(shape) * dtype.itemsize
    memory = np.empty(nbytes + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + nbytes].view(dtype).reshape(shape)


def flat_views(
    shapes: dict[str, Shape], dtype: np.dtype[np.generic]
) -> tuple[Array, dict[str, Array]]:
    """One array of zeros for all, and its parts by name, each at a multiple of 64 bytes.

    What is done to all parts alike is then done to one array; the gaps stay 0.
    """
    step = ALIGNMENT // dtype.itemsize
    sizes = {name: -(-math.prod(shape) // step) * step for name, shape in shapes.items()}
    flat = aligned((sum(sizes.values()),), dtype)
    flat.fill(0)
    parts, start = {}, 0
    for name, shape in shapes.items():
        parts[name] = flat[start : start + math.prod(shape)].reshape(shape)
        start += sizes[name]
    return flat, parts


class Workspace:
    """The block of one replica. What is laid out in it is stale once `generation` has changed."""

    def __init__(self) -> None:
        self.block = aligned((0,), np.dtype(np.uint8))
        self.generation = 0

    def reserve(self, nbytes: int) -> Array:
        """The block, of at least so many bytes; what it held is lost where it had to grow."""
        if len(self.block) < nbytes:
            self.block = aligned((nbytes,), np.dtype(np.uint8))
            self.generation += 1
        return self.block

    @property
    def nbytes(self) -> int:
        """Bytes that are held now."""
        return self.block.nbytes
