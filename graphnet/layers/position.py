"""Layers that tell each position of a sequence where it stands."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.errors import ShapeError
from graphnet.initializers import InitializerField, Normal
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, Parameter, register


@register
class PositionalEncoding(Layer):
    """out = x + P, P[t, 2i] = sin(t / 10000^(2i / D)), P[t, 2i + 1] = cos of the same

    Where it is `learned`, P is a parameter instead, of the T positions of x.

    Shapes: x (N, T, D); out has x's shape; P (T, D).
    Errors: ShapeError unless a sample is (T, D).
    Source: Vaswani et al., Attention Is All You Need, 2017, 3.5; dx = dout, dP = sum of dout.
    """

    class Spec(NodeSpec):
        keeps: ClassVar[tuple[str, ...]] = ()
        overwrites: ClassVar[tuple[str, ...]] = ("out",)
        type: Literal["PositionalEncoding"]
        learned: bool = False
        """Whether P is trained."""
        init: InitializerField = Normal(type="Normal", std=0.02)
        """How a learned P starts."""

        def infer_shape(self, x: Shape) -> Shape:
            if len(x) != 2:
                raise ShapeError("a sample must be (T, D), D numbers at each of T positions")
            return x

        def parameters(self, x: Shape) -> dict[str, Parameter]:
            return {"P": Parameter(x, self.init)} if self.learned else {}

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            return {"out": Buffer(out), **({} if self.learned else {"P": Buffer(out, kept=True)})}

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            size = math.prod(out)
            return Flops(size, size if self.learned else 0)

    spec: Spec

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        if self.spec.learned:
            self._require("P")

    def bind(self) -> None:
        if not self.spec.learned:
            self.room("P")[...] = waves(*self.room("P").shape)

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        P = self.params["P"] if self.spec.learned else self.room("P")
        return np.add(x, P, out=self.room("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        if self.spec.learned:
            np.add.reduce(dout, axis=0, out=self.grads["P"])
        return (dout,)


def waves(positions: int, size: int) -> Array:
    """The sinusoidal P, float64."""
    t, i = np.arange(positions)[:, np.newaxis], np.arange(size)
    angles = t / 10000.0 ** (2 * (i // 2) / size)
    return np.where(i % 2 == 0, np.sin(angles), np.cos(angles))
