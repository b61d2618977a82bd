"""The families of which a recipe names members: what is measured, how pictures are changed.

Each family's file is imported when a spec uses it.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from graphnet.declaration import FAMILY, Declaration, Name, Registry, tagged

Kind = Literal["classes", "binary", "numbers"]
"""What scores stand for: one score a class; one score that is above 0 for yes; numbers."""
Better = Literal["higher", "lower"]
CHOICES: tuple[Kind, ...] = ("classes", "binary")


class AugmentSpec(Declaration):
    """One way to change a picture, drawn anew for each sample in each epoch."""

    moves: ClassVar[bool] = True
    """Whether it says where pixels come from: all such ones become one map, in their order."""

    type: str
    """The way."""


class MetricSpec(Declaration):
    """A figure that is measured over whole parts of the data."""

    kinds: ClassVar[tuple[Kind, ...]] = CHOICES
    """What scores it can judge."""

    type: str
    """The figure."""
    on: Name | None = None
    """The output that it judges; absent: every output with a loss that it can judge."""

    better: ClassVar[Better] = "higher"
    """Which way it improves."""

    @property
    def figure(self) -> str:
        """The name under which it is shown and kept."""
        return self.type.lower()


AUGMENTS: Registry[AugmentSpec] = Registry(
    "augmentation",
    {"graphnet.spec.augment": ("Shift", "Rotate", "Scale", "Shear", "Flip", "Noise")},
)
METRICS: Registry[MetricSpec] = Registry(
    "metric",
    {
        "graphnet.spec.metrics": (
            *("Accuracy", "TopK", "Precision", "Recall", "F1"),
            *("R2", "MAE", "RMSE"),
        )
    },
)
AugmentField = Annotated[
    AugmentSpec,
    PlainValidator(tagged("augmentation", AUGMENTS)),
    WithJsonSchema({FAMILY: "Augment"}),
]


def _named(value: Any) -> Any:
    """`"Accuracy"` for `{"type": "Accuracy"}`."""
    return {"type": value} if isinstance(value, str) else value


MetricField = Annotated[
    MetricSpec,
    PlainValidator(tagged("metric", METRICS)),
    BeforeValidator(_named),
    WithJsonSchema({"anyOf": [{"enum": list(METRICS)}, {FAMILY: "Metric"}]}),
]
