"""Functions of one number, and steps, which are flat between their jumps."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np

from graphnet.erf import erf
from graphnet.layers.base import Array, Layer, register
from graphnet.layers.elementwise import Elementwise, Function


class OfInput(Elementwise):
    """The slope is known from x."""

    keeps: ClassVar[tuple[str, ...]] = ("x",)


@register
class Exp(Layer):
    """out = exp(x)

    Shapes: any; out has x's shape.
    Source: Deep Learning from Scratch, 5.5.2: dx = dout * out.
    """

    class Spec(Elementwise):
        overwrites: ClassVar[tuple[str, ...]] = ("out", "dx")
        type: Literal["Exp"]

    def forward(self, x: Array) -> Array:
        self.out = np.exp(x, out=self.buffer("out"))
        return self.out

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.multiply(dout, self.out, out=self.buffer("dx")),)


@register
class Log(Layer):
    """out = log(x), the natural logarithm

    Shapes: any; out has x's shape. x <= 0 gives -inf or NaN, which training refuses.
    Source: Deep Learning from Scratch, appendix A: dx = dout / x.
    """

    class Spec(OfInput):
        overwrites: ClassVar[tuple[str, ...]] = ("out", "dx")
        type: Literal["Log"]

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.log(x, out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.divide(dout, self.x, out=self.buffer("dx")),)


@register
class Sqrt(Function):
    """out = sqrt(x)

    Shapes: any; out has x's shape. x < 0 gives NaN, which training refuses.
    Source: ONNX, Sqrt: dx = dout / (2 * out).
    """

    class Spec(Elementwise):
        operations: ClassVar[tuple[int, int]] = (1, 2)
        type: Literal["Sqrt"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.sqrt(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        return np.divide(0.5, self.out, out=memory)


@register
class Abs(Function):
    """out = |x|

    Shapes: any; out has x's shape.
    Source: ONNX, Abs: dx = dout * sign(x), 0 where x is 0.
    """

    class Spec(OfInput):
        operations: ClassVar[tuple[int, int]] = (1, 2)
        type: Literal["Abs"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.abs(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        return np.sign(self.x, out=memory)


@register
class Erf(Function):
    """out = erf(x), 2 / sqrt(pi) * the integral of exp(-t^2) from 0 to x

    Shapes: any; out has x's shape.
    Source: ONNX, Erf: dx = dout * 2 / sqrt(pi) * exp(-x^2).
    """

    class Spec(OfInput):
        made: ClassVar[tuple[str, ...]] = ("part",)
        overwrites: ClassVar[tuple[str, ...]] = ()
        operations: ClassVar[tuple[int, int]] = (18, 5)
        type: Literal["Erf"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return erf(x, memory, self.buffer("part"))

    def slope(self, memory: Array | None) -> Array:
        slope = np.multiply(self.x, self.x, out=memory)
        slope = np.negative(slope, out=memory)
        slope = np.exp(slope, out=memory)
        return np.multiply(slope, 2 / math.sqrt(math.pi), out=memory)


class _Step(Elementwise):
    keeps: ClassVar[tuple[str, ...]] = ()
    overwrites: ClassVar[tuple[str, ...]] = ("out", "dx")


class _Stepping(Layer):
    """dx = 0: the function is flat, but for its jumps."""

    step: ClassVar[np.ufunc]

    def forward(self, x: Array) -> Array:
        out: Array = self.step(x, out=self.buffer("out"))
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.multiply(dout, 0.0, out=self.buffer("dx")),)


@register
class Sign(_Stepping):
    """out = -1 where x < 0, 1 where x > 0, else 0

    Shapes: any; out has x's shape.
    Source: ONNX, Sign; dx = 0.
    """

    class Spec(_Step):
        type: Literal["Sign"]

    step = np.sign


@register
class Floor(_Stepping):
    """out = the largest whole number that is not above x

    Shapes: any; out has x's shape.
    Source: ONNX, Floor; dx = 0.
    """

    class Spec(_Step):
        type: Literal["Floor"]

    step = np.floor


@register
class Ceil(_Stepping):
    """out = the smallest whole number that is not below x

    Shapes: any; out has x's shape.
    Source: ONNX, Ceil; dx = 0.
    """

    class Spec(_Step):
        type: Literal["Ceil"]

    step = np.ceil


@register
class Round(_Stepping):
    """out = the nearest whole number, of two the even one

    Shapes: any; out has x's shape.
    Source: ONNX, Round; dx = 0.
    """

    class Spec(_Step):
        type: Literal["Round"]

    step = np.rint
