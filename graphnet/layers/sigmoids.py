"""Activations with the shape of Sigmoid or Tanh, and Softplus, whose slope is Sigmoid."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from graphnet.layers.base import Array, register
from graphnet.layers.elementwise import Elementwise, Function


@register
class Softplus(Function):
    """out = log(1 + exp(x))

    Shapes: any; out has x's shape.
    Source: Dugas et al., 2001; ONNX, Softplus: dx = dout * sigmoid(x) = dout * (1 - exp(-out)).
    """

    class Spec(Elementwise):
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

    class Spec(Elementwise):
        keeps: ClassVar[tuple[str, ...]] = ("x",)
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

    class Spec(Elementwise):
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
    return np.ceil(found, out=memory)  # of 1/4 at most; the sign takes five times as long
