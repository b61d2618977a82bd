"""The training recipe: how long the samples are used, and how (`train`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from graphnet.declaration import Declaration, few
from graphnet.optimizers import SGD, OptimizerField
from graphnet.schedules import ScheduleField
from graphnet.spec.families import AugmentField, MetricField
from graphnet.spec.problems import below

Count = Annotated[int, Field(ge=1, lt=2**31)]
# The history of more epochs would not fit into a bundle, whose limit is 4 MiB.
Epochs = Annotated[int, Field(ge=1, le=20_000)]
Limit = Annotated[float, Field(gt=0)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


class ClipSpec(Declaration):
    """Gradients that are made smaller before parameters move: `norm` or `value`.

    Source: Pascanu et al., 2013, algorithm 1, with PyTorch's numbers (`clip_grad_norm_`).
    """

    norm: Limit | None = None
    """The root of the sum of the squares of all gradients; above it all are multiplied by one
    number, norm / (that root + 1e-6)."""
    value: Limit | None = None
    """The greatest amount of each element."""

    @model_validator(mode="after")
    def _one_of_both(self) -> ClipSpec:
        if (self.norm is None) == (self.value is None):
            raise below("give either 'norm' or 'value'")
        return self


class EarlyStopping(Declaration):
    """Training ends where it no longer improves; at the end, also where no epoch was left, the
    network is again as it was after its best epoch.

    Source: Prechelt, Early Stopping - But When?, 1998.
    """

    monitor: Annotated[str, Field(min_length=1, max_length=400)] = "validation_loss"
    """What decides: `loss`, or a figure with its part before it, `validation_loss`,
    `validation_accuracy`, `train_top5`; with several losses `validation_accuracy/OUTPUT`."""
    patience: Annotated[int, Field(ge=1, lt=2**31)] = 5
    """So many epochs without improvement in a row are the last ones."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """What improves by no more than this is no improvement that patience counts."""


Metrics = Annotated[
    tuple[MetricField, ...], Field(strict=False, max_length=100), BeforeValidator(few(100))
]


class TrainSpec(Declaration):
    """How training goes: mini-batches in a new order each epoch.

    Source: Deep Learning from Scratch, 5.7.4.
    """

    epochs: Epochs
    """How many times every training sample is used."""
    batch_size: Count = 100
    """Samples a step; the last batch of an epoch may be shorter."""
    seed: Seed = 0
    """Everything random derives from it: initial weights and the order of samples."""
    optimizer: OptimizerField = SGD.Spec(type="SGD")
    """How gradients move parameters."""
    validation: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The share of the training samples that is kept apart, of each class alike, and measured
    after each epoch."""
    early_stopping: EarlyStopping | None = None
    """When to stop before `epochs`; the network of the best epoch stays."""
    metrics: Metrics | None = None
    """What is measured after each epoch; absent: Accuracy, or R2 and MAE where a loss is one of
    numbers."""
    augment: Annotated[
        tuple[AugmentField, ...], Field(strict=False, max_length=100), BeforeValidator(few(100))
    ] = ()
    """How training pictures are changed before each use; test and validation pictures stay."""
    schedule: ScheduleField | None = None
    """How the rate changes from step to step; absent: not at all."""
    clip: ClipSpec | None = None
    """How large gradients may be; absent: as large as they come."""

    @model_validator(mode="after")
    def _warmup(self) -> TrainSpec:
        warmup = self.schedule.warmup if self.schedule is not None else None
        if warmup is not None and warmup >= self.epochs:
            text = f"it counts epochs: it must be less than 'epochs', {self.epochs}"
            raise below(f"{text}, found {warmup:g}", "schedule", "warmup")
        return self
