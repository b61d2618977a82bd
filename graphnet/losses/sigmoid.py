"""The loss of answers that are each yes or no."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np

from graphnet.declaration import Shape
from graphnet.errors import DatasetError
from graphnet.layers.base import Array, Buffer, Flops
from graphnet.losses.base import Loss, LossSpec, numbers_like, register


@register
class SigmoidWithLoss(Loss):
    """loss = mean of log(1 + exp(x)) - x * t, the binary cross-entropy of sigmoid(x)

    Each score is a question of its own: a sample may be of several classes, or of none.

    Shapes: x and t (N, ...), t from 0 to 1; t may be (N,) for a single score.
    Units: nats.
    Errors: ShapeError, DatasetError for a target outside 0 to 1.
    Source: Bishop, Pattern Recognition and Machine Learning, 4.3.2: with n the count of scores
    dx = dout * (sigmoid(x) - t) / n. log(1 + exp(x)) is max(x, 0) + log(1 + exp(-|x|)), so scores
    of 1e4 do not overflow.
    """

    class Spec(LossSpec):
        classifies: ClassVar[bool] = True
        type: Literal["SigmoidWithLoss"]

        def buffers(self, scores: Shape) -> dict[str, Buffer]:
            return {"far": Buffer(scores), "work": Buffer(scores), "dx": Buffer(scores)}

        def flops(self, scores: Shape) -> Flops:
            return Flops(8 * math.prod(scores), 4 * math.prod(scores))

    def targets(
        self, t: Any, samples: int, scores: Shape, dtype: np.dtype[Any] | None = None
    ) -> Array:
        found = numbers_like(t, samples, scores, dtype)
        wrong = np.flatnonzero(((found < 0) | (found > 1)).reshape(samples, -1).any(axis=1))
        if len(wrong):
            raise DatasetError(f"a target must be from 0 (no) to 1 (yes) (sample {wrong[0]})")
        return found

    def forward(self, x: Array, t: Array) -> float:
        self.x, self.t = x, t
        far, work = self.buffer("far"), self.buffer("work")
        found = np.abs(x, out=far)
        found = np.exp(np.negative(found, out=far), out=far)
        self.far = found  # exp(-|x|)
        found = np.log1p(found, out=work)
        total = _sum(found) + _sum(np.maximum(x, 0, out=work))
        total -= _sum(np.multiply(x, t, out=work))
        return total / x.size

    def backward(self, dout: float = 1.0) -> Array:
        # sigmoid(x) is 1 / (1 + far) right of 0 and far / (1 + far) left of it.
        memory, work = self.buffer("dx"), self.buffer("work")
        dx = np.where(self.x >= 0, 1.0, self.far) if memory is None else memory
        if memory is not None:
            np.copyto(memory, self.far)
            np.copyto(memory, 1.0, where=self.x >= 0)
        dx = np.divide(dx, np.add(self.far, 1, out=work), out=memory)
        dx = np.subtract(dx, self.t, out=memory)
        return np.multiply(dx, dout / dx.size, out=memory)

    def right(self, x: Array, t: Array) -> tuple[int, int]:
        return int(np.count_nonzero((x > 0) == (t > 0.5))), x.size


def _sum(numbers: Array) -> float:
    return float(np.add.reduce(numbers.reshape(-1), dtype=np.float64))
