"""Convolution of images."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from graphnet.convolution.choice import method_for
from graphnet.convolution.method import Size
from graphnet.convolution.window import Window, window
from graphnet.declaration import Dim, Shape
from graphnet.errors import ShapeError
from graphnet.initializers import He, InitializerField, Zeros
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, Parameter, register
from graphnet.layers.image import BothField, PaddingField, both, image_shape


@register
class Conv2D(Layer):
    """out = windows(x) . W + b, the same filters at every position (a cross-correlation)

    Shapes: x (N, H, W, C) -> out (N, H', W', M); W (kh, kw, C / groups, M); b (M,), which starts
    at 0. H' = floor((H + padding - reach) / stride) + 1, reach = (kh - 1) * dilation + 1; "same":
    H' = ceil(H / stride). With groups, filter m sees the channels of its group alone.
    Errors: ShapeError unless a sample is an image with room for a window and channels and filters
    divide into the groups.
    Source: Deep Learning from Scratch, 7.2 and 7.4; ONNX, Conv. How it is computed depends on the
    shape: see graphnet/convolution.
    """

    class Spec(NodeSpec):
        skips_unwanted: ClassVar[bool] = True
        keeps: ClassVar[tuple[str, ...]] = ("x",)
        prepares: ClassVar[bool] = True
        type: Literal["Conv2D"]
        channels: Dim
        """M, how many filters there are and so how many channels come out."""
        kernel: BothField
        """Rows and columns of a filter: one number or two."""
        stride: BothField = 1
        """Rows and columns from one window to the next."""
        padding: PaddingField = "valid"
        """Zeros around the image: "same", "valid" (none), one number for all sides, two (above
        and below, left and right) or four (above, left, below, right)."""
        dilation: BothField = 1
        """Rows and columns from one element of a window to the next."""
        groups: Dim = 1
        """Parts of the channels that are convolved by themselves."""
        bias: bool = True
        """Whether there is a b."""
        init: InitializerField = He(type="He")
        """How W starts."""

        def infer_shape(self, x: Shape) -> Shape:
            size = self.size(x)
            return (*size.window.out, self.channels)

        def parameters(self, x: Shape) -> dict[str, Parameter]:
            shape = (*both(self.kernel), x[2] // self.groups, self.channels)
            found = {"W": Parameter(shape, self.init)}
            if self.bias:
                found["b"] = Parameter((self.channels,), Zeros(type="Zeros"))
            return found

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            rooms = method_for(self.size(shapes[0])).rooms(self.size(shapes[0]))
            kept = {name: Buffer(shape, kept=True) for name, shape in rooms.kept.items()}
            scratch = {name: Buffer(shape, scratch=True) for name, shape in rooms.scratch.items()}
            return {"out": Buffer(out), "dx": Buffer(shapes[0]), **kept, **scratch}

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            products = 2 * self.size(shapes[0]).products
            bias = math.prod(out) if self.bias else 0
            return Flops(products + bias, 2 * products + bias, dx=products)

        def size(self, x: Shape) -> Size:
            """What is convolved with what."""
            height, width, channels = image_shape(x)
            if channels % self.groups or self.channels % self.groups:
                raise ShapeError(
                    f"its channels in and out must be multiples of its {self.groups} groups"
                )
            found: Window = window(
                (height, width),
                both(self.kernel),
                both(self.stride),
                both(self.dilation),
                self.padding,
            )
            return Size(found, channels, self.channels, self.groups)

    spec: Spec

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        self._require("W", *["b"] * self.spec.bias)
        self.W, self.b = self.params["W"], self.params.get("b")
        self.dW, self.db = self.grads["W"], self.grads.get("b")

    def bind(self) -> None:
        assert self.shapes is not None
        size = self.spec.size(self.shapes[0])
        self.method = method_for(size)(size, self.W.dtype, self.room)

    def prepare(self) -> None:
        self.method.prepare(self.W, self.b)

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        if self.backs:
            self.x = x
        out = self.room("out")
        self.method.forward(x, self.W, self.b, out)
        return out

    def backward(self, dout: Array) -> tuple[Array | None]:
        dx = self.room("dx") if self.needs[0] else None
        self.method.backward(self.x, self.W, dout, self.dW, self.db, dx)
        return (dx,)
