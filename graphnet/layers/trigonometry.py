"""Functions of angles and of the hyperbola, and their inverses."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from graphnet.layers.base import Array, register
from graphnet.layers.elementwise import Elementwise, Function
from graphnet.layers.functions import OfInput


@register
class Sin(Function):
    """out = sin(x)

    Shapes: any; out has x's shape, x in radians.
    Source: ONNX, Sin: dx = dout * cos(x).
    """

    class Spec(OfInput):
        operations: ClassVar[tuple[int, int]] = (1, 2)
        type: Literal["Sin"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.sin(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        return np.cos(self.x, out=memory)


@register
class Cos(Function):
    """out = cos(x)

    Shapes: any; out has x's shape, x in radians.
    Source: ONNX, Cos: dx = -dout * sin(x).
    """

    class Spec(OfInput):
        operations: ClassVar[tuple[int, int]] = (1, 3)
        type: Literal["Cos"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.cos(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        slope = np.sin(self.x, out=memory)
        return np.negative(slope, out=memory)


@register
class Tan(Function):
    """out = tan(x)

    Shapes: any; out has x's shape, x in radians.
    Source: ONNX, Tan: dx = dout * (1 + out^2).
    """

    class Spec(Elementwise):
        operations: ClassVar[tuple[int, int]] = (1, 3)
        type: Literal["Tan"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.tan(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        return _square_plus(self.out, 1, memory)


@register
class Asin(Function):
    """out = arcsin(x), in radians

    Shapes: any; out has x's shape, -1 <= x <= 1, else NaN.
    Source: ONNX, Asin: dx = dout / sqrt(1 - x^2).
    """

    class Spec(OfInput):
        operations: ClassVar[tuple[int, int]] = (1, 6)
        type: Literal["Asin"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.arcsin(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        slope = _square_plus(self.x, -1, memory)
        slope = np.negative(slope, out=memory)
        return _over_root(slope, memory)


@register
class Acos(Function):
    """out = arccos(x), in radians

    Shapes: any; out has x's shape, -1 <= x <= 1, else NaN.
    Source: ONNX, Acos: dx = -dout / sqrt(1 - x^2).
    """

    class Spec(OfInput):
        operations: ClassVar[tuple[int, int]] = (1, 7)
        type: Literal["Acos"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.arccos(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        slope = _square_plus(self.x, -1, memory)
        slope = np.negative(slope, out=memory)
        slope = _over_root(slope, memory)
        return np.negative(slope, out=memory)


@register
class Atan(Function):
    """out = arctan(x), in radians

    Shapes: any; out has x's shape.
    Source: ONNX, Atan: dx = dout / (1 + x^2).
    """

    class Spec(OfInput):
        operations: ClassVar[tuple[int, int]] = (1, 4)
        type: Literal["Atan"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.arctan(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        return np.divide(1.0, _square_plus(self.x, 1, memory), out=memory)


@register
class Sinh(Function):
    """out = sinh(x)

    Shapes: any; out has x's shape.
    Source: ONNX, Sinh: dx = dout * cosh(x).
    """

    class Spec(OfInput):
        operations: ClassVar[tuple[int, int]] = (1, 2)
        type: Literal["Sinh"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.sinh(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        return np.cosh(self.x, out=memory)


@register
class Cosh(Function):
    """out = cosh(x)

    Shapes: any; out has x's shape.
    Source: ONNX, Cosh: dx = dout * sinh(x).
    """

    class Spec(OfInput):
        operations: ClassVar[tuple[int, int]] = (1, 2)
        type: Literal["Cosh"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.cosh(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        return np.sinh(self.x, out=memory)


@register
class Asinh(Function):
    """out = arsinh(x)

    Shapes: any; out has x's shape.
    Source: ONNX, Asinh: dx = dout / sqrt(x^2 + 1).
    """

    class Spec(OfInput):
        operations: ClassVar[tuple[int, int]] = (1, 5)
        type: Literal["Asinh"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.arcsinh(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        return _over_root(_square_plus(self.x, 1, memory), memory)


@register
class Acosh(Function):
    """out = arcosh(x)

    Shapes: any; out has x's shape, x >= 1, else NaN.
    Source: ONNX, Acosh: dx = dout / sqrt(x^2 - 1).
    """

    class Spec(OfInput):
        operations: ClassVar[tuple[int, int]] = (1, 5)
        type: Literal["Acosh"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.arccosh(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        return _over_root(_square_plus(self.x, -1, memory), memory)


@register
class Atanh(Function):
    """out = artanh(x)

    Shapes: any; out has x's shape, -1 < x < 1, else NaN or infinite.
    Source: ONNX, Atanh: dx = dout / (1 - x^2).
    """

    class Spec(OfInput):
        operations: ClassVar[tuple[int, int]] = (1, 4)
        type: Literal["Atanh"]

    def value(self, x: Array, memory: Array | None) -> Array:
        return np.arctanh(x, out=memory)

    def slope(self, memory: Array | None) -> Array:
        return np.divide(-1.0, _square_plus(self.x, -1, memory), out=memory)


def _square_plus(x: Array, number: float, memory: Array | None) -> Array:
    """x^2 + number"""
    found = np.multiply(x, x, out=memory)
    return np.add(found, number, out=memory)


def _over_root(x: Array, memory: Array | None) -> Array:
    """1 / sqrt(x)"""
    found = np.sqrt(x, out=memory)
    return np.divide(1.0, found, out=memory)
