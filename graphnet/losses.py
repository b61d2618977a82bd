"""What training minimises. A loss is no node: `predict` stops before it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import PlainValidator, WithJsonSchema

from graphnet.declaration import FAMILY, Declaration, Shape, tagged
from graphnet.errors import DatasetError, ShapeError, quoted
from graphnet.layers.base import Array, Arrays, Buffer, Flops


class LossSpec(Declaration):
    """The attributes of a loss, and what it asks of the scores."""

    type: str
    """The loss's class."""

    def check_shape(self, scores: Shape) -> None:
        """Errors: ShapeError where one sample of scores cannot be judged."""
        raise NotImplementedError

    def buffers(self, scores: Shape) -> dict[str, Buffer]:
        """What the loss computes in; `dx` is the gradient of the scores."""
        raise NotImplementedError

    def flops(self, scores: Shape) -> Flops:
        """Cost of one sample."""
        raise NotImplementedError


class Loss:
    """A mean over a batch. `forward` and `backward` are mirror images, as in a layer."""

    Spec: ClassVar[type[LossSpec]]

    def __init__(self, spec: LossSpec | None = None, *, buffers: Arrays | None = None) -> None:
        self.spec = spec or self.Spec.model_validate({"type": type(self).__name__})
        self._buffers = buffers

    def buffer(self, name: str) -> Array | None:
        """The buffer `name`; None for a loss alone, which NumPy takes as "allocate"."""
        return None if self._buffers is None else self._buffers[name]

    def targets(self, t: Any, samples: int, scores: Shape) -> Array:
        """`t` as an array that `forward` takes.

        Errors: ShapeError, DatasetError.
        """
        raise NotImplementedError

    def forward(self, x: Array, t: Array) -> float:
        """The loss, a mean over the batch."""
        raise NotImplementedError

    def backward(self, dout: float = 1.0) -> Array:
        """d(dout * loss) / dx."""
        raise NotImplementedError


class SoftmaxWithLoss(Loss):
    """loss = mean over the batch of log(sum(exp(x))) - x[t], the cross-entropy of softmax(x)

    Shapes: x (N, C), C >= 2; t (N,) class indices of an integer type, or (N, C) one-hot.
    Units: nats.
    Errors: ShapeError for a t of another rank or size, DatasetError for a t that is no class.
    Source: Deep Learning from Scratch, 5.6.3: dx = dout * (softmax(x) - t) / N. The largest
    score is taken off first, so scores of 1e4 do not overflow.
    """

    class Spec(LossSpec):
        type: Literal["SoftmaxWithLoss"]

        def check_shape(self, scores: Shape) -> None:
            if len(scores) != 1 or scores[0] < 2:
                raise ShapeError("SoftmaxWithLoss takes one score a class: a binary choice has two")

        def buffers(self, scores: Shape) -> dict[str, Buffer]:
            return {"y": Buffer(scores), "dx": Buffer(scores)}

        def flops(self, scores: Shape) -> Flops:
            return Flops(5 * scores[0], 2 * scores[0])

    def targets(self, t: Any, samples: int, scores: Shape) -> Array:
        classes = scores[0]
        given: Array = np.asarray(t)
        if given.ndim == 1 and given.dtype.kind in "iu":
            return self._indices(given, samples, classes)
        if given.ndim == 2 and given.dtype.kind in "iufb":
            return self._one_hot(given, samples, classes)
        raise ShapeError(
            "targets must be class indices (integers, one axis) or one-hot (two axes); "
            f"found {quoted(str(given.dtype))} of shape {given.shape}"
        )

    @staticmethod
    def _indices(t: Array, samples: int, classes: int) -> Array:
        if len(t) != samples:
            raise ShapeError(f"{samples} samples need {samples} targets; found {len(t)}")
        wrong = np.flatnonzero((t < 0) | (t >= classes))
        if len(wrong):
            raise DatasetError(
                f"target {t[wrong[0]]} is no class: indices go from 0 to {classes - 1} "
                f"(sample {wrong[0]})"
            )
        return t.astype(np.intp, copy=False)

    @staticmethod
    def _one_hot(t: Array, samples: int, classes: int) -> Array:
        if t.shape != (samples, classes):
            raise ShapeError(
                f"one-hot targets must have shape {(samples, classes)}; found {t.shape}"
            )
        wrong = np.flatnonzero((np.count_nonzero(t, axis=1) != 1) | (t.max(axis=1) != 1))
        if len(wrong):
            raise DatasetError(f"a one-hot target has one 1 and else 0 (sample {wrong[0]})")
        indices: Array = t.argmax(axis=1)
        return indices

    def forward(self, x: Array, t: Array) -> float:
        # Reductions as ufuncs and places as flat numbers: half the time of `x.max`, `y[rows, t]`.
        memory, samples = self.buffer("y"), len(x)
        self.places = np.arange(0, x.size, x.shape[1])
        self.places += t
        y = np.subtract(x, np.maximum.reduce(x, axis=1, keepdims=True), out=memory)
        of_target = y.reshape(-1).take(self.places)
        y = np.exp(y, out=memory)
        total = np.add.reduce(y, axis=1, keepdims=True)
        self.y = np.divide(y, total, out=memory)
        losses = np.log(total.reshape(samples))
        return float(np.add.reduce(np.subtract(losses, of_target), dtype=np.float64)) / samples

    def backward(self, dout: float = 1.0) -> Array:
        scale = dout / len(self.y)
        dx: Array = np.multiply(self.y, scale, out=self.buffer("dx"))
        dx.reshape(-1)[self.places] -= scale
        return dx


LOSSES: dict[str, type[Loss]] = {cls.__name__: cls for cls in (SoftmaxWithLoss,)}
LossField = Annotated[
    LossSpec,
    PlainValidator(tagged("loss", LOSSES, lambda loss: loss.Spec)),
    WithJsonSchema({FAMILY: "Loss"}),
]
