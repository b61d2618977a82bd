"""A convolution with 3x3 or 5x5 filters from fewer multiplications, as products of matrices.

The image is cut into overlapping tiles. What is computed at the points of all tiles, over all
samples and channels at once, turns the convolution into one small product for each point: 3x3
with 64 channels takes 0.08 ms for a 16x16 image in place of 0.21 ms as a product of columns (one
thread), with errors of 6e-6 of the largest output in float32.
"""

from __future__ import annotations

from functools import cached_property

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
from graphnet.convolution.toom import Toom, toom
from graphnet.convolution.window import Array, inside, strided

OUTPUTS = 4
"""Outputs of a tile along each axis."""
BLOCK = 300 * 1024
"""Numbers of the points of a block's inputs and outputs: in float32, about a second-level cache."""


class Winograd(Method):
    """out = A.T ((G W G.T) * (B.T x B)) A + b, tile by tile; stride 1, one group.

    `backward` is the transpose of each step, in reverse: with V = B.T x B and dP = A dout A.T,
    dW = G.T (V.T dP) G and dx = B (dP (G W G.T).T) B.T, added where tiles overlap.
    """

    def __init__(self, size: Size, dtype: np.dtype[np.floating], room: Room) -> None:
        self.size, self.room = size, room
        self.grid = _Grid(size)
        self.toom: Toom = toom(OUTPUTS, size.window.kernel[0], dtype.name)
        self._ready: dict[tuple[int, int, int], _Memory] = {}

    @staticmethod
    def rooms(size: Size) -> Rooms:
        grid = _Grid(size)
        tiles = grid.samples * grid.rows * grid.grid[1]
        points = (grid.points**2 * tiles * max(size.channels, size.filters),)
        out = (grid.samples, *grid.covered, size.filters)
        weights = (grid.points**2, size.channels, size.filters)
        return Rooms(
            kept={
                **ones(size),
                "U": weights,
                "padded": (grid.samples, *grid.padded, size.channels),
                "covered": out if grid.ragged else (0,),
            },
            scratch={
                "points1": points,
                "points2": points,
                "points3": points,
                "dpadded": (grid.samples, *grid.padded, size.channels),
                "dU": weights,
                "dU2": weights,
            },
        )

    def prepare(self, W: Array, b: Array | None) -> None:
        self.room("ones").fill(1)
        r, f = self.toom.taps, self.toom.points
        half = flat(self.room("dU").reshape(-1), f, r, W[0, 0].size)
        _both(self.toom.G, W.reshape(r, r, -1), half, self.room("U").reshape(f, f, -1))

    def forward(self, x: Array, W: Array, b: Array | None, out: Array) -> None:
        U, A_T, last = self.room("U"), self.toom.A.T, self.grid.grid[0]
        for block in self._blocks(len(x)):
            m = self._memory(block)
            self._points(x, block, m)
            np.matmul(m.V, U, out=m.P)
            np.matmul(A_T, m.P_rows, out=m.Y_half)
            np.matmul(A_T, m.Y_columns, out=m.Y)
            whole = out[block.samples]
            target = m.covered if self.grid.ragged else whole
            tiles = self.grid.apart(target, block.rows)
            if b is None:
                np.copyto(tiles, m.Y_tiles)
            else:
                np.add(m.Y_tiles, b, out=tiles)
            if self.grid.ragged and block.rows.stop == last:
                np.copyto(whole, m.uncovered)
                m.margins[0].fill(0)  # that of a gradient is 0
                m.margins[1].fill(0)

    def backward(
        self, x: Array, W: Array, dout: Array, dW: Array, db: Array | None, dx: Array | None
    ) -> None:
        add_positions(dout, self.room, db)
        U_T, dU, dU2 = self.room("U").transpose(0, 2, 1), self.room("dU"), self.room("dU2")
        for i, block in enumerate(self._blocks(len(x))):
            m = self._memory(block)
            self._points(x, block, m)
            self._points_of_gradient(dout[block.samples], block, m)
            np.matmul(m.V_T, m.dP, out=dU2 if i else dU)
            if i:
                np.add(dU, dU2, out=dU)
            if dx is not None:
                np.matmul(m.dP, U_T, out=m.V)  # V is read: its memory is free
                self._put_back(block, m, dx)
        r, f = self.toom.taps, self.toom.points
        half = flat(dU2.reshape(-1), r, f, W[0, 0].size)
        _both(self.toom.G.T, dU.reshape(f, f, -1), half, dW.reshape(r, r, -1))

    def spread(self, W: Array, dout: Array, dx: Array) -> None:
        U_T = self.room("U").transpose(0, 2, 1)
        for block in self._blocks(len(dout)):
            m = self._memory(block)
            self._points_of_gradient(dout[block.samples], block, m)
            np.matmul(m.dP, U_T, out=m.V)
            self._put_back(block, m, dx)

    def _points(self, x: Array, block: Block, m: _Memory) -> None:
        """V = B.T x B"""
        if block.rows.start == 0:
            np.copyto(m.inside, x[block.samples])
        np.copyto(m.d_tiles, m.tiles)
        np.matmul(self.toom.B.T, m.d_rows, out=m.half_rows)
        np.matmul(self.toom.B.T, m.half, out=m.d)

    def _points_of_gradient(self, dout: Array, block: Block, m: _Memory) -> None:
        """dP = A dout A.T"""
        if self.grid.ragged:
            np.copyto(m.uncovered, dout)
            dout = m.covered
        np.copyto(m.dY_tiles, self.grid.apart(dout, block.rows))
        np.matmul(self.toom.A, m.dY_rows, out=m.dY_half)
        np.matmul(self.toom.A, m.dY_columns, out=m.dP_points)

    def _put_back(self, block: Block, m: _Memory, dx: Array) -> None:
        """dx = B dV B.T, added where tiles overlap: columns first, then rows.

        Sums go from one memory to another: in place, NumPy could not tell that a tile's elements
        do not overlap, and would copy them first.
        """
        np.matmul(self.toom.B, m.d, out=m.half)
        m.across(first=True)
        np.matmul(self.toom.B, m.strips, out=m.dstrips)
        m.down(first=block.rows.start == 0)
        if block.rows.stop == self.grid.grid[0]:
            np.copyto(dx[block.samples], m.dinside)

    def _blocks(self, samples: int) -> list[Block]:
        return list(blocks(samples, self.grid.samples, self.grid.grid[0], self.grid.rows))

    def _memory(self, block: Block) -> _Memory:
        """The views of a block, made once: making them takes longer than the smaller products."""
        key = (block.samples.stop - block.samples.start, block.rows.start, block.rows.stop)
        if key not in self._ready:
            self._ready[key] = _Memory(self, key[0], block.rows)
        return self._ready[key]


