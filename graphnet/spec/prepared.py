"""What was fitted to the training data: a bundle's `prepare`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from pydantic import Field, ValidationError

from graphnet.declaration import Declaration, Name, Shape
from graphnet.errors import DatasetError, clipped, quoted
from graphnet.spec.canonical import plain
from graphnet.spec.columns import CategoryColumn, Column, NumberColumn, Text, width_problem
from graphnet.spec.graph import GraphSpec, InputSpec
from graphnet.spec.text import FIRST, Entries

List = Annotated[tuple[Text, ...], Field(strict=False, min_length=1, max_length=10_000)]


class FittedColumn(Declaration):
    """What a column's declaration leaves to the training part."""

    mean: float | None = None
    std: Annotated[float, Field(gt=0)] | None = None
    values: List | None = None


class TableForm(Declaration):
    """How the tables look that a network was trained on."""

    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    unused: Annotated[tuple[Text, ...], Field(strict=False, max_length=10_000)] = ()
    """Columns that fill no input: they may stand in a table, or not."""


class Prepared(Declaration):
    """What was fitted to the training data, by input or output."""

    columns: dict[Name, dict[Text, FittedColumn]] = Field(default={})
    labels: dict[Name, List] = Field(default={})
    table: TableForm | None = None
    vocabulary: dict[Name, Entries] = Field(default={})

    def values(self) -> dict[str, object]:
        """Plain JSON values; empty where nothing was fitted."""
        found = plain(self)
        assert isinstance(found, dict)
        return found


def prepared_of(
    values: Mapping[str, object], spec: GraphSpec, scores: Mapping[str, Shape]
) -> Prepared:
    """What plain JSON values say was fitted, checked against the spec.

    scores: the shape of each output.
    Errors: DatasetError.
    """
    try:
        prepared = Prepared.model_validate(values)
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        at = ".".join(map(str, first["loc"][:4]))
        raise DatasetError(clipped(f"{at}: {first['msg']}")) from None
    for problem in _mismatches(prepared, spec, scores):
        raise DatasetError(clipped(problem))
    return prepared


def _mismatches(prepared: Prepared, spec: GraphSpec, scores: Mapping[str, Shape]) -> Iterator[str]:
    tables = {name for name, given in spec.inputs.items() if given.columns is not None}
    open_tables = {n for n in tables if any(map(_open, (spec.inputs[n].columns or {}).values()))}
    texts = {n for n, g in spec.inputs.items() if g.text is not None and g.text.size is not None}
    for what, found, wanted in (
        ("columns", prepared.columns.keys(), open_tables),
        ("vocabulary", prepared.vocabulary.keys(), texts),
    ):
        if found != wanted:
            yield f"{what}: inputs {sorted(wanted)} leave theirs open, found {sorted(found)}"
    if (prepared.table is not None) != bool(tables):
        yield "table: it stands where an input has columns, and there alone"
    for name in sorted(open_tables & prepared.columns.keys()):
        declared = spec.inputs[name]
        fitted = prepared.columns[name]
        assert declared.columns is not None
        wanted_columns = {key for key, column in declared.columns.items() if _open(column)}
        if fitted.keys() != wanted_columns:
            yield f"columns.{name}: not the columns that the spec leaves open"
            continue
        for key in sorted(wanted_columns):
            given = {k for k in ("mean", "std", "values") if getattr(fitted[key], k) is not None}
            number = isinstance(declared.columns[key], NumberColumn)
            if given != ({"mean", "std"} if number else {"values"}):
                yield f"columns.{name}.{quoted(key)}: not what its type needs"
                return
            values = fitted[key].values or ()
            if len(set(values)) < len(values):
                yield f"columns.{name}.{quoted(key)}: a value is given twice"
        problem = width_problem(
            columns_of(declared, prepared, name), declared.shape, declared.dtype is not None
        )
        if problem:
            yield f"columns.{name}: {problem}"
    for name in sorted(texts & prepared.vocabulary.keys()):
        entries, text = prepared.vocabulary[name], spec.inputs[name].text
        assert text is not None
        if len(entries) + FIRST > text.count or len(set(entries)) < len(entries):
            yield f"vocabulary.{name}: more than 'size', or an entry twice"
    for output, labels in prepared.labels.items():
        shape = scores.get(output)
        classes = None if shape is None else (2 if shape in ((), (1,)) else shape[-1])
        if classes != len(labels) or len(set(labels)) < len(labels):
            yield f"labels.{output}: not a name for each class of an output"
        elif spec.labels_of(output) is not None:
            yield f"labels.{output}: the spec has labels of its own"


def _open(column: Column) -> bool:
    """Whether a column's declaration leaves something to the training part."""
    return (column.mean if isinstance(column, NumberColumn) else column.values) is None


def columns_of(given: InputSpec, prepared: Prepared | None, name: str) -> dict[str, Column]:
    """An input's columns with nothing left open.

    Errors: DatasetError where something was never fitted.
    """
    found: dict[str, Column] = {}
    fitted = prepared.columns.get(name, {}) if prepared is not None else {}
    for key, column in (given.columns or {}).items():
        if not _open(column):
            found[key] = column
        elif key not in fitted:
            raise DatasetError(
                f"input '{name}': its columns were fitted to no data yet: train the network first"
            )
        elif isinstance(column, NumberColumn):
            mean, std = fitted[key].mean, fitted[key].std
            found[key] = NumberColumn(type="number", mean=mean, std=std)
        else:
            found[key] = CategoryColumn(type="category", values=fitted[key].values)
    return found


def vocabulary_of(given: InputSpec, prepared: Prepared | None, name: str) -> tuple[str, ...]:
    """The entries of an input's vocabulary, the first of which has number 2.

    Errors: DatasetError where it was never fitted.
    """
    assert given.text is not None
    if given.text.vocabulary is not None:
        return given.text.vocabulary
    if prepared is None or name not in prepared.vocabulary:
        raise DatasetError(
            f"input '{name}': its vocabulary was fitted to no data yet: train the network first"
        )
    return prepared.vocabulary[name]
