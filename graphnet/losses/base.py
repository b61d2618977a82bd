"""What every loss has: a Spec that says which scores it takes, and two passes that compute."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, PlainValidator, ValidationError, WithJsonSchema

from graphnet.declaration import FAMILY, Declaration, Name, NodeName, Registry, Shape, tagged
from graphnet.errors import DatasetError, ShapeError, SpecError
from graphnet.layers.base import Array, Arrays, Buffer, Flops

BALANCED = "balanced"
"""In place of class weights: those that follow from the samples that are trained on."""


class LossSpec(Declaration):
    """The attributes of a loss, and what it asks of the scores."""

    classifies: ClassVar[bool] = False
    """Whether the scores are those of classes, so that some answers are right."""

    type: str
    """The loss's class."""
    on: NodeName | None = None
    """The node whose scores it takes; absent: the only output."""
    target: Name = "t"
    """The name of what the scores should be: an array of the data set, or an input of the graph."""
    weight: Annotated[float, Field(gt=0)] = 1.0
    """What it is multiplied by in the sum of all losses."""

    def check_shape(self, scores: Shape) -> None:
        """Errors: ShapeError where one sample of scores cannot be judged."""

    def buffers(self, scores: Shape) -> dict[str, Buffer]:
        """What the loss computes in; `dx` is the gradient of the scores."""
        raise NotImplementedError

    def flops(self, scores: Shape) -> Flops:
        """Cost of one sample."""
        raise NotImplementedError


class Loss:
    """A mean over a batch. `forward` and `backward` are mirror images, as in a layer."""

    Spec: ClassVar[type[LossSpec]]

    def __init__(
        self, spec: LossSpec | None = None, *, buffers: Arrays | None = None, **attributes: Any
    ) -> None:
        self.spec = spec or self._alone(attributes)
        self._buffers = buffers

    def buffer(self, name: str) -> Array | None:
        """The buffer `name`; None for a loss alone, which NumPy takes as "allocate"."""
        return None if self._buffers is None else self._buffers[name]

    def targets(
        self, t: Any, samples: int, scores: Shape, dtype: np.dtype[Any] | None = None
    ) -> Array:
        """`t` as an array that `forward` takes, its numbers with a fraction of type `dtype`.

        Errors: ShapeError, DatasetError.
        """
        raise NotImplementedError

    @property
    def equal(self) -> bool:
        """Whether each sample has a mass of 1, whatever its target."""
        return True

    def mass(self, t: Array) -> float:
        """What the mean over these targets divides by: their number, or the sum of their weights.
        A batch in parts has the mean of the parts' losses, each weighted by its mass."""
        return len(t)

    def forward(self, x: Array, t: Array) -> float:
        """The loss, a mean over the batch."""
        raise NotImplementedError

    def backward(self, dout: float = 1.0) -> Array:
        """d(dout * loss) / dx."""
        raise NotImplementedError

    def right(self, x: Array, t: Array) -> tuple[int, int]:
        """Of a loss that `classifies`: how many answers are right, and of how many."""
        raise NotImplementedError

    @classmethod
    def _alone(cls, attributes: dict[str, Any]) -> LossSpec:
        kind = cls.__name__
        try:
            return cls.Spec.model_validate({"type": kind, **attributes})
        except ValidationError as e:
            wrong = e.errors(include_url=False)[0]
            where = ".".join(map(str, wrong["loc"]))
            raise SpecError(f"{kind}({where}=...): {wrong['msg'].lower()}") from None


def numbers_like(t: Any, samples: int, scores: Shape, dtype: np.dtype[Any] | None) -> Array:
    """Targets that are numbers, one for each score; one a sample may stand for a single score.

    Errors: ShapeError, DatasetError where one is not finite.
    """
    given: Array = np.asarray(t)
    if given.dtype.kind not in "fiub":
        raise ShapeError(f"targets must be numbers; found {given.dtype}")
    if scores == (1,) and given.shape == (samples,):
        given = given[:, np.newaxis]
    if given.shape != (samples, *scores):
        raise ShapeError(f"targets must have shape {(samples, *scores)}; found {given.shape}")
    kind = dtype or (given.dtype if given.dtype.kind == "f" else np.dtype(np.float64))
    with np.errstate(over="ignore"):
        found = given.astype(kind, copy=False)
    wrong = np.flatnonzero(~np.isfinite(found).reshape(samples, -1).all(axis=1))
    if len(wrong):
        raise DatasetError(f"a target is not finite in {kind} (sample {wrong[0]})")
    return found


LOSSES: Registry[Loss] = Registry(
    "loss",
    {
        "graphnet.losses.softmax": ("SoftmaxWithLoss",),
        "graphnet.losses.sigmoid": ("SigmoidWithLoss",),
        "graphnet.losses.regression": ("MeanSquaredError", "MeanAbsoluteError", "Huber"),
    },
)
register = LOSSES.register
LossField = Annotated[
    LossSpec,
    PlainValidator(tagged("loss", LOSSES, lambda loss: loss.Spec)),
    WithJsonSchema({FAMILY: "Loss"}),
]
