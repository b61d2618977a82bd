"""Scores of classes as shares of 1, their logarithms, or the best one alone."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.layers.axes import AxisField, axis_of, in_batch
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register


class _OverAxis(NodeSpec):
    keeps: ClassVar[tuple[str, ...]] = ("out",)
    axis: AxisField = -1
    """The axis of classes, of the axes of a sample."""

    def infer_shape(self, x: Shape) -> Shape:
        axis_of(self.axis, x)
        return x

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        return Flops(5 * math.prod(out), 4 * math.prod(out))


@register
class Softmax(Layer):
    """out = exp(x) / sum(exp(x)), the sum along `axis`

    Shapes: any with that axis; out has x's shape. A classifier trains without it: the loss has
    its own.
    Errors: ShapeError where a sample lacks the axis.
    Source: Deep Learning from Scratch, 3.5: dx = out * (dout - sum(dout * out)). The largest x is
    taken off first, so scores of 1e4 do not overflow.
    """

    class Spec(_OverAxis):
        type: Literal["Softmax"]

    spec: Spec

    def forward(self, x: Array) -> Array:
        memory, axis = self.buffer("out"), in_batch(self.spec.axis)
        out = np.subtract(x, x.max(axis=axis, keepdims=True), out=memory)
        out = np.exp(out, out=memory)
        total = out.sum(axis=axis, keepdims=True)
        shares: Array = np.divide(out, total, out=memory)
        self.out = shares
        return shares

    def backward(self, dout: Array) -> tuple[Array]:
        memory, axis = self.buffer("dx"), in_batch(self.spec.axis)
        dx = np.multiply(dout, self.out, out=memory)
        total = dx.sum(axis=axis, keepdims=True)
        dx = np.subtract(dout, total, out=memory)
        return (np.multiply(dx, self.out, out=memory),)


@register
class LogSoftmax(Layer):
    """out = x - log(sum(exp(x))), the sum along `axis`

    Shapes: any with that axis; out has x's shape.
    Errors: ShapeError where a sample lacks the axis.
    Source: ONNX, LogSoftmax: dx = dout - exp(out) * sum(dout). The largest x is taken off first.
    """

    class Spec(_OverAxis):
        type: Literal["LogSoftmax"]

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            return {"out": Buffer(out), "exp": Buffer(out), "dx": Buffer(out)}

    spec: Spec

    def forward(self, x: Array) -> Array:
        memory, axis = self.buffer("out"), in_batch(self.spec.axis)
        out = np.subtract(x, x.max(axis=axis, keepdims=True), out=memory)
        total = np.exp(out, out=self.buffer("exp")).sum(axis=axis, keepdims=True)
        logs: Array = np.subtract(out, np.log(total), out=memory)
        self.out = logs
        return logs

    def backward(self, dout: Array) -> tuple[Array]:
        memory, axis = self.buffer("dx"), in_batch(self.spec.axis)
        dx = np.exp(self.out, out=memory)
        dx = np.multiply(dx, dout.sum(axis=axis, keepdims=True), out=memory)
        return (np.subtract(dout, dx, out=memory),)


@register
class Hardmax(Layer):
    """out = 1 at the largest x along `axis`, of equals the first one, else 0

    Shapes: any with that axis; out has x's shape.
    Errors: ShapeError where a sample lacks the axis.
    Source: ONNX, Hardmax; dx = 0.
    """

    class Spec(_OverAxis):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["Hardmax"]

    spec: Spec

    def forward(self, x: Array) -> Array:
        memory, axis = self.buffer("out"), in_batch(self.spec.axis)
        out = np.empty_like(x) if memory is None else memory
        out.fill(0)
        np.put_along_axis(out, np.expand_dims(x.argmax(axis=axis), axis), 1, axis=axis)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.multiply(dout, 0.0, out=self.buffer("dx")),)
