"""The training recipe: how long the samples are used, and how (`train`)."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from graphnet.declaration import Declaration, few
from graphnet.optimizers import SGD, OptimizerField
from graphnet.schedules import ScheduleField
from graphnet.spec.families import AugmentField, ClipField, EarlyStoppingField, MetricField
from graphnet.spec.problems import below

Count = Annotated[int, Field(ge=1, lt=2**31)]
# The history of more epochs would not fit into a bundle, whose limit is 4 MiB.
Epochs = Annotated[int, Field(ge=1, le=20_000)]
Seed = Annotated[int, Field(ge=0, lt=2**63)]


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
    early_stopping: EarlyStoppingField | None = None
    """When to stop before `epochs`; the network of the best epoch stays."""
    metrics: Metrics | None = None
    """What is measured after each epoch; absent: Accuracy, or R2 and MAE where a loss is one of
    numbers."""
    augment: Annotated[
        tuple[AugmentField, ...], Field(strict=False, max_length=100), BeforeValidator(few(100))
    ] = ()
    """How training pictures are changed before each use; test and validation pictures stay."""
    shards: Annotated[int, Field(ge=1, le=1024)] | None = None
    """Into how many parts a batch is cut, each of which one processor computes; absent: 1, 2, 4 or
    8, by the work of a step. More let more machines share a batch. Sums are added in another order
    then, so weights differ in their last digits."""
    schedule: ScheduleField | None = None
    """How the rate changes from step to step; absent: not at all."""
    clip: ClipField | None = None
    """How large gradients may be; absent: as large as they come."""

    @model_validator(mode="after")
    def _shards(self) -> TrainSpec:
        if self.shards is not None and self.shards > self.batch_size:
            text = f"a shard has one sample at least: at most 'batch_size', {self.batch_size}"
            raise below(f"{text}, found {self.shards}", "shards")
        return self

    @model_validator(mode="after")
    def _warmup(self) -> TrainSpec:
        warmup = self.schedule.warmup if self.schedule is not None else None
        if warmup is not None and warmup >= self.epochs:
            text = f"it counts epochs: it must be less than 'epochs', {self.epochs}"
            raise below(f"{text}, found {warmup:g}", "schedule", "warmup")
        return self
