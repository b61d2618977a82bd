"""Layers that look at windows of each channel and keep one number of each."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np

from graphnet.convolution.window import Window, add_to, element, inside, window
from graphnet.declaration import Shape
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register
from graphnet.layers.image import BothField, PaddingField, both, image_shape


class _Pooling(NodeSpec):
    size: BothField
    """Rows and columns of a window: one number or two."""
    stride: BothField | None = None
    """Rows and columns from one window to the next; default, `size`: windows side by side."""
    padding: PaddingField = "valid"
    """Around the image: "same", "valid" (none), one number for all sides, two (above and below,
    left and right) or four (above, left, below, right)."""
    dilation: BothField = 1
    """Rows and columns from one element of a window to the next."""

    def infer_shape(self, x: Shape) -> Shape:
        return (*self.window(x).out, x[2])

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        work = math.prod(out) * math.prod(both(self.size))
        return Flops(work, 2 * work)

    def window(self, x: Shape) -> Window:
        """The window over a sample; each channel is looked at by itself."""
        height, width, _ = image_shape(x)
        size = both(self.size)
        stride = size if self.stride is None else both(self.stride)
        return window((height, width), size, stride, both(self.dilation), self.padding)

    def padded(self, x: Shape) -> Shape:
        """The shape of a sample with its padding."""
        return (*self.window(x).padded, x[2])


@register
class MaxPool2D(Layer):
    """out = the largest element of each window

    Shapes: x (N, H, W, C) -> out (N, H', W', C), H' = floor((H + padding - reach) / stride) + 1,
    reach = (rows - 1) * dilation + 1; "same": ceil(H / stride). Padding is never the largest.
    Errors: ShapeError unless a sample is an image with room for a window.
    Source: Deep Learning from Scratch, 7.3 and 7.4.4; ONNX, MaxPool. dx = dout at the element that
    was largest, of equals the first one column by column.
    """

    class Spec(_Pooling):
        keeps: ClassVar[tuple[str, ...]] = ("x", "out", "down", "padded")
        picks: ClassVar[bool] = True
        type: Literal["MaxPool2D"]

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            w, x = self.window(shapes[0]), self.padded(shapes[0])
            # Rows come first: their loops run over whole rows of the image, those over columns
            # over the channels of one pixel.
            down = (w.out[0], w.padded[1], x[2])
            found = {
                "out": Buffer(out),
                "down": Buffer(down),
                "dx": Buffer(shapes[0]),
                "ddown": Buffer(down, back=True),
                "rest": Buffer(down, back=True),
                "hit": Buffer(down, mask=True, back=True),
            }
            if w.is_padded:
                found["padded"] = Buffer(x)
            if not w.tiles_exactly:
                found |= {
                    "dpadded": Buffer(x, back=True),
                    "part": Buffer(down, back=True),
                }
            return found

    spec: Spec

    def bind(self) -> None:
        assert self.shapes is not None
        self.window = self.spec.window(self.shapes[0])

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        w = self.window
        if w.is_padded:
            padded = self.room("padded")
            padded.fill(-np.inf)
            inside(w, padded)[...] = x
            x = padded
        self.x = x
        self.down = _largest(_rows(w, x), self.room("down"))
        self.out = _largest(_columns(w, self.down), self.room("out"))
        return self.out

    def backward(self, dout: Array) -> tuple[Array]:
        w, dx, ddown = self.window, self.room("dx"), self.room("ddown")
        self._give(dout, self.out, _columns(w, self.down), _columns(w, ddown), ddown)
        if w.tiles_exactly:
            self._give(ddown, self.down, _rows(w, self.x), _rows(w, dx), dx)
        else:
            dpadded = self.room("dpadded")
            self._give(ddown, self.down, _rows(w, self.x), _rows(w, dpadded), dpadded)
            dx[...] = inside(w, dpadded)
        return (dx,)

    def _give(
        self, dout: Array, out: Array, xs: list[Array], dxs: list[Array], whole: Array
    ) -> None:
        """Each dout to the first of the xs that is out: what is left goes on to the next."""
        exact = self.window.tiles_exactly
        if not exact:
            whole.fill(0)
        hit, rest = _like(self.room("hit"), dout), dout
        for x, dx in zip(xs[:-1], dxs[:-1], strict=True):
            np.equal(x, out, out=hit)
            part = np.multiply(rest, hit, out=dx if exact else _like(self.room("part"), dout))
            if not exact:
                add_to(dx, part)
            last = exact and dx is dxs[-2]
            rest = np.subtract(rest, part, out=dxs[-1] if last else _like(self.room("rest"), dout))
        if not exact:
            add_to(dxs[-1], rest)
        elif len(dxs) == 1:
            dxs[0][...] = rest


@register
class AvgPool2D(Layer):
    """out = the mean of each window

    Shapes: x (N, H, W, C) -> out (N, H', W', C), as MaxPool2D.
    Errors: ShapeError unless a sample is an image with room for a window.
    Source: ONNX, AveragePool. dx = dout / (elements of the window), added where windows overlap.
    """

    class Spec(_Pooling):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["AvgPool2D"]
        count_padding: bool = False
        """Whether zeros of the padding count as elements of a window (ONNX: count_include_pad)."""

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            w, x = self.window(shapes[0]), self.padded(shapes[0])
            found = {
                "out": Buffer(out),
                "down": Buffer((w.out[0], w.padded[1], x[2])),
                "dx": Buffer(shapes[0]),
                "share": Buffer(out, back=True),
            }
            if w.is_padded:
                found["padded"] = Buffer(x)
            if not w.tiles_exactly:
                found["dpadded"] = Buffer(x, back=True)
            return found

    spec: Spec

    def bind(self) -> None:
        assert self.shapes is not None
        self.window = self.spec.window(self.shapes[0])
        self.scale = _one_over_count(self.window, self.room("out"), self.spec.count_padding)

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        w, out, down = self.window, self.room("out"), self.room("down")
        if w.is_padded:
            padded = self.room("padded")
            padded.fill(0)
            inside(w, padded)[...] = x
            x = padded
        _sum(_rows(w, x), down)
        return np.multiply(_sum(_columns(w, down), out), self.scale, out=out)

    def backward(self, dout: Array) -> tuple[Array]:
        w, dx = self.window, self.room("dx")
        share = np.multiply(dout, self.scale, out=self.room("share"))
        whole = dx if w.tiles_exactly else self.room("dpadded")
        whole.fill(0)
        for i in range(w.kernel[0]):
            for j in range(w.kernel[1]):
                add_to(element(w, whole, i, j), share)
        if whole is not dx:
            dx[...] = inside(w, whole)
        return (dx,)


@register
class GlobalAvgPool2D(Layer):
    """out = the mean of each channel over the whole image

    Shapes: x (N, H, W, C) -> out (N, C), so that an Affine may follow.
    Errors: ShapeError unless a sample is an image.
    Source: Lin et al., Network in Network, 2014; ONNX, GlobalAveragePool. dx = dout / (H * W).
    """

    class Spec(NodeSpec):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["GlobalAvgPool2D"]

        def infer_shape(self, x: Shape) -> Shape:
            return (image_shape(x)[2],)

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(math.prod(shapes[0]), math.prod(shapes[0]))

    def forward(self, x: Array) -> Array:
        n, height, width, channels = self.shape = x.shape
        ones = np.ones((1, height * width), x.dtype)
        # A product with ones takes a third of the time of `mean`.
        memory = self.buffer("out")
        rows = None if memory is None else memory.reshape(n, 1, channels)
        sums = np.matmul(ones, x.reshape(n, height * width, channels), out=rows)
        out: Array = np.divide(sums, height * width, out=rows).reshape(n, channels)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        n, height, width, channels = self.shape
        dx = self.buffer("dx")
        dx = np.empty(self.shape, dout.dtype) if dx is None else dx
        np.multiply(dout.reshape(n, 1, 1, channels), 1 / (height * width), out=dx)
        return (dx,)


def _rows(w: Window, x: Array) -> list[Array]:
    """The rows of every window: kh views (N, out height, W, C)."""
    last = (w.out[0] - 1) * w.stride[0] + 1
    starts = (i * w.dilation[0] for i in range(w.kernel[0]))
    return [x[:, i : i + last : w.stride[0]] for i in starts]


def _columns(w: Window, down: Array) -> list[Array]:
    """The columns of every window: kw views (N, out height, out width, C)."""
    last = (w.out[1] - 1) * w.stride[1] + 1
    starts = (j * w.dilation[1] for j in range(w.kernel[1]))
    return [down[:, :, j : j + last : w.stride[1]] for j in starts]


def _largest(parts: list[Array], out: Array) -> Array:
    if len(parts) == 1:
        out[...] = parts[0]
        return out
    np.maximum(parts[0], parts[1], out=out)
    for part in parts[2:]:
        np.maximum(out, part, out=out)
    return out


def _sum(parts: list[Array], out: Array) -> Array:
    out[...] = parts[0]
    for part in parts[1:]:
        np.add(out, part, out=out)
    return out


def _like(memory: Array, array: Array) -> Array:
    """The first elements of memory, in the shape of `array`, which is no larger."""
    return memory.reshape(-1)[: array.size].reshape(array.shape)


def _one_over_count(w: Window, out: Array, padding_counts: bool) -> Array:
    """1 / (elements of a window), for each of them."""
    if padding_counts or not w.is_padded:
        return np.full((1, 1, 1, 1), 1 / (w.kernel[0] * w.kernel[1]), out.dtype)
    padded = np.zeros((1, *w.padded, 1))
    inside(w, padded)[...] = 1
    counts = np.zeros((1, *w.out, 1))
    for i in range(w.kernel[0]):
        for j in range(w.kernel[1]):
            counts += element(w, padded, i, j)
    return np.reciprocal(counts).astype(out.dtype)
