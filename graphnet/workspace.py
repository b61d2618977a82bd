"""The buffers that a network computes in: asked for by name, the same memory at every step."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from graphnet.declaration import Shape
from graphnet.layers.base import Array, Buffer

ALIGNMENT = 64
"""Bytes: a cache line, and what the widest vector loads like best."""


def aligned(shape: Shape, dtype: np.dtype[np.generic]) -> Array:
    """An uninitialised array that starts at a multiple of 64 bytes."""
    nbytes = math.prod(shape) * dtype.itemsize
    memory = np.empty(nbytes + ALIGNMENT, dtype=np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + nbytes].view(dtype).reshape(shape)


class NodeBuffers:
    """One node's buffers. They grow to the largest batch seen and are never given back."""

    def __init__(self, declared: Mapping[str, Buffer], dtype: np.dtype[np.generic]) -> None:
        self._declared = declared
        self._dtype = dtype
        self._memory: dict[str, Array] = {}
        self._views: dict[tuple[str, int], Array] = {}

    def take(self, name: str, samples: int) -> Array:
        """The buffer `name` for a batch of `samples`; what it holds is what was left in it."""
        view = self._views.get((name, samples))
        return self._view(name, samples) if view is None else view

    def _view(self, name: str, samples: int) -> Array:
        memory = self._memory.get(name)
        if memory is None or len(memory) < samples:
            shape, mask = self._declared[name]
            memory = aligned((samples, *shape), np.dtype(bool) if mask else self._dtype)
            self._memory[name] = memory
            self._views = {key: view for key, view in self._views.items() if key[0] != name}
        view = memory[:samples]
        if len(self._views) < 64:  # a caller may come with a new batch size every time
            self._views[name, samples] = view
        return view

    @property
    def nbytes(self) -> int:
        return sum(memory.nbytes for memory in self._memory.values())


class Workspace:
    """All buffers of one replica of a network."""

    def __init__(self, dtype: np.dtype[np.generic]) -> None:
        self.dtype = dtype
        self._nodes: dict[str, NodeBuffers] = {}

    def buffers(self, owner: str, declared: Mapping[str, Buffer]) -> NodeBuffers:
        """The buffers that `owner` declares; one call for each owner."""
        return self._nodes.setdefault(owner, NodeBuffers(declared, self.dtype))

    @property
    def nbytes(self) -> int:
        """Bytes that are held now."""
        return sum(node.nbytes for node in self._nodes.values())
