"""Activations: elementwise functions between the affine layers."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register


class _Activation(NodeSpec):
    def infer_shape(self, x: Shape) -> Shape:
        return x


@register
class Relu(Layer):
    """out = max(x, 0)

    Shapes: any; out has x's shape.
    Source: Deep Learning from Scratch, 5.5.1: dx = dout where x > 0, else 0.
    """

    class Spec(_Activation):
        type: Literal["Relu"]

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            return {"out": Buffer(out), "mask": Buffer(out, mask=True), "dx": Buffer(out)}

    def forward(self, x: Array) -> Array:
        self.mask = np.greater(x, 0, out=self.buffer("mask", x))
        return np.maximum(x, 0, out=self.buffer("out", x))

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.multiply(dout, self.mask, out=self.buffer("dx", dout)),)


@register
class Sigmoid(Layer):
    """out = 1 / (1 + exp(-x))

    Shapes: any; out has x's shape.
    Source: Deep Learning from Scratch, 5.5.2: dx = dout * out * (1 - out).
    """

    class Spec(_Activation):
        type: Literal["Sigmoid"]

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(4 * math.prod(out), 3 * math.prod(out))

    def forward(self, x: Array) -> Array:
        memory = self.buffer("out", x)
        out = np.negative(x, out=memory)
        # exp() overflows above these: 1 / (1 + exp(88)) is as small as float32 gets.
        out = np.minimum(out, 88.0 if out.dtype == np.float32 else 709.0, out=memory)
        out = np.exp(out, out=memory)
        out = np.add(out, 1, out=memory)
        self.out = np.divide(1.0, out, out=memory)
        return self.out

    def backward(self, dout: Array) -> tuple[Array]:
        memory = self.buffer("dx", dout)
        dx = np.subtract(1.0, self.out, out=memory)
        dx = np.multiply(dx, self.out, out=memory)
        return (np.multiply(dx, dout, out=memory),)
