"""The larger or the smaller one of two numbers."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.layers.arithmetic import TwoInputs
from graphnet.layers.base import Array, Buffer, Flops, Layer, register
from graphnet.layers.elementwise import Elementwise


class _Chosen(TwoInputs):
    keeps: ClassVar[tuple[str, ...]] = ("mask", "same")
    overwrites: ClassVar[tuple[str, ...]] = ("out",)

    def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
        masks = {name: Buffer(out, mask=True) for name in ("mask", "same")}
        return {**super().buffers(out, *shapes), **masks}

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        return Flops(3 * math.prod(out), 5 * math.prod(out))


class _Choosing(Layer):
    """dx = dout where x was chosen, half of it where both are the same; dy = the rest."""

    choice: ClassVar[np.ufunc]
    before: ClassVar[np.ufunc]

    def forward(self, x: Array, y: Array) -> Array:
        if self.backs:
            self.mask = self.before(x, y, out=self.buffer("mask"))
            self.same = np.equal(x, y, out=self.buffer("same"))
        out: Array = self.choice(x, y, out=self.buffer("out"))
        return out

    def backward(self, dout: Array) -> tuple[Array, Array]:
        memory, rest = self.buffer("dx"), self.buffer("dy")
        half = np.multiply(dout, 0.5, out=rest)
        half = np.multiply(half, self.same, out=rest)
        dx = np.multiply(dout, self.mask, out=memory)
        dx = np.add(dx, half, out=memory)
        return dx, np.subtract(dout, dx, out=rest)


@register
class Maximum(_Choosing):
    """out = the larger one of x and y

    Shapes: x, y and out have one shape.
    Source: ONNX, Max; dx = dout where x > y, dy = dout where y > x, half of it each where x = y, as
    in PyTorch.
    """

    class Spec(_Chosen):
        type: Literal["Maximum"]

    choice, before = np.maximum, np.greater


@register
class Minimum(_Choosing):
    """out = the smaller one of x and y

    Shapes: x, y and out have one shape.
    Source: ONNX, Min; dx = dout where x < y, dy = dout where y < x, half of it each where x = y, as
    in PyTorch.
    """

    class Spec(_Chosen):
        type: Literal["Minimum"]

    choice, before = np.minimum, np.less


@register
class Clip(Layer):
    """out = min(max(x, low), high)

    Shapes: any; out has x's shape. Where low > high, all of out is high.
    Source: ONNX, Clip; dx = dout where low <= x <= high, else 0, as in PyTorch.
    """

    class Spec(Elementwise):
        made: ClassVar[tuple[str, ...]] = ("mask",)
        keeps: ClassVar[tuple[str, ...]] = ("mask",)
        overwrites: ClassVar[tuple[str, ...]] = ("dx",)
        operations: ClassVar[tuple[int, int]] = (2, 1)
        type: Literal["Clip"]
        low: float | None = None
        """The smallest number of out; default, none is too small."""
        high: float | None = None
        """The largest number of out; default, none is too large."""

    spec: Spec

    def forward(self, x: Array) -> Array:
        low, high = self.spec.low, self.spec.high
        low, high = -np.inf if low is None else low, np.inf if high is None else high
        out: Array = np.clip(x, low, high, out=self.buffer("out"))
        if self.backs:
            self.mask = np.equal(x, out, out=self.buffer("mask"))
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.multiply(dout, self.mask, out=self.buffer("dx")),)
