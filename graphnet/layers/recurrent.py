"""Layers that read a sequence step by step and remember what they have read.

All of them take, beside x, the ports lengths (whole numbers: how many steps of each sample are
read; without it, all), h0 and for the Lstm c0 (what is remembered before the first step; without
them, 0). Behind a sample's length "all" gives 0. Gates stand side by side in ONNX's order.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.layers.base import Array, Buffer, register
from graphnet.layers.unrolling import CHUNK, Sequence, Unrolled, chunks
from graphnet.products import by_columns, column_parts, in_columns


@register
class Rnn(Unrolled):
    """out = the last h, or all, of h' = activation(x @ W + h @ U + b)

    Shapes: x (N, T, D), lengths (N,), h0 (N, M) -> out (N, M) or (N, T, M); W (D, M); U (M, M);
    b (M,), the sum of the two that PyTorch and ONNX have.
    Errors: ShapeError unless a sample is (T, D); for a length that is no number from 0 to T.
    Source: Elman, 1990; ONNX's RNN. With z what the activation takes: dz = dh' * activation'(z),
    dh = dz @ U.T, dh0 = the first step's dh; dx = dz @ W.T, and summed over the steps
    dW = x.T @ dz, dU = h.T @ dz, db = sum of dz.
    """

    class Spec(Sequence):
        type: Literal["Rnn"]
        activation: Literal["tanh", "relu"] = "tanh"
        """What each step's sum goes through."""

    spec: Spec

    def bind_forth(self) -> None:
        self.forth = [(self.rows[s], self.h[s + 1]) for s in range(self.steps)]

    def bind_back(self) -> None:
        self.back = [
            (self.h[c.start + 1 : c.stop + 1], self.slopes[: len(c), 0]) for c in chunks(self.steps)
        ]

    def forward(self, x: Array, lengths: Array | None = None, h0: Array | None = None) -> Array:
        self.compute_alone(*(a for a in (x, lengths, h0) if a is not None))
        self.read(x, lengths, h0)
        (stack,), z = self.room("stack"), self.work[0]
        relu = self.spec.activation == "relu"
        for rows, h in self.forth:
            by_columns(rows, stack, z)
            np.maximum(z, 0, out=h) if relu else np.tanh(z, out=h)
        return self.written()

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        back, dh, arriving = self.U.T, self.dwork[0], self.arriving(dout)
        dh.fill(0)
        s = self.steps
        for h, slopes in self.back:
            if self.spec.activation == "relu":
                np.greater(h, 0, out=slopes)
            else:
                np.subtract(1, np.multiply(h, h, out=slopes), out=slopes)
            for slope in slopes[::-1]:
                s -= 1
                if (given := arriving[s]) is not None:
                    dh += given
                by_columns(np.multiply(dh, slope, out=self.dgates[s]), back, dh)
        self.leave(range(self.steps), self.dgates)
        return self.gradients(dout, dh)


