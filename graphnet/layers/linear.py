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

    Shapes: x (N, D) -> out (N, M); W (D, M); b (M,), which starts at 0.
    Errors: ShapeError unless a sample is one-dimensional.
    Source: Deep Learning from Scratch, 5.6.2: dx = dout @ W.T, dW = x.T @ dout, db = sum of dout.
    """

    class Spec(NodeSpec):
        skips_unwanted: ClassVar[bool] = True
        keeps: ClassVar[tuple[str, ...]] = ("x",)
        undivided: ClassVar[bool] = True
        type: Literal["Affine"]
        units: Dim
        """M, how many numbers come out."""
        init: InitializerField = He(type="He")
        """How W starts."""

        def infer_shape(self, x: Shape) -> Shape:
            if len(x) != 1:
                raise ShapeError("a sample must be one-dimensional: put a Flatten before it")
            return (self.units,)

        def parameters(self, x: Shape) -> dict[str, Parameter]:
            bias = Parameter((self.units,), Zeros(type="Zeros"))
            return {"W": Parameter((x[0], self.units), self.init), "b": bias}

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            products = 2 * shapes[0][0] * self.units
            return Flops(products + self.units, 2 * products + self.units, dx=products)

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        self._require("W", "b")
        self.W, self.b = self.params["W"], self.params["b"]
        self.dW, self.db = self.grads["W"], self.grads["b"]

    def forward(self, x: Array) -> Array:
        if self.backs:
            self.x = x
        out = product(x, self.W, self.buffer("out"))
        return np.add(out, self.b, out=out)

    def backward(self, dout: Array) -> tuple[Array | None]:
        product(self.x.T, dout, self.dW)
        np.add.reduce(dout, axis=0, out=self.db)
        if not self.needs[0]:
            return (None,)
        return (product(dout, self.W.T, self.buffer("dx")),)
