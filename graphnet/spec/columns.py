"""How a row of a table becomes an input: the `columns` field of an input."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    TypeAdapter,
    WithJsonSchema,
    model_validator,
)

from graphnet.declaration import FAMILY, Declaration, did_you_mean, few, tagged
from graphnet.errors import quoted
from graphnet.spec.problems import below

MAX_COLUMNS = 10_000
MAX_VALUES = 10_000
Text = Annotated[str, Field(min_length=1, max_length=200)]
"""The name of a column, or a value that stands in one."""


class NumberColumn(Declaration):
    """out = (value - mean) / std

    `mean` and `std` are those of the training part where the spec gives none: they are stored in
    the bundle.
    """

    type: Literal["number"]
    mean: float | None = None
    """Subtracted from each value."""
    std: Annotated[float, Field(gt=0)] | None = None
    """Divided by after `mean`."""

    @model_validator(mode="after")
    def _both(self) -> NumberColumn:
        if (self.mean is None) != (self.std is None):
            given, absent = ("mean", "std") if self.std is None else ("std", "mean")
            raise below(f"needs '{absent}' beside it: give both or neither", given)
        return self


class CategoryColumn(Declaration):
    """out[k] = 1 for the k-th value, else 0; in an input of dtype int64: out = k

    The values are those found in the training part, sorted, where the spec gives none: they are
    stored in the bundle. Any other value is an error.
    """

    type: Literal["category"]
    values: (
        Annotated[
            tuple[Text, ...],
            Field(strict=False, min_length=1, max_length=MAX_VALUES),
            BeforeValidator(few(MAX_VALUES)),
        ]
        | None
    ) = None
    """The values that may stand in the column, in their order."""

    @model_validator(mode="after")
    def _once(self) -> CategoryColumn:
        values = self.values or ()
        if len(set(values)) < len(values):
            twice = next(v for i, v in enumerate(values) if v in values[:i])
            raise below(f"{quoted(twice)} is given twice", "values")
        return self


Column = NumberColumn | CategoryColumn
COLUMNS: dict[str, type[Column]] = {"number": NumberColumn, "category": CategoryColumn}
_as_object = tagged("column type", COLUMNS)


def _column(value: Any) -> Any:
    """A column as an object, or as its type's name alone."""
    if not isinstance(value, str):
        return _as_object(value)
    if value not in COLUMNS:
        hint = did_you_mean(value, COLUMNS) or f"; it must be one of {', '.join(COLUMNS)}"
        raise below(f"unknown column type {quoted(value)}{hint}")
    return COLUMNS[value].model_validate({"type": value})


ColumnField = Annotated[
    Any,
    PlainValidator(_column),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(COLUMNS)},
                {FAMILY: "NumberColumn"},
                {FAMILY: "CategoryColumn"},
            ]
        }
    ),
]
COLUMNS_IN: TypeAdapter[dict[str, Column]] = TypeAdapter(
    Annotated[dict[Text, ColumnField], Field(min_length=1, max_length=MAX_COLUMNS)],
    config=ConfigDict(strict=True),
)


def columns_in(value: Any) -> dict[str, Column]:
    """Columns by name, from plain JSON values.

    Errors: ValidationError.
    """
    return COLUMNS_IN.validate_python(value)


def width(column: Column, whole: bool) -> int | None:
    """How many numbers a column becomes; None where the training part says it.

    whole: in an input of whole numbers.
    """
    if isinstance(column, NumberColumn) or whole:
        return 1
    return None if column.values is None else len(column.values)


def width_problem(columns: Mapping[str, Column], shape: tuple[int, ...], whole: bool) -> str | None:
    """Why an input of this shape does not hold these columns; None where it does, or may."""
    widths = {name: width(column, whole) for name, column in columns.items()}
    least = sum(w or 1 for w in widths.values())
    known = None not in widths.values()
    if shape == () and least == 1 and known:
        return None
    if len(shape) == 1 and (shape[0] == least if known else shape[0] >= least):
        return None
    shown = ", ".join(f"{quoted(n)} {w or '1 or more'}" for n, w in list(widths.items())[:6])
    more = ", ..." if len(widths) > 6 else ""
    wanted = f"[{least}]" if known else f"one dimension of at least {least}"
    return f"{list(shape)} does not hold the columns ({shown}{more}): {wanted} is needed"
