"""What elementwise layers of one input have in common: shapes, buffers, and the chain rule."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from graphnet.declaration import Shape
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec


class Elementwise(NodeSpec):
    """Each number of out comes from the one in its place in x. If nothing else is said, its slope
    follows from out, and out may lie where x did."""

    keeps: ClassVar[tuple[str, ...]] = ("out",)
    overwrites: ClassVar[tuple[str, ...]] = ("out",)

    made: ClassVar[tuple[str, ...]] = ()
    """Buffers of out's shape that `forward` fills beside it; "mask" has one byte an element."""

    spare: ClassVar[tuple[str, ...]] = ()
    """Those that `backward` computes in beside dx."""

    operations: ClassVar[tuple[int, int]] = (1, 1)
    """On one number, in forward and in backward."""

    def infer_shape(self, x: Shape) -> Shape:
        return x

    def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
        made = {name: Buffer(out, mask=name == "mask") for name in self.made}
        spare = {name: Buffer(out, back=True) for name in self.spare}
        return {"out": Buffer(out), **made, "dx": Buffer(out), **spare}

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        size = math.prod(out)
        return Flops(self.operations[0] * size, self.operations[1] * size)


class Function(Layer):
    """out = f(x): a layer says f in `value` and f' in `slope`, and dx = dout * f'

    Both compute in `memory`; None there is "allocate", as for `out` in NumPy. `self.x` and
    `self.out` are there for `slope`, as far as the Spec `keeps` them.
    """

    def forward(self, x: Array) -> Array:
        self.x = x
        self.out = self.value(x, self.buffer("out"))
        return self.out

    def backward(self, dout: Array) -> tuple[Array]:
        memory = self.buffer("dx")
        return (np.multiply(self.slope(memory), dout, out=memory),)

    def value(self, x: Array, memory: Array | None) -> Array:
        """f(x); a number of x is not read once the one in its place in `memory` is written, unless
        the Spec takes "out" from what it `overwrites`."""
        raise NotImplementedError

    def slope(self, memory: Array | None) -> Array:
        """f'(x)"""
        raise NotImplementedError
