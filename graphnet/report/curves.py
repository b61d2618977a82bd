"""What a history tells: curves, the best epoch, norms; and the rate that its steps had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphnet.network import Network
from graphnet.spec.graph import GraphSpec
from graphnet.spec.measured import figures, judged, monitored
from graphnet.training.norms import parameters_of

History = Sequence[Mapping[str, Any]]
Series = dict[str, list[float | None]]
"""By part: a number an epoch, None where it was not measured."""
PARTS = ("train", "validation", "test")


class Best(NamedTuple):
    """The best epoch: its place from 0, the figure that says so, and whether the network is its."""

    place: int
    figure: str
    value: float
    kept: bool


def losses(history: History) -> Series:
    """The loss that was trained on, and that of the validation part."""
    found: Series = {
        "train": [entry["loss"] for entry in history],
        "validation": [entry.get("validation_loss") for entry in history],
    }
    return _there(found)


def measures(history: History) -> dict[str, Series]:
    """Every figure with its parts, the accuracy first."""
    names = {"accuracy": None}
    for entry in history:
        # A history out of a file has its names sorted, and the pages of both are to be alike.
        found_names = sorted(name.partition("_")[2] for name in entry.get("metrics", {}))
        names |= dict.fromkeys(found_names)
    found = {}
    for name in names:
        parts = _there({p: [_figure(e, f"{p}_{name}") for e in history] for p in PARTS})
        if parts:
            found[name] = parts
    return found


def best_of(net: Network) -> Best | None:
    """The epoch that early stopping kept; else that of the best accuracy of the validation or test
    part, else of the best first figure of numbers, else of the lowest loss. Of equals the first."""
    history = net.history
    if not history:
        return None
    for figure, sign in _judges(net.spec, net.graph.wiring.outputs):
        values = [_figure(entry, figure) for entry in history]
        known = [(sign * v, -i) for i, v in enumerate(values) if v is not None]
        if known:
            place = -max(known)[1]
            break
    kept = [i for i, entry in enumerate(history) if entry.get("best")]
    if kept:
        place = kept[-1]
    value = _figure(history[place], figure)
    last = place == len(history) - 1
    return Best(place, figure, float("nan") if value is None else value, bool(kept) or last)


def now(net: Network) -> Mapping[str, Any] | None:
    """The entry of the epoch that the network is of."""
    kept = [entry for entry in net.history if entry.get("best")]
    return kept[-1] if kept else (net.history[-1] if net.history else None)


def norms_of(net: Network) -> tuple[Series, Series] | None:
    """Of each layer the norms of its weights and of its gradients; None where no epoch has any."""
    if not any("norms" in entry for entry in net.history):
        return None
    weights: Series = {}
    gradients: Series = {}
    for layer in parameters_of(net):
        pairs = [entry.get("norms", {}).get(layer, (None, None)) for entry in net.history]
        weights[layer], gradients[layer] = ([pair[k] for pair in pairs] for k in (0, 1))
    return _there(weights), _there(gradients)


def rates(spec: GraphSpec, samples: int | None, epochs: int) -> list[tuple[float, float]] | None:
    """The learning rate by epochs that are done: at the first step of each epoch, at the last of
    all, and where they are few at each step between.

    samples: of the training part, which the number of steps follows from; None where it is not
    known: then a rate that never changes is all that can be told.
    """
    assert spec.train is not None
    schedule, lr = spec.train.schedule, spec.train.optimizer.lr
    if schedule is None:
        return [(0.0, lr), (float(epochs), lr)]
    if samples is None:
        return None
    batches = -(-samples // spec.train.batch_size)
    steps = epochs * batches
    places = set(range(0, steps, batches)) | {steps - 1}
    places |= set(np.linspace(0, steps - 1, min(steps, 500)).astype(int).tolist())
    return [
        (step / batches, lr * schedule.factor(step, spec.train.epochs, batches))
        for step in sorted(places)
    ]


def last_run(history: History) -> int:
    """Epochs of the last training: one that goes on after another counts from 1 again."""
    return min(int(history[-1]["epoch"]), len(history)) if history else 0


def _judges(spec: GraphSpec, outputs: tuple[str, ...]) -> list[tuple[str, float]]:
    """The figures that may say which epoch is best, and the way that each improves."""
    if spec.train is None:
        return [("loss", -1.0)]
    ways = monitored(spec, figures(spec, judged(spec, outputs)), test=True)
    stopping = spec.train.early_stopping
    order = [stopping.monitor] if stopping is not None else []
    order += ["validation_accuracy", "test_accuracy"]
    order += [name for part in ("validation", "test") for name in ways if name.startswith(part)]
    order.append("loss")
    return [(name, 1.0 if ways[name] == "higher" else -1.0) for name in order if name in ways]


def _figure(entry: Mapping[str, Any], name: str) -> float | None:
    value = entry.get(name, entry.get("metrics", {}).get(name))
    return value if isinstance(value, float) else None


def _there(series: Series) -> Series:
    """Those that have a number."""
    return {name: values for name, values in series.items() if any(v is not None for v in values)}
