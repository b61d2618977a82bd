"""The scores of a block -> columns: label, index, score, or numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from graphnet.answering.answers import Answers, Output
from graphnet.declaration import Shape

Kind = Literal["text", "whole", "number", "numbers", "texts"]


class Column(NamedTuple):
    """One column of the output. output: the network's output that it is of, "" where that is the
    only one; names: of the numbers of a sample, where there are several."""

    output: str
    key: str
    kind: Kind
    names: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it is called where all columns stand side by side."""
        return f"{self.output}.{self.key}" if self.output else self.key


class Wish(NamedTuple):
    """What a caller wants to know. top: of how many best classes; every: all scores; shares:
    probabilities in place of scores."""

    top: int | None = None
    every: bool = False
    shares: bool = False


class Columns:
    """The columns of a network's outputs, and their values for a block of samples."""

    def __init__(self, answers: Answers, wish: Wish) -> None:
        self.outputs, self.wish = answers.outputs, wish
        graph = answers.net.graph
        self.shapes: Mapping[str, Shape] = graph.shapes
        self.dtype = np.dtype(graph.spec.dtype)
        several = len(self.outputs) > 1
        self.parts = [(one, list(self._columns(one, several))) for one in self.outputs]
        self.all = [column for _, columns in self.parts for column in columns]

    def _columns(self, one: Output, several: bool) -> Iterator[Column]:
        name = one.name if several else ""
        if one.what == "numbers":
            count = int(np.prod(self.shapes[one.name], dtype=np.int64))
            names = tuple(f"value_{i}" for i in range(1, count + 1))
            yield Column(name, "values", "numbers", names if count > 1 else ("value",))
            return
        if one.what == "yes_no":
            yield Column(name, "labels", "texts")
        elif self.wish.top is not None:
            for rank in range(1, min(self.wish.top, self._classes(one)) + 1):
                yield Column(name, f"label_{rank}", "text")
                yield Column(name, f"index_{rank}", "whole")
                yield Column(name, f"score_{rank}", "number")
        else:
            yield Column(name, "label", "text")
            yield Column(name, "index", "whole")
            if not self.wish.every:
                yield Column(name, "score", "number")
        if self.wish.every or one.what == "yes_no":
            shown = 2 if self.wish.shares and self._scores(one) == 1 else self._scores(one)
            names = tuple(f"score:{one.label(i)}" for i in range(shown))
            yield Column(name, "scores", "numbers", names if shown > 1 else ("score",))

    def _scores(self, one: Output) -> int:
        """How many scores a sample has."""
        return int(self.shapes[one.name][-1]) if self.shapes[one.name] else 1

    def _classes(self, one: Output) -> int:
        return max(2, self._scores(one))

    def values(self, found: Mapping[str, Any]) -> list[Any]:
        """The values of each column: lists of texts, arrays of numbers.

        Shapes: found (n, ...) by output
        """
        return [v for one, _ in self.parts for v in self._values(one, found[one.name])]

    def _values(self, one: Output, scores: Any) -> Iterator[Any]:
        count = len(scores)
        if one.what == "numbers":
            yield scores.reshape(count, -1)
            return
        if scores.ndim == 1:
            scores = scores[:, np.newaxis]
        wish = self.wish
        if one.what == "yes_no":
            yield [[one.label(int(i)) for i in np.flatnonzero(row > 0)] for row in scores]
            yield np.stack([one.shown(row) for row in scores]) if wish.shares else scores
            return
        shown = one.shown(scores) if wish.shares else scores
        if wish.top is not None:
            both = self._of_two(shown)
            ranked = np.argsort(-both, axis=1, kind="stable")[:, : wish.top]
            for best in ranked.T:
                yield self._labels(one, best)
                yield best
                yield both[np.arange(count), best]
            return
        best = one.bests(scores)
        yield self._labels(one, best)
        yield best
        yield shown if wish.every else self._of_two(shown)[np.arange(count), best]

    def _of_two(self, scores: Any) -> Any:
        """A binary network has one score, for class 1."""
        return np.concatenate([-scores, scores], axis=1) if scores.shape[1] == 1 else scores

    def _labels(self, one: Output, best: Sequence[Any]) -> list[str]:
        return [one.label(int(i)) for i in best]
