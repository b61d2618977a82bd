"""Sums over axes of a sample of squares, sizes and exponentials, and norms made of them."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from graphnet.layers.base import Array, register
from graphnet.layers.reduction import Reducing, Reduction


@register
class SumSquare(Reducing):
    """out = the sum of x^2 over `axes`

    Shapes: those axes are gone, or 1 long with `keepdims`.
    Errors: ShapeError where a sample lacks one of them.
    Source: ONNX, ReduceSumSquare: dx = 2 * x * dout.
    """

    class Spec(Reduction):
        made: ClassVar[tuple[str, ...]] = ("part",)
        keeps: ClassVar[tuple[str, ...]] = ("x",)
        operations: ClassVar[tuple[int, int]] = (2, 1)
        type: Literal["SumSquare"]

    def reduce(self, x: Array, out: Array) -> None:
        square = np.multiply(x, x, out=self.room("part"))
        np.sum(square, axis=self.axes, keepdims=True, out=out)

    def spread(self, dout: Array, dx: Array) -> None:
        np.multiply(self.x, np.multiply(dout, 2), out=dx)


@register
class L1(Reducing):
    """out = the sum of |x| over `axes`

    Shapes: those axes are gone, or 1 long with `keepdims`.
    Errors: ShapeError where a sample lacks one of them.
    Source: ONNX, ReduceL1: dx = sign(x) * dout.
    """

    class Spec(Reduction):
        made: ClassVar[tuple[str, ...]] = ("part",)
        keeps: ClassVar[tuple[str, ...]] = ("x",)
        operations: ClassVar[tuple[int, int]] = (2, 2)
        type: Literal["L1"]

    def reduce(self, x: Array, out: Array) -> None:
        size = np.abs(x, out=self.room("part"))
        np.sum(size, axis=self.axes, keepdims=True, out=out)

    def spread(self, dout: Array, dx: Array) -> None:
        np.sign(self.x, out=dx)
        np.multiply(dx, dout, out=dx)


@register
class L2(Reducing):
    """out = sqrt(sum of x^2) over `axes`

    Shapes: those axes are gone, or 1 long with `keepdims`.
    Errors: ShapeError where a sample lacks one of them.
    Source: ONNX, ReduceL2: dx = x / out * dout, 0 where out is 0, as in PyTorch.
    """

    class Spec(Reduction):
        made: ClassVar[tuple[str, ...]] = ("part",)
        keeps: ClassVar[tuple[str, ...]] = ("x", "out")
        operations: ClassVar[tuple[int, int]] = (2, 1)
        type: Literal["L2"]

    def reduce(self, x: Array, out: Array) -> None:
        square = np.multiply(x, x, out=self.room("part"))
        np.sum(square, axis=self.axes, keepdims=True, out=out)
        np.sqrt(out, out=out)

    def spread(self, dout: Array, dx: Array) -> None:
        ratio = np.divide(dout, np.where(self.out == 0, 1, self.out))
        np.multiply(self.x, ratio, out=dx)


@register
class LogSum(Reducing):
    """out = log(sum of x) over `axes`

    Shapes: those axes are gone, or 1 long with `keepdims`.
    Errors: ShapeError where a sample lacks one of them.
    Source: ONNX, ReduceLogSum: dx = dout / sum = dout * exp(-out).
    """

    class Spec(Reduction):
        keeps: ClassVar[tuple[str, ...]] = ("out",)
        type: Literal["LogSum"]

    def reduce(self, x: Array, out: Array) -> None:
        np.sum(x, axis=self.axes, keepdims=True, out=out)
        np.log(out, out=out)

    def spread(self, dout: Array, dx: Array) -> None:
        dx[...] = np.multiply(dout, np.exp(np.negative(self.out)))


@register
class LogSumExp(Reducing):
    """out = log(sum of exp(x)) over `axes`

    Shapes: those axes are gone, or 1 long with `keepdims`.
    Errors: ShapeError where a sample lacks one of them.
    Source: ONNX, ReduceLogSumExp: dx = dout * exp(x - out). The largest x is taken off first.
    """

    class Spec(Reduction):
        made: ClassVar[tuple[str, ...]] = ("part",)
        keeps: ClassVar[tuple[str, ...]] = ("x", "out")
        operations: ClassVar[tuple[int, int]] = (4, 3)
        type: Literal["LogSumExp"]

    def reduce(self, x: Array, out: Array) -> None:
        part, largest = self.room("part"), np.max(x, axis=self.axes, keepdims=True)
        np.exp(np.subtract(x, largest, out=part), out=part)
        np.sum(part, axis=self.axes, keepdims=True, out=out)
        np.add(np.log(out, out=out), largest, out=out)

    def spread(self, dout: Array, dx: Array) -> None:
        np.exp(np.subtract(self.x, self.out, out=dx), out=dx)
        np.multiply(dx, dout, out=dx)
