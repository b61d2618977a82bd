"""Primitive nodes: one operation each, as the figures of chapter 5 draw them."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.errors import ShapeError
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register
from graphnet.layers.elementwise import Elementwise


class TwoInputs(NodeSpec):
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

    class Spec(TwoInputs):
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

    class Spec(TwoInputs):
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

    class Spec(TwoInputs):
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

    class Spec(TwoInputs):
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
class Pow(Layer):
    """out = x ** y

    Shapes: x, y and out have one shape. A negative x takes whole exponents alone, else NaN.
    Source: ONNX, Pow; dx = dout * y * x ** (y - 1), dy = dout * out * log(x), 0 where x is 0.
    """

    class Spec(TwoInputs):
        keeps: ClassVar[tuple[str, ...]] = ("x", "y", "out")
        type: Literal["Pow"]

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            zero = Buffer(out, mask=True, back=True)
            return {**super().buffers(out, *shapes), "zero": zero}

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(math.prod(out), 8 * math.prod(out))

    def forward(self, x: Array, y: Array) -> Array:
        self.x, self.y = x, y
        self.out = np.power(x, y, out=self.buffer("out"))
        return self.out

    def backward(self, dout: Array) -> tuple[Array, Array]:
        memory, room = self.buffer("dx"), self.buffer("dy")
        dx = np.subtract(self.y, 1, out=memory)
        dx = np.power(self.x, dx, out=memory)
        dx = np.multiply(dx, self.y, out=memory)
        dx = np.multiply(dx, dout, out=memory)
        zero = np.equal(self.x, 0, out=self.buffer("zero"))
        dy = np.add(self.x, zero, out=room)  # log(1) = 0
        dy = np.log(dy, out=room)
        dy = np.multiply(dy, self.out, out=room)
        return dx, np.multiply(dy, dout, out=room)


@register
class Neg(Layer):
    """out = -x

    Shapes: any; out has x's shape.
    Source: Deep Learning from Scratch, 5.5.2: dx = -dout.
    """

    class Spec(Elementwise):
        keeps: ClassVar[tuple[str, ...]] = ()
        overwrites: ClassVar[tuple[str, ...]] = ("out", "dx")
        type: Literal["Neg"]

    def forward(self, x: Array) -> Array:
        return np.negative(x, out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.negative(dout, out=self.buffer("dx")),)


@register
class Reciprocal(Layer):
    """out = 1 / x

    Shapes: any; out has x's shape.
    Source: Deep Learning from Scratch, 5.5.2: dx = -dout * out^2.
    """

    class Spec(Elementwise):
        operations: ClassVar[tuple[int, int]] = (1, 3)
        type: Literal["Reciprocal"]

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

    class Spec(Elementwise):
        keeps: ClassVar[tuple[str, ...]] = ("x",)
        overwrites: ClassVar[tuple[str, ...]] = ()
        operations: ClassVar[tuple[int, int]] = (1, 3)
        type: Literal["Power"]
        exponent: float
        """The constant power."""

    spec: Spec

    def forward(self, x: Array) -> Array:
        self.x = x
        return _power(x, self.spec.exponent, self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        p = self.spec.exponent
        memory = self.buffer("dx")
        if p == 0:  # 0 * x ** -1 would be NaN at x = 0, where the derivative is 0
            return (np.multiply(dout, 0.0, out=memory),)
        dx = _power(self.x, p - 1, memory)
        dx = np.multiply(dx, p, out=memory)
        return (np.multiply(dx, dout, out=memory),)


@register
class Scale(Layer):
    """out = factor * x + offset, both of them constants

    Shapes: any; out has x's shape.
    Source: the chain rule, dx = factor * dout.
    """

    class Spec(Elementwise):
        keeps: ClassVar[tuple[str, ...]] = ()
        overwrites: ClassVar[tuple[str, ...]] = ("out", "dx")
        operations: ClassVar[tuple[int, int]] = (2, 1)
        type: Literal["Scale"]
        factor: float = 1.0
        """What x is multiplied by."""
        offset: float = 0.0
        """What is added then."""

    spec: Spec

    def forward(self, x: Array) -> Array:
        memory = self.buffer("out")
        out = np.multiply(x, self.spec.factor, out=memory)
        return np.add(out, self.spec.offset, out=memory)

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.multiply(dout, self.spec.factor, out=self.buffer("dx")),)


def _power(x: Array, exponent: float, memory: Array | None) -> Array:
    """x ** exponent, x not in `memory`; `np.power` takes 60 ns a number in float32, the others a
    hundredth of it"""
    kind = _float(x)
    if exponent == 3:
        return np.multiply(_power(x, 2, memory), x, out=memory, dtype=kind)
    if exponent == 4:
        return np.square(_power(x, 2, memory), out=memory)
    if exponent == 1:
        return np.positive(x, out=memory, dtype=kind)
    if exponent == 2:
        return np.square(x, out=memory, dtype=kind)
    if exponent == 0.5:
        return np.sqrt(x, out=memory, dtype=kind)
    if exponent == -1:
        return np.divide(1.0, x, out=memory, dtype=kind)
    return np.power(x, exponent, out=memory, dtype=kind)


def _float(x: Array) -> np.dtype[np.floating]:
    """x's own floating type; float64 for the Python numbers of a layer alone."""
    kind = np.asarray(x).dtype
    return kind if kind.kind == "f" else np.dtype(np.float64)
