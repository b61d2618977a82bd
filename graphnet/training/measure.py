"""What is measured of a network over a part of the data: its losses, and figures by output."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from graphnet.declaration import did_you_mean
from graphnet.engine import Engine
from graphnet.errors import DivergedError, SpecError, clipped, quoted
from graphnet.finite import is_finite, said
from graphnet.layers.base import Array
from graphnet.metrics import (
    MOST_CONFUSED,
    Answers,
    ClassReport,
    Metric,
    confusion,
    counts_of,
    metric_for,
    report_of,
)
from graphnet.network import Network
from graphnet.spec.measured import Figure, Judged, figures, judged
from graphnet.spec.metrics import Accuracy, OfClass
from graphnet.training.packing import pack_arrays, unpack_arrays


@dataclass(frozen=True)
class Measured:
    """loss: the weighted sum of all losses, each a mean, None where it was not asked for;
    accuracy: that of the first scores of classes; figures: all of them by name; reports: of each
    class, by output, where they were asked for."""

    loss: float | None
    accuracy: float | None
    figures: Mapping[str, float]
    reports: Mapping[str, ClassReport] = field(default_factory=dict)

    @property
    def report(self) -> ClassReport:
        """The report of the only output of classes.

        Errors: SpecError where there is none, or are several.
        """
        if len(self.reports) != 1:
            outputs = ", ".join(f"'{name}'" for name in self.reports) or "none"
            raise SpecError(f"'report' is that of the only output of classes; there is {outputs}")
        return next(iter(self.reports.values()))


@dataclass
class Counts:
    """Of some samples: of each loss its sum and what its mean divides by; of each figure, and of
    each report, what it counts."""

    losses: list[Array]
    figures: list[Array]
    reports: list[Array]


def pack(counts: Counts) -> bytes:
    """Counts as bytes, for another process of the run."""
    lists = (counts.losses, counts.figures, counts.reports)
    sizes = np.array([len(one) for one in lists])
    return pack_arrays([sizes, *counts.losses, *counts.figures, *counts.reports])


def unpack(data: bytes) -> Counts:
    """What `pack` was given."""
    sizes, *arrays = unpack_arrays(data)
    stops = np.cumsum(sizes)
    return Counts(*(arrays[stop - size : stop] for size, stop in zip(sizes, stops, strict=True)))


class Measure:
    """Counts over pieces of the samples, which join to the figures of all.

    labels: names of classes that the data bring, where neither the spec nor what was
    fitted to them names any.
    losses, reports: whether these are measured too.
    """

    def __init__(
        self,
        net: Network,
        labels: Sequence[str] | None = None,
        *,
        losses: bool = False,
        reports: bool = False,
    ) -> None:
        spec, outputs = net.spec, net.graph.wiring.outputs
        self.graph = net.graph
        self.judged = judged(spec, outputs)
        self.figures = figures(spec, self.judged)
        self.losses = losses
        several = len(self.judged) > 1
        self._labels = [
            net.labels(part.on) or (None if several else labels) for part in self.judged
        ]
        self._metrics: list[Metric] = [
            metric_for(figure.metric, self._labels[figure.of]) for figure in self.figures
        ]
        for figure in self.figures:
            self._check_label(figure)
        self._reported = {
            j: self._has_matrix(part)
            for j, part in enumerate(self.judged)
            if reports and part.kind != "numbers"
        }
        # Scores that no output gives are computed by a pass over everything.
        self._walks = any(part.on not in outputs for part in self.judged)

    def count(
        self, engine: Engine, inputs: Mapping[str, Array], targets: Sequence[Array]
    ) -> Counts:
        """What is kept of a batch.

        Errors: DivergedError where scores are not finite: the best of them would mean nothing.
        """
        values = engine.forward(inputs) if self._walks else engine.predict(inputs)
        for part in self.judged:
            if not is_finite(values[part.on]):
                raise DivergedError(said(values[part.on], f"the output of '{part.on}'"))
        found = Counts([], [], [])
        if self.losses:
            masses = engine.masses(targets)
            rows = zip(engine.losses, self.graph.objectives, targets, masses, strict=True)
            for loss, objective, t, mass in rows:
                mean = loss.forward(values[objective.on], t) if mass else 0.0
                found.losses.append(np.array([mean * mass, mass]))
        answers = [self._answers(part, values, targets) for part in self.judged]
        for figure, metric in zip(self.figures, self._metrics, strict=True):
            found.figures.append(metric.count(answers[figure.of]))
        for j, matrix in self._reported.items():
            found.reports.append(confusion(answers[j]) if matrix else counts_of(answers[j]))
        return found

    def join(self, one: Counts, other: Counts) -> Counts:
        """The counts of both."""
        triples = zip(self._metrics, one.figures, other.figures, strict=True)
        return Counts(
            [a + b for a, b in zip(one.losses, other.losses, strict=True)],
            [metric.join(a, b) for metric, a, b in triples],
            [a + b for a, b in zip(one.reports, other.reports, strict=True)],
        )

    def value(self, counts: Counts) -> Measured:
        """The figures."""
        loss = None
        if self.losses:
            pairs = zip(self.graph.objectives, counts.losses, strict=True)
            means = (o.spec.weight * total / mass for o, (total, mass) in pairs if mass)
            loss = float(sum(means))
        rows = zip(self.figures, self._metrics, counts.figures, strict=True)
        found = {figure.name: metric.value(part) for figure, metric, part in rows}
        reports = {
            self.judged[j].on: report_of(part, self._labels[j], matrix=matrix)
            for (j, matrix), part in zip(self._reported.items(), counts.reports, strict=True)
        }
        accuracies = (f.name for f in self.figures if isinstance(f.metric, Accuracy))
        return Measured(loss, found.get(next(accuracies, "")), found, reports)

    def _answers(
        self, part: Judged, values: Mapping[str, Array], targets: Sequence[Array]
    ) -> Answers:
        ignore = getattr(self.graph.objectives[part.loss].spec, "ignore", None)
        return Answers(part.kind, values[part.on], targets[part.loss], ignore)

    def _check_label(self, figure: Figure) -> None:
        """Errors: SpecError for a label that neither the spec nor the data name."""
        label = figure.metric.label if isinstance(figure.metric, OfClass) else None
        if label is None:
            return
        part = self.judged[figure.of]
        shape, names = self.graph.shapes[part.on], self._labels[figure.of]
        count = 2 if part.kind == "binary" and math.prod(shape) == 1 else shape[-1]
        known = names or tuple(map(str, range(count)))
        if label not in known:
            hint = did_you_mean(label, known)
            text = f"metric {figure.metric.type}: {quoted(label)} is no class of '{part.on}'{hint}"
            raise SpecError(clipped(f"{self.graph.spec.name}: {text}"))

    def _has_matrix(self, part: Judged) -> bool:
        shape = self.graph.shapes[part.on]
        if part.kind == "binary":
            return math.prod(shape) == 1
        return shape[-1] <= MOST_CONFUSED
