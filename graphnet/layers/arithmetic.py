"""Primitive nodes: one operation each, as the figures of chapter 5 draw them."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.errors import ShapeError
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register


class _OneInput(NodeSpec):
    def infer_shape(self, x: Shape) -> Shape:
        return x


class _TwoInputs(NodeSpec):
    ports: ClassVar[tuple[str, ...]] = ("x", "y")

    def infer_shape(self, x: Shape, y: Shape) -> Shape:
        if x != y:
            raise ShapeError("its inputs must have one shape")
        return x


@register
class Add(Layer):
    """out = x + y

    Shapes: x, y and out have one shape.
    Source: Deep Learning from Scratch, 5.4.2: dx = dy = dout.
    """

    class Spec(_TwoInputs):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["Add"]

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            return {"out": Buffer(out)}

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(math.prod(out), 0)

    def forward(self, x: Array, y: Array) -> Array:
        return np.add(x, y, out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array, Array]:
        return dout, dout


@register
class Sub(Layer):
    """out = x - y

    Shapes: x, y and out have one shape.
    Source: Deep Learning from Scratch, 5.3: dx = dout, dy = -dout.
    """

    class Spec(_TwoInputs):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["Sub"]

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            return {"out": Buffer(out), "dy": Buffer(out)}

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(math.prod(out), math.prod(out))

    def forward(self, x: Array, y: Array) -> Array:
        return np.subtract(x, y, out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array, Array]:
        return dout, np.negative(dout, out=self.buffer("dy"))


@register
class Mul(Layer):
    """out = x * y

    Shapes: x, y and out have one shape.
    Source: Deep Learning from Scratch, 5.4.1: dx = dout * y, dy = dout * x.
    """

    class Spec(_TwoInputs):
        keeps: ClassVar[tuple[str, ...]] = ("x", "y")
        type: Literal["Mul"]

    def forward(self, x: Array, y: Array) -> Array:
        self.x, self.y = x, y
        return np.multiply(x, y, out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array, Array]:
        dx = np.multiply(dout, self.y, out=self.buffer("dx"))
        dy = np.multiply(dout, self.x, out=self.buffer("dy"))
        return dx, dy


@register
class Div(Layer):
    """out = x / y

    Shapes: x, y and out have one shape.
    Source: Deep Learning from Scratch, 5.5.2: dx = dout / y, dy = -dout * out / y.
    """

    class Spec(_TwoInputs):
        keeps: ClassVar[tuple[str, ...]] = ("y", "out")
        type: Literal["Div"]

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(math.prod(out), 3 * math.prod(out))

    def forward(self, x: Array, y: Array) -> Array:
        self.y = y
        self.out = np.divide(x, y, out=self.buffer("out"))
        return self.out

    def backward(self, dout: Array) -> tuple[Array, Array]:
        dx = np.divide(dout, self.y, out=self.buffer("dx"))
        memory = self.buffer("dy")
        dy = np.multiply(dx, self.out, out=memory)
        return dx, np.negative(dy, out=memory)


@register
class Neg(Layer):
    """out = -x

    Shapes: any; out has x's shape.
    Source: Deep Learning from Scratch, 5.5.2: dx = -dout.
    """

    class Spec(_OneInput):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["Neg"]

    def forward(self, x: Array) -> Array:
        return np.negative(x, out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.negative(dout, out=self.buffer("dx")),)


@register
class Exp(Layer):
    """out = exp(x)

    Shapes: any; out has x's shape.
    Source: Deep Learning from Scratch, 5.5.2: dx = dout * out.
    """

    class Spec(_OneInput):
        keeps: ClassVar[tuple[str, ...]] = ("out",)
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

    class Spec(_OneInput):
        keeps: ClassVar[tuple[str, ...]] = ("x",)
        type: Literal["Log"]

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.log(x, out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.divide(dout, self.x, out=self.buffer("dx")),)


@register
class Reciprocal(Layer):
    """out = 1 / x

    Shapes: any; out has x's shape.
    Source: Deep Learning from Scratch, 5.5.2: dx = -dout * out^2.
    """

    class Spec(_OneInput):
        keeps: ClassVar[tuple[str, ...]] = ("out",)
        type: Literal["Reciprocal"]

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(math.prod(out), 3 * math.prod(out))

    def forward(self, x: Array) -> Array:
        # divide, not reciprocal: of integers, as a learner hands them in, the latter is integer.
        self.out = np.divide(1.0, x, out=self.buffer("out"), dtype=_float(x))
        return self.out

    def backward(self, dout: Array) -> tuple[Array]:
        memory = self.buffer("dx")
        dx = np.multiply(self.out, self.out, out=memory)
        dx = np.multiply(dx, dout, out=memory)
        return (np.negative(dx, out=memory),)


@register
class Power(Layer):
    """out = x ** exponent, the exponent a constant

    Shapes: any; out has x's shape. A negative x takes whole exponents alone, else NaN.
    Source: the power rule, dx = dout * exponent * x ** (exponent - 1).
    """

    class Spec(_OneInput):
        keeps: ClassVar[tuple[str, ...]] = ("x",)
        type: Literal["Power"]
        exponent: float
        """The constant power."""

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(math.prod(out), 3 * math.prod(out))

    spec: Spec

    def forward(self, x: Array) -> Array:
        self.x = x
        return np.power(x, self.spec.exponent, out=self.buffer("out"), dtype=_float(x))

    def backward(self, dout: Array) -> tuple[Array]:
        p = self.spec.exponent
        memory = self.buffer("dx")
        if p == 0:  # 0 * x ** -1 would be NaN at x = 0, where the derivative is 0
            return (np.multiply(dout, 0.0, out=memory),)
        dx = np.power(self.x, p - 1, out=memory, dtype=_float(self.x))
        dx = np.multiply(dx, p, out=memory)
        return (np.multiply(dx, dout, out=memory),)


def _float(x: Array) -> np.dtype[np.floating]:
    """x's own floating type; float64 for the Python numbers of a layer alone."""
    kind = np.asarray(x).dtype
    return kind if kind.kind == "f" else np.dtype(np.float64)
