"""Operators on constants alone, computed while the model is read: shapes, mostly."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphnet.exchange.importer.arguments import slices, split_sizes, target_shape
from graphnet.exchange.importer.values import Operator
from graphnet.layers.base import Array

MOST = 2**25
"""Numbers of a folded constant: 256 MB in float64."""


def folded(op: Operator) -> list[Array] | None:
    """The outputs of an operator whose inputs are constants; None where it is not known here.

    Errors: ExchangeError where the constants do not fit or the result is too large.
    """
    compute = FOLDS.get(op.kind)
    if compute is None:
        return None
    try:
        with np.errstate(all="ignore"):
            found = compute(op)
    except (ValueError, IndexError, TypeError, ArithmeticError) as e:
        raise op.error(f"its constants do not fit: {e}") from None
    return (
        [np.asarray(array) for array in found] if isinstance(found, list) else [np.asarray(found)]
    )


def _room(op: Operator, size: int) -> None:
    if size > MOST:
        raise op.error(f"a constant of {size:,} numbers; at most {MOST:,} are computed")


def _unary(function: Callable[[Any], Any]) -> Callable[[Operator], Array]:
    return lambda op: function(op.constant(0))


def _binary(function: Callable[[Any, Any], Any]) -> Callable[[Operator], Array]:
    def compute(op: Operator) -> Array:
        x, y = op.constant(0), op.constant(1)
        _room(op, math.prod(np.broadcast_shapes(x.shape, y.shape)))
        found: Array = function(x, y)
        return found

    return compute


def _chain(function: Callable[[Any, Any], Any]) -> Callable[[Operator], Array]:
    def compute(op: Operator) -> Array:
        found = op.constant(0)
        for i in range(1, len(op.inputs)):
            found = function(found, op.constant(i))
        return found

    return compute


def _divide(x: Array, y: Array) -> Array:
    if x.dtype.kind not in "iu":
        return np.asarray(np.divide(x, y))
    found = np.trunc(np.divide(x, y)) if np.abs(x).max(initial=0) < 2**53 else x // y
    return found.astype(x.dtype)


def _gather(op: Operator) -> Array:
    data, indices = op.constant(0), op.constant(1)
    axis = op.axis(op.attribute("axis", 0), data.ndim)
    _room(op, data.size // max(data.shape[axis], 1) * indices.size)
    return np.take(data, indices.astype(np.int64), axis=axis)


def _concat(op: Operator) -> Array:
    parts = [op.constant(i) for i in range(len(op.inputs))]
    _room(op, sum(part.size for part in parts))
    return np.concatenate(parts, axis=op.attribute("axis", 0))


def _squeeze(op: Operator) -> Array:
    x, axes = op.constant(0), op.integers(1, "axes")
    return np.squeeze(x) if axes is None else np.squeeze(x, tuple(axes))


def _unsqueeze(op: Operator) -> Array:
    return np.expand_dims(op.constant(0), tuple(op.integers(1, "axes") or ()))


def _reshape(op: Operator) -> Array:
    x = op.constant(0)
    return x.reshape(target_shape(op, x.shape, op.integers(1, "shape") or []))


def _slice(op: Operator) -> Array:
    x = op.constant(0)
    return x[tuple(slices(op, x.shape))]


def _expand(op: Operator) -> Array:
    x = op.constant(0)
    shape = np.broadcast_shapes(x.shape, tuple(op.integers(1) or ()))
    _room(op, math.prod(shape))
    return np.broadcast_to(x, shape)


def _filled(op: Operator) -> Array:
    shape = op.integers(0) or []
    if min(shape, default=0) < 0:
        raise op.error(f"a shape of {shape}")
    _room(op, math.prod(shape))
    value = op.attribute("value")
    return np.zeros(shape, np.float32) if value is None else np.full(shape, value.reshape(-1)[0])


def _range(op: Operator) -> Array:
    start, stop, step = (op.constant(i).reshape(-1)[0] for i in range(3))
    if step == 0:
        raise op.error("a step of 0")
    _room(op, max(int((stop - start) / step), 0))
    found: Array = np.arange(start, stop, step, dtype=start.dtype)
    return found


def _cast(op: Operator) -> Array:
    op.ignore("saturate", "round_mode")
    kind = DTYPES.get(op.attribute("to"))
    if kind is None:
        raise op.error(f"it casts to type {op.attribute('to')} of ONNX, which is not understood")
    return op.constant(0).astype(kind)


def _cast_like(op: Operator) -> Array:
    op.ignore("saturate", "round_mode")
    return op.constant(0).astype(op.constant(1).dtype)


def _constant(op: Operator) -> Array:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        found = op.attribute(name)
        if found is not None:
            kind = np.int64 if "int" in name else np.float32
            return found if name == "value" else np.asarray(found, kind)
    raise op.error("it holds no numbers")


def _split(op: Operator) -> list[Array]:
    x = op.constant(0)
    axis = op.axis(op.attribute("axis", 0), x.ndim)
    bounds = split_sizes(op, x.shape[axis])
    return np.split(x, np.cumsum(bounds)[:-1], axis)


def _where(op: Operator) -> Array:
    return np.where(op.constant(0), op.constant(1), op.constant(2))


def _reduced(function: Callable[..., Any]) -> Callable[[Operator], Array]:
    def compute(op: Operator) -> Array:
        axes = op.integers(1, "axes")
        if op.attribute("noop_with_empty_axes", 0) and not axes:
            return op.constant(0)
        over = tuple(axes) if axes else None
        keeps = bool(op.attribute("keepdims", 1))
        return np.asarray(function(op.constant(0), axis=over, keepdims=keeps))

    return compute


def _transpose(op: Operator) -> Array:
    return op.constant(0).transpose(op.attribute("perm"))


def _flatten(op: Operator) -> Array:
    x = op.constant(0)
    axis = op.attribute("axis", 1)
    return x.reshape(math.prod(x.shape[:axis]), -1)


def _matmul(op: Operator) -> Array:
    return np.asarray(op.constant(0) @ op.constant(1))


def _tile(op: Operator) -> Array:
    x, times = op.constant(0), op.integers(1) or []
    _room(op, x.size * max(math.prod(times), 0))
    return np.tile(x, times)


DTYPES: Mapping[int, type[np.generic]] = {
    1: np.float32,
    2: np.uint8,
    3: np.int8,
    5: np.int16,
    6: np.int32,
    7: np.int64,
    9: np.bool_,
    10: np.float16,
    11: np.float64,
    12: np.uint32,
    13: np.uint64,
}
"""The types of ONNX's tensors that NumPy has, by their numbers."""


