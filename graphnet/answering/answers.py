"""What a network's outputs say: labels, or numbers, as the lines that `infer` prints."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphnet.declaration import Shape
from graphnet.errors import BundleError, DatasetError, DivergedError, clipped, printable
from graphnet.network import Network
from graphnet.scores import class_of, probabilities

if TYPE_CHECKING:
    from graphnet.prepare.text import TextPreparation

NOT_WRITTEN = ("padding", "unknown")
"""The numbers of a text that stand for no character or word come first."""


class Place(NamedTuple):
    """Where a sample came from: `key` and `value` in JSON, `row` of a file of several, and what a
    plain line starts with where there are several."""

    key: str
    value: str
    start: str
    row: int | None = None


class Output(NamedTuple):
    """One output. what: "classes" of which one is right, "yes_no" answers of which any may be,
    "next", the character or word that follows a text, or "numbers"."""

    name: str
    what: str
    labels: tuple[str, ...] | None
    shares: bool = False
    """Whether the network gives probabilities by itself."""

    def label(self, index: int) -> str:
        """The name of a class; its number where nothing names one."""
        return self.labels[index] if self.labels else str(index)

    def best(self, scores: Any) -> int:
        """The index of the best score of one sample."""
        if self.what == "next":  # no text goes on with padding, or with something unknown
            first = len(NOT_WRITTEN)
            return first + int(scores[first : len(self.labels or ())].argmax())
        return int(class_of(self.name, scores[np.newaxis])[0])

    def bests(self, scores: Any) -> Any:
        """The index of the best score of each sample."""
        if self.what == "next":
            first = len(NOT_WRITTEN)
            return first + scores[:, first : len(self.labels or ())].argmax(axis=1)
        return class_of(self.name, scores)

    def plain(self, scores: Any) -> str:
        """One sample's answer for people and shells."""
        if self.what == "numbers":
            return "\t".join(str(number) for number in np.ravel(scores))
        if self.what == "yes_no":
            names = (self.label(int(i)) for i in np.flatnonzero(scores > 0))
            return ", ".join(map(printable, names))
        return printable(self.label(self.best(scores)))

    def values(self, scores: Any, shares: bool) -> dict[str, Any]:
        """One sample's answer for programs; shares: probabilities in place of scores."""
        if self.what == "numbers":
            return {"values": _floats(scores)}
        if self.what == "yes_no":
            chosen = [self.label(int(i)) for i in np.flatnonzero(scores > 0)]
            return {"labels": chosen, "scores": _floats(self.shown(scores) if shares else scores)}
        best = self.best(scores)
        shown = self.shown(scores) if shares else np.atleast_1d(scores)
        return {"label": self.label(best), "index": best, "scores": _floats(shown)}

    def top(self, scores: Any, most: int, shares: bool) -> Iterator[tuple[int, Any]]:
        """The best classes of one sample and their scores, the best first."""
        shown = self.shown(scores) if shares else np.atleast_1d(scores)
        if len(shown) == 1:  # a binary network has one score, for class 1
            shown = np.array([-shown[0], shown[0]])
        order = np.argsort(-shown, kind="stable")
        if self.what == "next":  # as `best`: what no text goes on with, or nothing stands for
            order = order[(order >= len(NOT_WRITTEN)) & (order < len(self.labels or ()))]
        for index in order[:most]:
            yield int(index), shown[index]

    def shown(self, scores: Any) -> Any:
        """Probabilities: of classes together 1, of yes and no each for itself."""
        if self.shares:
            return np.atleast_1d(scores)
        if self.what == "yes_no":
            return np.array([probabilities(score)[1] for score in scores])
        return probabilities(scores)


def _floats(numbers: Any) -> Any:
    """Nested lists of the shortest digits that give back the same float32."""
    if isinstance(numbers, np.ndarray) and numbers.ndim:
        return [_floats(number) for number in numbers]
    return float(str(numbers))


