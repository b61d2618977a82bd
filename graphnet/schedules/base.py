"""What all schedules of the learning rate have in common.

Units: `warmup`, `every` and `at` are epochs, which may be fractions (0.5); the rate changes every
step. A step is counted from 0 over all epochs, `batches` is the number of steps of an epoch.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, PlainValidator, WithJsonSchema

from graphnet.declaration import FAMILY, Declaration, Registry, tagged

Duration = Annotated[float, Field(ge=0, lt=2**31)]


class Schedule(Declaration):
    """The rate of a step is the optimizer's `lr` times `factor`, a number from 0 to 1."""

    spans: ClassVar[bool] = False
    """Whether the factor of a step depends on how many epochs there are."""
    type: str
    """The kind of schedule."""
    warmup: Duration | None = None
    """Epochs in which the rate rises to `lr`, by equal amounts from one step to the next."""

    def factor(self, step: int, epochs: int, batches: int) -> float:
        """What `lr` is multiplied by in a step."""
        raise NotImplementedError

    def rise(self, epochs: int, batches: int) -> float:
        """Steps of the warm-up."""
        return (self.warmup or 0.0) * batches


SCHEDULES: Registry[Schedule] = Registry(
    "schedule", {"graphnet.schedules.rates": ("Constant", "Step", "Cosine", "OneCycle")}
)
register = SCHEDULES.register
ScheduleField = Annotated[
    Schedule,
    PlainValidator(tagged("schedule", SCHEDULES)),
    WithJsonSchema({FAMILY: "Schedule"}),
]
