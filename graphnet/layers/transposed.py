"""Transposed convolutions: from a small image to a larger one."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from graphnet.convolution.method import Size
from graphnet.convolution.phases import Phases
from graphnet.convolution.window import transposed
from graphnet.declaration import Shape
from graphnet.layers.base import Array, Buffer, register
from graphnet.layers.convolution import Convolution, Convolving, buffers_of
from graphnet.layers.image import MarginsField, PaddingField, both, image_shape


@register
class ConvTranspose2D(Convolving):
    """out = the x of each position times the filters, added where the windows overlap, + b

    What Conv2D does to a gradient: the transpose of a convolution of out, which turns an image
    into a larger one.

    Shapes: x (N, H, W, C) -> out (N, H', W', M); W (kh, kw, C / groups, M); b (M,), which starts
    at 0. H' = stride * (H - 1) + reach + output_padding - padding, reach = (kh - 1) * dilation + 1;
    "same": H' = stride * H. With groups, filter m sees the channels of its group alone.
    Errors: ShapeError unless a sample is an image of which something is left and channels and
    filters divide into the groups.
    Source: Zeiler et al., Deconvolutional Networks, 2010; ONNX, ConvTranspose. dx = the
    convolution of dout with the same filters; dW = that of this convolution, with dout for its x
    and x for its dout; db = sum of dout.
    """

    class Spec(Convolution):
        type: Literal["ConvTranspose2D"]
        padding: PaddingField = "valid"
        """What is left out around the output: "same" (all above stride times the input), "valid"
        (nothing), one number for all sides, two (above and below, left and right) or four (above,
        left, below, right)."""
        output_padding: MarginsField = 0
        """Rows and columns more at the end of the output: one number or two."""

        def infer_shape(self, x: Shape) -> Shape:
            return (*self.size(x).window.size, self.channels)

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            size, found = self.size(shapes[0]), super().buffers(out, *shapes)
            if Phases.can(size):
                found |= buffers_of(Phases.rooms(size))
            turned = (*both(self.kernel), self.channels // self.groups, shapes[0][2])
            return {
                **found,
                "turned": Buffer(turned, kept=True),
                "dturned": Buffer(turned, scratch=True),
                "every": Buffer((1, math.prod(out[:2])), kept=True),
            }

        def size(self, x: Shape) -> Size:
            """The convolution whose transpose this is: that of out with as many filters as x has
            channels."""
            height, width, channels = image_shape(x)
            self.check_groups(channels)
            kernel, stride, dilation = map(both, (self.kernel, self.stride, self.dilation))
            found = transposed(
                (height, width), kernel, stride, dilation, self.padding, both(self.output_padding)
            )
            return Size(found, self.channels, channels, self.groups)

    spec: Spec

    def bind(self) -> None:
        super().bind()
        assert self.shapes is not None
        size = self.spec.size(self.shapes[0])
        self.phases = Phases(size, self.W.dtype, self.room) if Phases.can(size) else None

    def prepare(self) -> None:
        self.room("every").fill(1)
        turned = self.room("turned")
        turned.reshape(self._turned(self.W).shape)[...] = self._turned(self.W)
        self.method.prepare(turned, None)
        if self.phases is not None:
            self.phases.prepare(self.W)

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        if self.backs:
            self.x = x
        out = self.room("out")
        if self.phases is not None:
            self.phases.forward(x, self.b, out)
            return out
        self.method.spread(self.room("turned"), x, out)
        if self.b is not None:
            np.add(out, self.b, out=out)
        return out

    def backward(self, dout: Array) -> tuple[Array | None]:
        dx = self.room("dx") if self.needs[0] else None
        dturned, dW = self.room("dturned"), self._turned(self.dW)
        self.method.spread_back(dout, self.room("turned"), self.x, dturned, dx)
        dW[...] = dturned.reshape(dW.shape)
        if self.db is not None:
            rows = dout.reshape(len(dout), -1, dout.shape[3])
            np.sum(np.matmul(self.room("every"), rows), axis=(0, 1), out=self.db)
        return (dx,)

    def _turned(self, W: Array) -> Array:
        """The filters with channels in and out changed, in each group: a view of five axes,
        (kh, kw, M / groups, groups, C / groups)."""
        kh, kw, of_group, filters = W.shape
        groups = self.spec.groups
        return W.reshape(kh, kw, of_group, groups, filters // groups).transpose(0, 1, 4, 3, 2)
