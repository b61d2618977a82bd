"""Sums, means, extremes and products over axes of a sample.

`keepdims` is false unless asked for, as in NumPy and PyTorch and unlike ONNX: what is summed up is
gone, and an Affine may follow.
"""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from graphnet.declaration import Shape
from graphnet.layers.axes import AxesField, axes_of
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register


class Reduction(NodeSpec):
    """Some axes of a sample go into one number."""

    made: ClassVar[tuple[str, ...]] = ()
    """Buffers of x's shape that `forward` computes in."""
    spare: ClassVar[tuple[str, ...]] = ()
    """Those that `backward` computes in beside dx; "mask" has one byte an element."""
    operations: ClassVar[tuple[int, int]] = (1, 1)
    """On one number of x, in forward and in backward."""
    axes: Annotated[AxesField, Field(min_length=1)] | None = None
    """The axes of a sample that go into one number; default, all."""
    keepdims: bool = False
    """Whether they stay, 1 long."""

    def infer_shape(self, x: Shape) -> Shape:
        over = self.over(x)
        if self.keepdims:
            return tuple(1 if i in over else n for i, n in enumerate(x))
        return tuple(n for i, n in enumerate(x) if i not in over)

    def over(self, x: Shape) -> tuple[int, ...]:
        """`axes`, counted from 0."""
        return tuple(range(len(x))) if self.axes is None else axes_of(self.axes, x)

    def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
        made = {name: Buffer(shapes[0]) for name in self.made}
        spare = {name: Buffer(shapes[0], mask=name == "mask", back=True) for name in self.spare}
        return {"out": Buffer(out), **made, "dx": Buffer(shapes[0]), **spare}

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        size = math.prod(shapes[0])
        return Flops(self.operations[0] * size, self.operations[1] * size)


class Reducing(Layer):
    """A layer says `reduce` and `spread`, for axes that stay; `self.x` and `self.out` are there
    for `spread`, as far as the Spec `keeps` them."""

    spec: Reduction

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        over = self.spec.over(x.shape[1:])
        self.axes = tuple(axis + 1 for axis in over)
        kept = (1 if axis in self.axes else n for axis, n in enumerate(x.shape))
        self.x, out = x, self.room("out")
        self.out = out.reshape(tuple(kept))
        self.reduce(x, self.out)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        dx = self.room("dx")
        self.spread(dout.reshape(self.out.shape), dx)
        return (dx,)

    def reduce(self, x: Array, out: Array) -> None:
        """Fill out."""
        raise NotImplementedError

    def spread(self, dout: Array, dx: Array) -> None:
        """Fill dx."""
        raise NotImplementedError


@register
class Sum(Reducing):
    """out = the sum of x over `axes`

    Shapes: those axes are gone, or 1 long with `keepdims`.
    Errors: ShapeError where a sample lacks one of them.
    Source: ONNX, ReduceSum: dx = dout.
    """

    class Spec(Reduction):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["Sum"]

    def reduce(self, x: Array, out: Array) -> None:
        np.sum(x, axis=self.axes, keepdims=True, out=out)

    def spread(self, dout: Array, dx: Array) -> None:
        dx[...] = dout


@register
class Mean(Reducing):
    """out = the mean of x over `axes`

    Shapes: those axes are gone, or 1 long with `keepdims`.
    Errors: ShapeError where a sample lacks one of them.
    Source: ONNX, ReduceMean: dx = dout / (numbers of a mean).
    """

    class Spec(Reduction):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["Mean"]

    def reduce(self, x: Array, out: Array) -> None:
        np.mean(x, axis=self.axes, keepdims=True, out=out)

    def spread(self, dout: Array, dx: Array) -> None:
        np.divide(dout, dx.size // dout.size, out=dx)


class _Extreme(Reduction):
    keeps: ClassVar[tuple[str, ...]] = ("x", "out")
    spare: ClassVar[tuple[str, ...]] = ("mask",)
    operations: ClassVar[tuple[int, int]] = (1, 3)


class _Picking(Reducing):
    extreme: ClassVar[np.ufunc]

    def reduce(self, x: Array, out: Array) -> None:
        self.extreme.reduce(x, axis=self.axes, keepdims=True, out=out)

    def spread(self, dout: Array, dx: Array) -> None:
        mask = np.equal(self.x, self.out, out=self.room("mask"))
        count = np.sum(mask, axis=self.axes, keepdims=True, dtype=dx.dtype)
        np.multiply(np.divide(dout, count), mask, out=dx)


@register
class Max(_Picking):
    """out = the largest x over `axes`

    Shapes: those axes are gone, or 1 long with `keepdims`.
    Errors: ShapeError where a sample lacks one of them.
    Source: ONNX, ReduceMax: dx = dout where x is the largest, in equal parts where several are,
    as PyTorch's amax does.
    """

    class Spec(_Extreme):
        type: Literal["Max"]

    extreme = np.maximum


@register
class Min(_Picking):
    """out = the smallest x over `axes`

    Shapes: those axes are gone, or 1 long with `keepdims`.
    Errors: ShapeError where a sample lacks one of them.
    Source: ONNX, ReduceMin: dx = dout where x is the smallest, in equal parts where several are,
    as PyTorch's amin does.
    """

    class Spec(_Extreme):
        type: Literal["Min"]

    extreme = np.minimum


@register
class Prod(Reducing):
    """out = the product of x over `axes`

    Shapes: those axes are gone, or 1 long with `keepdims`.
    Errors: ShapeError where a sample lacks one of them.
    Source: ONNX, ReduceProd: dx = dout * product of the others, also where one of them is 0.
    """

    class Spec(Reduction):
        keeps: ClassVar[tuple[str, ...]] = ("x",)
        spare: ClassVar[tuple[str, ...]] = ("mask", "safe")
        operations: ClassVar[tuple[int, int]] = (1, 7)
        type: Literal["Prod"]

    def reduce(self, x: Array, out: Array) -> None:
        np.prod(x, axis=self.axes, keepdims=True, out=out)

    def spread(self, dout: Array, dx: Array) -> None:
        zero = np.equal(self.x, 0, out=self.room("mask"))
        safe = np.add(self.x, zero, out=self.room("safe"))
        product = np.prod(safe, axis=self.axes, keepdims=True)
        zeros = np.sum(zero, axis=self.axes, keepdims=True, dtype=dx.dtype)
        others = np.subtract(zeros, zero, out=dx)
        np.equal(others, 0, out=dx, casting="unsafe")
        np.divide(dx, safe, out=dx)
        np.multiply(dx, np.multiply(product, dout), out=dx)
