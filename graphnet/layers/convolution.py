"""Convolutions: the same filters at every position of an image or of a sequence."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np

from graphnet.convolution.choice import method_for
from graphnet.convolution.method import Rooms, Size
from graphnet.convolution.window import window
from graphnet.declaration import Dim, Shape
from graphnet.errors import ShapeError
from graphnet.initializers import He, InitializerField, Zeros
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, Parameter, register
from graphnet.layers.image import (
    BothField,
    EndsField,
    Extent,
    PaddingField,
    both,
    ends,
    image_shape,
    sequence_shape,
)

FEW = 8
"""Channels of a sequence below which its columns are those of a standing image, stride 1."""


class Convolution(NodeSpec):
    """What layers of filters declare."""

    skips_unwanted: ClassVar[bool] = True
    keeps: ClassVar[tuple[str, ...]] = ("x",)
    prepares: ClassVar[bool] = True
    channels: Dim
    """M, how many filters there are and so how many channels come out."""
    kernel: BothField
    """Rows and columns of a filter: one number or two."""
    stride: BothField = 1
    """Rows and columns from one window to the next."""
    padding: str | int | tuple[int, ...] = "valid"
    dilation: BothField = 1
    """Rows and columns from one element of a window to the next."""
    groups: Dim = 1
    """Parts of the channels that are convolved by themselves."""
    bias: bool = True
    """Whether there is a b."""
    init: InitializerField = He(type="He")
    """How W starts."""

    def parameters(self, x: Shape) -> dict[str, Parameter]:
        kernel = (self.kernel,) if len(x) == 2 else both(self.kernel)
        found = {"W": Parameter((*kernel, x[-1] // self.groups, self.channels), self.init)}
        if self.bias:
            found["b"] = Parameter((self.channels,), Zeros(type="Zeros"))
        return found

    def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
        size = self.size(shapes[0])
        rooms = buffers_of(method_for(size).rooms(size))
        return {"out": Buffer(out), "dx": Buffer(shapes[0]), **rooms}

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        products = 2 * self.size(shapes[0]).products
        bias = math.prod(out) if self.bias else 0
        return Flops(products + bias, 2 * products + bias, dx=products)

    def size(self, x: Shape) -> Size:
        """What is convolved with what, as images."""
        raise NotImplementedError

    def check_groups(self, channels: int) -> None:
        """Errors: ShapeError unless the channels, in and out, divide into the groups."""
        if channels % self.groups or self.channels % self.groups:
            raise ShapeError(
                f"its channels in and out must be multiples of its {self.groups} groups"
            )


def buffers_of(rooms: Rooms) -> dict[str, Buffer]:
    """The memory of a method."""
    kept = {name: Buffer(shape, kept=True) for name, shape in rooms.kept.items()}
    return {**kept, **{name: Buffer(shape, scratch=True) for name, shape in rooms.scratch.items()}}


class Convolving(Layer):
    """A layer of filters: the method that its shape asks for, and its parameters."""

    spec: Convolution

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        self._require("W", *["b"] * self.spec.bias)
        self.W, self.b = self.params["W"], self.params.get("b")
        self.dW, self.db = self.grads["W"], self.grads.get("b")

    def bind(self) -> None:
        assert self.shapes is not None
        size = self.spec.size(self.shapes[0])
        self.method = method_for(size)(size, self.W.dtype, self.room)


@register
class Conv2D(Convolving):
    """out = windows(x) . W + b, the same filters at every position (a cross-correlation)

    Shapes: x (N, H, W, C) -> out (N, H', W', M); W (kh, kw, C / groups, M); b (M,), which starts
    at 0. H' = floor((H + padding - reach) / stride) + 1, reach = (kh - 1) * dilation + 1; "same":
    H' = ceil(H / stride). With groups, filter m sees the channels of its group alone.
    Errors: ShapeError unless a sample is an image with room for a window and channels and filters
    divide into the groups.
    Source: Deep Learning from Scratch, 7.2 and 7.4; ONNX, Conv. dx = dout . W.T at each position,
    added where windows overlap; dW = the sum of windows(x).T . dout over all positions, db = sum of
    dout. How it is computed depends on the shape: see graphnet/convolution.
    """

    class Spec(Convolution):
        type: Literal["Conv2D"]
        padding: PaddingField = "valid"
        """Zeros around the image: "same", "valid" (none), one number for all sides, two (above
        and below, left and right) or four (above, left, below, right)."""

        def infer_shape(self, x: Shape) -> Shape:
            return (*self.size(x).window.out, self.channels)

        def size(self, x: Shape) -> Size:
            height, width, channels = image_shape(x)
            self.check_groups(channels)
            kernel, stride, dilation = map(both, (self.kernel, self.stride, self.dilation))
            found = window((height, width), kernel, stride, dilation, self.padding)
            return Size(found, channels, self.channels, self.groups)

    def prepare(self) -> None:
        self.method.prepare(self.filters(self.W), self.b)

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        if self.backs:
            self.x = x
        out = self.room("out")
        self.method.forward(self.image(x), self.filters(self.W), self.b, self.image(out))
        return out

    def backward(self, dout: Array) -> tuple[Array | None]:
        dx = self.room("dx") if self.needs[0] else None
        x, dout = self.image(self.x), self.image(dout)
        W, dW = self.filters(self.W), self.filters(self.dW)
        self.method.backward(x, W, dout, dW, self.db, None if dx is None else self.image(dx))
        return (dx,)

    def image(self, a: Array) -> Array:
        """What is convolved, as images: (N, height, width, channels), a view."""
        return a

    def filters(self, W: Array) -> Array:
        """The filters of images, a view."""
        return W


@register
class Conv1D(Conv2D):
    """out = windows(x) . W + b, the same filters at every position of a sequence

    Shapes: x (N, L, C) -> out (N, L', M); W (k, C / groups, M); b (M,), which starts at 0. L' =
    floor((L + padding - reach) / stride) + 1, reach = (k - 1) * dilation + 1; "same" and "causal":
    L' = ceil(L / stride). With groups, filter m sees the channels of its group alone.
    Errors: ShapeError unless a sample is a sequence with room for a window and channels and filters
    divide into the groups.
    Source: Waibel et al., 1989; ONNX, Conv. dx = dout . W.T at each position, added where windows
    overlap; dW = the sum of windows(x).T . dout, db = sum of dout. Computed as a Conv2D of images
    that are one high, or one wide where the channels are few.
    """

    class Spec(Convolution):
        type: Literal["Conv1D"]
        kernel: Extent
        """Positions of a filter."""
        stride: Extent = 1
        """Positions from one window to the next."""
        padding: EndsField = "valid"
        """Zeros around the sequence: "same", "valid" (none), "causal" (before it, so that no output
        sees what follows it), one number for both ends or two (before, behind)."""
        dilation: Extent = 1
        """Positions from one element of a window to the next."""

        def infer_shape(self, x: Shape) -> Shape:
            return (math.prod(self.size(x).window.out), self.channels)

        def size(self, x: Shape) -> Size:
            length, channels = sequence_shape(x)
            self.check_groups(channels)
            reach = (self.kernel - 1) * self.dilation + 1
            before, behind = ends(self.padding, length, reach, self.stride)
            pads = (before, 0, behind, 0) if self.stands(x) else (0, before, 0, behind)
            sizes = (length, self.kernel, self.stride, self.dilation)
            image, kernel, stride, dilation = ((n, 1) if self.stands(x) else (1, n) for n in sizes)
            return Size(
                window(image, kernel, stride, dilation, pads), channels, self.channels, self.groups
            )

        def stands(self, x: Shape) -> bool:
            """Whether the image is one wide. 1,024 positions of 4 channels and 16 filters of 9 then
            take 0.75 of the time; 512 of 64 channels take 1.1 times as long."""
            return x[1] < FEW and self.stride == 1 == self.groups

    spec: Spec

    def image(self, a: Array) -> Array:
        assert self.shapes is not None
        return a[:, :, np.newaxis] if self.spec.stands(self.shapes[0]) else a[:, np.newaxis]

    def filters(self, W: Array) -> Array:
        assert self.shapes is not None
        return W[:, np.newaxis] if self.spec.stands(self.shapes[0]) else W[np.newaxis]
