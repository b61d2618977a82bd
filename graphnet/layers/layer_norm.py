"""Layers that give the numbers of a sample, from one axis on, the same size at every step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from graphnet.declaration import Shape
from graphnet.errors import ShapeError
from graphnet.initializers import Constant, Zeros
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, Parameter, register

BLOCK = 128 * 1024
"""Numbers that go through all steps of a pass before the next ones. Of 16,384 rows of 128, all at
once take 1.4 times as long, and 1.2 times as long in blocks of a quarter: calls cost too."""


class _RowSpec(NodeSpec):
    """A row is what is normalized together: the numbers of the axes from `axis` on."""

    keeps: ClassVar[tuple[str, ...]] = ("normed", "inverse")
    prepares: ClassVar[bool] = True
    axis: Annotated[int, Field(ge=-7, lt=7)] = -1
    """The first axis of a sample that is normalized over, with all behind it; -1 is the last."""
    eps: Annotated[float, Field(gt=0)] = 1e-5
    """Added to the mean of the squares."""

    def infer_shape(self, x: Shape) -> Shape:
        if not -len(x) <= self.axis < len(x):
            raise ShapeError(f"a sample must have an axis {self.axis}")
        return x

    def parameters(self, x: Shape) -> dict[str, Parameter]:
        return {"gamma": Parameter(x[self.axis :], Constant(type="Constant", value=1.0))}

    def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
        row = math.prod(out[self.axis :])
        rows = max(1, BLOCK // row)
        return {
            "out": Buffer(out),
            "normed": Buffer(out, trains=True),
            "inverse": Buffer(out[: self.axis]),
            "dx": Buffer(out),
            "work": Buffer((rows, row), scratch=True),
            "ones": Buffer((max(rows, row),), kept=True),
        }

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        return Flops(7 * math.prod(out), 11 * math.prod(out))


class _RowLayer(Layer):
    """out = gamma * x' + beta, x' = x / sqrt(mean(x^2) + eps); `centred`: of x less its mean

    With h = gamma * dout: dgamma = sum(dout * x'), dbeta = sum(dout) and, the last mean where
    `centred`, dx = (h - x' * mean(h * x') - mean(h)) / sqrt(mean(x^2) + eps).
    """

    spec: _RowSpec
    centred: ClassVar[bool]

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        self._require("gamma")
        self.gamma, self.beta = self.params["gamma"], self.params.get("beta")
        self.dgamma, self.dbeta = self.grads["gamma"], self.grads.get("beta")

    def prepare(self) -> None:
        self.room("ones").fill(1)

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        gamma, out = self.gamma.reshape(-1), self.room("out")
        row, ones = gamma.size, self.room("ones")[: gamma.size]
        made = self.room("normed") if self.backs else out
        for xs, normed, inverse, outs in self._blocks(x, made, self.room("inverse"), out):
            if self.centred:
                mean = np.matmul(xs, ones)[:, np.newaxis] / row
                xs = np.subtract(xs, mean, out=normed)
            square = np.vecdot(xs, xs)[:, np.newaxis] / row
            np.divide(1, np.sqrt(square + self.spec.eps), out=inverse)
            np.multiply(xs, inverse, out=normed)
            np.multiply(normed, gamma, out=outs)
            if self.beta is not None:
                np.add(outs, self.beta.reshape(-1), out=outs)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        gamma, dx = self.gamma.reshape(-1), self.room("dx")
        row = gamma.size
        kept = self.room("normed"), self.room("inverse")
        self.clear()
        for douts, normed, inverse, dxs in self._blocks(dout, *kept, dx):
            work, ones = self.room("work")[: len(dxs)], self.room("ones")[: len(dxs)]
            np.multiply(douts, normed, out=work)
            _add(self.dgamma, np.matmul(ones, work))
            if self.dbeta is not None:
                _add(self.dbeta, np.matmul(ones, douts))
            slope = np.matmul(work, gamma)[:, np.newaxis] * inverse / row
            np.multiply(normed, slope, out=work)
            if self.centred:
                np.add(work, np.matmul(douts, gamma)[:, np.newaxis] * inverse / row, out=work)
            np.multiply(douts, gamma, out=dxs)
            np.multiply(dxs, inverse, out=dxs)
            np.subtract(dxs, work, out=dxs)
        return (dx,)

    def _blocks(self, *arrays: Array) -> Iterator[tuple[Array, ...]]:
        """Some rows of each at a time; an array with one number a row is a column."""
        row = self.gamma.size
        count = arrays[0].size // row
        flat = [a.reshape(count, -1) for a in arrays]
        at_once = max(1, BLOCK // row)
        for start in range(0, count, at_once):
            yield tuple(a[start : start + at_once] for a in flat)


def _add(total: Array, part: Array) -> None:
    np.add(total, part.reshape(total.shape), out=total)


@register
class LayerNorm(_RowLayer):
    """out = gamma * (x - mean) / sqrt(var + eps) + beta, for each row by itself

    A row is what lies on the axes of a sample from `axis` on; mean and var (divided by the count)
    are its own.

    Shapes: x (N, ..., D); out has x's shape; gamma and beta have that of a row.
    Errors: ShapeError where a sample has no such axis.
    Source: Ba, Kiros and Hinton, 2016; ONNX, LayerNormalization. With s = 1 / sqrt(var + eps),
    x' = (x - mean) * s and h = gamma * dout: dgamma = sum(dout * x'), dbeta = sum(dout),
    dx = s * (h - mean(h) - x' * mean(h * x')).
    """

    centred = True

    class Spec(_RowSpec):
        type: Literal["LayerNorm"]
        bias: bool = True
        """Whether there is a beta."""

        def parameters(self, x: Shape) -> dict[str, Parameter]:
            found = super().parameters(x)
            if self.bias:
                found["beta"] = Parameter(x[self.axis :], Zeros(type="Zeros"))
            return found

    spec: Spec

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        self._require("gamma", *["beta"] * self.spec.bias)


@register
class RMSNorm(_RowLayer):
    """out = gamma * x / sqrt(mean(x^2) + eps), for each row by itself

    A row is what lies on the axes of a sample from `axis` on.

    Shapes: x (N, ..., D); out has x's shape; gamma has that of a row.
    Errors: ShapeError where a sample has no such axis.
    Source: Zhang and Sennrich, 2019; ONNX, RMSNormalization. With s = 1 / sqrt(mean(x^2) + eps),
    x' = x * s and h = gamma * dout: dgamma = sum(dout * x'), dx = s * (h - x' * mean(h * x')).
    """

    centred = False

    class Spec(_RowSpec):
        type: Literal["RMSNorm"]
