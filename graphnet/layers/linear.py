"""Layers that multiply matrices."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np

from graphnet.declaration import Dim, Shape
from graphnet.errors import ShapeError
from graphnet.initializers import He, InitializerField, Zeros
from graphnet.layers.base import Array, Flops, Layer, NodeSpec, Parameter, register
from graphnet.products import product


@register
class MatMul(Layer):
    """out = x @ y, the book's `dot` of two matrices, both of which come in

    Shapes: x (..., M, K), y (..., K, P) -> out (..., M, P), the leading axes equal.
    Errors: ShapeError unless both are matrices whose inner sizes agree.
    Source: Deep Learning from Scratch, 5.6.1: dx = dout @ y.T, dy = x.T @ dout.
    """

    class Spec(NodeSpec):
        ports: ClassVar[tuple[str, ...]] = ("x", "y")
        keeps: ClassVar[tuple[str, ...]] = ("x", "y")
        type: Literal["MatMul"]

        def infer_shape(self, x: Shape, y: Shape) -> Shape:
            if len(x) < 2 or len(x) != len(y) or x[:-2] != y[:-2] or x[-1] != y[-2]:
                raise ShapeError("its inputs must be matrices, (..., M, K) and (..., K, P)")
            return (*x[:-1], y[-1])

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            products = 2 * math.prod(out) * shapes[0][-1]
            return Flops(products, 2 * products)

    def forward(self, x: Array, y: Array) -> Array:
        self.x, self.y = x, y
        return np.matmul(x, y, out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array, Array]:
        dx = np.matmul(dout, np.swapaxes(self.y, -1, -2), out=self.buffer("dx"))
        dy = np.matmul(np.swapaxes(self.x, -1, -2), dout, out=self.buffer("dy"))
        return dx, dy


@register
class Affine(Layer):
    """out = x @ W + b

    Shapes: x (N, D) -> out (N, M); W (D, M); b (M,), which starts at 0. With "axis": -1 the same
    for every position of a sequence or an image: x (N, ..., D) -> out (N, ..., M).
    Errors: ShapeError unless a sample is one-dimensional, or has an axis and `axis` says so.
    Source: Deep Learning from Scratch, 5.6.2: dx = dout @ W.T, dW = x.T @ dout, db = sum of dout.
    """

    class Spec(NodeSpec):
        skips_unwanted: ClassVar[bool] = True
        keeps: ClassVar[tuple[str, ...]] = ("x",)
        undivided: ClassVar[bool] = True
        type: Literal["Affine"]
        units: Dim
        """M, how many numbers come out."""
        axis: Literal[-1] | None = None
        """-1: along the last axis of a sample of any number of axes. Default: samples of one axis,
        so that a forgotten Flatten is found."""
        bias: bool = True
        """Whether there is a b."""
        init: InitializerField = He(type="He")
        """How W starts."""

        def infer_shape(self, x: Shape) -> Shape:
            if self.axis is None and len(x) != 1:
                # An image is nearly always one that a Flatten was meant for.
                remedy = ', or give it "axis": -1 to apply at each position' * (len(x) == 2)
                raise ShapeError(
                    f"a sample must be one-dimensional: put a Flatten before it{remedy}"
                )
            if not x:
                raise ShapeError("a sample must have an axis")
            return (*x[:-1], self.units)

        def parameters(self, x: Shape) -> dict[str, Parameter]:
            found = {"W": Parameter((x[-1], self.units), self.init)}
            if self.bias:
                found["b"] = Parameter((self.units,), Zeros(type="Zeros"))
            return found

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            products = 2 * math.prod(out) * shapes[0][-1]
            bias = math.prod(out) if self.bias else 0
            return Flops(products + bias, 2 * products + bias, dx=products)

    spec: Spec

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        self._require("W", *["b"] * self.spec.bias)
        self.W, self.b = self.params["W"], self.params.get("b")
        self.dW, self.db = self.grads["W"], self.grads.get("b")

    def forward(self, x: Array) -> Array:
        if self.backs:
            self.x = x
        out = product(_rows(x), self.W, self._memory("out"))
        if self.b is not None:
            np.add(out, self.b, out=out)
        return out if x.ndim == 2 else out.reshape(*x.shape[:-1], self.spec.units)

    def backward(self, dout: Array) -> tuple[Array | None]:
        x, dout = self.x, _rows(dout)
        product(_rows(x).T, dout, self.dW)
        if self.db is not None:
            # A product with ones takes half the time of `sum`.
            np.matmul(np.ones(len(dout), self.db.dtype), dout, out=self.db)
        if not self.needs[0]:
            return (None,)
        dx = product(dout, self.W.T, self._memory("dx"))
        return (dx if x.ndim == 2 else dx.reshape(x.shape),)

    def _memory(self, name: str) -> Array | None:
        memory = self.buffer(name)
        return None if memory is None else _rows(memory)


def _rows(x: Array) -> Array:
    """x with one row a position, (..., D) -> (positions, D)."""
    return x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
