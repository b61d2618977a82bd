"""Activations: what stands between the affine layers."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.layers.base import Array, Buffer, Layer, register
from graphnet.layers.elementwise import Elementwise, Function, OfInput, OfOutput


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

    class Spec(OfOutput):
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

    class Spec(OfOutput):
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


@register
class Softplus(Function):
    """out = log(1 + exp(x))

    Shapes: any; out has x's shape.
    Source: Dugas et al., 2001; ONNX, Softplus: dx = dout * sigmoid(x) = dout * (1 - exp(-out)).
    """

    class Spec(OfOutput):
        made: ClassVar[tuple[str, ...]] = ("part",)
        operations: ClassVar[tuple[int, int]] = (10, 4)
        type: Literal["Softplus"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return softplus(x, memory, self.buffer("part"))

    def slope(self, memory: Array | None) -> Array:
        slope = np.negative(self.out, out=memory)
        slope = np.expm1(slope, out=memory)
        return np.negative(slope, out=memory)


@register
class Softsign(Function):
    """out = x / (1 + |x|)

    Shapes: any; out has x's shape.
    Source: Glorot and Bengio, 2010; ONNX, Softsign: dx = dout / (1 + |x|)^2.
    """

    class Spec(OfInput):
        overwrites: ClassVar[tuple[str, ...]] = ()
        operations: ClassVar[tuple[int, int]] = (3, 5)
        type: Literal["Softsign"]

    def value(self, x: Array, memory: Array | None) -> Array:
        out = np.abs(x, out=memory)
        out = np.add(out, 1, out=memory)
        return np.divide(x, out, out=memory)

    def slope(self, memory: Array | None) -> Array:
        slope = np.abs(self.x, out=memory)
        slope = np.add(slope, 1, out=memory)
        slope = np.multiply(slope, slope, out=memory)
        return np.divide(1.0, slope, out=memory)


@register
class HardSigmoid(Function):
    """out = min(max(alpha * x + beta, 0), 1)

    Shapes: any; out has x's shape.
    Source: ONNX, HardSigmoid: dx = dout * alpha where 0 < out < 1, else 0.
    """

    class Spec(OfOutput):
        operations: ClassVar[tuple[int, int]] = (4, 5)
        type: Literal["HardSigmoid"]
        alpha: float = 0.2
        """The slope between the flat ends."""
        beta: float = 0.5
        """What 0 becomes."""

    spec: Spec

    def value(self, x: Array, memory: Array | None) -> Array:
        out = np.multiply(x, self.spec.alpha, out=memory)
        out = np.add(out, self.spec.beta, out=memory)
        return np.clip(out, 0, 1, out=memory)

    def slope(self, memory: Array | None) -> Array:
        slope = between_ends(self.out, memory)
        return np.multiply(slope, self.spec.alpha, out=memory)


def sigmoid(x: Array, memory: Array | None) -> Array:
    """1 / (1 + exp(-x))"""
    out = np.negative(x, out=memory)
    # exp() overflows above these: 1 / (1 + exp(88)) is as small as float32 gets.
    out = np.minimum(out, 88.0 if out.dtype == np.float32 else 709.0, out=memory)
    out = np.exp(out, out=memory)
    out = np.add(out, 1, out=memory)
    return np.divide(1.0, out, out=memory)


def softplus(x: Array, memory: Array | None, part: Array | None) -> Array:
    """log(1 + exp(x)), as max(x, 0) + log(1 + exp(-|x|)), which does not overflow"""
    low = np.abs(x, out=part)
    low = np.negative(low, out=part)
    low = np.exp(low, out=part)
    low = np.log1p(low, out=part)
    high = np.maximum(x, 0, out=memory)
    return np.add(high, low, out=memory)


def between_ends(out: Array, memory: Array | None) -> Array:
    """1 where 0 < out < 1, 0 at both ends"""
    found = np.subtract(1.0, out, out=memory)
    found = np.multiply(found, out, out=memory)
    return np.sign(found, out=memory)
