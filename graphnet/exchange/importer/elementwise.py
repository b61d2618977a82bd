"""Operators on each number by itself: one layer each, whatever the axes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from graphnet.exchange.importer.broadcast import together
from graphnet.exchange.importer.graph import Graph
from graphnet.exchange.importer.values import Live, Operator, Value
from graphnet.layers.base import Array

Convert = Callable[[Graph, Operator], list[Value | None]]


def _same(kind: str, **names: tuple[str, Any]) -> Convert:
    """An operator of one input; names: of the layer's attributes, ONNX's name and default."""

    def convert(graph: Graph, op: Operator) -> list[Value | None]:
        given = {mine: op.attribute(theirs, default) for mine, (theirs, default) in names.items()}
        return [graph.like(op.live(0), kind, **given)]

    return convert


def single(array: Value | None) -> float | None:
    """The number that a constant is all over; None where it is no such constant."""
    if array is None or isinstance(array, Live) or array.dtype.kind not in "fiu" or not array.size:
        return None
    first = array.reshape(-1)[0]
    return float(first) if np.isfinite(first) and (array == first).all() else None


def wide(graph: Graph, x: Live, array: Array) -> Live:
    """x under as many of ONNX's axes as a constant of equal numbers gives the result."""
    from graphnet.exchange.importer.broadcast import broadcast_dims, widened

    rank = max(len(x.axes), array.ndim)
    dims = graph.dims(x)
    dims, shape = (1,) * (rank - len(dims)) + dims, (1,) * (rank - array.ndim) + array.shape
    return widened(graph, x, broadcast_dims(graph, [dims, shape]))


def pair(graph: Graph, kind: str, x: Value, y: Value) -> Live:
    """A layer of two inputs of one shape."""
    if kind == "Add" and (placed := _positions(graph, x, y)) is not None:
        return placed
    a, b = together(graph, [x, y])
    source = graph.add(kind, [a.source, b.source])
    return replace(a, source=source, image=a.image or b.image, whole_numbers=False)


def _positions(graph: Graph, x: Value, y: Value) -> Live | None:
    """A constant for each number of a sequence, which a layer keeps."""
    if not isinstance(x, Live) or isinstance(y, Live) or len(x.shape) != 2 or x.batch != 0:
        return None
    if x.axes != ((0,), (1,), (2,)) or y.shape not in (x.shape, (1, *x.shape)):
        return None
    P = y.reshape(x.shape)
    return graph.like(x, "PositionalEncoding", learned=True, arrays={"P": P})


def scaled(graph: Graph, x: Live, factor: float, offset: float = 0.0) -> Live:
    """factor * x + offset"""
    return graph.like(x, "Scale", factor=factor, offset=offset)


def _add(graph: Graph, op: Operator) -> list[Value | None]:
    x, y = op.value(0), op.value(1)
    if not isinstance(x, Live):
        x, y = y, x
    assert isinstance(x, Live)
    if not isinstance(y, Live) and (biased := _bias(graph, op, x, y)) is not None:
        return [biased]
    if (number := single(y)) is not None and not isinstance(y, Live):
        return [scaled(graph, wide(graph, x, y), 1.0, number)]
    return [pair(graph, "Add", x, y)]


def _bias(graph: Graph, op: Operator, x: Live, y: Array) -> Live | None:
    """x with a constant added where x is a product that nothing else uses: it is its layer's b."""
    if graph.unbiased.get(x.source) not in op.alone or not x.axes or not x.shape:
        return None
    units = x.shape[-1]
    fits = y.shape[-1:] == (units,) and y.size == units and y.ndim <= len(x.axes)
    if not fits or x.axes[-1] != (len(x.shape),):
        return None
    graph.give_bias(x.source, y.reshape(-1), op.outputs[0])
    return replace(x, image=x.image)


def _sub(graph: Graph, op: Operator) -> list[Value | None]:
    x, y = op.value(0), op.value(1)
    if isinstance(x, Live) and not isinstance(y, Live) and (number := single(y)) is not None:
        return [scaled(graph, wide(graph, x, y), 1.0, -number)]
    if isinstance(y, Live) and not isinstance(x, Live) and (number := single(x)) is not None:
        return [scaled(graph, wide(graph, y, x), -1.0, number)]
    return [pair(graph, "Sub", x, y)]


