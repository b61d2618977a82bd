"""Layers that make training harder, so that what is learnt holds elsewhere."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from graphnet.declaration import Shape
from graphnet.errors import SpecError
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register


@register
class Dropout(Layer):
    """out = x * mask / (1 - ratio) in training, mask 0 with probability `ratio`, else 1

    In prediction out = x.

    Shapes: any; out has x's shape.
    Errors: SpecError for a layer alone in training whose `rng` nobody set.
    Source: Srivastava et al., 2014; Deep Learning from Scratch, 6.4.3. Scaled in training, as
    ONNX's Dropout is, so that prediction leaves the node out: dx = dout * mask / (1 - ratio).
    """

    class Spec(NodeSpec):
        keeps: ClassVar[tuple[str, ...]] = ("mask",)
        random: ClassVar[bool] = True
        trains_only: ClassVar[bool] = True
        type: Literal["Dropout"]
        ratio: Annotated[float, Field(ge=0, lt=1)] = 0.5
        """The share of numbers that become 0 in training."""

        def infer_shape(self, x: Shape) -> Shape:
            return x

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            return {
                "out": Buffer(out),
                "drawn": Buffer(out),
                "mask": Buffer(out, mask=True),
                "dx": Buffer(out),
            }

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(2 * math.prod(out), 2 * math.prod(out))

    spec: Spec

    def forward(self, x: Array) -> Array:
        self.dropping = self.training
        if not self.training:
            return x
        if self.rng is None:
            raise SpecError("Dropout alone draws from a Generator: set layer.rng first")
        self.compute_alone(x)
        drawn = self.rng.random(out=self.room("drawn"), dtype=x.dtype)
        self.mask = np.greater_equal(drawn, self.spec.ratio, out=self.room("mask"))
        out = np.multiply(x, 1 / (1 - self.spec.ratio), out=self.room("out"))
        return np.multiply(out, self.mask, out=out)

    def backward(self, dout: Array) -> tuple[Array]:
        if not self.dropping:
            return (dout,)
        dx = np.multiply(dout, 1 / (1 - self.spec.ratio), out=self.room("dx"))
        return (np.multiply(dx, self.mask, out=dx),)
