"""Resize: pixels repeated by whole numbers are a layer, anything else is a product a axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from graphnet.exchange.importer.elementwise import pair
from graphnet.exchange.importer.graph import Graph
from graphnet.exchange.importer.image import repeated
from graphnet.exchange.importer.values import Live, Operator, Value
from graphnet.layers.base import Array

Convert = Callable[[Graph, Operator], list[Value | None]]
MOST_LENGTH = 2**16
"""Numbers along an axis that is resized."""


def _resize(graph: Graph, op: Operator) -> list[Value | None]:
    x = op.live(0)
    dims = graph.dims(x)
    rank = len(dims)
    axes = [op.axis(a, rank) for a in op.attribute("axes") or range(rank)]
    shift = 1 if op.opset < 11 else 2
    scales, sizes = op.maybe(shift), op.integers(3) if op.opset >= 11 else None
    found = [1.0] * rank
    lengths = list(dims)
    given = [float(s) for s in scales] if scales is not None and scales.size else []
    policy = op.attribute("keep_aspect_ratio_policy", "stretch")
    if not given and sizes:
        given = [n / dims[a] for n, a in zip(sizes, axes, strict=True)]
        if policy != "stretch":
            one = min(given) if policy == "not_larger" else max(given)
            sizes = [math.floor(one * dims[a] + 0.5) for a in axes]
            given = [one] * len(axes)
    if len(given) != len(axes):
        raise op.error("it has no scale or size for each axis")
    for i, (axis, scale) in enumerate(zip(axes, given, strict=True)):
        found[axis] = scale
        lengths[axis] = sizes[i] if sizes else math.floor(dims[axis] * scale)
    rule = Rule(op, op.maybe(1) if op.opset >= 11 else None, axes)
    changed = [axis for axis in axes if rule.moves(axis) or lengths[axis] != dims[axis]]
    if x.batch in changed:
        raise op.mixes()
    for axis in changed:
        if not 1 <= lengths[axis] <= MOST_LENGTH:
            raise op.error(f"axis {axis} becomes {lengths[axis]:,} long")
    sizes_of = {axis: (dims[axis], lengths[axis], found[axis]) for axis in changed}
    if rank == 4 and set(changed) <= {2, 3}:
        times = [n // m for n, m in zip(lengths, dims, strict=True)]
        if all(rule.repeats(*sizes_of[axis], axis) for axis in changed):
            return [repeated(graph, op, times[2], times[3])]
    matrices = {}
    for axis in changed:
        graph.value_room(dims[axis] * lengths[axis])
        matrices[axis] = rule.matrix(*sizes_of[axis], axis)
    for axis, (M, _) in matrices.items():
        x = _along(graph, x, axis, M)
    if rule.outside and any(outside.any() for _, outside in matrices.values()):
        x = pair(graph, "Add", x, _filling(matrices, lengths) * rule.outside)
    return [x]


def _filling(matrices: dict[int, tuple[Array, Array]], lengths: Sequence[int]) -> Array:
    """1 where a number of the result lies outside of the image along some axis, else 0."""
    found = np.zeros([1] * len(lengths), bool)
    for axis, (_, outside) in matrices.items():
        found = found | outside.reshape([-1 if i == axis else 1 for i in range(len(lengths))])
    return found.astype(np.float64)


def _repeats(
    matrices: dict[int, tuple[Array, Array]], dims: Sequence[int], lengths: Sequence[int]
) -> bool:
    """Whether each number is repeated as often as every other."""
    for axis, (M, _) in matrices.items():
        times, rest = divmod(lengths[axis], dims[axis])
        if rest or not times or (np.repeat(np.eye(dims[axis]), times, axis=1) != M).any():
            return False
    return len(dims) == 4 and set(matrices) <= {2, 3}


def _along(graph: Graph, x: Live, axis: int, M: Array) -> Live:
    """x @ M along one axis of ONNX, all others one by one."""
    dims = graph.dims(x)
    x = graph.settled(x)
    others = [i for i in range(len(dims)) if i not in (axis, x.batch)]
    rows = tuple(a for i in others for a in x.axes[i])
    matrix = graph.value(M, "weights")
    source = graph.add("MatMul", [graph.laid(x, [rows, x.axes[axis]]), matrix])
    shape = (*(dims[i] for i in others), M.shape[1])
    source = graph.add("Reshape", [source], to=list(shape))
    places = {i: (k + 1,) for k, i in enumerate([*others, axis])}
    axes = tuple((0,) if i == x.batch else places[i] for i in range(len(dims)))
    return replace(x, source=source, shape=shape, axes=axes)


class Rule:
    """What each number of the result is made of, along one axis: a column of a matrix.

    Source: ONNX, Resize.
    """

    def __init__(self, op: Operator, roi: Array | None, axes: Sequence[int]) -> None:
        self.mode = op.attribute("mode", "nearest")
        place = "half_pixel" if op.opset >= 11 else "asymmetric"
        self.place = op.attribute("coordinate_transformation_mode", place)
        rounding = "round_prefer_floor" if op.opset >= 11 else "floor"
        self.rounding = op.attribute("nearest_mode", rounding)
        self.a = op.attribute("cubic_coeff_a", -0.75)
        self.inside_alone = bool(op.attribute("exclude_outside", 0))
        self.antialias = bool(op.attribute("antialias", 0))
        self.outside = op.attribute("extrapolation_value", 0.0)
        self.op = op
        self.parts: dict[int, tuple[float, float]] = {}
        if self.place == "tf_crop_and_resize" and roi is not None:
            count = len(axes)
            self.parts = {a: (float(roi[i]), float(roi[i + count])) for i, a in enumerate(axes)}

    def repeats(self, size: int, length: int, scale: float, axis: int) -> bool:
        """Whether each number is repeated as often as every other."""
        if self.mode != "nearest" or self.parts or length % size:
            return False
        times = length // size
        places = (self.rounded(self.at(i, size, length, scale, axis)) for i in range(length))
        return all(min(max(p, 0), size - 1) == i // times for i, p in enumerate(places))

    def moves(self, axis: int) -> bool:
        """Whether an axis changes that keeps its size."""
        return self.parts.get(axis, (0.0, 1.0)) != (0.0, 1.0)

    def matrix(self, size: int, length: int, scale: float, axis: int) -> tuple[Array, Array]:
        """Weights (size, length), and which numbers of the result lie outside of the image."""
        M, outside = np.zeros((size, length)), np.zeros(length, bool)
        for i in range(length):
            x = self.at(i, size, length, scale, axis)
            if self.parts and not 0 <= x <= size - 1:
                outside[i] = True
                continue
            for place, weight in self.weights(x, scale):
                inside = min(max(place, 0), size - 1)
                if inside == place or not self.inside_alone:
                    M[inside, i] += weight
            if self.inside_alone or self.antialias:
                M[:, i] /= M[:, i].sum()
        return M, outside

    def at(self, i: int, size: int, length: int, scale: float, axis: int) -> float:
        """Where number i of the result comes from."""
        match self.place:
            case "half_pixel":
                return (i + 0.5) / scale - 0.5
            case "half_pixel_symmetric":
                shift = (1 - length / (scale * size)) * size / 2
                return shift + (i + 0.5) / scale - 0.5
            case "pytorch_half_pixel":
                return (i + 0.5) / scale - 0.5 if length > 1 else -0.5
            case "align_corners":
                # The scale of a length that was rounded down is that of the length before.
                return i * (size - 1) / (scale * size - 1) if length > 1 else 0.0
            case "asymmetric":
                return i / scale
            case "tf_crop_and_resize":
                start, end = self.parts.get(axis, (0.0, 1.0))
                if length > 1:
                    return start * (size - 1) + i * (end - start) * (size - 1) / (length - 1)
                return 0.5 * (start + end) * (size - 1)
        raise self.op.error(f"coordinate_transformation_mode {self.place!r}")

    def weights(self, x: float, scale: float) -> list[tuple[int, float]]:
        """Which numbers a place between them is made of, and how much of each."""
        if self.mode == "nearest":
            return [(self.rounded(x), 1.0)]
        reach, kernel = {"linear": (1, _hat), "cubic": (2, self._cubic)}.get(self.mode, (0, None))
        if kernel is None:
            raise self.op.error(f"mode {self.mode!r}")
        slower = min(scale, 1.0) if self.antialias else 1.0
        first = math.floor(x)
        span = math.ceil(reach / slower)
        places = range(first - span + 1, first + span + 1)
        return [(p, kernel((x - p) * slower)) for p in places]

    def rounded(self, x: float) -> int:
        """The number nearest to a place."""
        match self.rounding:
            case "round_prefer_floor":
                return math.ceil(x - 0.5)
            case "round_prefer_ceil":
                return math.floor(x + 0.5)
            case "floor":
                return math.floor(x)
            case "ceil":
                return math.ceil(x)
        raise self.op.error(f"nearest_mode {self.rounding!r}")

    def _cubic(self, x: float) -> float:
        a, x = self.a, abs(x)
        if x <= 1:
            return float((a + 2) * x**3 - (a + 3) * x**2 + 1)
        return float(a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a) if x < 2 else 0.0


def _hat(x: float) -> float:
    return max(1 - abs(x), 0.0)


OPERATORS: dict[str, Convert] = {"Resize": _resize}