def _mul(graph: Graph, op: Operator) -> list[Value | None]:
    x, y = op.value(0), op.value(1)
    if not isinstance(x, Live):
        x, y = y, x
    assert isinstance(x, Live)
    if not isinstance(y, Live) and (number := single(y)) is not None:
        return [scaled(graph, wide(graph, x, y), number)]
    return [pair(graph, "Mul", x, y)]


def _div(graph: Graph, op: Operator) -> list[Value | None]:
    x, y = op.value(0), op.value(1)
    if isinstance(x, Live) and not isinstance(y, Live) and (number := single(y)):
        return [scaled(graph, wide(graph, x, y), 1 / number)]
    if isinstance(y, Live) and not isinstance(x, Live) and (number := single(x)) is not None:
        inverse = graph.like(wide(graph, y, x), "Reciprocal")
        return [inverse if number == 1 else scaled(graph, inverse, number)]
    return [pair(graph, "Div", x, y)]


def _pow(graph: Graph, op: Operator) -> list[Value | None]:
    x, y = op.value(0), op.value(1)
    if isinstance(x, Live) and not isinstance(y, Live) and (number := single(y)) is not None:
        wider = wide(graph, x, y)
        if number == 0.5:
            return [graph.like(wider, "Sqrt")]
        return [graph.like(wider, "Power", exponent=number)]
    return [pair(graph, "Pow", x, y)]


def _several(kind: str) -> Convert:
    """An operator of any number of inputs, two at a time."""

    def convert(graph: Graph, op: Operator) -> list[Value | None]:
        # Constants last, so that the first of a pair is always computed.
        values = sorted((op.value(i) for i in range(len(op.inputs))), key=_is_constant)
        found = values[0]
        for value in values[1:]:
            found = pair(graph, kind, found, value)
        return [found]

    return convert


def _is_constant(value: Value) -> bool:
    return not isinstance(value, Live)


def _mean(graph: Graph, op: Operator) -> list[Value | None]:
    (total,) = _several("Add")(graph, op)
    assert isinstance(total, Live)
    return [total if len(op.inputs) == 1 else scaled(graph, total, 1 / len(op.inputs))]


def _clip(graph: Graph, op: Operator) -> list[Value | None]:
    if op.opset < 11:
        low, high = op.attribute("min"), op.attribute("max")
    else:
        bounds = [op.maybe(1), op.maybe(2)]
        low, high = (None if b is None else float(b.reshape(-1)[0]) for b in bounds)
    low = low if low is not None and low > np.finfo(np.float32).min else None
    high = high if high is not None and high < np.finfo(np.float32).max else None
    x = op.live(0)
    if low is None and high is None:
        return [x]
    if low is not None and high is not None and low > high:
        # The standard's definition: min(max, max(x, min)) is then max everywhere.
        low = high
    return [graph.like(x, "Clip", low=low, high=high)]


def _prelu(graph: Graph, op: Operator) -> list[Value | None]:
    x, slope = op.live(0), op.constant(1)
    if (number := single(slope)) is not None and slope.size == 1:
        return [graph.like(x, "PRelu", shared=True, arrays={"slope": np.array([number])})]
    rank = len(x.axes)
    shape = (1,) * (rank - slope.ndim) + slope.shape
    wide_axes = [i for i, size in enumerate(shape) if size != 1]
    if len(wide_axes) == 1 and slope.size == graph.dims(x)[wide_axes[0]]:
        axis = wide_axes[0]
        if axis == x.batch:
            raise op.mixes()
        if x.axes[axis] != (len(x.shape),):
            places = [i for i in range(rank) if i not in (axis, x.batch)]
            x = graph.settled(x, [*places, axis])
        return [graph.like(x, "PRelu", arrays={"slope": slope.reshape(-1)})]
    # A slope for each number: x+ - slope * (-x)+
    above = graph.like(x, "Relu")
    below = graph.like(graph.like(x, "Neg"), "Relu")
    return [pair(graph, "Sub", above, pair(graph, "Mul", below, slope))]