@register
class Lstm(Unrolled):
    """out = the last h, or all, of h' = o * tanh(c'), c' = f * c + i * g

    with i, o, f = sigmoid(z) and g = tanh(z) of the four parts of z = x @ W + h @ U + b.

    Shapes: x (N, T, D), lengths (N,), h0 and c0 (N, M) -> out (N, M) or (N, T, M); W (D, 4 M);
    U (M, 4 M); b (4 M,), the sum of the two that PyTorch and ONNX have. The parts are i, o, f, g
    as in ONNX, whose W is this one transposed; PyTorch's order is i, f, g, o.
    Errors: ShapeError unless a sample is (T, D); for a length that is no number from 0 to T.
    Source: Hochreiter and Schmidhuber, 1997, with the forget gate of Gers et al., 2000; ONNX's
    LSTM. dc' += dh' * o * (1 - tanh(c')^2), dz = dc' * [g, 0, c, i] * [i', 0, f', g'] and for o
    dh' * tanh(c') * o', where i' = i * (1 - i) and g' = 1 - g^2; dc = dc' * f, dh = dz @ U.T,
    dh0 = the first step's dh, dc0 = its dc; dx = dz @ W.T, and summed over the steps
    dW = x.T @ dz, dU = h.T @ dz, db = sum of dz.
    """

    class Spec(Sequence):
        optional: ClassVar[tuple[str, ...]] = ("lengths", "h0", "c0")
        gates: ClassVar[int] = 4
        saved: ClassVar[int] = 6
        slopes: ClassVar[int] = 6
        type: Literal["Lstm"]

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            """What a chunk gives to the parameters is added up while it is in cache."""
            found, (steps, size) = super().buffers(out, *shapes), shapes[0]
            few = min(CHUNK, steps)
            found["dgates"] = Buffer((few, 5, self.units), back=True)
            found["dpart"] = Buffer((self.units + size + 1, 4 * self.units), scratch=True)
            return found

    spec: Spec
    halved: ClassVar[tuple[int, ...]] = (0, 1, 2)

    def bind_forth(self) -> None:
        """A step's state is i, o, f, g, tanh(c'), c, one after the other, so that one product of
        neighbours is several of the formula's."""
        self.forth = []
        turns, stack = len(self.states), self.room("stack")
        for s in range(self.steps):
            state, after = self.states[s % turns], self.states[(s + 1) % turns, 5]
            i_f, g_c = state[0:3:2], state[3:6:2]
            o, tanh_c = state[1], state[4]
            factors = column_parts(self.rows[s], stack, state[:4])
            self.forth.append(
                (factors, state[:4], state[:3], i_f, g_c, after, tanh_c, o, self.h[s + 1])
            )

    def bind_back(self) -> None:
        """A step's gradients are those of i, o, f, g and, behind them, of c before the step; in
        `slopes` there is f behind the gates, and dc' / dh' last."""
        by_gate, (dh, *_) = in_columns(self.dgates, self.spec.units), self.dwork
        self.back = []
        for chunk in chunks(self.steps):
            states, slopes = self.states[chunk.start : chunk.stop], self.slopes[: len(chunk)]
            steps = [
                (
                    s,
                    slopes[k, 5],
                    slopes[k, :5],
                    slopes[k, 1],
                    by_gate[k],
                    by_gate[k, 1],
                    by_gate[k, 4],
                    column_parts(self.dgates[k, :, : 4 * self.spec.units], self.U.T, dh),
                )
                for k, s in reversed(list(enumerate(chunk)))
            ]
            self.back.append((chunk, states, slopes, steps))

    def forward(
        self,
        x: Array,
        lengths: Array | None = None,
        h0: Array | None = None,
        c0: Array | None = None,
    ) -> Array:
        self.compute_alone(*(a for a in (x, lengths, h0, c0) if a is not None))
        self.read(x, lengths, h0)
        self.states[0, 5] = 0 if c0 is None else c0
        parts = self.work[:2]
        written, kept = parts
        matmul, tanh, multiply, add = np.matmul, np.tanh, np.multiply, np.add
        for factors, gates, sigmoids, i_f, g_c, c, tanh_c, o, h in self.forth:
            matmul(*factors)
            tanh(gates, gates)
            multiply(sigmoids, 0.5, sigmoids)
            add(sigmoids, 0.5, sigmoids)
            multiply(i_f, g_c, parts)
            add(written, kept, c)
            tanh(c, tanh_c)
            multiply(o, tanh_c, h)
        return self.written()

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        (dh, dc, work), arriving = self.dwork, self.arriving(dout)
        matmul, multiply, add = np.matmul, np.multiply, np.add
        self.dwork.fill(0)
        before = dc  # of c before the step that follows
        for chunk, states, slopes, steps in self.back:
            self._slopes(states, slopes)
            for s, to_c, to_all, to_o, dz_dc, dz_o, dc_before, factors in steps:
                if (given := arriving[s]) is not None:
                    add(dh, given, dh)
                multiply(dh, to_c, work)
                add(before, work, dc)
                multiply(dc, to_all, dz_dc)
                multiply(dh, to_o, dz_o)
                before = dc_before
                matmul(*factors)
            self.leave(chunk, self.dgates[: len(chunk)])
        return self.gradients(dout, dh, before)

    @staticmethod
    def _slopes(states: Array, slopes: Array) -> None:
        """dz / dc' for each gate, for o dz / dh', then dc / dc' and dc' / dh'."""
        sigmoids, (i, o, g, tanh_c) = states[:, :3], (states[:, k] for k in (0, 1, 3, 4))
        of_sigmoids, (of_g, of_c) = slopes[:, :3], (slopes[:, k] for k in (3, 5))
        np.subtract(1, sigmoids, out=of_sigmoids)
        np.multiply(of_sigmoids, sigmoids, out=of_sigmoids)
        # i' * g, o' * tanh(c'), f' * c
        np.multiply(of_sigmoids, states[:, 3:], out=of_sigmoids)
        slopes[:, 4] = states[:, 2]
        for slope, tanh, gate in ((of_g, g, i), (of_c, tanh_c, o)):
            np.subtract(1, np.multiply(tanh, tanh, out=slope), out=slope)
            np.multiply(slope, gate, out=slope)
