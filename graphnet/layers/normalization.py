"""Layers that give what comes in the same mean and variance at every step."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from graphnet.declaration import Shape
from graphnet.errors import ShapeError
from graphnet.initializers import Constant, Zeros
from graphnet.layers.base import (
    Array,
    BatchLayer,
    Buffer,
    Flops,
    NodeSpec,
    Parameter,
    register,
)

ROWS = 1024
"""Rows that are added in the type of the numbers; their sums are added in float64."""
RUN = 256
"""Numbers that a loop over channels should have side by side: shorter ones cost their overhead."""


@register
class BatchNorm(BatchLayer):
    """out = gamma * (x - mean) / sqrt(var + eps) + beta, for each channel

    In training, mean and var (divided by the count) are those of the whole batch, whatever its
    shards, over all samples and positions, and the state moves: running = (1 - momentum) * running
    + momentum * of the batch, with the variance divided by the count less 1. Otherwise they are
    the state. These are PyTorch's conventions; ONNX's momentum is 1 less this one.

    Shapes: x (N, ..., C); out has x's shape; gamma, beta, mean, var (C,).
    Errors: ShapeError where a sample is a scalar.
    Source: Ioffe and Szegedy, 2015; Deep Learning from Scratch, 6.3. With n numbers a channel and
    x' = (x - mean) / sqrt(var + eps): dgamma = sum(dout * x'), dbeta = sum(dout),
    dx = gamma / sqrt(var + eps) * (dout - dbeta / n - x' * dgamma / n).
    """

    class Spec(NodeSpec):
        keeps: ClassVar[tuple[str, ...]] = ("x",)
        meets: ClassVar[bool] = True
        prepares: ClassVar[bool] = True
        type: Literal["BatchNorm"]
        momentum: Annotated[float, Field(ge=0, le=1)] = 0.1
        """How far the running statistics move to those of a batch."""
        eps: Annotated[float, Field(gt=0)] = 1e-5
        """Added to the variance."""

        def infer_shape(self, x: Shape) -> Shape:
            if not x:
                raise ShapeError("a sample must have an axis of channels")
            return x

        def parameters(self, x: Shape) -> dict[str, Parameter]:
            gamma = Parameter(x[-1:], Constant(type="Constant", value=1.0))
            return {"gamma": gamma, "beta": Parameter(x[-1:], Zeros(type="Zeros"))}

        def states(self, x: Shape) -> dict[str, Parameter]:
            var = Parameter(x[-1:], Constant(type="Constant", value=1.0))
            return {"mean": Parameter(x[-1:], Zeros(type="Zeros")), "var": var}

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            run = Buffer((_positions(out), out[-1]), kept=True)
            return {
                "out": Buffer(out),
                "apart": Buffer(out),
                "dx": Buffer(out),
                "dapart": Buffer(out, back=True),
                "scale": run,
                "shift": run,
                "slope": run,
                "centre": Buffer(out[-1:], kept=True),
                "inverse": Buffer(out[-1:], kept=True),
            }

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(6 * math.prod(out), 8 * math.prod(out))

    spec: Spec

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        self._require("gamma", "beta")
        self.gamma, self.beta = self.params["gamma"], self.params["beta"]
        self.dgamma, self.dbeta = self.grads["gamma"], self.grads["beta"]

    def gather(self, x: Array) -> Array:
        """Rows of float64: the count, the mean, and the sum of squared distances from it."""
        flat = x.reshape(-1, x.shape[-1])
        mean = _sums(flat) / len(flat)
        apart = self._minus(x, mean, self.room("apart"))
        squares = _sums(np.multiply(apart, apart, out=apart).reshape(flat.shape))
        return np.stack([np.full_like(mean, len(flat)), mean, squares])

    def join(self, part: Array, other: Array) -> Array:
        """Source: Chan, Golub and LeVeque, 1983."""
        (n, mean, squares), (m, other_mean, other_squares) = part, other
        between = other_mean - mean
        return np.stack(
            [
                n + m,
                mean + between * (m / (n + m)),
                squares + other_squares + between**2 * (n * m / (n + m)),
            ]
        )

    def settle(self) -> None:
        n, mean, squares = self.batch
        self._settle(mean, squares / n)

    def remember(self) -> None:
        n, mean, squares = self.batch
        momentum, var = self.spec.momentum, squares / np.maximum(n - 1, 1)
        for running, of_batch in ((self.state["mean"], mean), (self.state["var"], var)):
            running[...] = (1 - momentum) * running + momentum * of_batch

    def prepare(self) -> None:
        if not self.training:
            self._settle(self.state["mean"], self.state["var"])

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        if self.training and self.is_alone:
            self.batch = self.gather(x)
            self.settle()
        self.x = x
        scale, shift = self.room("scale").reshape(-1), self.room("shift").reshape(-1)
        out = self.room("out")
        flat = np.multiply(x.reshape(-1, len(scale)), scale, out=out.reshape(-1, len(scale)))
        np.add(flat, shift, out=flat)
        return out

    def gather_back(self, dout: Array) -> Array:
        """Rows of float64: dbeta and dgamma, the latter from sum(dout * x) - mean * sum(dout)."""
        products = np.multiply(self.x, dout, out=self.room("dapart"))
        dbeta, total = (_sums(a.reshape(-1, a.shape[-1])) for a in (dout, products))
        self.part = np.stack([dbeta, (total - self.room("centre") * dbeta) * self.room("inverse")])
        return self.part

    def settle_back(self) -> None:
        dbeta, dgamma = self.batch_back
        n, inverse = self.batch[0], self.room("inverse")
        scale = self.gamma * inverse
        slope = -scale * inverse * dgamma / n
        self.room("scale")[...] = scale
        self.room("slope")[...] = slope
        self.room("shift")[...] = -scale * dbeta / n - slope * self.room("centre")

    def backward(self, dout: Array) -> tuple[Array]:
        if self.is_alone or not self.training:
            self.batch_back = self.gather_back(dout)
        if self.is_alone and self.training:
            self.settle_back()
        self.dbeta[...], self.dgamma[...] = self.part
        dx, scale = self.room("dx"), self.room("scale").reshape(-1)
        flat = np.multiply(dout.reshape(-1, len(scale)), scale, out=dx.reshape(-1, len(scale)))
        if self.training:
            slope, shift = self.room("slope").reshape(-1), self.room("shift").reshape(-1)
            work = self.room("dapart").reshape(flat.shape)
            np.multiply(self.x.reshape(flat.shape), slope, out=work)
            np.add(flat, np.add(work, shift, out=work), out=flat)
        return (dx,)

    def _settle(self, mean: Array, var: Array) -> None:
        """scale and shift, so that out = x * scale + shift."""
        inverse = 1 / np.sqrt(var + self.spec.eps)
        self.room("centre")[...], self.room("inverse")[...] = mean, inverse
        scale = self.gamma * inverse
        self.room("scale")[...] = scale
        self.room("shift")[...] = self.beta - mean * scale

    def _minus(self, x: Array, mean: Array, out: Array) -> Array:
        """x - mean, in `out`."""
        row = self.room("slope")  # which backward alone needs
        row[...] = mean
        np.subtract(x.reshape(-1, row.size), row.reshape(-1), out=out.reshape(-1, row.size))
        return out


def _positions(out: Shape) -> int:
    """How often a channel's number is repeated, so that loops over channels are long."""
    found = 1
    for size in reversed(out[:-1]):
        if found * out[-1] >= RUN:
            break
        found *= size
    return found


def _sums(flat: Array) -> Array:
    """The sum of each column, (C,), float64; a product with ones is faster than `sum`."""
    ones, whole = np.ones((1, ROWS), flat.dtype), len(flat) // ROWS * ROWS
    parts = np.matmul(ones, flat[:whole].reshape(-1, ROWS, flat.shape[1]))
    rest = np.matmul(ones[:, : len(flat) - whole], flat[whole:])
    sums: Array = parts.sum(axis=(0, 1), dtype=np.float64) + rest[0]
    return sums
