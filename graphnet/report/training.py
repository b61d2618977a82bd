"""What a training left: curves, the learning rate, the norms of layers, as HTML."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from graphnet.network import Network
from graphnet.report import charts
from graphnet.report.curves import (
    Best,
    Series,
    best_of,
    last_run,
    losses,
    measures,
    norms_of,
    rates,
)
from graphnet.report.html import figure, figures, nothing, numbers, p
from graphnet.report.writing import measured, written

T = TypeVar("T")
WAY_TO_NORMS = (
    "Norms are recorded where they are asked for: `train --report FILE` does, and from Python "
    "gn.fit(net, data, norms=True)."
)
MOST_EPOCHS = 1000
"""Rows of a table of epochs; of more, evenly chosen ones are shown."""
MOST_NUMBERS = 20_000
"""Numbers of such a table."""


def curves(net: Network) -> str:
    """The loss and every figure, epoch by epoch, and where the best epoch is."""
    if not net.history:
        return nothing("There are no curves: this network was not trained, or its history is gone.")
    best = best_of(net)
    drawn = [_curve("loss", losses(net.history), best)]
    drawn += [
        _curve(name, series, best, k)
        for k, (name, series) in enumerate(measures(net.history).items())
    ]
    runs = sum(entry["epoch"] == 1 for entry in net.history)
    text = [] if best is None else [_best_in_words(best, len(net.history))]
    if runs > 1:
        text.append(f"The history holds {runs} trainings, one after the other.")
    return p(" ".join(text)) + figures(drawn)


def rate(net: Network, samples: int | None) -> str:
    """The learning rate over the steps, as the recipe's schedule says."""
    if net.spec.train is None:
        return nothing("There is no learning rate: the spec has no recipe ('train').")
    optimizer, schedule = net.spec.train.optimizer, net.spec.train.schedule
    epochs = last_run(net.history) or net.spec.train.epochs
    found = rates(net.spec, samples, epochs)
    if found is None:
        return nothing(
            f"The rate of each step follows from {optimizer.type}, lr {optimizer.lr:g}, and the "
            "number of steps, which the samples that were trained on say: they are not here."
        )
    what = f"{optimizer.type}, lr {optimizer.lr:g}"
    if schedule is None:
        return p(f"{what}: the same at every step.") + numbers(
            "The rate by epochs",
            ["epochs done", "rate"],
            [[f"{a:g}", f"{v:.6g}"] for a, v in found],
        )
    x, y = [at for at, _ in found], [value for _, value in found]
    label = (
        f"Learning rate over {epochs} epochs, from {y[0]:.4g} to {y[-1]:.4g}, at most {max(y):.4g}"
    )
    drawn = charts.lines(
        "rate", label, {"rate": y}, x=x, what="rate", across="epochs done", log=False
    )
    warmup = f", the first {schedule.warmup:g} epochs a warm-up" if schedule.warmup else ""
    caption = f"The learning rate at each step: {what}, schedule {schedule.type}{warmup}."
    whole = [(at, v) for at, v in found if at == int(at)] + found[-1:]
    rows = [[f"{at:.4g}", f"{v:.6g}"] for at, v in _thinned(whole)]
    return figure(drawn, caption, numbers("The rate by epochs", ["epochs done", "rate"], rows))


