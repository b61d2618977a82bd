"""What a training run came to, in words and tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from graphnet.cli.common import table
from graphnet.errors import printable
from graphnet.metrics import ClassReport
from graphnet.report.curves import best_of
from graphnet.report.writing import measured
from graphnet.spec.measured import figures, judged
from graphnet.spec.metrics import R2
from graphnet.spec.wiring import label as of_node
from graphnet.training.loop import Trainer
from graphnet.training.measure import Measured

MOST_COLUMNS = 20
"""Classes whose confusion matrix is shown: more would not fit on a screen."""


def outcome(trainer: Trainer) -> str:
    """The figure that counts most, of the network as it is now: `test accuracy 0.9750 (epoch 7)`.

    That of the test part, else of the validation part, else of training.
    """
    entry = _last(trainer)
    when = "" if trainer.best is None else f" (epoch {entry['epoch']})"
    return _figure(entry) + when


def doubt(trainer: Trainer) -> str | None:
    """What a person should know who was told a bad R2; None where it is none."""
    values = _last(trainer).get("metrics", {})
    graph = trainer.net.graph
    scores = judged(graph.spec, graph.wiring.outputs)
    for figure in figures(graph.spec, scores):
        for part in ("train", "validation", "test"):
            if isinstance(figure.metric, R2) and values.get(f"{part}_{figure.name}", 0) < 0:
                what = f"{part} {printable(figure.name)} is below 0: worse than the mean of the "
                node = graph.nodes[scores[figure.of].on]
                if node.type != "Scale":
                    remedy = "where they are far from 1, end the graph in a Scale (factor, offset)"
                else:
                    remedy = "train for more epochs, or with another learning rate, and let "
                    remedy += f"{of_node(node)} have their spread as factor, their mean as offset"
                return f"{what}targets; {remedy}"
    return None


def _last(trainer: Trainer) -> Mapping[str, Any]:
    """The epoch of the network as it is now."""
    history = trainer.net.history
    if trainer.best is None:
        return history[-1]
    return next(one for one in reversed(history) if one.get("best"))


def _figure(entry: Mapping[str, Any]) -> str:
    for part in ("test", "validation", "train"):
        accuracy = entry.get(f"{part}_accuracy")
        if accuracy is not None:
            return f"{part} accuracy {measured(accuracy)}"
        for name, value in entry.get("metrics", {}).items():
            if name.startswith(f"{part}_"):
                return f"{part} {printable(name.removeprefix(f'{part}_'))} {measured(value)}"
    return f"loss {measured(entry['loss'])}"


def ending(trainer: Trainer) -> str | None:
    """Which epoch early stopping went back to, and why, or which one was better than the last; None
    where there is nothing to say."""
    best, (last, _) = trainer.best, trainer.position
    if best is None:
        better = best_of(trainer.net)
        last_one = trainer.net.history[-1]
        now = last_one.get("metrics", {}) | last_one
        if better is None or better.figure == "loss" or now.get(better.figure) == better.value:
            return None
        figure = printable(better.figure.replace("_", " "))
        epoch = trainer.net.history[better.place]["epoch"]
        what = f"the best epoch was {epoch}, {figure} {measured(better.value)}"
        return f"{what}; the network is that of the last: early_stopping keeps the best"
    what = f"the network is that of epoch {best.epoch}, {best.spec.monitor} {measured(best.value)}"
    if not best.patient:
        epochs = f"{best.spec.patience} epoch{'s' * (best.spec.patience > 1)}"
        return f"stopped after epoch {last}: no better for {epochs}; {what}"
    return what if best.epoch != last else None


def tables(part: str, found: Measured) -> Iterator[str]:
    """Loss and figures of a part; for each output of classes a table of them and, of few, the
    confusion matrix."""
    named = [(printable(name), value) for name, value in found.figures.items()]
    figured = [f"{name} {measured(value)}" for name, value in named]
    assert found.loss is not None
    yield f"{part} part: {', '.join([f'loss {measured(found.loss)}', *figured])}"
    for output, report in found.reports.items():
        if len(found.reports) > 1:
            yield f"{output}:"
        yield _classes(report)
        if report.confusion is not None and len(report.labels) <= MOST_COLUMNS:
            yield "confusion (a row: the class that it is; a column: the class that was found):"
            rows = [["", *report.labels]]
            counts = report.confusion.tolist()
            rows += [
                [label, *map(str, row)] for label, row in zip(report.labels, counts, strict=True)
            ]
            yield table(rows, right=range(1, len(rows[0])))


def _classes(report: ClassReport) -> str:
    rows = [["class", "precision", "recall", "f1", "samples"]]
    figures = (report.precision, report.recall, report.f1)
    for k, label in enumerate(report.labels):
        values = [f"{figure[k]:.4f}" for figure in figures]
        rows.append([label, *values, f"{int(report.samples[k]):,}"])
    there = report.samples > 0
    means = [f"{np.mean(figure[there]):.4f}" if there.any() else "" for figure in figures]
    rows.append(["mean", *means, f"{int(report.samples.sum()):,}"])
    return table(rows, right=range(1, 5))


def as_json(part: str, found: Measured) -> dict[str, Any]:
    """The same as values of JSON."""
    outputs = {}
    for output, report in found.reports.items():
        outputs[output] = {
            "labels": list(report.labels),
            "precision": report.precision.tolist(),
            "recall": report.recall.tolist(),
            "f1": report.f1.tolist(),
            "samples": report.samples.tolist(),
            "confusion": None if report.confusion is None else report.confusion.tolist(),
        }
    return {"part": part, "loss": found.loss, **found.figures, "outputs": outputs}