def _shape(op: Operator) -> Array:
    start, end = op.attribute("start", 0), op.attribute("end")
    return np.asarray(op.constant(0).shape[slice(start, end)], np.int64)


FOLDS: Mapping[str, Callable[[Operator], Any]] = {
    "Constant": _constant,
    "ConstantOfShape": _filled,
    "Range": _range,
    "Shape": _shape,
    "Size": lambda op: np.asarray(op.constant(0).size, np.int64),
    "Cast": _cast,
    "CastLike": _cast_like,
    "Identity": _unary(lambda x: x),
    "Neg": _unary(np.negative),
    "Abs": _unary(np.abs),
    "Sqrt": _unary(np.sqrt),
    "Exp": _unary(np.exp),
    "Log": _unary(np.log),
    "Sin": _unary(np.sin),
    "Cos": _unary(np.cos),
    "Floor": _unary(np.floor),
    "Ceil": _unary(np.ceil),
    "Reciprocal": _unary(np.reciprocal),
    "Not": _unary(np.logical_not),
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": _binary(_divide),
    "Mod": _binary(np.mod),
    "Pow": _binary(lambda x, y: np.power(x, y).astype(x.dtype)),
    "Equal": _binary(np.equal),
    "Less": _binary(np.less),
    "Greater": _binary(np.greater),
    "And": _binary(np.logical_and),
    "Or": _binary(np.logical_or),
    "Max": _chain(np.maximum),
    "Min": _chain(np.minimum),
    "Sum": _chain(np.add),
    "MatMul": _matmul,
    "Where": _where,
    "Gather": _gather,
    "Concat": _concat,
    "Split": _split,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Slice": _slice,
    "Expand": _expand,
    "Tile": _tile,
    "ReduceProd": _reduced(np.prod),
    "ReduceSum": _reduced(np.sum),
    "ReduceMax": _reduced(np.max),
    "ReduceMin": _reduced(np.min),
    "ReduceMean": _reduced(np.mean),
}
"""What can be computed on constants, by operator."""
