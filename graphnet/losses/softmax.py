"""The loss of a classifier."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from graphnet.declaration import Shape
from graphnet.errors import DatasetError, ShapeError, SpecError, quoted
from graphnet.layers.base import Array, Buffer, Flops
from graphnet.losses.base import BALANCED, Loss, LossSpec, register

MOST_CLASSES = 100_000


def _class_weights(value: Any) -> Any:
    """`"balanced"`, or numbers above 0."""
    if value == BALANCED or value is None:
        return value
    if not isinstance(value, (list, tuple)) or not 2 <= len(value) <= MOST_CLASSES:
        raise _wrong(f"one number a class or '{BALANCED}' is expected, found {quoted(value)}")
    for i, weight in enumerate(value):
        if type(weight) not in (int, float) or not 0 < weight < 1e30:
            raise _wrong(f"a number above 0 and below 1e30 is expected, found {quoted(weight)}", i)
    return tuple(map(float, value))


def _wrong(text: str, *steps: int) -> PydanticCustomError:
    return PydanticCustomError("below", "{text}", {"text": text, "steps": steps})


ClassWeights = Annotated[
    tuple[float, ...] | Literal["balanced"] | None,
    PlainValidator(_class_weights),
    WithJsonSchema(
        {
            "anyOf": [
                {"const": BALANCED},
                {
                    "type": "array",
                    "items": {"type": "number", "exclusiveMinimum": 0},
                    "minItems": 2,
                    "maxItems": MOST_CLASSES,
                },
                {"type": "null"},
            ]
        }
    ),
]


@register
class SoftmaxWithLoss(Loss):
    """loss = mean over the batch of log(sum(exp(x))) - x[t], the cross-entropy of softmax(x)

    With `smoothing` s the target is 1 - s for the class t and s / C more for every class; with
    class_weights w each class's part is multiplied by w, and the mean divides by the sum of w[t].
    Targets equal to `ignore` do not count.

    Shapes: x (N, ..., C), C >= 2; t (N, ...) class indices of an integer type, or (N, ..., C)
    one-hot.
    Units: nats.
    Errors: ShapeError for a t of another rank or size, DatasetError for a t that is no class.
    Source: Deep Learning from Scratch, 5.6.3: dx = dout * (softmax(x) - t) / N; smoothing by
    Szegedy et al., 2016, 7; weights and mean are PyTorch's. The largest score is taken off first,
    so scores of 1e4 do not overflow.
    """

    class Spec(LossSpec):
        classifies: ClassVar[bool] = True
        type: Literal["SoftmaxWithLoss"]
        smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
        """How much of the target is spread evenly over all classes."""
        class_weights: ClassWeights = None
        """How much each class counts, in the order of the classes; absent: all the same.
        balanced: all samples of a class together as much as those of any other; training puts the
        numbers that follow from its samples in place of the word."""
        ignore: int | None = None
        """A target that does not count, such as the padding of a text."""

        @property
        def is_plain(self) -> bool:
            """Whether it is the cross-entropy alone."""
            return not self.smoothing and self.class_weights is None and self.ignore is None

        def check_shape(self, scores: Shape) -> None:
            if not scores or scores[-1] < 2:
                raise ShapeError(
                    "SoftmaxWithLoss takes one score a class: a binary choice has two, "
                    "or one with SigmoidWithLoss"
                )
            weights = self.class_weights
            if weights not in (None, BALANCED) and len(weights) != scores[-1]:
                raise ShapeError(f"{len(weights)} class_weights for {scores[-1]} classes")

        def buffers(self, scores: Shape) -> dict[str, Buffer]:
            return {"y": Buffer(scores), "dx": Buffer(scores)}

        def flops(self, scores: Shape) -> Flops:
            return Flops(5 * math.prod(scores), 2 * math.prod(scores))

    spec: Spec

    def targets(
        self, t: Any, samples: int, scores: Shape, dtype: np.dtype[Any] | None = None
    ) -> Array:
        given: Array = np.asarray(t)
        rank = len(scores)
        if given.ndim == rank and given.dtype.kind in "iu":
            return self._indices(given, samples, scores)
        if given.ndim == rank + 1 and given.dtype.kind in "iufb":
            return self._one_hot(given, samples, scores)
        axes = {1: "one axis", 2: "two axes", 3: "three axes"}
        raise ShapeError(
            f"targets must be class indices (integers, {axes.get(rank, f'{rank} axes')}) or "
            f"one-hot ({axes.get(rank + 1, f'{rank + 1} axes')}); "
            f"found {quoted(str(given.dtype))} of shape {given.shape}"
        )

    def _indices(self, t: Array, samples: int, scores: Shape) -> Array:
        classes = scores[-1]
        if len(t) != samples:
            raise ShapeError(f"{samples} samples need {samples} targets; found {len(t)}")
        if t.shape[1:] != scores[:-1]:
            wanted = (samples, *scores[:-1])
            raise ShapeError(f"class indices must have shape {wanted}; found {t.shape}")
        wrong = (t < 0) | (t >= classes)
        if self.spec.ignore is not None:
            wrong &= t != self.spec.ignore
        if wrong.any():
            at = tuple(int(i[0]) for i in np.nonzero(wrong))
            raise DatasetError(
                f"target {t[at]} is no class: indices go from 0 to {classes - 1} (sample {at[0]})"
            )
        return t.astype(np.intp, copy=False)

    @staticmethod
    def _one_hot(t: Array, samples: int, scores: Shape) -> Array:
        if t.shape != (samples, *scores):
            raise ShapeError(
                f"one-hot targets must have shape {(samples, *scores)}; found {t.shape}"
            )
        wrong = np.nonzero((np.count_nonzero(t, axis=-1) != 1) | (t.max(axis=-1) != 1))[0]
        if len(wrong):
            raise DatasetError(f"a one-hot target has one 1 and else 0 (sample {wrong[0]})")
        indices: Array = t.argmax(axis=-1)
        return indices

    @property
    def equal(self) -> bool:
        return self.spec.class_weights is None and self.spec.ignore is None

    def mass(self, t: Array) -> float:
        if self.equal:
            return len(t)
        return float(np.add.reduce(self._weights(t.reshape(-1), np.dtype(np.float64))))

    def forward(self, x: Array, t: Array) -> float:
        # Reductions as ufuncs and places as flat numbers: half the time of `x.max`, `y[rows, t]`.
        memory, classes = self.buffer("y"), x.shape[-1]
        self.shape, x, t = x.shape, x.reshape(-1, classes), t.reshape(-1)
        memory = memory if memory is None else memory.reshape(x.shape)
        self.places = np.arange(0, x.size, classes)
        self.places += t if self.spec.ignore is None else np.where(t == self.spec.ignore, 0, t)
        y = np.subtract(x, np.maximum.reduce(x, axis=1, keepdims=True), out=memory)
        of_target = y.reshape(-1).take(self.places)
        of_all = None if self.spec.is_plain else self._weigh(y, t)
        y = np.exp(y, out=memory)
        total = np.add.reduce(y, axis=1, keepdims=True)
        self.y = np.divide(y, total, out=memory)
        losses = np.log(total.reshape(len(x)))
        if of_all is None:
            np.subtract(losses, of_target, out=losses)
            return float(np.add.reduce(losses, dtype=np.float64)) / len(x)
        losses = self.whole * losses - self.one * of_target - of_all
        return float(np.add.reduce(losses, dtype=np.float64)) / self.count if self.count else 0.0

    def backward(self, dout: float = 1.0) -> Array:
        memory = self.buffer("dx")
        memory = memory if memory is None else memory.reshape(self.y.shape)
        if self.spec.is_plain:
            scale = dout / len(self.y)
            dx: Array = np.multiply(self.y, scale, out=memory)
            dx.reshape(-1)[self.places] -= scale
        else:
            scale = dout / self.count if self.count else 0.0
            dx = np.multiply(self.y, (self.whole * scale)[:, np.newaxis], out=memory)
            if self.spec.smoothing:
                # The scores are no longer needed: what is taken off lies in their place.
                each = (self.of_each * scale)[:, np.newaxis]
                spread = np.multiply(each, self.every, out=self.y if self._buffers else None)
                np.subtract(dx, spread, out=dx)
            dx.reshape(-1)[self.places] -= self.one * scale
        return dx.reshape(self.shape)

    def right(self, x: Array, t: Array) -> tuple[int, int]:
        found = x.argmax(axis=-1) == t
        if self.spec.ignore is None:
            return int(np.count_nonzero(found)), t.size
        counted = t != self.spec.ignore
        return int(np.count_nonzero(found & counted)), int(np.count_nonzero(counted))

    def _weights(self, t: Array, dtype: np.dtype[Any]) -> Array:
        """What each target counts."""
        weights, ignore = self.spec.class_weights, self.spec.ignore
        known = np.zeros_like(t) if ignore is None else np.where(t == ignore, 0, t)
        if isinstance(weights, str):
            raise SpecError(
                f"class_weights '{weights}' follow from the samples that are trained on: fit puts "
                "numbers in their place"
            )
        if weights is None:
            found = np.ones(len(t), dtype)
        else:
            found = np.asarray(weights, dtype)[t if ignore is None else known]
        return found if ignore is None else np.where(t == ignore, dtype.type(0), found)

    def _weigh(self, y: Array, t: Array) -> Array:
        """For each row: what the target's class and all of them count, and the smoothed part of
        the scores that the loss takes off."""
        spec, classes = self.spec, y.shape[1]
        weights = self._weights(t, y.dtype)
        self.count = float(np.add.reduce(weights, dtype=np.float64))
        self.one = weights * (1 - spec.smoothing)
        every = spec.class_weights or (1.0,) * classes
        self.every = np.asarray(every, y.dtype) * (spec.smoothing / classes)
        counted = 1.0 if spec.ignore is None else t != spec.ignore
        self.of_each = np.ones(len(t), y.dtype) * counted
        self.whole = self.one + self.of_each * self.every.sum()
        found: Array = np.matmul(y, self.every) * self.of_each
        return found
