"""Axes in attributes: those of one sample, from 0 on or from -1 backwards."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from graphnet.declaration import Shape, few
from graphnet.errors import ShapeError

MOST = 7
AxisField = Annotated[int, Field(ge=-MOST, lt=MOST)]
AxesField = Annotated[
    tuple[AxisField, ...], Field(strict=False, max_length=MOST), BeforeValidator(few(MOST))
]


def axis_of(axis: int, x: Shape) -> int:
    """The axis counted from 0.

    Errors: ShapeError where a sample has no such axis.
    """
    if not -len(x) <= axis < len(x):
        raise ShapeError(f"a sample must have an axis {axis}")
    return axis % len(x)


def axes_of(axes: tuple[int, ...], x: Shape) -> tuple[int, ...]:
    """The axes counted from 0, in their order.

    Errors: ShapeError where a sample lacks one, or one is named twice.
    """
    found = tuple(axis_of(axis, x) for axis in axes)
    if len(set(found)) < len(found):
        raise ShapeError(f"axes {list(axes)} name an axis of a sample twice")
    return found


def in_batch(axis: int) -> int:
    """The axis of a batch that is `axis` of each sample."""
    return axis if axis < 0 else axis + 1
