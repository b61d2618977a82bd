"""Losses of numbers: how far scores lie from what they should be."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from graphnet.declaration import Shape
from graphnet.layers.base import Array, Buffer, Flops
from graphnet.losses.base import Loss, LossSpec, numbers_like, register


class _DistanceSpec(LossSpec):
    def buffers(self, scores: Shape) -> dict[str, Buffer]:
        return {"apart": Buffer(scores), "work": Buffer(scores), "dx": Buffer(scores)}

    def flops(self, scores: Shape) -> Flops:
        return Flops(4 * math.prod(scores), 2 * math.prod(scores))


class _Distance(Loss):
    """A mean over all numbers of x - t, put through a function."""

    def targets(
        self, t: Any, samples: int, scores: Shape, dtype: np.dtype[Any] | None = None
    ) -> Array:
        return numbers_like(t, samples, scores, dtype)

    def _apart(self, x: Array, t: Array) -> Array:
        self.apart: Array = np.subtract(x, t, out=self.buffer("apart"))
        return self.apart

    def _mean(self, numbers: Array) -> float:
        return float(np.add.reduce(numbers.reshape(-1), dtype=np.float64)) / numbers.size


@register
class MeanSquaredError(_Distance):
    """loss = mean of (x - t)^2, over the batch and all numbers of a sample

    Shapes: x and t (N, ...); t may be (N,) for a single score.
    Units: the square of the target's.
    Errors: ShapeError, DatasetError for a target that is not finite.
    Source: Bishop, Pattern Recognition and Machine Learning, 1.5.5; dx = 2 * dout * (x - t) / n,
    n the count of numbers. Deep Learning from Scratch, 4.2.1 has half the sum in place of the mean.
    """

    class Spec(_DistanceSpec):
        type: Literal["MeanSquaredError"]

    def forward(self, x: Array, t: Array) -> float:
        apart = self._apart(x, t)
        return self._mean(np.multiply(apart, apart, out=self.buffer("work")))

    def backward(self, dout: float = 1.0) -> Array:
        return np.multiply(self.apart, 2 * dout / self.apart.size, out=self.buffer("dx"))


@register
class MeanAbsoluteError(_Distance):
    """loss = mean of |x - t|, over the batch and all numbers of a sample

    Shapes: x and t (N, ...); t may be (N,) for a single score.
    Units: the target's.
    Errors: ShapeError, DatasetError for a target that is not finite.
    Source: Bishop, Pattern Recognition and Machine Learning, 1.5.5; dx = dout * sign(x - t) / n,
    which is 0 where both are equal.
    """

    class Spec(_DistanceSpec):
        type: Literal["MeanAbsoluteError"]

    def forward(self, x: Array, t: Array) -> float:
        return self._mean(np.abs(self._apart(x, t), out=self.buffer("work")))

    def backward(self, dout: float = 1.0) -> Array:
        memory = self.buffer("dx")
        dx = np.sign(self.apart, out=memory)
        return np.multiply(dx, dout / dx.size, out=memory)


@register
class Huber(_Distance):
    """loss = mean of d^2 / 2 where |d| <= delta, else delta * (|d| - delta / 2); d = x - t

    Shapes: x and t (N, ...); t may be (N,) for a single score.
    Units: the square of the target's; delta in the target's.
    Errors: ShapeError, DatasetError for a target that is not finite.
    Source: Huber, 1964. With c = d clipped to -delta..delta it is c * (d - c / 2), and
    dx = dout * c / n.
    """

    class Spec(_DistanceSpec):
        type: Literal["Huber"]
        delta: Annotated[float, Field(gt=0)] = 1.0
        """Where the loss turns from a square into a line."""

        def buffers(self, scores: Shape) -> dict[str, Buffer]:
            return {"near": Buffer(scores), **super().buffers(scores)}

    spec: Spec

    def forward(self, x: Array, t: Array) -> float:
        apart, delta = self._apart(x, t), self.spec.delta
        self.near: Array = np.clip(apart, -delta, delta, out=self.buffer("near"))
        memory = self.buffer("work")
        found = np.multiply(self.near, -0.5, out=memory)
        found = np.add(found, apart, out=memory)
        return self._mean(np.multiply(found, self.near, out=memory))

    def backward(self, dout: float = 1.0) -> Array:
        return np.multiply(self.near, dout / self.near.size, out=self.buffer("dx"))
