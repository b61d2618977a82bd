"""The families of which a spec names members beside layers: where samples come from, how rows and
texts become inputs, what is measured, how pictures are changed.

Each family's file is imported when a spec uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, get_args

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from graphnet.declaration import FAMILY, Declaration, NodeName, Registry, tagged

Gives = Literal["pictures", "columns", "arrays", "text"]
"""What the samples of a source are."""
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
    on: NodeName | None = None
    """The output that it judges; absent: every output with a loss that it can judge."""

    better: ClassVar[Better] = "higher"
    """Which way it improves."""

    @property
    def figure(self) -> str:
        """The name under which it is shown and kept."""
        return self.type.lower()


class DataSpec(Declaration):
    """Where the samples come from."""

    gives: ClassVar[Gives] = "pictures"
    """What the samples are, which says what the inputs must declare."""
    picture: ClassVar[tuple[int, int] | None] = None
    """Height and width of the pictures of a source that has only one size."""
    classes: ClassVar[int | None] = None
    """How many classes a source has, where that is known."""

    source: str
    """The kind of source."""


SOURCES: Registry[DataSpec] = Registry(
    "data source",
    {
        "graphnet.spec.sources": (
            *("digits", "mnist", "fashion_mnist", "idx"),
            *("csv", "folder", "npz", "npy", "lines"),
        )
    },
    lambda cls: get_args(cls.model_fields["source"].annotation)[0],
)
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


DataField = Annotated[
    DataSpec,
    PlainValidator(tagged("data source", SOURCES, tag="source")),
    WithJsonSchema({FAMILY: "Data"}),
]


def _columns(value: Any) -> Any:
    from graphnet.spec.columns import columns_in

    return columns_in(value)


def _text(value: Any) -> Any:
    from graphnet.spec.text import TextSpec

    return TextSpec.model_validate(value)


if TYPE_CHECKING:
    from graphnet.spec.columns import Column
    from graphnet.spec.text import TextSpec

    Columns = dict[str, Column]
else:
    Columns = TextSpec = Any
ColumnsField = Annotated[Columns, PlainValidator(_columns), WithJsonSchema({FAMILY: "Columns"})]
TextField = Annotated[TextSpec, PlainValidator(_text), WithJsonSchema({FAMILY: "TextSpec"})]


def _named(value: Any) -> Any:
    """`"Accuracy"` for `{"type": "Accuracy"}`."""
    return {"type": value} if isinstance(value, str) else value


MetricField = Annotated[
    MetricSpec,
    PlainValidator(tagged("metric", METRICS)),
    BeforeValidator(_named),
    WithJsonSchema({"anyOf": [{"enum": list(METRICS)}, {FAMILY: "Metric"}]}),
]
