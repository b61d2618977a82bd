"""What a spec may say beside its layers and mostly does not: where samples come from, how rows and
texts become inputs, what is measured, how pictures are changed, when training stops.

The file of each is imported when a spec uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, PlainValidator, WithJsonSchema

from graphnet.declaration import FAMILY, Registry, tagged

Gives = Literal["pictures", "columns", "arrays", "text"]
"""What the samples of a source are."""
Kind = Literal["classes", "binary", "numbers"]
"""What scores stand for: one score a class; one score that is above 0 for yes; numbers."""
Better = Literal["higher", "lower"]
CHOICES: tuple[Kind, ...] = ("classes", "binary")


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
if TYPE_CHECKING:
    from graphnet.spec.augment import AugmentSpec
    from graphnet.spec.clip import ClipSpec
    from graphnet.spec.columns import Column
    from graphnet.spec.early import EarlyStopping
    from graphnet.spec.metrics import MetricSpec
    from graphnet.spec.sources import DataSpec
    from graphnet.spec.text import TextSpec

    Columns = dict[str, Column]
else:  # Pydantic reads them: what is checked by a function of its own may be anything
    AugmentSpec = ClipSpec = EarlyStopping = MetricSpec = DataSpec = TextSpec = Columns = Any

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


def _clip(value: Any) -> Any:
    from graphnet.spec.clip import ClipSpec

    return ClipSpec.model_validate(value)


def _early_stopping(value: Any) -> Any:
    from graphnet.spec.early import EarlyStopping

    return EarlyStopping.model_validate(value)


ColumnsField = Annotated[Columns, PlainValidator(_columns), WithJsonSchema({FAMILY: "Columns"})]
TextField = Annotated[TextSpec, PlainValidator(_text), WithJsonSchema({FAMILY: "TextSpec"})]
ClipField = Annotated[ClipSpec, PlainValidator(_clip), WithJsonSchema({FAMILY: "ClipSpec"})]
EarlyStoppingField = Annotated[
    EarlyStopping, PlainValidator(_early_stopping), WithJsonSchema({FAMILY: "EarlyStopping"})
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