class _Memory:
    """Where a block of so many samples and rows of tiles computes; f points and m outputs a tile.

    V: points of the input (f * f, tiles, C). d: the same memory, (f, f, tiles * C). P: points of
    the output (f * f, tiles, M). Y: the output (m, m, tiles * M); dY, dP: their gradients.
    """

    def __init__(self, method: Winograd, samples: int, rows: slice) -> None:
        grid, room, window = method.grid, method.room, method.size.window
        m, f, C, M = OUTPUTS, grid.points, method.size.channels, method.size.filters
        one, two, three = (room(f"points{i}") for i in (1, 2, 3))
        count, columns = rows.stop - rows.start, grid.grid[1]
        tiles = samples * count * columns

        padded = room("padded")[:samples]
        self.inside = inside(window, padded)
        self.tiles = grid.overlapping(padded, rows)
        self.d = flat(one, f, f, tiles * C)
        self.d_tiles = self.d.reshape(self.tiles.shape)
        self.d_rows = self.d.reshape(f, -1)
        self.half = flat(two, f, f, tiles * C)
        self.half_rows = self.half.reshape(f, -1)
        self.V = self.d.reshape(f * f, tiles, C)
        self.V_T = self.V.transpose(0, 2, 1)

        self.P = flat(two, f * f, tiles, M)
        self.P_rows = self.P.reshape(f, -1)
        self.Y_half = flat(one, m, f * tiles * M)
        self.Y_columns = self.Y_half.reshape(m, f, -1)
        self.Y = flat(two, m, m, tiles * M)
        self.Y_tiles = self.Y.reshape(m, m, samples, count, columns, M)

        self.dY_tiles = flat(three, m, m, samples, count, columns, M)
        self.dY_rows = self.dY_tiles.reshape(m, -1)
        self.dY_half = flat(two, f, m * tiles * M)
        self.dY_columns = self.dY_half.reshape(f, m, -1)
        self.dP_points = flat(three, f, f, tiles * M)
        self.dP = self.dP_points.reshape(f * f, tiles, M)

        width = grid.padded[1]
        strips = flat(one, f, samples, count, width, C)
        self.strips = strips.reshape(f, -1)
        self.across = _Overlap(
            strips.transpose(3, 0, 1, 2, 4),
            flat(two, f, f, samples, count, columns, C).transpose(1, 4, 0, 2, 3, 5),
        )
        dstrips = flat(two, f, samples, count, width, C)
        self.dstrips = dstrips.reshape(f, -1)
        dpadded = room("dpadded")[:samples]
        self.dinside = inside(window, dpadded)
        band = dpadded[:, rows.start * m : rows.stop * m + f - m]
        self.down = _Overlap(band.transpose(1, 0, 2, 3), dstrips.transpose(0, 2, 1, 3, 4))

        self.covered = room("covered")[:samples]
        if grid.ragged:
            height, width = window.out
            self.uncovered = self.covered[:, :height, :width]
            self.margins = self.covered[:, height:], self.covered[:, :, width:]


