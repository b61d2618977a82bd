"""Layers that put the numbers of samples elsewhere, some of them several times or not at all."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from graphnet.declaration import Shape, ShapeField, below, few
from graphnet.errors import ShapeError
from graphnet.layers.axes import MOST, AxesField, AxisField, axes_of, axis_of, in_batch
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register
from graphnet.layers.image import BothField, both, image_shape

_Index = Annotated[int, Field(gt=-(2**63), lt=2**63)]
_IndexField = Annotated[
    tuple[_Index, ...], Field(strict=False, max_length=MOST), BeforeValidator(few(MOST))
]


class _Moves(NodeSpec):
    keeps: ClassVar[tuple[str, ...]] = ()

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        return Flops(0, 0)


@register
class Transpose(Layer):
    """out = x with the axes of a sample in another order

    Shapes: out's axis i is x's axis axes[i].
    Errors: ShapeError unless `axes` names each axis of a sample once.
    Source: ONNX, Transpose; dx = dout with the axes put back.
    """

    class Spec(_Moves):
        type: Literal["Transpose"]
        axes: AxesField | None = None
        """The axes of a sample in their new order; default, the reverse."""

        def infer_shape(self, x: Shape) -> Shape:
            return tuple(x[axis] for axis in self.order(x))

        def order(self, x: Shape) -> tuple[int, ...]:
            """`axes`, counted from 0."""
            if self.axes is None:
                return tuple(reversed(range(len(x))))
            if len(self.axes) != len(x):
                raise ShapeError(f"axes {list(self.axes)} must name each axis of a sample once")
            return axes_of(self.axes, x)

    spec: Spec

    def forward(self, x: Array) -> Array:
        self.order = (0, *(axis + 1 for axis in self.spec.order(x.shape[1:])))
        return copied(x.transpose(self.order), self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        return (copied(dout.transpose(np.argsort(self.order)), self.buffer("dx")),)


@register
class Concat(Layer):
    """out = x0, x1, ... side by side along `axis`

    Shapes: as many axes everywhere, the others as long; along `axis` the lengths add up.
    Errors: ShapeError where they differ.
    Source: ONNX, Concat; each dx = its part of dout.
    """

    class Spec(_Moves):
        ports: ClassVar[tuple[str, ...]] = ("x0", "x1")
        repeats: ClassVar[bool] = True
        type: Literal["Concat"]
        axis: AxisField = -1
        """The axis of a sample along which they lie side by side."""

        def infer_shape(self, *xs: Shape) -> Shape:
            axis = axis_of(self.axis, xs[0])
            others = {(*x[:axis], 0, *x[axis + 1 :]) for x in xs if len(x) == len(xs[0])}
            if len(others) > 1 or any(len(x) != len(xs[0]) for x in xs):
                raise ShapeError(f"its inputs must have one shape but for axis {self.axis}")
            return (*xs[0][:axis], sum(x[axis] for x in xs), *xs[0][axis + 1 :])

    spec: Spec

    def forward(self, *xs: Array) -> Array:
        self.lengths = [x.shape[in_batch(self.spec.axis)] for x in xs]
        return np.concatenate(xs, axis=in_batch(self.spec.axis), out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array, ...]:
        parts = np.split(dout, np.cumsum(self.lengths)[:-1], axis=in_batch(self.spec.axis))
        return tuple(copied(part, self.buffer(f"dx{i}")) for i, part in enumerate(parts))


@register
class Slice(Layer):
    """out = x[..., start:end:step, ...], for each of `axes`

    Shapes: along an axis, (end - start) / step, rounded up. Numbers below 0 count from the end,
    those past an end stand for it, and a step below 0 goes backwards, as in Python.
    Errors: ShapeError where a sample lacks an axis, or nothing is left of one.
    Source: ONNX, Slice; dx = dout where x was taken from, else 0.
    """

    class Spec(_Moves):
        type: Literal["Slice"]
        starts: _IndexField
        """The first position, for each axis."""
        ends: _IndexField
        """The position behind the last one, for each axis."""
        axes: AxesField | None = None
        """The axes of a sample that are cut; default, the first ones."""
        steps: _IndexField | None = None
        """From one position to the next; default, 1."""

        @model_validator(mode="after")
        def _one_each(self) -> Self:
            for name in ("ends", "axes", "steps"):
                numbers = getattr(self, name)
                if numbers is not None and len(numbers) != len(self.starts):
                    raise below(f"{len(self.starts)} numbers are expected, as in 'starts'", name)
            if self.steps is not None and 0 in self.steps:
                raise below("a step of 0 leads nowhere", "steps")
            return self

        def infer_shape(self, x: Shape) -> Shape:
            lengths = [
                len(range(*part.indices(n))) for part, n in zip(self.parts(x), x, strict=True)
            ]
            if 0 in lengths:
                raise ShapeError(f"nothing is left of axis {lengths.index(0)}")
            return tuple(lengths)

        def parts(self, x: Shape) -> list[slice]:
            """What is taken, for each axis of a sample."""
            axes = range(len(self.starts)) if self.axes is None else self.axes
            found = [slice(None)] * len(x)
            steps = self.steps or (1,) * len(self.starts)
            cuts = map(slice, self.starts, self.ends, steps)
            for axis, cut in zip(axes_of(tuple(axes), x), cuts, strict=True):
                found[axis] = cut
            return found

    spec: Spec

    def forward(self, x: Array) -> Array:
        self.shape, self.taken = x.shape, (slice(None), *self.spec.parts(x.shape[1:]))
        return copied(x[self.taken], self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        memory = self.buffer("dx")
        dx = np.empty(self.shape, dout.dtype) if memory is None else memory
        dx.fill(0)
        dx[self.taken] = dout
        return (dx,)


@register
class Broadcast(Layer):
    """out = x, repeated along axes that are missing or 1 long

    Shapes: x's axes, counted from the last one, are those of `to` or 1 long; out (N, *to).
    Errors: ShapeError where they do not fit.
    Source: ONNX, Expand, of which `to` is the result; dx = dout, added up along those axes.
    """

    class Spec(NodeSpec):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["Broadcast"]
        to: ShapeField
        """The shape of a sample of out."""

        def infer_shape(self, x: Shape) -> Shape:
            pairs = zip(reversed(x), reversed(self.to), strict=False)
            if len(x) > len(self.to) or any(mine not in (1, n) for mine, n in pairs):
                raise ShapeError(f"a sample cannot be repeated to {list(self.to)}")
            return self.to

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(0, math.prod(out))

    spec: Spec

    def forward(self, x: Array) -> Array:
        self.shape, to = x.shape, self.spec.to
        self.aligned = (len(x), *(1,) * (len(to) - x.ndim + 1), *x.shape[1:])
        found = np.broadcast_to(x.reshape(self.aligned), (len(x), *to))
        return copied(found, self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        repeated = tuple(i for i, n in enumerate(self.aligned) if n != dout.shape[i])
        memory = self.buffer("dx")
        into = None if memory is None else memory.reshape(self.aligned)
        dx: Array = np.sum(dout, axis=repeated, keepdims=True, out=into)
        return (dx.reshape(self.shape),)


@register
class Upsample(Layer):
    """out = x with each pixel `scale` times as high and wide

    Shapes: x (N, H, W, C) -> out (N, rows * H, columns * W, C).
    Errors: ShapeError unless a sample is an image.
    Source: ONNX, Resize (nearest, asymmetric, floor); dx = the sum of dout over each pixel's block.
    """

    class Spec(NodeSpec):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["Upsample"]
        scale: BothField = 2
        """How many rows and columns a pixel becomes: one number or two."""

        def infer_shape(self, x: Shape) -> Shape:
            height, width, channels = image_shape(x)
            rows, columns = both(self.scale)
            return (rows * height, columns * width, channels)

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            height, _, channels = shapes[0]
            down = Buffer((height, out[1], channels), back=True)
            return {**super().buffers(out, *shapes), "down": down}

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(0, math.prod(out))

    spec: Spec

    def forward(self, x: Array) -> Array:
        n, height, width, channels = self.shape = x.shape
        rows, columns = both(self.spec.scale)
        blocks = np.broadcast_to(
            x[:, :, np.newaxis, :, np.newaxis], (n, height, rows, width, columns, channels)
        )
        memory = self.buffer("out")
        into = None if memory is None else memory.reshape(blocks.shape)
        return copied(blocks, into).reshape(n, rows * height, columns * width, channels)

    def backward(self, dout: Array) -> tuple[Array]:
        n, height, width, channels = self.shape
        rows, columns = both(self.spec.scale)
        # Rows come first: their loops run over whole rows of the image, as in MaxPool2D.
        strips = dout.reshape(n, height, rows, columns * width, channels)
        down = _added([strips[:, :, i] for i in range(rows)], self.buffer("down"))
        down = down.reshape(n, height, width, columns, channels)
        return (_added([down[:, :, :, j] for j in range(columns)], self.buffer("dx")),)


def _added(parts: list[Array], memory: Array | None) -> Array:
    """The sum of arrays of one shape."""
    found = copied(parts[0], memory)
    for part in parts[1:]:
        np.add(found, part, out=found)
    return found


def copied(x: Array, memory: Array | None) -> Array:
    """x, row by row, in memory of its own."""
    if memory is None:
        return x.copy(order="C")
    memory[...] = x
    return memory