def _swish(graph: Graph, op: Operator) -> list[Value | None]:
    x, alpha = op.live(0), op.attribute("alpha", 1.0)
    if alpha == 1:
        return [graph.like(x, "Silu")]
    return [pair(graph, "Mul", x, graph.like(scaled(graph, x, alpha), "Sigmoid"))]


def _dropout(graph: Graph, op: Operator) -> list[Value | None]:
    op.ignore("seed", "ratio", "consumed_inputs")
    training = op.maybe(2)
    if op.attribute("is_test", 1) == 0 or (training is not None and training.reshape(-1)[0]):
        raise op.error("it drops numbers, as only training does: export the model for inference")
    x = op.live(0)
    ratio = op.maybe(1)
    given = None if ratio is None else float(ratio.reshape(-1)[0])
    source = graph.add("Dropout", [x.source], ratio=given if given is None or given < 1 else None)
    mask = None
    if len(op.outputs) > 1 and op.outputs[1]:
        graph.room(math.prod(graph.dims(x)))
        mask = np.ones(graph.dims(x), np.bool_)
    return [replace(x, source=source), mask]


def _cast(graph: Graph, op: Operator) -> list[Value | None]:
    op.ignore("saturate", "round_mode")
    x, to = op.value(0), op.attribute("to")
    if op.kind == "CastLike":
        other = op.value(1)
        if not isinstance(x, Live):
            assert isinstance(other, Live)
            return [x.astype(np.int64 if other.whole_numbers else graph.dtype)]
        whole = other.whole_numbers if isinstance(other, Live) else other.dtype.kind in "iu"
        to = 7 if whole else 1
    x = op.live(0)
    # Of whole numbers truths are made: what a mask hides is 0.
    if to not in ((6, 7, 9) if x.whole_numbers else (1, 11)):
        raise op.error(f"it casts computed numbers to type {to} of ONNX")
    return [x]


def _identity(graph: Graph, op: Operator) -> list[Value | None]:
    return [op.live(0)]


OPERATORS: dict[str, Convert] = {
    "Add": _add,
    "Sub": _sub,
    "Mul": _mul,
    "Div": _div,
    "Pow": _pow,
    "Neg": _same("Neg"),
    "Exp": _same("Exp"),
    "Log": _same("Log"),
    "Sqrt": _same("Sqrt"),
    "Abs": _same("Abs"),
    "Reciprocal": _same("Reciprocal"),
    "Sin": _same("Sin"),
    "Cos": _same("Cos"),
    "Tan": _same("Tan"),
    "Asin": _same("Asin"),
    "Acos": _same("Acos"),
    "Atan": _same("Atan"),
    "Sinh": _same("Sinh"),
    "Cosh": _same("Cosh"),
    "Asinh": _same("Asinh"),
    "Acosh": _same("Acosh"),
    "Atanh": _same("Atanh"),
    "Erf": _same("Erf"),
    "Sign": _same("Sign"),
    "Floor": _same("Floor"),
    "Ceil": _same("Ceil"),
    "Round": _same("Round"),
    "Max": _several("Maximum"),
    "Min": _several("Minimum"),
    "Sum": _several("Add"),
    "Mean": _mean,
    "Clip": _clip,
    "Relu": _same("Relu"),
    "Sigmoid": _same("Sigmoid"),
    "Tanh": _same("Tanh"),
    "LeakyRelu": _same("LeakyRelu", alpha=("alpha", 0.01)),
    "PRelu": _prelu,
    "Elu": _same("Elu", alpha=("alpha", 1.0)),
    "Celu": _same("Celu", alpha=("alpha", 1.0)),
    "Selu": _same("Selu", alpha=("alpha", None), gamma=("gamma", None)),
    "ThresholdedRelu": _same("ThresholdedRelu", alpha=("alpha", 1.0)),
    "Gelu": _same("Gelu", approximate=("approximate", None)),
    "Swish": _swish,
    "Mish": _same("Mish"),
    "Softplus": _same("Softplus"),
    "Softsign": _same("Softsign"),
    "HardSigmoid": _same("HardSigmoid", alpha=("alpha", 0.2), beta=("beta", 0.5)),
    "HardSwish": _same("HardSwish"),
    "Dropout": _dropout,
    "Identity": _identity,
    "Cast": _cast,
    "CastLike": _cast,
}