class _Overlap:
    """Tiles that overlap by some elements along one axis, put together in `line`.

    Shapes: line (m * tiles + f - m, ...), tiles (f, tiles, ...).
    """

    def __init__(self, line: Array, tiles: Array) -> None:
        m, f, count = OUTPUTS, len(tiles), tiles.shape[1]
        common = f - m
        apart = line[: m * count].reshape(count, m, *line.shape[1:])
        self.copies = [
            (apart[:, common:], tiles[common:m].swapaxes(0, 1)),
            (line[m * count :], tiles[m:, -1]),
        ]
        self.first = line[:common], tiles[:common, 0]
        self.sum = tiles[:common, 1:], tiles[m:, :-1], apart[1:, :common].swapaxes(0, 1)

    def __call__(self, *, first: bool) -> None:
        """first: whether nothing that came before lies where the first tile begins."""
        for target, part in self.copies:
            np.copyto(target, part)
        part, other, target = self.sum
        np.add(part, other, out=target)
        target, part = self.first
        if first:
            np.copyto(target, part)
        else:
            for row, more in zip(target, part, strict=True):
                np.add(row, more, out=row)


class _Grid:
    """The tiles of an image: how many, and how many of them make a block."""

    def __init__(self, size: Size) -> None:
        window = size.window
        self.points = OUTPUTS + window.kernel[0] - 1
        self.grid = (-(-window.out[0] // OUTPUTS), -(-window.out[1] // OUTPUTS))
        per_tile = self.points**2 * (size.channels + size.filters)
        self.samples, self.rows = block_size(
            per_tile * self.grid[0] * self.grid[1], self.grid[0], BLOCK
        )
        self.window = window

    @cached_property
    def covered(self) -> tuple[int, int]:
        """Rows and columns of whole tiles: those of the output, or more."""
        return self.grid[0] * OUTPUTS, self.grid[1] * OUTPUTS

    @cached_property
    def ragged(self) -> bool:
        return self.covered != self.window.out

    @cached_property
    def padded(self) -> tuple[int, int]:
        """Rows and columns of input that whole tiles read."""
        more = self.points - OUTPUTS
        return self.covered[0] + more, self.covered[1] + more

    def apart(self, image: Array, rows: slice) -> Array:
        """The tiles side by side of an image of `covered` size, a view:
        (m, m, samples, rows, columns, channels)."""
        n, m, c = len(image), OUTPUTS, image.shape[3]
        tiles = image.reshape(n, self.grid[0], m, self.grid[1], m, c)
        return tiles[:, rows].transpose(2, 4, 0, 1, 3, 5)

    def overlapping(self, padded: Array, rows: slice) -> Array:
        """Overlapping tiles of an image of `padded` size, a view:
        (f, f, samples, rows, columns, channels)."""
        n, h, w, c = padded.strides
        f, m = self.points, OUTPUTS
        shape = (f, f, len(padded), rows.stop - rows.start, self.grid[1], padded.shape[3])
        strides = (h, w, n, h * m, w * m, c)
        return strided(padded, shape, strides, rows.start * m * h)


def _both(T: Array, d: Array, half: Array, out: Array) -> None:
    """out = T d T.T along the two first axes: (p, p, X) -> (q, q, X); `half` has (q, p, X)."""
    np.matmul(T, d.reshape(len(d), -1), out=half.reshape(len(half), -1))
    np.matmul(T, half, out=out)
