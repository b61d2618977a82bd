"""What is measured after each epoch: `metrics` in the recipe."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from graphnet.declaration import Declaration, NodeName
from graphnet.spec.families import CHOICES, METRICS, Better, Kind


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


@METRICS.register
class Accuracy(MetricSpec):
    """The share of samples whose class is right, 0 to 1."""

    type: Literal["Accuracy"]


@METRICS.register
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


@METRICS.register
class Precision(OfClass):
    """Of the samples that are given a class, the share that is of it; 0 where there is none."""

    type: Literal["Precision"]


@METRICS.register
class Recall(OfClass):
    """Of the samples of a class, the share that is found."""

    type: Literal["Recall"]


@METRICS.register
class F1(OfClass):
    """2 * precision * recall / (precision + recall)"""

    type: Literal["F1"]


class OfNumbers(MetricSpec):
    """A figure of errors in numbers."""

    kinds: ClassVar[tuple[Kind, ...]] = ("numbers",)


@METRICS.register
class R2(OfNumbers):
    """1 - sum((t - y)^2) / sum((t - mean(t))^2), the share of the variance that is explained."""

    type: Literal["R2"]
    average: Literal["variance", "uniform"] = "variance"
    """Of several numbers a sample. variance: both sums are taken over all of them; uniform: the
    mean of their figures, in which one that hardly varies counts as much as any other."""


@METRICS.register
class MAE(OfNumbers):
    """mean(|t - y|), in the units of the target."""

    better: ClassVar[Better] = "lower"
    type: Literal["MAE"]


@METRICS.register
class RMSE(OfNumbers):
    """sqrt(mean((t - y)^2)), in the units of the target."""

    better: ClassVar[Better] = "lower"
    type: Literal["RMSE"]
