"""Activations that multiply x by a gate, which opens from 0 to 1 as x grows."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.erf import erf
from graphnet.layers.activation import sigmoid
from graphnet.layers.base import Array, Buffer, Layer, register
from graphnet.layers.elementwise import Elementwise
from graphnet.layers.sigmoids import between_ends, softplus


class _Gate(Elementwise):
    made: ClassVar[tuple[str, ...]] = ("gate",)
    keeps: ClassVar[tuple[str, ...]] = ("x", "gate")
    overwrites: ClassVar[tuple[str, ...]] = ("out",)


class _Gated(Layer):
    """out = x * gate(x), dx = dout * (gate + x * gate'): a layer says the two gates."""

    def forward(self, x: Array) -> Array:
        self.x = x
        self.gate = self.opened(x, self.buffer("gate"))
        return np.multiply(x, self.gate, out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        memory = self.buffer("dx")
        dx = np.multiply(self.slope(memory), self.x, out=memory)
        dx = np.add(dx, self.gate, out=memory)
        return (np.multiply(dx, dout, out=memory),)

    def opened(self, x: Array, memory: Array | None) -> Array:
        """gate(x)"""
        raise NotImplementedError

    def slope(self, memory: Array | None) -> Array:
        """gate'(x), from `self.x` and `self.gate`."""
        raise NotImplementedError


@register
class Silu(_Gated):
    """out = x * sigmoid(x)

    Shapes: any; out has x's shape.
    Source: Elfwing et al., 2018 (Swish): dx = dout * (gate + x * gate') with gate = sigmoid(x),
    gate' = gate * (1 - gate).
    """

    class Spec(_Gate):
        operations: ClassVar[tuple[int, int]] = (5, 5)
        type: Literal["Silu"]

    def opened(self, x: Array, memory: Array | None) -> Array:
        return sigmoid(x, memory)

    def slope(self, memory: Array | None) -> Array:
        slope = np.subtract(1.0, self.gate, out=memory)
        return np.multiply(slope, self.gate, out=memory)


@register
class HardSwish(_Gated):
    """out = x * min(max(x / 6 + 1 / 2, 0), 1)

    Shapes: any; out has x's shape.
    Source: Howard et al., 2019; ONNX, HardSwish: dx = dout * (gate + x * gate') with
    gate = min(max(x / 6 + 1 / 2, 0), 1), gate' = 1 / 6 where 0 < gate < 1, else 0.
    """

    class Spec(_Gate):
        operations: ClassVar[tuple[int, int]] = (5, 7)
        type: Literal["HardSwish"]

    def opened(self, x: Array, memory: Array | None) -> Array:
        gate = np.divide(x, 6, out=memory)
        gate = np.add(gate, 0.5, out=memory)
        return np.clip(gate, 0, 1, out=memory)

    def slope(self, memory: Array | None) -> Array:
        return np.divide(between_ends(self.gate, memory), 6, out=memory)


@register
class Mish(_Gated):
    """out = x * tanh(log(1 + exp(x)))

    Shapes: any; out has x's shape.
    Source: Misra, 2020; ONNX, Mish: dx = dout * (gate + x * gate') with
    gate = tanh(log(1 + exp(x))), gate' = (1 - gate^2) * sigmoid(x).
    """

    class Spec(_Gate):
        made: ClassVar[tuple[str, ...]] = ("gate", "part")
        spare: ClassVar[tuple[str, ...]] = ("sigmoid",)
        operations: ClassVar[tuple[int, int]] = (14, 12)
        type: Literal["Mish"]

    def opened(self, x: Array, memory: Array | None) -> Array:
        gate = softplus(x, memory, self.buffer("part"))
        return np.tanh(gate, out=memory)

    def slope(self, memory: Array | None) -> Array:
        slope = np.multiply(self.gate, self.gate, out=memory)
        slope = np.subtract(1.0, slope, out=memory)
        return np.multiply(slope, sigmoid(self.x, self.buffer("sigmoid")), out=memory)


@register
class Gelu(_Gated):
    """out = x * (1 + erf(x / sqrt(2))) / 2, approximate "none"; with "tanh" the gate is
    (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) / 2

    Shapes: any; out has x's shape.
    Source: Hendrycks and Gimpel, 2016; ONNX, Gelu: dx = dout * (gate + x * gate') with
    gate' = exp(-x^2 / 2) / sqrt(2 * pi); with "tanh",
    gate' = 2 * gate * (1 - gate) * sqrt(2 / pi) * (1 + 3 * 0.044715 * x^2).
    """

    class Spec(_Gate):
        made: ClassVar[tuple[str, ...]] = ("gate", "part")
        spare: ClassVar[tuple[str, ...]] = ("slope",)
        overwrites: ClassVar[tuple[str, ...]] = ()
        operations: ClassVar[tuple[int, int]] = (22, 8)
        type: Literal["Gelu"]
        approximate: Literal["none", "tanh"] = "none"
        """Which gate: by the error function, or by tanh, which takes half the time."""

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            found = super().buffers(out, *shapes)
            return {k: b for k, b in found.items() if k != "slope" or self.approximate == "tanh"}

    spec: Spec

    def opened(self, x: Array, memory: Array | None) -> Array:
        part = self.buffer("part")
        if self.spec.approximate == "none":
            scaled = np.multiply(x, math.sqrt(0.5), out=part)
            gate = erf(scaled, memory, self.buffer("out"))
        else:
            gate = np.multiply(_stretch(x, 1, part), x, out=memory)
            gate = np.tanh(gate, out=memory)
        gate = np.add(gate, 1, out=memory)
        return np.multiply(gate, 0.5, out=memory)

    def slope(self, memory: Array | None) -> Array:
        if self.spec.approximate == "none":
            slope = np.multiply(self.x, self.x, out=memory)
            slope = np.multiply(slope, -0.5, out=memory)
            slope = np.exp(slope, out=memory)
            return np.multiply(slope, 1 / math.sqrt(2 * math.pi), out=memory)
        slope = np.subtract(1.0, self.gate, out=memory)
        slope = np.multiply(slope, self.gate, out=memory)
        slope = np.multiply(slope, 2, out=memory)
        return np.multiply(slope, _stretch(self.x, 3, self.buffer("slope")), out=memory)


def _stretch(x: Array, order: int, memory: Array | None) -> Array:
    """sqrt(2 / pi) * (1 + order * 0.044715 * x^2)"""
    scale = math.sqrt(2 / math.pi)
    found = np.multiply(x, x, out=memory)
    found = np.multiply(found, scale * 0.044715 * order, out=memory)
    return np.add(found, scale, out=memory)
