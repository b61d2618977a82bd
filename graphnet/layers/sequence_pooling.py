"""Layers that look at windows of a sequence: those of images that are one wide."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register
from graphnet.layers.image import EndsField, Extent, ends, sequence_shape
from graphnet.layers.pooling import AvgPool2D, MaxPool2D


class _Pooling(NodeSpec):
    size: Extent
    """Positions of a window."""
    stride: Extent | None = None
    """Positions from one window to the next; default, `size`: windows side by side."""
    padding: EndsField = "valid"
    """Around the sequence: "same", "valid" (none), "causal" (before it, so that no output sees what
    follows it), one number for both ends or two (before, behind)."""

    def of_images(self, x: Shape) -> MaxPool2D.Spec | AvgPool2D.Spec:
        """The same for images that are one wide."""
        raise NotImplementedError

    def sides(self, x: Shape) -> dict[str, tuple[int, ...]]:
        """The attributes of windows that are one wide."""
        length, _ = sequence_shape(x)
        stride = self.size if self.stride is None else self.stride
        before, behind = ends(self.padding, length, self.size, stride)
        return {
            "size": (self.size, 1),
            "stride": (stride, 1),
            "padding": (before, 0, behind, 0),
        }

    def infer_shape(self, x: Shape) -> Shape:
        length, _, channels = self.of_images(x).infer_shape(_image(x))
        return (length, channels)

    def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
        found = self.of_images(shapes[0]).buffers(_image(out), _image(shapes[0]))
        return {**found, "out": Buffer(out), "dx": Buffer(shapes[0])}

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        return self.of_images(shapes[0]).flops(_image(out), _image(shapes[0]))


class _Pooled(Layer):
    spec: _Pooling
    layer: ClassVar[type[MaxPool2D | AvgPool2D]]

    def bind(self) -> None:
        assert self.shapes is not None
        assert self._buffers is not None
        x = self.shapes[0]
        self.of_images = self.layer(self.spec.of_images(x), shapes=(_image(x),))
        images = {
            name: array[:, :, np.newaxis] if name in ("out", "dx") else array
            for name, array in self._buffers.items()
        }
        self.of_images.compute_in(images)

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        self.of_images.forward(x[:, :, np.newaxis])
        return self.room("out")

    def backward(self, dout: Array) -> tuple[Array]:
        self.of_images.backward(dout[:, :, np.newaxis])
        return (self.room("dx"),)


@register
class MaxPool1D(_Pooled):
    """out = the largest element of each window

    Shapes: x (N, L, C) -> out (N, L', C), L' = floor((L + padding - size) / stride) + 1; "same" and
    "causal": ceil(L / stride). Padding is never the largest.
    Errors: ShapeError unless a sample is a sequence with room for a window.
    Source: ONNX, MaxPool. dx = dout at the element that was largest, of equals the first one.
    """

    layer = MaxPool2D

    class Spec(_Pooling):
        keeps: ClassVar[tuple[str, ...]] = ("x", "out", "down", "padded")
        picks: ClassVar[bool] = True
        type: Literal["MaxPool1D"]

        def of_images(self, x: Shape) -> MaxPool2D.Spec:
            given = {"id": self.id, "type": "MaxPool2D", **self.sides(x)}
            return MaxPool2D.Spec.model_validate(given)


@register
class AvgPool1D(_Pooled):
    """out = the mean of each window

    Shapes: x (N, L, C) -> out (N, L', C), as MaxPool1D.
    Errors: ShapeError unless a sample is a sequence with room for a window.
    Source: ONNX, AveragePool. dx = dout / (elements of the window), added where windows overlap.
    """

    layer = AvgPool2D

    class Spec(_Pooling):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["AvgPool1D"]
        count_padding: bool = False
        """Whether zeros of the padding count as elements of a window (ONNX: count_include_pad)."""

        def of_images(self, x: Shape) -> AvgPool2D.Spec:
            given = {"id": self.id, "type": "AvgPool2D", **self.sides(x)}
            return AvgPool2D.Spec.model_validate({**given, "count_padding": self.count_padding})


def _image(x: Shape) -> Shape:
    return (x[0], 1, x[1])
