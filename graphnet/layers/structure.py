"""Layers that move numbers and change none."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

from graphnet.declaration import Shape
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register


class _Free(NodeSpec):
    """A view of what came in: no memory, no arithmetic."""

    keeps: ClassVar[tuple[str, ...]] = ()

    def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
        return {}

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        return Flops(0, 0)


@register
class Flatten(Layer):
    """out = x with the axes of a sample laid out as one, row by row

    Shapes: x (N, ...) -> out (N, product of the rest).
    Source: Deep Learning from Scratch, 7.4.3, where Affine does it by itself.
    """

    class Spec(_Free):
        type: Literal["Flatten"]

        def infer_shape(self, x: Shape) -> Shape:
            return (math.prod(x),)

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dout: Array) -> tuple[Array]:
        return (dout.reshape(self.shape),)


@register
class Identity(Layer):
    """out = x

    Shapes: any; out has x's shape.
    Source: Deep Learning from Scratch, 3.4.3: the output layer of a regression; dx = dout.
    """

    class Spec(_Free):
        type: Literal["Identity"]

        def infer_shape(self, x: Shape) -> Shape:
            return x

    def forward(self, x: Array) -> Array:
        return x

    def backward(self, dout: Array) -> tuple[Array]:
        return (dout,)
