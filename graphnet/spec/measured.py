"""Which figures a recipe measures, of which scores, and under which names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from graphnet.declaration import Shape, did_you_mean
from graphnet.errors import quoted
from graphnet.losses import LossSpec
from graphnet.spec.families import METRICS, Better, Kind
from graphnet.spec.graph import GraphSpec
from graphnet.spec.metrics import MAE, R2, Accuracy, MetricSpec, OfClass, TopK
from graphnet.spec.problems import Path, Problem

DEFAULTS: dict[Kind, tuple[MetricSpec, ...]] = {
    "classes": (Accuracy(type="Accuracy"),),
    "binary": (Accuracy(type="Accuracy"),),
    "numbers": (R2(type="R2"), MAE(type="MAE")),
}
"""What is measured where a recipe says nothing."""


class Judged(NamedTuple):
    """Scores that are judged. loss: the number of the loss whose targets they have; suffix: what
    ends the names of their figures, where there are several."""

    loss: int
    on: str
    kind: Kind
    suffix: str


class Figure(NamedTuple):
    """A figure under its name; of: the number of the scores that it judges."""

    name: str
    of: int
    metric: MetricSpec


def kind_of(loss: LossSpec) -> Kind:
    """What the scores that a loss takes stand for."""
    if not loss.classifies:
        return "numbers"
    return "classes" if loss.type == "SoftmaxWithLoss" else "binary"


def judged(spec: GraphSpec, outputs: tuple[str, ...]) -> list[Judged]:
    """The scores that losses take, each once."""
    found: dict[tuple[str, str, Kind], int] = {}
    for i, loss in enumerate(spec.all_losses):
        found.setdefault((loss.on or outputs[0], loss.target, kind_of(loss)), i)
    nodes = [on for on, _, _ in found]
    parts = []
    for (on, target, kind), i in found.items():
        suffix = f"/{on}" if len(found) > 1 else ""
        if nodes.count(on) > 1:
            suffix += f"/{target}"
        parts.append(Judged(i, on, kind, suffix))
    return parts


def figures(spec: GraphSpec, parts: list[Judged]) -> list[Figure]:
    """What is measured. The accuracy of classes always is."""
    asked = None if spec.train is None else spec.train.metrics
    found: dict[str, Figure] = {}
    for j, part in enumerate(parts):
        wanted = DEFAULTS[part.kind]
        if asked is not None:
            told = [metric for metric in wanted if isinstance(metric, Accuracy)]
            wanted = (*told, *(metric for metric in asked if judges(metric, part)))
        for metric in wanted:
            name = metric.figure + part.suffix
            found.setdefault(name, Figure(name, j, metric))
    return list(found.values())


def judges(metric: MetricSpec, part: Judged) -> bool:
    """Whether a metric is one of these scores."""
    return part.kind in metric.kinds and metric.on in (None, part.on)


def monitored(spec: GraphSpec, found: list[Figure], *, test: bool) -> dict[str, Better]:
    """What early stopping may follow, and which way it improves; test: whether there is a test
    part."""
    assert spec.train is not None
    names: dict[str, Better] = {"loss": "lower"}
    parts = ["train", *["validation"] * (spec.train.validation is not None), *["test"] * test]
    if "validation" in parts:
        names["validation_loss"] = "lower"
    first = next((f for f in found if isinstance(f.metric, Accuracy)), None)
    for part in parts:
        if first is not None:
            names[f"{part}_accuracy"] = "higher"
        names |= {f"{part}_{figure.name}": figure.metric.better for figure in found}
    return names


def check(
    spec: GraphSpec, outputs: tuple[str, ...], shapes: Mapping[str, Shape]
) -> Iterator[Problem]:
    """Metrics that suit no scores, and early stopping that follows nothing."""
    if spec.train is None:
        return
    parts = judged(spec, outputs)
    for i, metric in enumerate(spec.train.metrics or ()):
        yield from _check_metric(spec, shapes, parts, metric, ("train", "metrics", i))
    stopping = spec.train.early_stopping
    if stopping is None:
        return
    known = monitored(spec, figures(spec, parts), test=True)
    if stopping.monitor not in known:
        if stopping.monitor.startswith("validation_") and spec.train.validation is None:
            text = (
                f'{quoted(stopping.monitor)} needs a validation part: write "validation": 0.1, '
                "or follow another figure"
            )
        else:
            hint = did_you_mean(stopping.monitor, known)
            text = f"{quoted(stopping.monitor)} is not measured{hint or '; there are '}"
            text += "" if hint else ", ".join(known)
        yield Problem(("train", "early_stopping", "monitor"), text)


def _check_metric(
    spec: GraphSpec,
    shapes: Mapping[str, Shape],
    parts: list[Judged],
    metric: MetricSpec,
    at: Path,
) -> Iterator[Problem]:
    mine = [part for part in parts if judges(metric, part)]
    if metric.on is not None and metric.on not in {part.on for part in parts}:
        hint = did_you_mean(metric.on, [part.on for part in parts])
        yield Problem((*at, "on"), f"no loss takes the scores of {quoted(metric.on)}{hint}")
    elif not mine:
        what = " or ".join(WORDS[kind] for kind in metric.kinds)
        kinds = {part.kind for part in parts}
        fitting = [n for n, m in METRICS.items() if kinds & set(m.kinds)]
        text = f"{metric.type} judges {what}, which no loss has; {', '.join(fitting)} would do"
        yield Problem(at, text)
    for part in mine:
        if isinstance(metric, TopK) and metric.k >= shapes[part.on][-1]:
            text = f"of {shapes[part.on][-1]} classes, {metric.k} always hold the right one"
            yield Problem((*at, "k"), text)
        if isinstance(metric, OfClass) and metric.label is not None:
            names = spec.labels_of(part.on)
            # Without labels here, the data may bring their own.
            if names is not None and metric.label not in names:
                hint = did_you_mean(metric.label, names)
                text = f"{quoted(metric.label)} is no class of '{part.on}'{hint}"
                yield Problem((*at, "label"), text)


WORDS: dict[Kind, str] = {
    "classes": "scores of classes",
    "binary": "answers of yes or no",
    "numbers": "numbers",
}
