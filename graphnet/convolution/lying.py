"""A convolution of few channels as one product: columns that lie, copied by whole rows."""

from __future__ import annotations

import numpy as np

from graphnet.convolution.method import Block, Method, Room, Rooms, Size, block_size, blocks, flat
from graphnet.convolution.window import Array, element, inside

BLOCK = 64 * 1024
"""Numbers of a block of columns: with its product it stays in a second-level cache."""


class LyingColumns(Method):
    """out = columns.T @ [W; b], [dW; db] = columns @ dout, the last of the columns' rows all 1

    With few channels a window's row is short, and copying one by one what windows see takes longer
    than the product. Here each of the kw shifts of the image is copied once, its rows side by
    side; what all windows see at one of their rows is then one long run of it. 28x28 with one
    channel and 30 filters of 5x5 takes 0.6 of the time of plain columns.
    """

    def __init__(self, size: Size, dtype: np.dtype[np.floating], room: Room) -> None:
        self.size, self.room = size, room
        self._at_once, self._rows = _at_once(size)

    @staticmethod
    def rooms(size: Size) -> Rooms:
        w, (samples, rows) = size.window, _at_once(size)
        (kh, kw), height = w.kernel, rows + w.reach[0] - 1
        taps = kh * kw * size.channels
        padded = (samples, *w.padded, size.channels)
        return Rooms(
            kept={
                "padded": padded if w.is_padded else (0,),
                "weights": (taps + 1, size.filters),
            },
            scratch={
                "shifted": (samples * height * w.out[1] * kw * size.channels,),
                "columns": ((taps + 1) * samples * rows * w.out[1],),
                "dpadded": padded,
                "dweights": (2, taps + 1, size.filters),
            },
        )

    def prepare(self, W: Array, b: Array | None) -> None:
        weights = self.room("weights")
        weights[:-1] = W.reshape(-1, self.size.filters)
        if b is not None:
            weights[-1] = b

    def forward(self, x: Array, W: Array, b: Array | None, out: Array) -> None:
        weights = self.room("weights")  # without a bias, its last row stays 0
        for block in self._blocks(len(x)):
            product = out[block.samples, block.rows].reshape(-1, self.size.filters)
            np.matmul(self._columns(x, block).T, weights, out=product)

    def backward(
        self, x: Array, W: Array, dout: Array, dW: Array, db: Array | None, dx: Array | None
    ) -> None:
        total, more = self.room("dweights")
        for i, block in enumerate(self._blocks(len(x))):
            columns = self._columns(x, block)
            product = dout[block.samples, block.rows].reshape(-1, self.size.filters)
            np.matmul(columns, product, out=more if i else total)
            if i:
                np.add(total, more, out=total)
            if dx is not None:
                np.matmul(self.room("weights")[:-1], product.T, out=columns[:-1])
                self._add(columns[:-1], block, dx)
        dW[...] = total[:-1].reshape(dW.shape)
        if db is not None:
            db[...] = total[-1]

    def _blocks(self, samples: int) -> list[Block]:
        return list(blocks(samples, self._at_once, self.size.window.out[0], self._rows))

    def _columns(self, x: Array, block: Block) -> Array:
        """(kh * kw * C + 1, windows)"""
        w, C = self.size.window, self.size.channels
        (kh, kw), ow, x = w.kernel, w.out[1], x[block.samples]
        if w.is_padded:
            padded = self.room("padded")[: len(x)]
            if block.rows.start == 0:
                inside(w, padded)[...] = x
            x = padded
        n, rows = len(x), block.rows.stop - block.rows.start
        height = rows + w.reach[0] - 1
        band = x[:, block.rows.start : block.rows.start + height]
        shifted = flat(self.room("shifted"), kw, C, n, height, ow)
        for j in range(kw):
            left = j * w.dilation[1]
            seen = band[:, :, left : left + (ow - 1) * w.stride[1] + 1 : w.stride[1]]
            np.copyto(shifted[j], seen.transpose(3, 0, 1, 2))
        columns = flat(self.room("columns"), kh * kw * C + 1, n * rows * ow)
        apart = columns[:-1].reshape(kh, kw, C, n, rows, ow)
        for i in range(kh):
            top = i * w.dilation[0]
            np.copyto(apart[i], shifted[:, :, :, top : top + rows])
        columns[-1] = 1
        return columns

    def _add(self, columns: Array, block: Block, dx: Array) -> None:
        """Each column's numbers back to where they came from, added."""
        w, n = self.size.window, block.samples.stop - block.samples.start
        kh, kw = w.kernel
        dpadded = self.room("dpadded")[:n]
        if block.rows.start == 0:
            dpadded[...] = 0
        parts = columns.reshape(kh, kw, self.size.channels, n, -1, w.out[1])
        for i in range(kh):
            for j in range(kw):
                target = element(w, dpadded, i, j)[:, block.rows]
                np.add(target, parts[i, j].transpose(1, 2, 3, 0), out=target)
        if block.rows.stop == w.out[0]:
            dx[block.samples] = inside(w, dpadded)


def _at_once(size: Size) -> tuple[int, int]:
    """Samples of a block, or rows of one sample."""
    (kh, kw), (oh, ow) = size.window.kernel, size.window.out
    return block_size(oh * ow * kh * kw * size.channels, oh, BLOCK)
