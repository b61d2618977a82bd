"""What is kept of scores beside their right answers: calibration, mistakes, errors of numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from graphnet.layers.base import Array
from graphnet.spec.families import Kind

BINS = 10
MOST_MISTAKES = 24
MOST_POINTS = 2000


@dataclass(frozen=True)
class Mistake:
    """A wrong answer. sample: its number in the data set; place: which of the sample's answers,
    None where it has one; found, truth: classes; sure, right: the probabilities that the scores
    gave them."""

    sample: int
    place: int | None
    found: int
    truth: int
    sure: float
    right: float


class ClassTally:
    """Of answers that are classes: how sure the scores are where they are right, and the wrong
    answers of which they are surest, one a sample.

    Scores become probabilities: by a softmax, or by a sigmoid where one score says yes or no.
    ignore: the target that says that nothing is to be answered.
    bins: of each tenth of probability: answers, the sum of their probabilities, the right ones.
    Shapes: bins (BINS, 3)
    """

    def __init__(self, kind: Kind, ignore: int | None = None) -> None:
        self.kind = kind
        self._ignore = ignore
        self.bins = np.zeros((BINS, 3))
        self._mistakes: dict[int, Mistake] = {}

    def add(self, scores: Array, t: Array, samples: Array) -> None:
        """Some samples, by their numbers.

        Shapes: scores (N, ..., C), t (N, ...); of yes and no both (N, ...)
        """
        found, truth, sure, right = self._answers(scores, t)
        places = found.size // len(samples)
        chosen = np.arange(found.size)
        if self.kind == "classes" and self._ignore is not None:
            chosen = np.flatnonzero(truth != self._ignore)
        bins = np.minimum((sure * BINS).astype(np.intp), BINS - 1)[chosen]
        good = (found == truth)[chosen]
        for k, weights in enumerate((None, sure[chosen], good)):
            self.bins[:, k] += np.bincount(bins, weights, BINS)
        wrong = chosen[~good]
        for i in wrong[np.argsort(-sure[wrong], kind="stable")].tolist():
            sample = int(samples[i // places])
            place = i % places if places > 1 else None
            one = Mistake(sample, place, int(found[i]), int(truth[i]), sure[i], right[i])
            if sample not in self._mistakes:
                self._mistakes[sample] = one
            if len(self._mistakes) > 2 * MOST_MISTAKES:
                break
        self._mistakes = {one.sample: one for one in self.mistakes}

    @property
    def mistakes(self) -> list[Mistake]:
        """The surest first."""
        ordered = sorted(self._mistakes.values(), key=lambda one: (-one.sure, one.sample))
        return ordered[:MOST_MISTAKES]

    @property
    def answers(self) -> int:
        """How many were counted."""
        return int(self.bins[:, 0].sum())

    @property
    def calibration_error(self) -> float:
        """sum over bins of answers / all * |right / answers - mean probability|, 0 to 1

        Source: Naeini, Cooper and Hauskrecht, 2015: the expected calibration error.
        """
        return float(np.abs(self.bins[:, 2] - self.bins[:, 1]).sum()) / max(self.answers, 1)

    def _answers(self, scores: Array, t: Array) -> tuple[Array, Array, Array, Array]:
        """Of each answer: the class found, the right one, and the probabilities of both."""
        x = scores.astype(np.float64)
        if self.kind == "binary":
            x, truth = x.reshape(-1), (t.reshape(-1) > 0.5).astype(np.intp)
            found = (x > 0).astype(np.intp)
            yes = np.exp(-np.logaddexp(0, -x))
            no = np.exp(-np.logaddexp(0, x))
            return found, truth, np.where(found, yes, no), np.where(truth, yes, no)
        x, truth = x.reshape(-1, x.shape[-1]), t.reshape(-1)
        rows = np.arange(len(x))
        found = x.argmax(axis=1)
        shares = np.exp(x - x.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        # A target that says nothing may be outside of the classes.
        return found, truth, shares[rows, found], shares[rows, np.clip(truth, 0, x.shape[1] - 1)]


@dataclass(frozen=True, eq=False)
class Miss:
    """A sample whose numbers are far from right. error: the root of the mean of their squares."""

    sample: int
    error: float
    found: Array
    truth: Array


@dataclass(eq=False)
class NumberTally:
    """Of answers that are numbers: pairs of found and right ones, of samples chosen evenly, and
    the samples that are furthest off.

    Shapes: found, truth (points,)
    """

    samples: int
    found: list[Array] = field(default_factory=list)
    truth: list[Array] = field(default_factory=list)
    count: int = 0
    bias: float = 0.0
    _misses: list[Miss] = field(default_factory=list)
    _done: int = 0

    def add(self, scores: Array, t: Array, samples: Array) -> None:
        """Some samples, by their numbers.

        Shapes: both (N, ...)
        """
        y = scores.reshape(len(samples), -1).astype(np.float64)
        t = t.reshape(len(samples), -1).astype(np.float64)
        step = -(-self.samples * y.shape[1] // MOST_POINTS)
        chosen = np.flatnonzero((np.arange(len(samples)) + self._done) % step == 0)
        self.found.append(y[chosen].reshape(-1))
        self.truth.append(t[chosen].reshape(-1))
        self._done += len(samples)
        self.count += y.size
        self.bias += float((y - t).sum())
        errors = np.sqrt(np.square(y - t).mean(axis=1))
        for i in np.argsort(-errors, kind="stable")[:MOST_MISTAKES].tolist():
            shape = scores.shape[1:]
            arrays = y[i].reshape(shape), t[i].reshape(shape)
            self._misses.append(Miss(int(samples[i]), float(errors[i]), *arrays))
        self._misses = self.misses

    @property
    def misses(self) -> list[Miss]:
        """The furthest off first."""
        return sorted(self._misses, key=lambda one: (-one.error, one.sample))[:MOST_MISTAKES]
