"""What keeps the columns or the text of the data from the inputs and the losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from graphnet.declaration import Shape
from graphnet.errors import quoted
from graphnet.spec.columns import NumberColumn
from graphnet.spec.graph import GraphSpec
from graphnet.spec.problems import Path, Problem
from graphnet.spec.text import PADDING
from graphnet.spec.wiring import Wiring, label

if TYPE_CHECKING:
    from graphnet.spec.sources import Csv, Lines


def check(spec: GraphSpec, wiring: Wiring, shapes: Mapping[str, Shape]) -> Iterator[Problem]:
    """Mistakes between a source of columns or text and what it fills."""
    yield from _kinds(spec)
    yield from _embeddings(spec, wiring)
    if spec.data is None:  # as in every bundle
        return
    from graphnet.spec.sources import Csv, Lines

    if isinstance(spec.data, Lines):
        yield from _text(spec, spec.data, wiring, shapes)
    if isinstance(spec.data, Csv):
        yield from _columns(spec, spec.data)


def _columns(spec: GraphSpec, data: Csv) -> Iterator[Problem]:
    fed = {name: given for name, given in spec.inputs.items() if given.value is None}
    for name, given in fed.items():
        if given.columns is None:
            text = "source 'csv' gives columns: this input needs 'columns', or a 'value'"
            yield Problem(("inputs", name), text)
    targets = {column for columns in data.targets.values() for column in columns}
    for name, given in fed.items():
        for column in given.columns or {}:
            if column in targets:
                text = f"column {quoted(column)} is the target of the data: it cannot be an input"
                yield Problem(("inputs", name, "columns", column), text, at_key=True)
            elif column in data.unused:
                text = f"column {quoted(column)} stands in 'unused' of the data: leave one out"
                yield Problem(("inputs", name, "columns", column), text, at_key=True)
    for i, column in enumerate(data.unused):
        if column in targets:
            text = f"{quoted(column)} is the target: leave it out here"
            yield Problem(("data", "unused", i), text)


def _text(
    spec: GraphSpec, data: Lines, wiring: Wiring, shapes: Mapping[str, Shape]
) -> Iterator[Problem]:
    fed = [name for name, given in spec.inputs.items() if given.value is None]
    if len(fed) != 1:
        names = ", ".join(f"'{name}'" for name in fed) or "none"
        text = f"source 'lines' fills the one input without a 'value', found {names}"
        yield Problem(("data",), text)
        return
    given = spec.inputs[fed[0]]
    if given.text is None:
        text = "source 'lines' gives text: this input needs 'text' and \"dtype\": \"int64\""
        yield Problem(("inputs", fed[0]), text)
        return
    if data.target != "next" or len(spec.all_losses) != 1:
        return
    (loss,) = spec.all_losses
    on = loss.on or wiring.outputs[0]
    at: Path = ("loss",) if spec.losses is None else ("losses", 0)
    wanted = (*given.shape, given.text.count)
    if loss.type != "SoftmaxWithLoss":
        text = "what follows is one of the vocabulary: write SoftmaxWithLoss"
        yield Problem((*at, "type"), text)
    elif shapes.get(on, wanted) != wanted:
        text = f"'{on}' gives {shapes[on]}, but what follows at each position needs {wanted}: "
        text += "a score for each number of the text input"
        yield Problem(at, text, kind="shape")
    elif not data.joined and getattr(loss, "ignore", None) != PADDING:
        text = 'the padding behind short lines would count as an answer: write "ignore": 0'
        yield Problem(at, text)


def _embeddings(spec: GraphSpec, wiring: Wiring) -> Iterator[Problem]:
    """A table with fewer rows than the text input has numbers."""
    for i, node in enumerate(spec.nodes):
        rows = getattr(node, "vocabulary", None)
        if node.type != "Embedding" or rows is None:
            continue
        for source in wiring.sources.get(node.id, ()):
            given = spec.inputs.get(source)
            if given is not None and given.text is not None and rows < given.text.count:
                text = f"{rows} rows, but the text of '{source}' has {given.text.count} numbers, "
                text += f"padding and unknown among them: write {given.text.count}"
                yield Problem(("nodes", i, "vocabulary"), text, label(node))


def _kinds(spec: GraphSpec) -> Iterator[Problem]:
    """A column that is a number for one input and a category for another."""
    kinds: dict[str, bool] = {}
    for name, given in spec.inputs.items():
        for key, column in (given.columns or {}).items():
            number = isinstance(column, NumberColumn)
            if kinds.setdefault(key, number) != number:
                text = f"column {quoted(key)} has another type in an input before: give one"
                yield Problem(("inputs", name, "columns", key), text)
