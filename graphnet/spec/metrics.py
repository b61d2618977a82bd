"""What is measured beside the loss after each epoch: `metrics` in the recipe."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from graphnet.declaration import FAMILY, Declaration, Name, tagged

Kind = Literal["classes", "binary", "numbers"]
"""What scores stand for: one score a class; one score that is above 0 for yes; numbers."""
CHOICES: tuple[Kind, ...] = ("classes", "binary")


class MetricSpec(Declaration):
    """A figure that is measured over whole parts of the data."""

    kinds: ClassVar[tuple[Kind, ...]] = CHOICES
    """What scores it can judge."""

    type: str
    """The figure."""
    on: Name | None = None
    """The output that it judges; absent: every output with a loss that it can judge."""

    @property
    def figure(self) -> str:
        """The name under which it is shown and kept."""
        return self.type.lower()


class Accuracy(MetricSpec):
    """The share of samples whose class is right, 0 to 1."""

    type: Literal["Accuracy"]


class TopK(MetricSpec):
    """The share of samples whose class is among the k best scores, 0 to 1."""

    kinds: ClassVar[tuple[Kind, ...]] = ("classes",)
    type: Literal["TopK"]
    k: Annotated[int, Field(ge=1, lt=2**31)] = 5
    """How many scores count."""

    @property
    def figure(self) -> str:
        return f"top{self.k}"


class OfClass(MetricSpec):
    """A figure of each class."""

    label: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """The name of the one class to measure (its index where the spec names no labels);
    absent: the mean over the classes that samples have."""

    @property
    def figure(self) -> str:
        return super().figure if self.label is None else f"{super().figure}[{self.label}]"


class Precision(OfClass):
    """Of the samples that are given a class, the share that is of it; 0 where there is none."""

    type: Literal["Precision"]


class Recall(OfClass):
    """Of the samples of a class, the share that is found."""

    type: Literal["Recall"]


class F1(OfClass):
    """2 * precision * recall / (precision + recall)"""

    type: Literal["F1"]


class OfNumbers(MetricSpec):
    """A figure of errors in numbers."""

    kinds: ClassVar[tuple[Kind, ...]] = ("numbers",)


class R2(OfNumbers):
    """1 - sum((t - y)^2) / sum((t - mean(t))^2), the share of the variance that is explained."""

    type: Literal["R2"]
    average: Literal["variance", "uniform"] = "variance"
    """Of several numbers a sample. variance: both sums are taken over all of them; uniform: the
    mean of their figures, in which one that hardly varies counts as much as any other."""


class MAE(OfNumbers):
    """mean(|t - y|), in the units of the target."""

    type: Literal["MAE"]


class RMSE(OfNumbers):
    """sqrt(mean((t - y)^2)), in the units of the target."""

    type: Literal["RMSE"]


METRIC_SPECS: dict[str, type[MetricSpec]] = {
    cls.__name__: cls for cls in (Accuracy, TopK, Precision, Recall, F1, R2, MAE, RMSE)
}


def _named(value: Any) -> Any:
    """`"Accuracy"` for `{"type": "Accuracy"}`."""
    return {"type": value} if isinstance(value, str) else value


MetricField = Annotated[
    MetricSpec,
    PlainValidator(tagged("metric", METRIC_SPECS)),
    BeforeValidator(_named),
    WithJsonSchema({"anyOf": [{"enum": list(METRIC_SPECS)}, {FAMILY: "Metric"}]}),
]
