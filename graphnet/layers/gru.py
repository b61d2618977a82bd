"""The gated recurrent unit, in both of its forms."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.initializers import Zeros
from graphnet.layers.base import Array, Buffer, NodeSpec, Parameter, register
from graphnet.layers.unrolling import Sequence, Unrolled, chunks
from graphnet.products import by_columns, in_columns, product


@register
class Gru(Unrolled):
    """out = the last h, or all, of h' = (1 - z) * n + z * h

    with z, r = sigmoid(x @ W + h @ U + b) of the first two parts, and of the third
    n = tanh(x @ W + b + (r * h) @ U), or with linear_before_reset
    n = tanh(x @ W + b + r * (h @ U + bu)).

    Shapes: x (N, T, D), lengths (N,), h0 (N, M) -> out (N, M) or (N, T, M); W (D, 3 M);
    U (M, 3 M); b (3 M,); bu (M,), with linear_before_reset alone. The parts are z, r, n as in
    ONNX, whose W is this one transposed; PyTorch's order is r, z, n, and it has
    linear_before_reset. Of their two biases b is the sum, but of the third part's second one, bu.
    Errors: ShapeError unless a sample is (T, D); for a length that is no number from 0 to T.
    Source: Cho et al., 2014; ONNX's GRU. With s(z) = z * (1 - z), of what the functions take:
    dz = dh' * (h - n) * s(z), dn = dh' * (1 - z) * (1 - n^2), dr = dn * (h @ U + bu) * s(r) or
    (dn @ U.T) * h * s(r); dh = dh' * z and what the products give back,
    dh0 = the first step's dh. With d = [dz, dr, dn] side by side dx = d @ W.T, and summed over the
    steps dW = x.T @ d, db = sum of d, dU = (what each part of U multiplies).T @ its part of d (of
    the third, with linear_before_reset, dn * r), dbu = sum of dn * r.
    """

    class Spec(Sequence):
        keeps: ClassVar[tuple[str, ...]] = ("lengths", "rows", "states", "inner")
        gates: ClassVar[int] = 3
        saved: ClassVar[int] = 3
        slopes: ClassVar[int] = 4
        work: ClassVar[int] = 3
        type: Literal["Gru"]
        linear_before_reset: bool = False
        """Whether r multiplies what U made of h, in place of h."""

        def parameters(self, x: Shape, *more: Shape) -> dict[str, Parameter]:
            found = super().parameters(x, *more)
            if self.linear_before_reset:
                found["bu"] = Parameter((self.units,), Zeros(type="Zeros"))
            return found

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            inner = Buffer((shapes[0][0], self.units))
            return {**super().buffers(out, *shapes), "inner": inner}

        def columns_back(self) -> int:
            """Those of the gates, and with linear_before_reset that of h @ U + bu."""
            return 3 + self.linear_before_reset

    spec: Spec
    halved: ClassVar[tuple[int, ...]] = (0, 1)

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        if self.spec.linear_before_reset:
            self._require("bu")

    def bind_forth(self) -> None:
        """A step's state is z, r, n; `inner` is h @ U + bu or r * h."""
        self.inner = self._by_step("inner")
        turns, units = len(self.states), self.spec.units
        self.forth = [
            (
                self.rows[s, :, units:],
                self.h[s],
                self.states[s % turns],
                self.inner[s],
                self.h[s + 1],
            )
            for s in range(self.steps)
        ]

    def bind_back(self) -> None:
        units, by_gate = self.spec.units, in_columns(self.dgates, self.spec.units)
        self.back = []
        for chunk in chunks(self.steps):
            part = slice(chunk.start, chunk.stop)
            slopes = self.slopes[: len(chunk)]
            steps = [
                (
                    s,
                    slopes[s - chunk.start],
                    self.states[s],
                    by_gate[s],
                    self.dgates[s, :, : 2 * units],
                )
                for s in reversed(chunk)
            ]
            self.back.append((self.h[part], self.states[part], self.inner[part], slopes, steps))

    def forward(self, x: Array, lengths: Array | None = None, h0: Array | None = None) -> Array:
        self.compute_alone(*(a for a in (x, lengths, h0) if a is not None))
        self.read(x, lengths, h0)
        units, stack = self.spec.units, self.room("stack")
        W, U, bu, work = stack[:, units:], stack[:, :units], self.params.get("bu"), self.work
        spare = work[2]
        for x_1, h, state, inner, after in self.forth:
            sigmoids, (z, r, n) = state[:2], state
            by_columns(x_1, W, state)
            by_columns(h, U[:2], work[:2])
            np.add(sigmoids, work[:2], out=sigmoids)
            np.tanh(sigmoids, out=sigmoids)
            np.multiply(sigmoids, 0.5, out=sigmoids)
            np.add(sigmoids, 0.5, out=sigmoids)
            if bu is not None:
                by_columns(h, U[2], inner)
                np.add(inner, bu, out=inner)
                np.multiply(r, inner, out=spare)
            else:
                np.multiply(r, h, out=inner)
                by_columns(inner, U[2], spare)
            np.add(n, spare, out=n)
            np.tanh(n, out=n)
            np.subtract(h, n, out=spare)
            np.multiply(z, spare, out=spare)
            np.add(n, spare, out=after)
        return self.written()

    def backward(self, dout: Array) -> tuple[Array | None, ...]:
        units, (dh, back, spare), arriving = self.spec.units, self.dwork, self.arriving(dout)
        to_gates, to_n = self.U[:, : 2 * units].T, self.U[:, 2 * units :].T
        linear_before_reset = self.spec.linear_before_reset
        dh.fill(0)
        for before, states, inner, slopes, steps in self.back:
            self._slopes(before, states, inner, slopes)
            for s, (of_z, of_r, of_n, _), (z, r, _), (dz, dr, dn, *dinner), dgates in steps:
                if (given := arriving[s]) is not None:
                    np.add(dh, given, out=dh)
                np.multiply(dh, of_z, out=dz)
                np.multiply(dh, of_n, out=dn)
                np.multiply(dh, z, out=dh)
                if linear_before_reset:
                    np.multiply(dn, of_r, out=dr)
                    by_columns(np.multiply(dn, r, out=dinner[0]), to_n, back)
                else:
                    by_columns(dn, to_n, spare)
                    np.multiply(spare, of_r, out=dr)
                    np.multiply(spare, r, out=back)
                np.add(dh, back, out=dh)
                np.add(dh, by_columns(dgates, to_gates, back), out=dh)
        self.leave(range(self.steps), self.dgates)
        found = self.gradients(dout, dh)
        self._leave_last()
        return found

    def _leave_last(self) -> None:
        """dU of the third part, which `leave` takes for that of h @ U."""
        units = self.spec.units
        dU, dgates = self.dU[:, 2 * units :], self.dgates.reshape(-1, self.dgates.shape[2])
        last = dgates[:, -units:]  # dn, or that of h @ U + bu
        if self.spec.linear_before_reset:
            product(self.rows[:-1].reshape(len(last), -1)[:, :units].T, last, dU)
            np.add.reduce(last, axis=0, out=self.grads["bu"])
        else:
            product(self.inner.reshape(-1, units).T, last, dU)

    def _slopes(self, h: Array, states: Array, inner: Array, slopes: Array) -> None:
        """dz / dh', dr / dn or that by r * h, dn / dh'."""
        sigmoids, z, n = states[:, :2], states[:, 0], states[:, 2]
        of_z, of_r, of_n, spare = (slopes[:, k] for k in range(4))
        np.subtract(1, sigmoids, out=slopes[:, :2])
        np.multiply(slopes[:, :2], sigmoids, out=slopes[:, :2])
        np.multiply(of_z, np.subtract(h, n, out=spare), out=of_z)
        np.multiply(of_r, inner if self.spec.linear_before_reset else h, out=of_r)
        np.subtract(1, np.multiply(n, n, out=of_n), out=of_n)
        np.subtract(of_n, np.multiply(z, of_n, out=spare), out=of_n)
