"""What the ways to compute a convolution have in common."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from graphnet.convolution.window import Array, Window

Room = Callable[[str], Array]
"""Memory by name, always the same."""
Shape = tuple[int, ...]


MOST_SAMPLES = 64
"""Of a block: what a layer computes in is laid out for so many."""


class Size(NamedTuple):
    """What is convolved with what: the window, channels in and out, and their groups."""

    window: Window
    channels: int
    filters: int
    groups: int

    @property
    def products(self) -> int:
        """Multiplications and additions of one sample."""
        (kh, kw), (oh, ow) = self.window.kernel, self.window.out
        return oh * ow * kh * kw * (self.channels // self.groups) * self.filters


class Rooms(NamedTuple):
    """Memory that a method wants, of any number of samples. kept: zeros at first, and what is put
    in stays; scratch: what is in it is lost when the call returns."""

    kept: dict[str, Shape]
    scratch: dict[str, Shape]


class Method:
    """One way to compute a convolution and its gradients.

    Shapes: x (N, H, W, C), W (kh, kw, C / groups, M), out (N, out height, out width, M).
    """

    def prepare(self, W: Array, b: Array | None) -> None:
        """Compute once a step what depends on the weights alone."""

    def forward(self, x: Array, W: Array, b: Array | None, out: Array) -> None:
        """out = windows(x) @ W + b"""
        raise NotImplementedError

    def backward(
        self, x: Array, W: Array, dout: Array, dW: Array, db: Array | None, dx: Array | None
    ) -> None:
        """dW and, where they are wanted, db and dx."""
        raise NotImplementedError

    def spread(self, W: Array, dout: Array, dx: Array) -> None:
        """dx = dout @ W.T, added over the windows: the dx of `backward` alone, and so the forward
        pass of a transposed convolution."""
        raise NotImplementedError

    def spread_back(self, x: Array, W: Array, dout: Array, dW: Array, out: Array | None) -> None:
        """The backward pass of `spread`: dW = windows(x).T @ dout and out = windows(x) @ W."""
        self.backward(x, W, dout, dW, None, None)
        if out is not None:
            self.forward(x, W, None, out)


class Block(NamedTuple):
    """A part of a batch that is computed at once: samples and, where one is large, rows."""

    samples: slice
    rows: slice


def block_size(sample: int, rows: int, most: int) -> tuple[int, int]:
    """How many samples of so many numbers make a block of `most`, and how many of the rows of one
    sample where it alone is more."""
    if sample <= most:
        return min(most // sample, MOST_SAMPLES), rows
    return 1, max(1, rows * most // sample)


def blocks(samples: int, at_once: int, rows: int, rows_at_once: int) -> Iterator[Block]:
    """The parts of a batch, in order."""
    for start in range(0, samples, at_once):
        part = slice(start, min(start + at_once, samples))
        for top in range(0, rows, rows_at_once):
            yield Block(part, slice(top, min(top + rows_at_once, rows)))


def ones(size: Size) -> dict[str, Shape]:
    """The memory, kept, of `add_positions`."""
    return {"ones": (1, size.window.out[0] * size.window.out[1])}


def add_positions(dout: Array, room: Room, db: Array | None) -> None:
    """db = the sum of dout over samples and positions; a product with ones is faster than `sum`."""
    if db is not None:
        samples, filters = len(dout), dout.shape[3]
        np.sum(np.matmul(room("ones"), dout.reshape(samples, -1, filters)), axis=(0, 1), out=db)


def flat(memory: Array, *shape: int) -> Array:
    """The first elements of memory, in that shape."""
    return memory[: math.prod(shape)].reshape(shape)
