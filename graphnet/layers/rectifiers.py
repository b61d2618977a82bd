"""Rectifiers: x where it is above 0, and something flatter below."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from graphnet.declaration import Shape
from graphnet.errors import ShapeError
from graphnet.initializers import Constant, InitializerField
from graphnet.layers.base import Array, Buffer, Layer, NodeSpec, Parameter, register
from graphnet.layers.elementwise import Elementwise


class _Rectifier(Elementwise):
    made: ClassVar[tuple[str, ...]] = ("mask",)
    spare: ClassVar[tuple[str, ...]] = ("above",)
    keeps: ClassVar[tuple[str, ...]] = ("mask",)
    overwrites: ClassVar[tuple[str, ...]] = ("dx",)

    def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
        found = super().buffers(out, *shapes)
        if "high" in found:
            found["zero"] = Buffer(out, kept=True)
        return found


class _Rectifying(Layer):
    """dx = scale * dout where x > 0, dout * slope elsewhere; `forward` leaves the mask."""

    mask: Array

    def backward(self, dout: Array) -> tuple[Array]:
        # Products with the mask: a choice element by element takes ten times as long.
        memory, room = self.buffer("dx"), self.buffer("above")
        above = np.multiply(dout, self.mask, out=room)
        below = np.subtract(dout, above, out=memory)
        below = np.multiply(below, self.slope(), out=memory)
        if self.scale() != 1.0:
            above = np.multiply(above, self.scale(), out=room)
        return (np.add(above, below, out=memory),)

    def parts(self, x: Array) -> tuple[Array, Array]:
        """max(x, 0) in the buffer "high" and min(x, 0) in that of out."""
        high = np.maximum(x, self.zero(), out=self.buffer("high"))
        return high, np.minimum(x, self.zero(), out=self.buffer("out"))

    def zero(self) -> Array | float:
        """0, or an array of it: against that, extremes take a third of the time."""
        memory = self.buffer("zero")
        return 0.0 if memory is None else memory

    def slope(self) -> Array | float:
        """d(out)/dx where x is not above 0."""
        raise NotImplementedError

    def scale(self) -> float:
        """d(out)/dx where x is above 0."""
        return 1.0


@register
class LeakyRelu(_Rectifying):
    """out = x where x > 0, else alpha * x

    Shapes: any; out has x's shape.
    Source: Maas et al., 2013; ONNX, LeakyRelu: dx = dout where x > 0, else alpha * dout.
    """

    class Spec(_Rectifier):
        operations: ClassVar[tuple[int, int]] = (2, 4)
        type: Literal["LeakyRelu"]
        alpha: float = 0.01
        """The slope below 0."""

    spec: Spec

    def forward(self, x: Array) -> Array:
        if self.backs:
            self.mask = np.greater(x, 0, out=self.buffer("mask"))
        memory, alpha = self.buffer("out"), self.spec.alpha
        out = np.multiply(x, alpha, out=memory)
        return (np.maximum if alpha <= 1 else np.minimum)(x, out, out=memory)

    def slope(self) -> float:
        return self.spec.alpha


@register
class PRelu(_Rectifying):
    """out = x where x > 0, else slope * x

    Shapes: x (N, ..., C); out has x's shape; slope (C,), one number where it is `shared`.
    Errors: ShapeError where a sample is a scalar and the slope is not shared.
    Source: He et al., 2015; ONNX, PRelu: dx = dout where x > 0, else slope * dout;
    dslope = sum(dout * min(x, 0)).
    """

    class Spec(_Rectifier):
        made: ClassVar[tuple[str, ...]] = ("mask", "high")
        spare: ClassVar[tuple[str, ...]] = ("above", "product")
        keeps: ClassVar[tuple[str, ...]] = ("x", "mask")
        operations: ClassVar[tuple[int, int]] = (4, 7)
        type: Literal["PRelu"]
        shared: bool = False
        """Whether all channels have one slope."""
        init: InitializerField = Constant(type="Constant", value=0.25)
        """How the slope starts."""

        def infer_shape(self, x: Shape) -> Shape:
            if not x and not self.shared:
                raise ShapeError("a sample must have an axis of channels")
            return x

        def parameters(self, x: Shape) -> dict[str, Parameter]:
            return {"slope": Parameter((1,) if self.shared else x[-1:], self.init)}

    spec: Spec

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        self._require("slope")

    def forward(self, x: Array) -> Array:
        self.x, memory = x, self.buffer("out")
        if self.backs:
            self.mask = np.greater(x, 0, out=self.buffer("mask"))
        high, low = self.parts(x)
        low = np.multiply(low, self.slope(), out=memory)
        return np.add(high, low, out=memory)

    def backward(self, dout: Array) -> tuple[Array]:
        memory = self.buffer("product")
        product = np.minimum(self.x, self.zero(), out=memory)
        product = np.multiply(product, dout, out=memory)
        dslope = self.grads["slope"]
        np.sum(product.reshape(-1, len(dslope)), axis=0, out=dslope)
        return super().backward(dout)

    def slope(self) -> Array:
        return self.params["slope"]


class _Exponential(_Rectifier):
    made: ClassVar[tuple[str, ...]] = ("mask", "high")
    spare: ClassVar[tuple[str, ...]] = ("above", "slope")
    keeps: ClassVar[tuple[str, ...]] = ("mask", "out")
    overwrites: ClassVar[tuple[str, ...]] = ("out", "dx")
    operations: ClassVar[tuple[int, int]] = (8, 8)

    def curve(self) -> tuple[float, float, float]:
        """scale, alpha, width"""
        raise NotImplementedError


class _ExponentialUnit(_Rectifying):
    """out = scale * x where x > 0, else scale * alpha * (exp(x / width) - 1)"""

    spec: _Exponential

    def forward(self, x: Array) -> Array:
        scale, alpha, width = self.spec.curve()
        if self.backs:
            self.mask = np.greater(x, 0, out=self.buffer("mask"))
        memory, room = self.buffer("out"), self.buffer("high")
        high, low = self.parts(x)
        high = np.multiply(high, scale, out=room)
        low = np.divide(low, width, out=memory)
        low = np.expm1(low, out=memory)
        low = np.multiply(low, scale * alpha, out=memory)
        self.out = np.add(high, low, out=memory)
        return self.out

    def slope(self) -> Array:
        scale, alpha, width = self.spec.curve()
        memory = self.buffer("slope")
        slope = np.add(self.out, scale * alpha, out=memory)
        return np.divide(slope, width, out=memory)

    def scale(self) -> float:
        return self.spec.curve()[0]


@register
class Elu(_ExponentialUnit):
    """out = x where x > 0, else alpha * (exp(x) - 1)

    Shapes: any; out has x's shape.
    Source: Clevert et al., 2016; ONNX, Elu: dx = dout where x > 0, else dout * (out + alpha).
    """

    class Spec(_Exponential):
        type: Literal["Elu"]
        alpha: float = 1.0
        """Far negative numbers become -alpha."""

        def curve(self) -> tuple[float, float, float]:
            return 1.0, self.alpha, 1.0


@register
class Selu(_ExponentialUnit):
    """out = gamma * x where x > 0, else gamma * alpha * (exp(x) - 1)

    Shapes: any; out has x's shape.
    Source: Klambauer et al., 2017, whose constants are the defaults; ONNX has them in float32.
    dx = gamma * dout where x > 0, else dout * (out + gamma * alpha).
    """

    class Spec(_Exponential):
        type: Literal["Selu"]
        alpha: float = 1.6732632423543772
        """Far negative numbers become -gamma * alpha."""
        gamma: float = 1.0507009873554805
        """The slope above 0."""

        def curve(self) -> tuple[float, float, float]:
            return self.gamma, self.alpha, 1.0


@register
class Celu(_ExponentialUnit):
    """out = x where x > 0, else alpha * (exp(x / alpha) - 1)

    Shapes: any; out has x's shape.
    Source: Barron, 2017; ONNX, Celu: dx = dout where x > 0, else dout * (out / alpha + 1).
    """

    class Spec(_Exponential):
        type: Literal["Celu"]
        alpha: Annotated[float, Field(gt=0)] = 1.0
        """Far negative numbers become -alpha."""

        def curve(self) -> tuple[float, float, float]:
            return 1.0, self.alpha, self.alpha


@register
class ThresholdedRelu(Layer):
    """out = x where x > alpha, else 0

    Shapes: any; out has x's shape.
    Source: Konda et al., 2015; ONNX, ThresholdedRelu: dx = dout where x > alpha, else 0.
    """

    class Spec(_Rectifier):
        spare: ClassVar[tuple[str, ...]] = ()
        overwrites: ClassVar[tuple[str, ...]] = ("out", "dx")
        type: Literal["ThresholdedRelu"]
        alpha: float = 1.0
        """What passes is above it."""

    spec: Spec

    def forward(self, x: Array) -> Array:
        self.mask = np.greater(x, self.spec.alpha, out=self.buffer("mask"))
        return np.multiply(x, self.mask, out=self.buffer("out"))

    def backward(self, dout: Array) -> tuple[Array]:
        return (np.multiply(dout, self.mask, out=self.buffer("dx")),)
