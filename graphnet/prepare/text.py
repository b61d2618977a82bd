"""Lines of text -> the whole numbers that a network takes, as the input's `text` declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.network import Network
from graphnet.spec.prepared import vocabulary_of
from graphnet.spec.reader import Resolved
from graphnet.spec.text import FIRST, PADDING, UNKNOWN, TextSpec

BOUNDARY = "\n"
"""What stands before a line and behind it, where the next character or word is learnt."""
NAMES = ("<padding>", "<unknown>")
"""What the numbers below the vocabulary's are called."""
_WORDS = re.compile(r"\w+|[^\w\s]")


def units_of(text: TextSpec, line: str) -> list[str]:
    """The characters of a line, or its words and marks."""
    line = line.lower() if text.lower else line
    return list(line) if text.unit == "character" else _WORDS.findall(line)


def joined(text: TextSpec, units: Iterable[str]) -> str:
    """Characters or words as a line."""
    return ("" if text.unit == "character" else " ").join(units)


class TextPreparation:
    """out = the number of each character or word: 0 padding, 1 unknown, then the vocabulary.

    Training on lines and answering one both take this way.

    Shapes: n lines -> (n, positions) int64
    """

    def __init__(self, text: TextSpec, vocabulary: Sequence[str], positions: int) -> None:
        self.text = text
        self.positions = positions
        self.names = (*NAMES, *vocabulary)
        self._codes = {entry: code for code, entry in enumerate(vocabulary, FIRST)}

    def codes(self, units: Iterable[str]) -> list[int]:
        """The number of each unit."""
        return [self._codes.get(unit, UNKNOWN) for unit in units]

    def problem(self, units: Sequence[str]) -> str | None:
        """Why a line cannot be answered, if that is so."""
        if not units:
            return f"there is no {self.text.unit} in it"
        if len(units) > self.positions and not self.text.cut:
            what = f"{len(units)} {self.text.unit}s, but the model has {self.positions} positions"
            return f'{what}: shorten the line, or train with "cut": true'
        return None

    def numbers(self, lines: Sequence[Sequence[str]]) -> NDArray[np.int64]:
        """The numbers of some lines' units; of those that are too long, the first ones."""
        return self.filled([self.codes(units[: self.positions]) for units in lines])

    def filled(self, codes: Sequence[Sequence[int]]) -> NDArray[np.int64]:
        """Numbers of each line, filled up with padding."""
        out = np.full((len(codes), self.positions), PADDING, np.int64)
        for row, found in zip(out, codes, strict=True):
            if self.text.pad == "end":
                row[: len(found)] = found
            elif found:
                row[-len(found) :] = found
        return out

    def start(self, units: Sequence[str]) -> list[str]:
        """The units of a line that is to go on: what stood before it, as far back as the model
        sees."""
        return [BOUNDARY, *units][-self.positions :]


def preparation_of(net: Network, name: str) -> TextPreparation:
    """How lines become a network's input.

    Errors: DatasetError where its vocabulary was never fitted.
    """
    given = net.spec.inputs[name]
    assert given.text is not None
    vocabulary = vocabulary_of(given, net.prepare, name)
    return TextPreparation(given.text, vocabulary, given.shape[0])


def last_positions(numbers: NDArray[Any]) -> NDArray[np.intp]:
    """Where the last unit of each line stands.

    Shapes: (n, positions) -> (n,)
    """
    behind: NDArray[np.intp] = (numbers[:, ::-1] != PADDING).argmax(axis=1)
    last: NDArray[np.intp] = numbers.shape[1] - 1 - behind
    return last


def next_input(graph: Resolved) -> str | None:
    """The input of text whose next character or word the network's only output tells, position by
    position; None where it does something else."""
    fed = [name for name, given in graph.spec.inputs.items() if given.value is None]
    given = graph.spec.inputs[fed[0]] if len(fed) == 1 else None
    if given is None or given.text is None or len(graph.wiring.outputs) != 1:
        return None
    output = graph.wiring.outputs[0]
    if graph.shapes[output] != (*given.shape, given.text.count):
        return None
    return fed[0] if graph.spec.labels_of(output) is None else None