class Answers:
    """The outputs of a network, and what each of them says.

    threads: that compute; None for all processors.
    Errors: BundleError where an output says neither classes nor numbers.
    """

    def __init__(self, net: Network, path: str) -> None:
        self.net = net
        self.path = path
        self.threads: int | None = None
        losses = {on: loss for loss, on, _ in net.graph.objectives}
        self.outputs = []
        texts = any(given.text is not None for given in net.spec.inputs.values())
        for name in net.graph.wiring.outputs:
            shape, labels = net.graph.shapes[name], net.labels(name)
            loss = losses.get(name)
            what = "classes"
            if not labels and losses and (loss is None or not loss.classifies):
                what = "numbers"
            elif loss is not None and loss.type == "SigmoidWithLoss" and shape not in ((), (1,)):
                what = "yes_no"
            if texts and (preparation := self._next()) is not None:
                what, labels = "next", preparation.names
            elif len(shape) > 1 and what != "numbers":
                self._refuse(name, shape)
            shares = what == "classes" and net.graph.nodes[name].type == "Softmax"
            self.outputs.append(Output(name, what, labels, shares))

    def _next(self) -> TextPreparation | None:
        from graphnet.prepare.text import next_input, preparation_of

        name = next_input(self.net.graph)
        try:
            return None if name is None else preparation_of(self.net, name)
        except DatasetError as e:
            raise BundleError(clipped(f"{self.path}: {e}")) from None

    def _refuse(self, name: str, shape: Shape) -> None:
        raise BundleError(
            clipped(f"{self.path}: '{name}' gives {shape}, not one score for each class")
        )

    @property
    def only(self) -> Output | None:
        """The output, where there is one alone, and it says classes."""
        output = self.outputs[0]
        return output if len(self.outputs) == 1 and output.what != "numbers" else None

    def scores(self, inputs: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Every output of each sample.

        Errors: DivergedError.
        """
        found = self._predict(inputs)
        if not all(np.isfinite(scores).all() for scores in found.values()):
            raise DivergedError(clipped(f"{self.path}: the network's scores are not finite"))
        found = self._last(inputs, found)
        for i in range(len(next(iter(found.values())))):
            yield {name: scores[i] for name, scores in found.items()}

    def batch(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Every output of all samples, finite or not.

        Shapes: (n, ...) by output
        """
        return self._last(inputs, self._predict(inputs))

    def _predict(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        found = self.net.predict(inputs, threads=self.threads)
        return {self.outputs[0].name: found} if len(self.outputs) == 1 else found

    def _last(self, inputs: Mapping[str, Any], found: dict[str, Any]) -> dict[str, Any]:
        """Of texts that go on, the scores at the last position alone."""
        if self.outputs[0].what != "next":
            return found
        from graphnet.prepare.text import last_positions

        (numbers,) = inputs.values()
        return {
            name: s[np.arange(len(numbers)), last_positions(numbers)] for name, s in found.items()
        }

    def lines(self, place: Place, scores: Mapping[str, Any], options: Any) -> Iterator[str]:
        """What is printed of one sample."""
        if options.json:
            yield json.dumps(self._values(place, scores, options.probabilities))
            return
        start = printable(place.start) + "\t" if place.start else ""
        if options.top is None:
            yield start + "\t".join(one.plain(scores[one.name]) for one in self.outputs)
            return
        (output,) = self.outputs
        for index, score in output.top(scores[output.name], options.top, options.probabilities):
            yield f"{start}{printable(output.label(index))}\t{score!s}"

    def _values(self, place: Place, scores: Mapping[str, Any], shares: bool) -> dict[str, Any]:
        found = {one.name: one.values(scores[one.name], shares) for one in self.outputs}
        where: dict[str, Any] = {place.key: place.value}
        if place.row is not None:
            where["row"] = place.row
        if len(self.outputs) > 1:
            return where | {"outputs": found}
        return where | found[self.outputs[0].name]
