"""What layers of images and of sequences have in common: attributes of one number or of several."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from graphnet.declaration import Shape
from graphnet.errors import ShapeError

Both = int | tuple[int, int]
"""One number for rows and columns, or one for each."""


def _pair(value: Any) -> Any:
    if isinstance(value, list) and len(value) != 2:
        raise PydanticCustomError("pair", "two numbers are expected: rows, then columns")
    return tuple(value) if isinstance(value, list) else value


def _sides(value: Any) -> Any:
    if isinstance(value, list) and len(value) not in (2, 4):
        raise PydanticCustomError(
            "sides",
            "two numbers are expected (above and below; left and right) or four "
            "(above, left, below, right)",
        )
    return tuple(value) if isinstance(value, list) else value


Extent = Annotated[int, Field(ge=1, lt=2**31)]
"""The size of a window, or a step of it."""
_Items = Annotated[tuple[Extent, ...], Field(strict=False, min_length=2, max_length=2)]
_NotNegative = Annotated[int, Field(ge=0, lt=2**31)]
_Sides = Annotated[tuple[_NotNegative, ...], Field(strict=False, min_length=2, max_length=4)]
_Margins = Annotated[tuple[_NotNegative, ...], Field(strict=False, min_length=2, max_length=2)]
MarginsField = Annotated[_NotNegative | _Margins, BeforeValidator(_pair)]
BothField = Annotated[Extent | _Items, BeforeValidator(_pair)]
PaddingField = Annotated[Literal["same", "valid"] | _NotNegative | _Sides, BeforeValidator(_sides)]


def _ends(value: Any) -> Any:
    if isinstance(value, list) and len(value) != 2:
        raise PydanticCustomError("ends", "two numbers are expected: before, then behind")
    return tuple(value) if isinstance(value, list) else value


EndsField = Annotated[
    Literal["same", "valid", "causal"] | _NotNegative | _Margins, BeforeValidator(_ends)
]


def both(value: int | tuple[int, ...]) -> tuple[int, int]:
    """(rows, columns)"""
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def ends(
    value: str | int | tuple[int, ...], length: int, reach: int, stride: int
) -> tuple[int, int]:
    """The padding of a sequence, (before, behind); "same": an odd one stands behind.

    Errors: ShapeError where the window, of `reach` positions, is longer than all.
    """
    if isinstance(value, tuple):
        before, behind = value
    elif isinstance(value, int):
        before = behind = value
    elif value == "same":
        total = max((-(-length // stride) - 1) * stride + reach - length, 0)
        before, behind = total // 2, total - total // 2
    else:
        before, behind = reach - 1 if value == "causal" else 0, 0
    if length + before + behind < reach:
        raise ShapeError(f"its window of {reach} is larger than the sequence with its padding")
    return before, behind


def image_shape(x: Shape) -> tuple[int, int, int]:
    """(height, width, channels) of a sample.

    Errors: ShapeError for any other rank.
    """
    if len(x) != 3:
        raise ShapeError("a sample must be an image: (height, width, channels)")
    return x[0], x[1], x[2]


def sequence_shape(x: Shape) -> tuple[int, int]:
    """(length, channels) of a sample.

    Errors: ShapeError for any other rank.
    """
    if len(x) != 2:
        raise ShapeError("a sample must be a sequence: (length, channels)")
    return x[0], x[1]
