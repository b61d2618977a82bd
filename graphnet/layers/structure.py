"""Layers that move numbers and change none."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from graphnet.declaration import Shape
from graphnet.errors import ShapeError
from graphnet.layers.axes import MOST
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register


def _at_most_one_open(value: Any) -> Any:
    if isinstance(value, list) and (value.count(-1) > 1 or 0 in value):
        raise PydanticCustomError("to", "sizes of 1 or more are expected, one of them may be -1")
    return value


ToField = Annotated[
    tuple[Annotated[int, Field(ge=-1, lt=2**63)], ...],
    Field(strict=False, max_length=MOST),
    BeforeValidator(_at_most_one_open),
]


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
    Source: Deep Learning from Scratch, 7.4.3, where Affine does it by itself;
    dx = dout in x's shape.
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
class Reshape(Layer):
    """out = x with the axes of a sample laid out anew, row by row

    Shapes: x (N, ...) -> out (N, *to), where -1 stands for what is left.
    Errors: ShapeError unless the numbers of a sample fit.
    Source: ONNX, Reshape; dx = dout in x's shape.
    """

    class Spec(_Free):
        type: Literal["Reshape"]
        to: ToField
        """The axes of a sample of out; one of them may be -1."""

        def infer_shape(self, x: Shape) -> Shape:
            size, known = math.prod(x), math.prod(n for n in self.to if n > 0)
            rest = size // known if -1 in self.to else 1
            if known * rest != size:
                raise ShapeError(f"its {size} numbers a sample do not fit into {list(self.to)}")
            return tuple(rest if n == -1 else n for n in self.to)

    spec: Spec

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return x.reshape(len(x), *self.spec.infer_shape(x.shape[1:]))

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
