"""Activations: elementwise functions between the affine layers."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.errors import ShapeError
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
        keeps: ClassVar[tuple[str, ...]] = ("mask",)
        overwrites: ClassVar[tuple[str, ...]] = ("out", "dx")
        monotone: ClassVar[bool] = True
        type: Literal["Relu"]

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            # Against an array of zeros the maximum takes a third of the time against a number.
            zero = Buffer(out, kept=True)
            return {
                "out": Buffer(out),
                "mask": Buffer(out, mask=True),
                "dx": Buffer(out),
                "zero": zero,
            }

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

    class Spec(_Activation):
        keeps: ClassVar[tuple[str, ...]] = ("out",)
        overwrites: ClassVar[tuple[str, ...]] = ("out",)
        type: Literal["Sigmoid"]

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(4 * math.prod(out), 3 * math.prod(out))

    def forward(self, x: Array) -> Array:
        memory = self.buffer("out")
        out = np.negative(x, out=memory)
        # exp() overflows above these: 1 / (1 + exp(88)) is as small as float32 gets.
        out = np.minimum(out, 88.0 if out.dtype == np.float32 else 709.0, out=memory)
        out = np.exp(out, out=memory)
        out = np.add(out, 1, out=memory)
        self.out = np.divide(1.0, out, out=memory)
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

    class Spec(_Activation):
        keeps: ClassVar[tuple[str, ...]] = ("out",)
        overwrites: ClassVar[tuple[str, ...]] = ("out",)
        type: Literal["Tanh"]

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(4 * math.prod(out), 3 * math.prod(out))

    def forward(self, x: Array) -> Array:
        self.out = np.tanh(x, out=self.buffer("out"))
        return self.out

    def backward(self, dout: Array) -> tuple[Array]:
        memory = self.buffer("dx")
        dx = np.multiply(self.out, self.out, out=memory)
        dx = np.subtract(1.0, dx, out=memory)
        return (np.multiply(dx, dout, out=memory),)


@register
class Softmax(Layer):
    """out = exp(x) / sum(exp(x)), along the last axis

    Shapes: (N, ..., C); out has x's shape. A classifier trains without it: the loss has its own.
    Errors: ShapeError where a sample is a scalar.
    Source: Deep Learning from Scratch, 3.5: dx = out * (dout - sum(dout * out)). The largest x is
    taken off first, so scores of 1e4 do not overflow.
    """

    class Spec(_Activation):
        keeps: ClassVar[tuple[str, ...]] = ("out",)
        type: Literal["Softmax"]

        def infer_shape(self, x: Shape) -> Shape:
            if not x:
                raise ShapeError("a sample must have an axis of classes")
            return x

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(5 * math.prod(out), 4 * math.prod(out))

    def forward(self, x: Array) -> Array:
        memory = self.buffer("out")
        out = np.subtract(x, x.max(axis=-1, keepdims=True), out=memory)
        out = np.exp(out, out=memory)
        total = out.sum(axis=-1, keepdims=True)
        shares: Array = np.divide(out, total, out=memory)
        self.out = shares
        return shares

    def backward(self, dout: Array) -> tuple[Array]:
        memory = self.buffer("dx")
        dx = np.multiply(dout, self.out, out=memory)
        total = dx.sum(axis=-1, keepdims=True)
        dx = np.subtract(dout, total, out=memory)
        return (np.multiply(dx, self.out, out=memory),)
