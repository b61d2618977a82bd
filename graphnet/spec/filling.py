"""What keeps the columns or the text of the data from the inputs and the losses."""

from __future__ import annotations

from collections.abc import Iterator

from graphnet.errors import quoted
from graphnet.spec.columns import NumberColumn
from graphnet.spec.graph import GraphSpec
from graphnet.spec.problems import Problem
from graphnet.spec.sources import Csv


def check(spec: GraphSpec) -> Iterator[Problem]:
    """Mistakes between a source of columns and the inputs that they fill."""
    yield from _kinds(spec)
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


def _kinds(spec: GraphSpec) -> Iterator[Problem]:
    """A column that is a number for one input and a category for another."""
    kinds: dict[str, bool] = {}
    for name, given in spec.inputs.items():
        for key, column in (given.columns or {}).items():
            number = isinstance(column, NumberColumn)
            if kinds.setdefault(key, number) != number:
                text = f"column {quoted(key)} has another type in an input before: give one"
                yield Problem(("inputs", name, "columns", key), text)
