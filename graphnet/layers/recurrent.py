"""Layers that read a sequence step by step and remember what they have read.

All of them take, beside x, the ports lengths (whole numbers: how many steps of each sample are
read; without it, all), h0 and for the Lstm c0 (what is remembered before the first step; without
them, 0). Behind a sample's length "all" gives 0. Gates stand side by side in ONNX's order.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from graphnet.layers.base import Array, register
from graphnet.layers.unrolling import Sequence, Unrolled, chunks
from graphnet.products import by_columns, in_columns


@register
class Rnn(Unrolled):
    """out = the last h, or all, of h' = activation(x @ W + h @ U + b)

    Shapes: x (N, T, D), lengths (N,), h0 (N, M) -> out (N, M) or (N, T, M); W (D, M); U (M, M);
    b (M,), the sum of the two that PyTorch and ONNX have.
    Errors: ShapeError unless a sample is (T, D); for a length that is no number from 0 to T.
    Source: Elman, 1990; ONNX's RNN. With z what the activation takes: dz = dh' * activation'(z),
    dh = dz @ U.T.
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
    dh' * tanh(c') * o', where i' = i * (1 - i) and g' = 1 - g^2; dc = dc' * f, dh = dz @ U.T.
    """

    class Spec(Sequence):
        optional: ClassVar[tuple[str, ...]] = ("lengths", "h0", "c0")
        gates: ClassVar[int] = 4
        saved: ClassVar[int] = 6
        slopes: ClassVar[int] = 5
        type: Literal["Lstm"]

    spec: Spec
    halved: ClassVar[tuple[int, ...]] = (0, 1, 2)

    def bind_forth(self) -> None:
        """A step's state is i, o, f, g, tanh(c'), c, one after the other, so that one product of
        neighbours is several of the formula's."""
        self.forth = []
        for s in range(self.steps):
            turns = len(self.states)
            state, after = self.states[s % turns], self.states[(s + 1) % turns, 5]
            i_f, g_c = state[0:3:2], state[3:6:2]
            o, tanh_c = state[1], state[4]
            self.forth.append(
                (self.rows[s], state[:4], state[:3], i_f, g_c, after, tanh_c, o, self.h[s + 1])
            )

    def bind_back(self) -> None:
        by_gate = in_columns(self.dgates, self.spec.units)
        self.back = []
        for chunk in chunks(self.steps):
            states, slopes = self.states[chunk.start : chunk.stop], self.slopes[: len(chunk)]
            steps = [
                (
                    s,
                    slopes[k, 4],
                    slopes[k, :4],
                    slopes[k, 1],
                    states[k, 2],
                    by_gate[s],
                    by_gate[s, 1],
                    self.dgates[s],
                )
                for k, s in reversed(list(enumerate(chunk)))
            ]
            self.back.append((states, slopes, steps))

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
        stack, parts = self.room("stack"), self.work[:2]
        written, kept = parts
        for rows, gates, sigmoids, i_f, g_c, c, tanh_c, o, h in self.forth:
            by_columns(rows, stack, gates)
            np.tanh(gates, out=gates)
            np.multiply(sigmoids, 0.5, out=sigmoids)
            np.add(sigmoids, 0.5, out=sigmoids)
            np.multiply(i_f, g_c, out=parts)
            np.add(written, kept, out=c)
            np.tanh(c, out=tanh_c)
            np.multiply(o, tanh_c, out=h)
        return self.written()

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        back, (dh, dc, work), arriving = self.U.T, self.dwork, self.arriving(dout)
        self.dwork.fill(0)
        for states, slopes, steps in self.back:
            self._slopes(states, slopes)
            for s, to_c, to_z, to_o, f, dz, dz_o, dgates in steps:
                if (given := arriving[s]) is not None:
                    np.add(dh, given, out=dh)
                np.multiply(dh, to_c, out=work)
                np.add(dc, work, out=dc)
                np.multiply(dc, to_z, out=dz)
                np.multiply(dh, to_o, out=dz_o)
                np.multiply(dc, f, out=dc)
                by_columns(dgates, back, dh)
        return self.gradients(dout, dh, dc)

    @staticmethod
    def _slopes(states: Array, slopes: Array) -> None:
        """dz / dc' for each gate, for o dz / dh', and dc' / dh'."""
        sigmoids, (i, o, g, tanh_c) = states[:, :3], (states[:, k] for k in (0, 1, 3, 4))
        of_sigmoids, (of_g, of_c) = slopes[:, :3], (slopes[:, k] for k in (3, 4))
        np.subtract(1, sigmoids, out=of_sigmoids)
        np.multiply(of_sigmoids, sigmoids, out=of_sigmoids)
        # i' * g, o' * tanh(c'), f' * c
        np.multiply(of_sigmoids, states[:, 3:], out=of_sigmoids)
        for slope, tanh, gate in ((of_g, g, i), (of_c, tanh_c, o)):
            np.subtract(1, np.multiply(tanh, tanh, out=slope), out=slope)
            np.multiply(slope, gate, out=slope)
