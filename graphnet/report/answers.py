"""How good the answers are, as HTML: classes, calibration, mistakes; numbers and their errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphnet.metrics import ClassReport
from graphnet.network import Network
from graphnet.report import charts
from graphnet.report.cards import cards, together
from graphnet.report.findings import Findings
from graphnet.report.html import esc, figure, figures, image, nothing, numbers, p, table
from graphnet.report.images import png
from graphnet.report.parts import Parts
from graphnet.report.showing import (
    Words,
    array_shown,
    class_names,
    inputs_shown,
    text_so_far,
)
from graphnet.report.tallies import BINS, ClassTally, Mistake, NumberTally
from graphnet.report.weights import heat
from graphnet.report.writing import written
from graphnet.spec.measured import Judged

MOST_BARS = 40
MOST_PAIRS = 100
MOST_WIDE = 12
FIRST_POINTS = 200
AS_SURE = 0.005


def answers(net: Network, parts: Parts, found: Findings) -> list[tuple[str, str, str]]:
    """The sections of all judged scores: id, heading, HTML."""
    sections = []
    several = len(found.judged) > 1
    for k, (part, tally) in enumerate(zip(found.judged, found.tallies, strict=True)):
        own = _Output(net, parts, found, part, k, several)
        if isinstance(tally, ClassTally):
            sections += own.classes(tally)
        else:
            sections += own.numbers(tally)
    return sections


class _Output:
    """The sections of one output's scores."""

    def __init__(
        self, net: Network, parts: Parts, found: Findings, part: Judged, k: int, several: bool
    ) -> None:
        self.net, self.parts, self.found, self.part, self.k = net, parts, found, part, k
        self.of = f" of {part.on}" if several else ""
        self.report = found.measured.reports.get(part.on)
        known = None
        if self.report is not None and parts.labels is not None and not several:
            known = self.report.labels
        self.names = class_names(net, part.on, known)

    def section(self, name: str, head: str, body: str) -> tuple[str, str, str]:
        """One section, under an id of its own."""
        return (f"{name}-{self.k}" if self.k else name, head + self.of, body)

    def name(self, k: int) -> str:
        """What a class is called."""
        return self.names[k] if self.names is not None and k < len(self.names) else str(k)

    def classes(self, tally: ClassTally) -> list[tuple[str, str, str]]:
        """Confusion, precision and recall, mistakes, calibration."""
        assert self.report is not None
        report = self.report
        return [
            self.section("confusion", "Confusion", self._confusion(report)),
            self.section("classes", "Precision and recall", self._per_class(report)),
            self.section("mistakes", "Surest mistakes", self._mistakes(tally)),
            self.section("calibration", "Calibration", self._calibration(tally)),
        ]

    def numbers(self, tally: NumberTally) -> list[tuple[str, str, str]]:
        """Found over right, residuals, the largest errors; why the rest is not there."""
        return [
            self.section("numbers", "Errors", self._errors(tally)),
            self.section("misses", "Largest errors", self._misses(tally)),
            self.section(
                "classes",
                "Classes",
                nothing(
                    "Confusion, precision, recall and calibration do not apply: what is learnt "
                    "here are numbers, and no answer is simply right or wrong."
                ),
            ),
        ]

    def _confusion(self, report: ClassReport) -> str:
        if report.confusion is None:
            return nothing(
                "There is no matrix: one sample has several answers of yes or no, or there are "
                "too many classes for one."
            )
        counts, names = report.confusion, [self.name(k) for k in range(len(report.labels))]
        caption = (
            "Rows: the class that it is; columns: the class that was found. The deeper the colour, "
            "the larger the share of the row."
        )
        below, right = "", int(np.trace(counts))
        label = f"Confusion matrix: {right:,} of {int(counts.sum()):,} answers on the diagonal"
        if len(names) > charts.MOST_NAMES:
            caption += " The classes stand in the order of the table of precision and recall."
        if len(names) > charts.MOST_CELLS:
            shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            drawn = image(png(heat(shares, 1.0), len(names)), label, "pixels map")
        else:
            drawn = charts.matrix(f"matrix-{self.k}", label, counts, names)
            rows = [[n, *map(str, r)] for n, r in zip(names, counts.tolist(), strict=True)]
            below = numbers(
                "Rows: what it is; columns: what was found", ["is \\ found", *names], rows
            )
        pairs = _confused(counts, names)
        if pairs:
            title = f"What is taken for what, most often first, {len(pairs)} pairs"
            listed = numbers(title, ["is", "found", "times", "share of its class"], pairs, words=2)
        else:
            listed = p("Nothing is taken for anything else.")
        return figures([figure(drawn, caption), f"<div>{below}{listed}</div>"])

    def _per_class(self, report: ClassReport) -> str:
        names = [self.name(k) for k in range(len(report.labels))]
        figures_of = (report.precision, report.recall, report.f1)
        rows = [
            [name, *(f"{f[k]:.4f}" for f in figures_of), f"{int(report.samples[k]):,}"]
            for k, name in enumerate(names)
        ]
        there = report.samples > 0
        means = [f"{np.mean(f[there]):.4f}" if there.any() else "" for f in figures_of]
        rows.append(["mean", *means, f"{int(report.samples.sum()):,}"])
        head = ["class", "precision", "recall", "F1", "samples"]
        caption = "Precision: of the answers with a class, how many are of it. Recall: of what is "
        caption += "of a class, how much is found. The mean is over the classes that samples have."
        worst = np.flatnonzero(there)
        more = ""
        if len(worst) > MOST_BARS:
            worst = worst[np.argsort(report.f1[worst], kind="stable")[:MOST_BARS]]
            more = f" The {MOST_BARS} classes of the lowest F1 are drawn."
        if not len(worst):
            return numbers(caption, head, rows)
        series = {"precision": report.precision[worst].tolist()}
        series["recall"] = report.recall[worst].tolist()
        label = f"Precision and recall of {len(worst)} classes; mean {means[0]} and {means[1]}"
        drawn = charts.bars(f"bars-{self.k}", label, series, [names[i] for i in worst])
        each = numbers("Each class", head, rows, most=MOST_BARS + 1)
        return figures([figure(drawn, caption + more), f"<div>{each}</div>"])

    def _calibration(self, tally: ClassTally) -> str:
        bins, total = tally.bins, max(tally.answers, 1)
        right, sure = bins[:, 2].sum() / total, bins[:, 1].sum() / total
        error = tally.calibration_error
        way = "as sure as they are right"
        if abs(sure - right) > AS_SURE:
            way = "surer than right" if sure > right else "right more often than sure"
        words = "a sigmoid" if self.part.kind == "binary" else "a softmax"
        text = (
            f"Expected calibration error {error:.4f}: by {words} the scores give their answers a "
            f"mean probability of {sure:.4f}, and {right:.4f} of them are right. On the whole they "
            f"are {way}."
        )
        look = (
            "What to look for: bars that end at the dashed line. Below it the scores are too sure "
            "of themselves, above it not sure enough; a tenth with few answers says little."
        )
        rows = []
        for k, (count, mass, good) in enumerate(bins.tolist()):
            span = f"{k / BINS:.1f} to {(k + 1) / BINS:.1f}"
            shown = [f"{mass / count:.4f}", f"{good / count:.4f}"] if count else ["", ""]
            rows.append([span, f"{int(count):,}", *shown])
        drawn = charts.reliability(f"reliability-{self.k}", text, bins)
        caption = "The share that is right, by the probability that the scores give their answer."
        head = ["probability", "answers", "mean probability", "share right"]
        below = numbers("Calibration by tenths", head, rows)
        return p(text) + p(look) + figure(drawn, caption, below)

    def _mistakes(self, tally: ClassTally) -> str:
        if not tally.mistakes:
            return p(f"There is none: all {tally.answers:,} answers are right.")
        wrong = tally.answers - int(tally.bins[:, 2].sum())
        text = f"{wrong:,} of {tally.answers:,} answers are wrong. These are the ones that the "
        text += "scores are surest of"
        several = any(one.place is not None for one in tally.mistakes)
        text += ", one a sample." if several else "."
        most = MOST_WIDE if self._wide() else len(tally.mistakes)
        shown = [self._mistake(one) for one in tally.mistakes[:most]]
        return p(text) + cards(shown, self._wide())

    def _mistake(self, one: Mistake) -> str:
        inputs = self._inputs(one.sample)
        place = "" if one.place is None else f", place {one.place}"
        found, truth = self.name(one.found), self.name(one.truth)
        if self.part.kind == "binary" and self.names is None:
            found, truth = (("no", "yes")[k] for k in (one.found, one.truth))
        shown = inputs_shown(self.net, inputs)
        so_far = text_so_far(self.net, inputs, one.place)
        if so_far is not None:
            shown = {"so far": Words(so_far or "(the start of the line)")}
        sample = self.parts.called(one.sample)
        alt = f"{sample}, {truth} taken for {found}"
        return (
            f"{together(shown, alt)}"
            f'<p>found <span class="bad">{esc(found)}</span> {one.sure:.4f}<br>'
            f'is <span class="good">{esc(truth)}</span> {one.right:.4f}</p>'
            f"<small>{esc(sample)}{place}</small>"
        )

    def _errors(self, tally: NumberTally) -> str:
        truth, found = np.concatenate(tally.truth), np.concatenate(tally.found)
        residuals = found - truth
        bias = tally.bias / max(tally.count, 1)
        chosen = "" if len(truth) == tally.count else f", {len(truth):,} of them evenly chosen"
        text = (
            f"{tally.count:,} numbers are judged{chosen}. On the mean they are {written(bias)} off."
        )
        ends = f"{written(truth.min())} to {written(truth.max())}"
        label = f"Found numbers over right ones; right from {ends}"
        scatter = charts.points(f"points-{self.k}", label, truth, found)
        counts, edges = np.histogram(residuals, bins=_edges(residuals))
        label = f"Histogram of errors from {written(residuals.min())} to {written(residuals.max())}"
        drawn = charts.histogram(f"errors-{self.k}", label, counts, edges, "found - right")
        spans = zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
        rows = [[f"{written(a)} to {written(b)}", f"{n:,}"] for a, b, n in spans]
        below = numbers("Errors, found - right", ["from, to", "numbers"], rows)
        quantiles = [0, 0.05, 0.25, 0.5, 0.75, 0.95, 1]
        sides = [np.quantile(a, quantiles).tolist() for a in (truth, found, residuals)]
        spread = [
            [f"{q:.0%}", *(written(side[i]) for side in sides)] for i, q in enumerate(quantiles)
        ]
        head = ["share below", "right", "found", "found - right"]
        return p(text) + figures(
            [
                figure(
                    scatter,
                    "Each point a number: on the dashed line it is right.",
                    table("How the numbers are spread", head, spread) + _points(truth, found),
                ),
                figure(drawn, "How far the numbers are off.", below),
            ]
        )

    def _misses(self, tally: NumberTally) -> str:
        target = self.net.graph.objectives[self.part.loss].target
        made = []
        for miss in tally.misses[:MOST_WIDE]:
            shown = dict(inputs_shown(self.net, self._inputs(miss.sample)))
            shown["found"] = array_shown(self.net, miss.found, target)
            if target not in self.net.spec.inputs:
                shown["right"] = array_shown(self.net, miss.truth, target)
            sample = self.parts.called(miss.sample)
            text = f"<p>error {written(miss.error)}</p><small>{esc(sample)}</small>"
            made.append(together(shown, sample) + text)
        text = "The samples that are furthest off, by the root of the mean of their squares."
        return p(text) + cards(made, True)

    def _inputs(self, sample: int) -> dict[str, np.ndarray]:
        feed = self.parts.feed
        where = feed.numbers(slice(None))
        at = int(np.searchsorted(where, sample))
        inputs, _ = feed.batch(np.array([at]))
        return {name: array[0] for name, array in inputs.items()}

    def _wide(self) -> bool:
        given = [g for g in self.net.spec.inputs.values() if g.value is None]
        return len(given) > 1 or any(g.image is None for g in given)


