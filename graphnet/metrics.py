"""How good scores are: counts that add up over pieces of the samples, and what they come to."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from graphnet.layers.base import Array
from graphnet.spec.families import Kind
from graphnet.spec.metrics import (
    F1,
    MAE,
    R2,
    RMSE,
    Accuracy,
    MetricSpec,
    OfClass,
    Precision,
    Recall,
    TopK,
)


class Answers:
    """What a network answered beside what is right, a row a decision.

    Shapes: classes: scores (N, ..., C), t (N, ...) indices -> (M, C) and (M,); binary and numbers:
    scores and t of one shape (N, ...) -> (N, D) both. A target equal to `ignore` has no row.
    """

    def __init__(self, kind: Kind, scores: Array, t: Array, ignore: int | None = None) -> None:
        self.scores: Array
        self.t: Array
        if kind == "classes":
            self.scores, self.t = scores.reshape(-1, scores.shape[-1]), t.reshape(-1)
            if ignore is not None and (self.t == ignore).any():
                counted = self.t != ignore
                self.scores, self.t = self.scores[counted], self.t[counted]
        else:
            self.scores, self.t = scores.reshape(len(scores), -1), t.reshape(len(scores), -1)
        if kind == "binary":
            self.t = (self.t > 0.5).astype(np.intp)
        # Several questions a sample: each is a class of its own, that a sample is of or not.
        self.questions = kind == "binary" and self.scores.shape[1] > 1
        self.binary = kind == "binary"

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return 2 if self.binary and not self.questions else int(self.scores.shape[1])

    @cached_property
    def found(self) -> Array:
        """The class of each row; of questions, the answer of each."""
        if self.binary:
            return (self.scores > 0).astype(np.intp)
        best: Array = self.scores.argmax(axis=1)
        return best


class Metric:
    """A figure: value(join(count(a), count(b))) is that of a and b together."""

    def __init__(self, spec: MetricSpec, labels: Sequence[str] | None = None) -> None:
        self.spec = spec
        self.labels = labels

    def count(self, answers: Answers) -> Array:
        """What is kept of some samples."""
        raise NotImplementedError

    def join(self, one: Array, other: Array) -> Array:
        """The counts of both together."""
        return one + other

    def value(self, counts: Array) -> float:
        """The figure."""
        raise NotImplementedError


class Share(Metric):
    """right / all"""

    def right(self, answers: Answers) -> Array:
        """Which rows are right."""
        right: Array = answers.found == answers.t
        return right

    def count(self, answers: Answers) -> Array:
        right = self.right(answers)
        return np.array([np.count_nonzero(right), right.size])

    def value(self, counts: Array) -> float:
        return int(counts[0]) / max(int(counts[1]), 1)


class ShareOfBest(Share):
    """Of equal scores, the one of the lower class comes first, as in argmax."""

    spec: TopK

    def right(self, answers: Answers) -> Array:
        scores, t = answers.scores, answers.t[:, None]
        own: Array = np.take_along_axis(scores, t, axis=1)
        before: Array = (scores > own) | ((scores == own) & (np.arange(scores.shape[1]) < t))
        right: Array = np.add.reduce(before, axis=1) < self.spec.k
        # NaN is no best score of any class.
        return right & ~np.isnan(own[:, 0])


class PerClass(Metric):
    """A figure of each class, or their mean; counts as `counts_of` has them."""

    spec: OfClass

    def count(self, answers: Answers) -> Array:
        return counts_of(answers)

    def value(self, counts: Array) -> float:
        figures = FIGURES[type(self.spec)](counts)
        if self.spec.label is None:
            # A class that no sample has says nothing of the scores.
            figures = figures[counts[2] > 0]
            return float(np.mean(figures)) if len(figures) else 0.0
        return float(figures[place_of(self.spec.label, self.labels)])


def counts_of(answers: Answers) -> Array:
    """Of each class: samples that are found and of it, that are found, that are of it: (3, C)."""
    found, t = answers.found, answers.t
    if answers.questions:
        return np.stack([(found & t).sum(axis=0), found.sum(axis=0), t.sum(axis=0)])
    parts = (t[found == t], found.reshape(-1), t.reshape(-1))
    return np.stack([np.bincount(part, minlength=answers.classes) for part in parts])


def place_of(label: str, labels: Sequence[str] | None) -> int:
    """The index of a class, from its name or, without labels, from its digits."""
    return int(label) if labels is None else list(labels).index(label)


def precision(counts: Array) -> Array:
    """Of (3, C) counts: right / found, 0 where nothing is."""
    return _ratio(counts[0], counts[1])


def recall(counts: Array) -> Array:
    """Of (3, C) counts: right / all of the class."""
    return _ratio(counts[0], counts[2])


def f1(counts: Array) -> Array:
    """Of (3, C) counts: the harmonic mean of precision and recall, 2 right / (found + all)."""
    return _ratio(2 * counts[0], counts[1] + counts[2])


def _ratio(part: Array, whole: Array) -> Array:
    found: Array = part / np.maximum(whole, 1)
    return found


FIGURES: dict[type[MetricSpec], Any] = {Precision: precision, Recall: recall, F1: f1}


class Explained(Metric):
    """Counts, each of D numbers: samples, mean of t, sum((t - mean)^2), sum((t - y)^2).

    Source: Chan, Golub and LeVeque, 1979: sums about the mean, which lose no digits however far
    the targets lie from 0, joined by pairs.
    """

    spec: R2

    def count(self, answers: Answers) -> Array:
        t = answers.t.astype(np.float64)
        mean = t.mean(axis=0)
        around, error = np.square(t - mean).sum(axis=0), np.square(t - answers.scores).sum(axis=0)
        return np.stack([np.full_like(mean, len(t)), mean, around, error])

    def join(self, one: Array, other: Array) -> Array:
        total = one[0] + other[0]
        step = other[1] - one[1]
        mean = one[1] + step * (other[0] / total)
        around = one[2] + other[2] + step**2 * (one[0] * other[0] / total)
        return np.stack([total, mean, around, one[3] + other[3]])

    def value(self, counts: Array) -> float:
        around, error = counts[2], counts[3]
        if self.spec.average == "variance":
            around, error = around.sum(keepdims=True), error.sum(keepdims=True)
        # Of targets that are all the same nothing is to be explained: 1 if they are met, else 0.
        still = around == 0
        figures = 1 - error / np.where(still, 1, around)
        return float(np.mean(np.where(still, error == 0, figures)))


class MeanError(Metric):
    """Counts: the sum over all numbers of what each adds, and their number."""

    def count(self, answers: Answers) -> Array:
        error = answers.t.astype(np.float64) - answers.scores
        each = np.abs(error) if isinstance(self.spec, MAE) else np.square(error)
        return np.array([each.sum(), each.size])

    def value(self, counts: Array) -> float:
        mean = float(counts[0] / counts[1])
        return mean if isinstance(self.spec, MAE) else math.sqrt(mean)


MOST_CONFUSED = 500
"""Classes; of more, the confusion matrices of all pieces would take a large part of the memory."""


@dataclass(frozen=True, eq=False)
class ClassReport:
    """How well each class is found. labels: their names; samples: how many are of each.

    confusion: of the samples of the class of a row, how many are given the class of a column;
    None for several questions a sample, and for more than MOST_CONFUSED classes.
    Shapes: precision, recall, f1, samples (C,); confusion (C, C)
    Units: 0 to 1.
    """

    labels: tuple[str, ...]
    precision: Array
    recall: Array
    f1: Array
    samples: Array
    confusion: Array | None


def report_of(counts: Array, labels: Sequence[str] | None, *, matrix: bool) -> ClassReport:
    """From a confusion matrix (matrix), or from counts of each class."""
    three = counts
    if matrix:
        three = np.stack([counts.diagonal(), counts.sum(axis=0), counts.sum(axis=1)])
    names = tuple(labels or map(str, range(three.shape[1])))
    figures = precision(three), recall(three), f1(three)
    return ClassReport(names, *figures, three[2], counts if matrix else None)


def confusion(answers: Answers) -> Array:
    """Of the samples of the class of a row, how many are given the class of a column: (C, C).

    Not for several questions a sample.
    """
    classes = answers.classes
    pairs: Array = np.bincount(
        (answers.t * classes + answers.found).reshape(-1), minlength=classes**2
    )
    return pairs.reshape(classes, classes)


COMPUTED_BY: dict[type[MetricSpec], type[Metric]] = {
    Accuracy: Share,
    TopK: ShareOfBest,
    Precision: PerClass,
    Recall: PerClass,
    F1: PerClass,
    R2: Explained,
    MAE: MeanError,
    RMSE: MeanError,
}


def metric_for(spec: MetricSpec, labels: Sequence[str] | None = None) -> Metric:
    """The metric that a recipe declares, for an output whose classes have these names."""
    return COMPUTED_BY[type(spec)](spec, labels)
