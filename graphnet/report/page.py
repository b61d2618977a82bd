"""A whole report: what is measured, put together as one page."""

from __future__ import annotations

import json
from typing import Any

from graphnet.data.dataset import Dataset
from graphnet.errors import SpecError, clipped
from graphnet.network import Network
from graphnet.plan import Plan
from graphnet.report import inside, training
from graphnet.report.answers import answers
from graphnet.report.curves import best_of, now
from graphnet.report.findings import Findings, find
from graphnet.report.html import esc, nothing, numbers, p, page, pairs, table
from graphnet.report.parts import WORDS, Parts, counts_of_classes, parts_of
from graphnet.report.plots import require_plots
from graphnet.report.preparation import changes_in_words, picture_in_words
from graphnet.report.showing import class_names
from graphnet.report.training import figure_name
from graphnet.report.writing import measured
from graphnet.spec.canonical import plain
from graphnet.spec.columns import NumberColumn
from graphnet.spec.graph import InputSpec
from graphnet.spec.prepared import columns_of, vocabulary_of


def html_report(net: Network, data: Dataset, *, threads: int | None = None) -> str:
    """A network and how it was trained, as one HTML page that needs nothing else.

    Measured is the test part, else what the recipe keeps apart, else the training part. The same
    network and data give the same text. threads: default, all processors; they change no byte.
    Errors: GraphnetError where matplotlib is not installed; SpecError where the spec has no loss;
    DatasetError, ShapeError; DivergedError where scores are not finite.
    """
    return report_on(net, parts_of(net, data), threads=threads)


def report_on(
    net: Network, parts: Parts, *, threads: int | None = None, size: int | None = None
) -> str:
    """The page about these samples.

    Units: size, of the bundle's file, in bytes.
    Errors: as html_report.
    """
    require_plots()
    if not net.graph.objectives:
        what = "the spec has no 'loss', so no answer is right or wrong; draw shows any graph"
        raise SpecError(clipped(f"{net.spec.name}: {what}"))
    found = find(net, parts, threads=threads)
    train = parts.feeds.get("train")
    sections = [
        ("figures", "Figures", _headline(net, parts, found, size)),
        ("graph", "Graph", inside.graph(net)),
        ("curves", "Curves", training.curves(net)),
        ("rate", "Learning rate", training.rate(net, None if train is None else train.samples)),
        *answers(net, parts, found),
        ("weights", "First layer", inside.weights(net)),
        ("dead", "Dead units", inside.dead(net, found.dead, found.samples, parts.words)),
        ("norms", "Norms by layer", training.norms(net)),
        ("data", "Data and preparation", _data(net, parts)),
        ("spec", "Spec", inside.spec(net)),
    ]
    lead = p(f"{_kind(net)} Measured on {found.samples:,} samples: the {parts.words}.")
    if parts.judged == "given":
        lead += p(
            "The network may have been trained on some of them, and then is better here than "
            "elsewhere: with --data and the spec that it was trained by, its test part is measured."
        )
    return page(f"{net.spec.name}: training report", lead, sections)


def facts(net: Network) -> list[tuple[str, object]]:
    """What is so of a network whatever it is measured on."""
    total = Plan(net.graph).total()
    found: list[tuple[str, object]] = [("parameters", f"{total.parameters:,}")]
    found.append(("FLOPs of a sample, forward", f"{total.forward:,}"))
    recipe = net.spec.train
    if recipe is not None:
        step = (total.forward + total.backward) * recipe.batch_size
        found += [
            (f"FLOPs of a step, batch {recipe.batch_size:,}", f"{step:,}"),
            ("seed", recipe.seed),
            ("optimizer", f"{recipe.optimizer.type}, lr {recipe.optimizer.lr:g}"),
        ]
    found.append(("numbers", net.spec.dtype))
    return found


def _headline(net: Network, parts: Parts, found: Findings, size: int | None) -> str:
    judged = found.measured.figures.items()
    figures = [(f"{figure_name(name)} ({parts.judged})", measured(v)) for name, v in judged]
    assert found.measured.loss is not None
    rows: list[tuple[str, object]] = [*figures]
    rows.append((f"loss ({parts.judged})", measured(found.measured.loss)))
    entry, best = now(net), best_of(net)
    if entry is not None:
        rows.append(("epochs", f"{len(net.history):,}"))
    if best is not None:
        rows.append(("best epoch" if best.kept else "best epoch (not kept)", f"{best.place + 1:,}"))
    rows += facts(net)
    if size is not None:
        rows.append(("bundle", f"{size:,} bytes"))
    return pairs(rows)


def _kind(net: Network) -> str:
    kinds = ", ".join(o.spec.type for o in net.graph.objectives)
    return f"{len(net.graph.nodes)} nodes, trained to minimise {kinds}."


def _data(net: Network, parts: Parts) -> str:
    rows = [[WORDS[name], f"{feed.samples:,}"] for name, feed in parts.feeds.items()]
    found = p(f"Source: {parts.name}.") + numbers("Samples", ["part", "samples"], rows)
    counts = {name: counts_of_classes(net, feed) for name, feed in parts.feeds.items()}
    there = {name: of for name, of in counts.items() if of is not None}
    if there:
        classes = len(next(iter(there.values())))
        names = _names(net, parts, classes)
        cells = [[names[k], *(f"{of[k]:,}" for of in there.values())] for k in range(classes)]
        head = ["class", *(WORDS[name] for name in there)]
        found += numbers("Samples of each class", head, cells)
    for name, given in net.spec.inputs.items():
        found += f"<h3>Input {esc(name)}</h3>" + _input(net, name, given)
    recipe = net.spec.train
    if recipe is not None and recipe.augment:
        found += p(
            "Training pictures are changed before each use, each time anew: "
            f"{changes_in_words(recipe.augment)}."
        )
    return found


def _names(net: Network, parts: Parts, classes: int) -> list[str]:
    output = next(o.on for o in net.graph.objectives if o.spec.classifies)
    known = tuple(parts.labels) if parts.labels is not None else None
    names = class_names(net, output, known)
    return names if names is not None and len(names) >= classes else list(map(str, range(classes)))


def _input(net: Network, name: str, given: InputSpec) -> str:
    shape = f"Shape {list(given.shape)}, {given.dtype or net.spec.dtype}."
    if given.value is not None:
        return p(f"{shape} It has a value of its own, the same for every sample.")
    if given.image is not None:
        steps = picture_in_words(given.image)
        return p(f"{shape} A picture.") + table(
            "How it is prepared", ["step", "what"], steps, words=2
        )
    if given.text is not None:
        rows = [(key, _text(value)) for key, value in plain(given.text).items()]
        rows = [(k, v) for k, v in rows if k != "vocabulary"]
        known = len(vocabulary_of(given, net.prepare, name))
        rows.append((f"{given.text.unit}s known", f"{known:,}"))
        return p(f"{shape} A line of text as whole numbers.") + pairs(rows)
    if given.columns is None:
        return p(shape) + nothing("Its numbers are taken as they come.")
    cells = []
    for key, column in columns_of(given, net.prepare, name).items():
        if isinstance(column, NumberColumn):
            cells.append([key, "number", f"mean {column.mean:.6g}, std {column.std:.6g}"])
        else:
            values = column.values or ()
            cells.append([key, "category", ", ".join(values[:20]) + ", …" * (len(values) > 20)])
    return p(shape) + numbers("Columns", ["column", "type", "fitted"], cells, words=3)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