def _confused(counts: np.ndarray, names: Sequence[str]) -> list[list[str]]:
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_PAIRS]
    found = []
    for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True):
        if wrong[i, j]:
            share = wrong[i, j] / counts[i].sum()
            found.append([names[i], names[j], f"{int(wrong[i, j]):,}", f"{share:.4f}"])
    return found


def _points(truth: np.ndarray, found: np.ndarray) -> str:
    """The points of the plot one by one, or so many of them as a page can bear."""
    shown = zip(truth[:FIRST_POINTS].tolist(), found[:FIRST_POINTS].tolist(), strict=True)
    rows = [[f"{k:,}", written(t), written(y), written(y - t)] for k, (t, y) in enumerate(shown, 1)]
    which = "The points"
    if len(truth) > FIRST_POINTS:
        which = f"The first {FIRST_POINTS} of {len(truth):,} points"
    return numbers(which, ["point", "right", "found", "found - right"], rows, most=0)


def _edges(x: np.ndarray) -> np.ndarray:
    """24 equal bins around all numbers, one of their edges at 0 where it lies among them."""
    low, high = float(x.min()), float(x.max())
    if high - low < 1e-12 * max(abs(low), abs(high), 1e-300):
        low, high = low - 0.5, high + 0.5
    width = (high - low) / 24
    if low < 0 < high:
        first, last = np.floor(low / width), np.ceil(high / width)
        return np.arange(first, last + 1) * width
    return np.linspace(low, high, 25)
