"""A convolution as one product: every window laid out as a row of a matrix (im2col)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from graphnet.convolution.method import (
    Block,
    Method,
    Room,
    Rooms,
    Size,
    add_positions,
    block_size,
    blocks,
    flat,
    ones,
)
from graphnet.convolution.window import Array, add_to, inside, strided, windows
from graphnet.products import product

BLOCK = 96 * 1024
"""Numbers of a block of columns: with its product it stays in a second-level cache."""


class Columns(Method):
    """out = columns @ W + b, dW = columns.T @ dout, dx = the sum of dout @ W.T over the windows

    Source: Deep Learning from Scratch, 7.4.2 (im2col) and 7.4.3, with groups, and a few samples at
    a time so that the columns stay in cache.
    """

    def __init__(self, size: Size, dtype: np.dtype[np.floating], room: Room) -> None:
        self.size, self.room = size, room
        self._at_once, self._rows = _at_once(size)

    @staticmethod
    def rooms(size: Size) -> Rooms:
        w, (samples, rows) = size.window, _at_once(size)
        kh, kw = w.kernel
        length = samples * rows * w.out[1] * kh * kw * size.channels
        padded = (samples, *w.padded, size.channels)
        return Rooms(
            kept={"padded": padded if w.is_padded else (0,), **ones(size)},
            scratch={
                "columns": (length,),
                "dpadded": padded,
                "dW2": (kh * kw * size.channels // size.groups * size.filters,),
            },
        )

    def prepare(self, W: Array, b: Array | None) -> None:
        self.room("ones").fill(1)

    def forward(self, x: Array, W: Array, b: Array | None, out: Array) -> None:
        weights = self._matrices(W)
        for block in self._blocks(len(x)):
            outputs = self._outputs(out, block)
            self._multiply(self._columns(self._padded(x, block), block), weights, outputs)
            if b is not None:
                part = out[block.samples, block.rows]
                np.add(part, b, out=part)

    def backward(
        self, x: Array, W: Array, dout: Array, dW: Array, db: Array | None, dx: Array | None
    ) -> None:
        add_positions(dout, self.room, db)
        weights = self._matrices(W).transpose(0, 2, 1)
        for block, columns, douts in self._gradients(x, dout, dW):
            if dx is not None:
                self._multiply(douts, weights, columns)
                self._add(columns, block, dx)

    def spread(self, W: Array, dout: Array, dx: Array) -> None:
        weights = self._matrices(W).transpose(0, 2, 1)
        for block in self._blocks(len(dout)):
            columns = self._memory(block)
            self._multiply(self._outputs(dout, block), weights, columns)
            self._add(columns, block, dx)

    def spread_back(self, x: Array, W: Array, dout: Array, dW: Array, out: Array | None) -> None:
        weights = self._matrices(W)
        for block, columns, _ in self._gradients(x, dout, dW):
            if out is not None:
                self._multiply(columns, weights, self._outputs(out, block))

    def _gradients(self, x: Array, dout: Array, dW: Array) -> Iterator[tuple[Block, Array, Array]]:
        """dW, block by block; gives each block's columns and the dout of its windows."""
        total = self._matrices(dW)
        more = self._matrices(self.room("dW2").reshape(dW.shape))
        for i, block in enumerate(self._blocks(len(x))):
            columns = self._columns(self._padded(x, block), block)
            douts = self._outputs(dout, block)
            self._multiply(columns.transpose(0, 2, 1), douts, more if i else total)
            if i:
                np.add(total, more, out=total)
            yield block, columns, douts

    def _blocks(self, samples: int) -> list[Block]:
        return list(blocks(samples, self._at_once, self.size.window.out[0], self._rows))

    def _padded(self, x: Array, block: Block) -> Array:
        x = np.ascontiguousarray(x[block.samples])
        if not self.size.window.is_padded:
            return x
        padded = self.room("padded")[: len(x)]
        if block.rows.start == 0:
            inside(self.size.window, padded)[...] = x
        return padded

    def _columns(self, padded: Array, block: Block) -> Array:
        """(groups, windows, kh * kw * C / groups)"""
        w, groups = self.size.window, self.size.groups
        (kh, kw), ow = w.kernel, w.out[1]
        seen = windows(w, padded)[:, block.rows]
        n, rows = seen.shape[:2]
        seen = seen.reshape(n, rows, ow, kh, kw, groups, -1) if groups > 1 else seen[..., None, :]
        columns = self._memory(block)
        apart = columns.reshape(groups, n, rows, ow, kh, kw, -1)
        np.copyto(apart, seen.transpose(5, 0, 1, 2, 3, 4, 6))
        return columns

    def _memory(self, block: Block) -> Array:
        """Where the columns of a block lie, (groups, windows, kh * kw * C / groups)."""
        w, groups = self.size.window, self.size.groups
        samples, rows = (part.stop - part.start for part in block)
        taps = math.prod(w.kernel) * self.size.channels // groups
        return flat(self.room("columns"), groups, samples * rows * w.out[1], taps)

    def _add(self, columns: Array, block: Block, dx: Array) -> None:
        """Each column's numbers back to where they came from, added."""
        w, groups = self.size.window, self.size.groups
        kh, kw = w.kernel
        n, rows = block.samples.stop - block.samples.start, block.rows.stop - block.rows.start
        dpadded = self.room("dpadded")[:n]
        if block.rows.start == 0:
            dpadded[...] = 0
        parts = columns.reshape(groups, n, rows, w.out[1], kh, kw, -1)
        parts = parts.transpose(1, 2, 3, 4, 5, 0, 6)
        # As many columns of the windows at once as do not overlap.
        wide = min(w.stride[1], kw) if w.dilation[1] == 1 else 1
        by_n, by_h, by_v, by_c = dpadded.strides
        by_group = by_c * parts.shape[6]
        strides = (by_n, by_h * w.stride[0], by_v * w.stride[1], by_v, by_group, by_c)
        for i in range(kh):
            top = block.rows.start * w.stride[0] + i * w.dilation[0]
            for j in range(0, kw, wide):
                part = parts[:, :, :, i, j : j + wide]
                offset = top * by_h + j * w.dilation[1] * by_v
                target = strided(dpadded, part.shape, strides, offset)
                add_to(target, part)
        if block.rows.stop == w.out[0]:
            dx[block.samples] = inside(w, dpadded)

    @staticmethod
    def _multiply(a: Array, b: Array, out: Array) -> None:
        """A product for each group."""
        for of_group in zip(a, b, out, strict=True):
            product(*of_group)

    def _matrices(self, W: Array) -> Array:
        """(groups, kh * kw * C / groups, M / groups), a view."""
        groups = self.size.groups
        return W.reshape(-1, groups, self.size.filters // groups).transpose(1, 0, 2)

    def _outputs(self, out: Array, block: Block) -> Array:
        """(groups, windows, M / groups), a view of some rows of some samples."""
        groups, part = self.size.groups, out[block.samples, block.rows]
        return part.reshape(-1, groups, part.shape[3] // groups).transpose(1, 0, 2)


class Point(Method):
    """1x1, stride 1: out = x @ W + b, each pixel a row.

    Source: Lin et al., Network in Network, 2014.
    """

    def __init__(self, size: Size, dtype: np.dtype[np.floating], room: Room) -> None:
        self.size, self.room = size, room

    @staticmethod
    def rooms(size: Size) -> Rooms:
        return Rooms(kept=ones(size), scratch={})

    def prepare(self, W: Array, b: Array | None) -> None:
        self.room("ones").fill(1)

    def forward(self, x: Array, W: Array, b: Array | None, out: Array) -> None:
        product(self._rows(x), W[0, 0], self._rows(out))
        if b is not None:
            np.add(out, b, out=out)

    def backward(
        self, x: Array, W: Array, dout: Array, dW: Array, db: Array | None, dx: Array | None
    ) -> None:
        add_positions(dout, self.room, db)
        product(self._rows(x).T, self._rows(dout), dW[0, 0])
        if dx is not None:
            self.spread(W, dout, dx)

    def spread(self, W: Array, dout: Array, dx: Array) -> None:
        product(self._rows(dout), W[0, 0].T, self._rows(dx))

    @staticmethod
    def _rows(image: Array) -> Array:
        return image.reshape(-1, image.shape[3])


def _at_once(size: Size) -> tuple[int, int]:
    """Samples of a block, or rows of one sample."""
    (kh, kw), (oh, ow) = size.window.kernel, size.window.out
    one = oh * ow * kh * kw * size.channels
    return block_size(one, oh, BLOCK)
