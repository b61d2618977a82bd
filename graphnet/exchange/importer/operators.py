"""What reads each of ONNX's operators, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphnet.exchange.importer import (
    attention,
    elementwise,
    gather,
    image,
    linear,
    normalization,
    reduction,
    resize,
    sequence,
    structure,
)
from graphnet.exchange.importer.graph import Graph
from graphnet.exchange.importer.values import Operator, Value

Convert = Callable[[Graph, Operator], list[Value | None]]

OPERATORS: Mapping[str, Convert] = {
    **elementwise.OPERATORS,
    **linear.OPERATORS,
    **image.OPERATORS,
    **normalization.OPERATORS,
    **reduction.OPERATORS,
    **structure.OPERATORS,
    **gather.OPERATORS,
    **sequence.OPERATORS,
    **resize.OPERATORS,
    **attention.OPERATORS,
}
IMAGES = {*image.OPERATORS, *resize.OPERATORS, *normalization.OF_IMAGES}
"""The operators that take ONNX's axis 1 for that of the channels."""
NEUTRAL = {*elementwise.OPERATORS}
"""The operators that leave axes where they are."""
