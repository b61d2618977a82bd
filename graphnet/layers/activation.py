"""Activations: what stands between the affine layers."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.layers.base import Array, Buffer, Layer, register
from graphnet.layers.elementwise import Elementwise


@register
class Relu(Layer):
    """out = max(x, 0)

    Shapes: any; out has x's shape.
    Source: Deep Learning from Scratch, 5.5.1: dx = dout where x > 0, else 0.
    """

    class Spec(Elementwise):
        made: ClassVar[tuple[str, ...]] = ("mask",)
        keeps: ClassVar[tuple[str, ...]] = ("mask",)
        overwrites: ClassVar[tuple[str, ...]] = ("out", "dx")
        monotone: ClassVar[bool] = True
        type: Literal["Relu"]

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            # Against an array of zeros the maximum takes a third of the time against a number.
            return {**super().buffers(out, *shapes), "zero": Buffer(out, kept=True)}

    def forward(self, x: Array) -> Array:
        if self.backs:
            self.mask = np.greater(x, 0, out=self.buffer("mask"))
        zero = self.buffer("zero")
        return np.maximum(x, 0 if zero is None else zero, out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.multiply(dout, self.mask, out=self.buffer("dx")),)


@register
class Sigmoid(Layer):
    """out = 1 / (1 + exp(-x))

    Shapes: any; out has x's shape.
    Source: Deep Learning from Scratch, 5.5.2: dx = dout * out * (1 - out).
    """

    class Spec(Elementwise):
        operations: ClassVar[tuple[int, int]] = (4, 3)
        type: Literal["Sigmoid"]

    def forward(self, x: Array) -> Array:
        self.out = sigmoid(x, self.buffer("out"))
        return self.out

    def backward(self, dout: Array) -> tuple[Array]:
        memory = self.buffer("dx")
        dx = np.subtract(1.0, self.out, out=memory)
        dx = np.multiply(dx, self.out, out=memory)
        return (np.multiply(dx, dout, out=memory),)


@register
class Tanh(Layer):
    """out = tanh(x)

    Shapes: any; out has x's shape.
    Source: LeCun et al., Efficient BackProp, 1998: dx = dout * (1 - out^2).
    """

    class Spec(Elementwise):
        operations: ClassVar[tuple[int, int]] = (4, 3)
        type: Literal["Tanh"]

    def forward(self, x: Array) -> Array:
        self.out = np.tanh(x, out=self.buffer("out"))
        return self.out

    def backward(self, dout: Array) -> tuple[Array]:
        memory = self.buffer("dx")
        dx = np.multiply(self.out, self.out, out=memory)
        dx = np.subtract(1.0, dx, out=memory)
        return (np.multiply(dx, dout, out=memory),)


def sigmoid(x: Array, memory: Array | None) -> Array:
    """1 / (1 + exp(-x))"""
    out = np.negative(x, out=memory)
    with np.errstate(over="ignore"):  # 1 / infinity is right, and a bound takes half the time
        out = np.exp(out, out=memory)
    out = np.add(out, 1, out=memory)
    return np.divide(1.0, out, out=memory)
