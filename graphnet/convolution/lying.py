"""A convolution of few channels as one product: columns that lie, copied by whole rows."""

from __future__ import annotations

import numpy as np

from graphnet.convolution.method import Block, Method, Room, Rooms, Size, block_size, blocks, flat
from graphnet.convolution.window import Array, add_to, element, inside, strided
from graphnet.products import SMALL

BLOCK = 128 * 1024
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
        self._ready: dict[tuple[int, int, int], _Memory] = {}

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
                "dweights": (taps + 1, size.filters),
                "dweights2": (taps + 1, size.filters),
                "dweights_of": (samples, taps + 1, size.filters),
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
            m = self._columns(x, block)
            np.matmul(m.standing, weights, out=self._outputs(out, block))

    def backward(
        self, x: Array, W: Array, dout: Array, dW: Array, db: Array | None, dx: Array | None
    ) -> None:
        total = self.room("dweights")
        for i, block in enumerate(self._blocks(len(x))):
            m = self._columns(x, block)
            product = self._outputs(dout, block)
            np.matmul(m.lying, product, out=m.dweights)
            np.add.reduce(m.dweights, axis=0, out=m.sum)
            if i:
                np.add(total, m.sum, out=total)
            else:
                np.copyto(total, m.sum)
            if dx is not None:
                self._spread(product, m, block, dx)
        dW[...] = total[:-1].reshape(dW.shape)
        if db is not None:
            db[...] = total[-1]

    def spread(self, W: Array, dout: Array, dx: Array) -> None:
        for block in self._blocks(len(dout)):
            m = self._memory(block.samples.stop - block.samples.start, block.rows)
            self._spread(self._outputs(dout, block), m, block, dx)

    def _spread(self, dout: Array, m: _Memory, block: Block, dx: Array) -> None:
        np.matmul(self.room("weights")[:-1], dout.transpose(0, 2, 1), out=m.lying[:, :-1])
        self._add(m, block, dx)

    def _outputs(self, out: Array, block: Block) -> Array:
        """(samples, windows, M), a view."""
        part = out[block.samples, block.rows]
        return part.reshape(len(part), -1, self.size.filters)

    def _blocks(self, samples: int) -> list[Block]:
        return list(blocks(samples, self._at_once, self.size.window.out[0], self._rows))

    def _columns(self, x: Array, block: Block) -> _Memory:
        """What the windows of a block see."""
        w, x = self.size.window, np.ascontiguousarray(x[block.samples])
        if w.is_padded:
            padded = self.room("padded")[: len(x)]
            if block.rows.start == 0:
                inside(w, padded)[...] = x
            x = padded
        m = self._memory(len(x), block.rows)
        n, h, v, c = x.strides
        shifts = (v * w.dilation[1], c, n, h, v * w.stride[1])
        np.copyto(m.shifted, strided(x, m.shifted.shape, shifts, block.rows.start * h))
        np.copyto(m.rows, m.seen)
        m.last.fill(1)
        return m

    def _memory(self, samples: int, rows: slice) -> _Memory:
        key = (samples, rows.start, rows.stop)
        if key not in self._ready:
            self._ready[key] = _Memory(self.size, self.room, samples, rows.stop - rows.start)
        return self._ready[key]

    def _add(self, m: _Memory, block: Block, dx: Array) -> None:
        """Each column's numbers back to where they came from, added."""
        w, n = self.size.window, block.samples.stop - block.samples.start
        dpadded = self.room("dpadded")[:n]
        if block.rows.start == 0:
            dpadded[...] = 0
        for i in range(w.kernel[0]):
            for j in range(w.kernel[1]):
                target = element(w, dpadded, i, j)[:, block.rows]
                add_to(target, m.rows[i, j].transpose(1, 2, 3, 0))
        if block.rows.stop == w.out[0]:
            dx[block.samples] = inside(w, dpadded)


class _Memory:
    """The views of a block of so many samples and rows, made once.

    shifted: the image (kw, C, samples, height, out width), once for each column of the window.
    rows: the columns but the last of their rows, (kh, kw, C, samples, rows, out width); seen: the
    same as the windows see it in `shifted`. lying: a matrix for each sample, (samples, taps + 1,
    windows); standing: their transposes.
    """

    def __init__(self, size: Size, room: Room, samples: int, rows: int) -> None:
        w, C = size.window, size.channels
        (kh, kw), ow = w.kernel, w.out[1]
        self.height = rows + w.reach[0] - 1
        self.shifted = flat(room("shifted"), kw, C, samples, self.height, ow)
        taps = kh * kw * C
        columns = flat(room("columns"), taps + 1, samples, rows * ow)
        self.last = columns[-1]
        self.rows = columns[:-1].reshape(kh, kw, C, samples, rows, ow)
        self.lying, self.standing = columns.transpose(1, 0, 2), columns.transpose(1, 2, 0)
        self.dweights = room("dweights_of")[:samples]
        self.sum = room("dweights2")
        *outer, down, right = self.shifted.strides
        strides = (down * w.dilation[0], *outer, down, right)
        self.seen = strided(room("shifted"), self.rows.shape, strides)


def _at_once(size: Size) -> tuple[int, int]:
    """Samples of a block, or rows of one sample."""
    (kh, kw), (oh, ow) = size.window.kernel, size.window.out
    taps = kh * kw * size.channels
    if size.products <= SMALL:
        return block_size(oh * ow * taps, oh, BLOCK)
    return 1, max(1, min(oh * SMALL // size.products, BLOCK // (ow * taps)))