def norms(net: Network) -> str:
    """The norms of weights and gradients by layer over the epochs."""
    found = norms_of(net)
    if found is None:
        if not net.params:
            return nothing("There are no norms: no layer of this graph has parameters.")
        return nothing(f"This history has no norms of layers. {WAY_TO_NORMS}")
    weights, gradients = found
    shown_of = {name: _largest(of) for name, of in (("weights", weights), ("gradients", gradients))}
    # A layer has one colour and marker in both plots, and shares them with none that is drawn.
    there = [layer for layer in weights if any(layer in of for of in shown_of.values())]
    text = p(
        "What to look for: norms of weights that level off, and gradients that neither vanish nor "
        "grow from epoch to epoch; a layer far below the others hardly learns, and one that climbs "
        "without end asks for a lower learning rate, for decay or for clipping."
    )
    drawn = []
    for name, series, what in (
        ("weights", weights, "weights after the epoch"),
        ("gradients", gradients, "gradient of the epoch's last step, after clipping, before decay"),
    ):
        shown = shown_of[name]
        left = len(series) - len(shown)
        more = f" The {len(shown)} largest of {len(series)} layers are drawn." if left else ""
        caption = f"Norm of the {what}, by layer.{more}"
        label = f"Norm of the {what}. " + _ends(shown)
        colours = [there.index(layer) for layer in shown]
        picture = charts.lines(f"norm-{name}", label, shown, what="norm", log=True, colours=colours)
        drawn.append(
            figure(
                picture,
                caption,
                epochs_table(f"Norms of {name}", series, lambda value: f"{value:.6g}"),
            )
        )
    return text + figures(drawn)


def figure_name(name: str) -> str:
    """What a figure of the history is called: `r2` is R2, `accuracy/kind` stays."""
    short, slash, rest = name.partition("/")
    return (short.upper() if short in ("r2", "mae", "rmse", "f1") else short) + slash + rest


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _curve(name: str, series: Series, best: Best | None, number: int | None = None) -> str:
    place = None if best is None else best.place
    identity = "curve-loss" if number is None else f"curve-{number}"
    title = figure_name(name)
    order = {"train": 0, "validation": 1, "test": 2}
    picture = charts.lines(
        identity,
        f"{_capital(title)} by epoch. {_ends(series)}",
        series,
        what=title,
        mark=place,
        colours=[order[part] for part in series],
    )
    caption = f"{_capital(title)} after each epoch, of the {' and '.join(series)} part."
    if name == "loss":
        caption = "Loss by epoch: of training the mean over the steps, each before its update."
    return figure(picture, caption, epochs_table(_capital(title), series, measured))


def _best_in_words(best: Best, epochs: int) -> str:
    part, _, name = best.figure.rpartition("_")
    what = f"{part} {figure_name(name)}".strip()
    text = f"Best is epoch {best.place + 1} of {epochs}, {what} {measured(best.value)}"
    if best.kept:
        return f"{text}; the network is that of this epoch."
    return f"{text}; the network is that of the last one, as no early stopping is in the recipe."


def _ends(series: Series) -> str:
    parts = []
    for part, values in series.items():
        there = [value for value in values if value is not None]
        parts.append(f"{part} from {written(there[0])} to {written(there[-1])}")
    return "; ".join(parts)


def epochs_table(caption: str, series: Series, form: Callable[[float], str]) -> str:
    """The numbers of some curves, an epoch a row."""
    count = max(len(values) for values in series.values())
    rows = []
    for i in _thinned(range(count), max(10, min(MOST_EPOCHS, MOST_NUMBERS // len(series)))):
        cells = [values[i] if i < len(values) else None for values in series.values()]
        rows.append([str(i + 1), *("" if c is None else form(c) for c in cells)])
    return numbers(caption, ["epoch", *series], rows)


def _thinned(rows: Sequence[T], most: int = MOST_EPOCHS) -> list[T]:
    """So many rows as a table takes, the first and the last among them."""
    step = -(-len(rows) // most)
    found = list(rows[::step])
    return found if (len(rows) - 1) % step == 0 else [*found, rows[-1]]


def _largest(series: Series) -> Series:
    """The lines that are drawn, where they are too many."""
    if len(series) <= charts.MOST_LINES:
        return series
    tops = {layer: max(v for v in values if v is not None) for layer, values in series.items()}
    kept = sorted(tops, key=lambda layer: -tops[layer])[: charts.MOST_LINES]
    return {layer: values for layer, values in series.items() if layer in kept}
