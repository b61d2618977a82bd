"""Operators that move numbers: most of them change labels alone."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from graphnet.exchange.importer.arguments import slices, split_sizes, target_shape
from graphnet.exchange.importer.broadcast import constant, factors_of, widened
from graphnet.exchange.importer.graph import Graph
from graphnet.exchange.importer.reshape import reshaped
from graphnet.exchange.importer.values import Live, Operator, Value

Convert = Callable[[Graph, Operator], list[Value | None]]
MOST_TIMES = 1024
"""Copies of a tensor side by side."""


def _reshape(graph: Graph, op: Operator) -> list[Value | None]:
    x = op.live(0)
    wanted = op.integers(1, "shape")
    if wanted is None:
        raise op.error("it does not say the shape")
    return [reshaped(graph, x, target_shape(op, graph.dims(x), wanted))]


def _flatten(graph: Graph, op: Operator) -> list[Value | None]:
    x = op.live(0)
    rank, axis = len(x.axes), op.attribute("axis", 1)
    if not -rank <= axis <= rank:
        raise op.error(f"axis {axis} is none of {rank}")
    axis = axis + rank if axis < 0 else axis
    first, last = (tuple(a for g in part for a in g) for part in (x.axes[:axis], x.axes[axis:]))
    return [x.relabelled((first, last))]


def _transpose(graph: Graph, op: Operator) -> list[Value | None]:
    x = op.live(0)
    order = op.attribute("perm", list(reversed(range(len(x.axes)))))
    if sorted(order) != list(range(len(x.axes))):
        raise op.error(f"perm is {order}")
    return [x.relabelled([x.axes[i] for i in order])]


def _squeeze(graph: Graph, op: Operator) -> list[Value | None]:
    x, axes = op.live(0), op.integers(1, "axes")
    dims = graph.dims(x)
    if axes is None:
        gone = {i for i, size in enumerate(dims) if size == 1 and i != x.batch}
    else:
        gone = {op.axis(a, len(dims)) for a in axes}
    if any(dims[i] != 1 for i in gone):
        raise op.error(f"axes {sorted(gone)} of {list(dims)} are not of size 1")
    if x.batch in gone:
        # A batch of one: its axis goes along with the next one, where it will be found again.
        return [reshaped(graph, x, tuple(n for i, n in enumerate(dims) if i not in gone))]
    return [x.relabelled([group for i, group in enumerate(x.axes) if i not in gone])]


def _unsqueeze(graph: Graph, op: Operator) -> list[Value | None]:
    x, axes = op.live(0), op.integers(1, "axes") or []
    rank = len(x.axes) + len(axes)
    new = {op.axis(a, rank) for a in axes}
    if len(new) < len(axes):
        raise op.error(f"axes {axes} name one twice")
    rest = iter(x.axes)
    return [x.relabelled([() if i in new else next(rest) for i in range(rank)])]


def _expand(graph: Graph, op: Operator) -> list[Value | None]:
    x, wanted = op.live(0), op.integers(1) or []
    rank = max(len(x.axes), len(wanted))
    dims = (1,) * (rank - len(x.axes)) + graph.dims(x)
    if x.whole_numbers and op.takers == {"Attention"}:
        return [x.relabelled(((),) * (rank - len(x.axes)) + x.axes)]  # a mask, which broadcasts
    shape = [1] * (rank - len(wanted)) + wanted
    return [widened(graph, x, tuple(max(a, b) for a, b in zip(dims, shape, strict=True)))]


def along(graph: Graph, op: Operator, x: Live, axis: int) -> tuple[Live, int]:
    """x with this axis of ONNX as a graphnet axis of its own, and which of a sample it is.

    Errors: BatchError where it is that of the batch.
    """
    x = graph.freed(x, [axis])
    if 0 in x.axes[axis]:
        raise op.mixes()
    if len(x.axes[axis]) != 1:
        x = graph.settled(x)
    return x, x.axes[axis][0] - 1


def cut(graph: Graph, op: Operator, x: Live, axis: int, part: slice) -> Live:
    """A part of x along one axis of ONNX."""
    size = graph.dims(x)[axis]
    taken = range(*part.indices(size))
    if taken == range(size):
        return x
    if not taken:
        raise op.error(f"nothing is left of axis {axis}")
    x, at = along(graph, op, x, axis)
    step = taken.step
    # A stop below 0 would count from the end.
    stop = taken.stop if taken.stop >= 0 else -size - 1
    source = graph.add(
        "Slice",
        [x.source],
        starts=[taken.start],
        ends=[stop],
        axes=[at],
        steps=None if step == 1 else [step],
    )
    return replace(x, source=source, shape=graph.shapes[source])


def _slice(graph: Graph, op: Operator) -> list[Value | None]:
    x = op.live(0)
    for axis, part in enumerate(slices(op, graph.dims(x))):
        x = cut(graph, op, x, axis, part)
    return [x]


def _split(graph: Graph, op: Operator) -> list[Value | None]:
    x = op.live(0)
    axis = op.axis(op.attribute("axis", 0), len(x.axes))
    found: list[Value | None] = []
    start = 0
    for size, name in zip(split_sizes(op, graph.dims(x)[axis]), op.outputs, strict=False):
        part = slice(start, start + size)
        found.append(cut(graph, op, x, axis, part) if name else None)
        start += size
    return found


def joined(graph: Graph, op: Operator, values: list[Value], axis: int) -> Live:
    """The values side by side along one axis of ONNX."""
    lives = [v for v in values if isinstance(v, Live)]
    first = lives[0]
    if 0 in first.axes[axis]:
        raise op.mixes()
    alike = all(
        v.axes == first.axes and _but(graph, v, axis) == _but(graph, first, axis) for v in lives
    )
    if not alike or len(first.axes[axis]) != 1:
        values = [graph.settled(v) if isinstance(v, Live) else v for v in values]
        first = next(v for v in values if isinstance(v, Live))
    at = first.axes[axis][0]
    sources = []
    for value in values:
        if not isinstance(value, Live):
            if value.ndim != len(first.axes):
                raise op.error("its inputs have other numbers of axes")
            shape = list(first.shape)
            shape[at - 1] = value.shape[axis]
            value = constant(graph, value, replace(first, shape=tuple(shape)))
        sources.append(value.source)
    source = graph.add("Concat", sources, axis=at - 1) if len(sources) > 1 else sources[0]
    return replace(first, source=source, shape=graph.shapes[source])


def _but(graph: Graph, x: Live, axis: int) -> list[list[int]]:
    return [f for i, f in enumerate(factors_of(graph, x)) if i != axis]


def _concat(graph: Graph, op: Operator) -> list[Value | None]:
    values = [op.value(i) for i in range(len(op.inputs))]
    rank = max(len(v.axes) if isinstance(v, Live) else v.ndim for v in values)
    return [joined(graph, op, values, op.axis(op.attribute("axis"), rank))]


def _pad(graph: Graph, op: Operator) -> list[Value | None]:
    x = op.live(0)
    rank = len(x.axes)
    pads = op.integers(1, "pads") or []
    axes = op.integers(3)
    axes = list(range(rank)) if axes is None else [op.axis(a, rank) for a in axes]
    if len(pads) != 2 * len(axes):
        raise op.error("its pads do not fit its axes")
    value = op.attribute("value", 0.0) if op.opset < 11 else op.maybe(2)
    number = 0.0 if value is None else float(np.reshape(value, -1)[0])
    mode = op.attribute("mode", "constant")
    margins = {a: (pads[i], pads[i + len(axes)]) for i, a in enumerate(axes)}
    for axis, (before, after) in margins.items():
        if before < 0 or after < 0:
            end = graph.dims(x)[axis] + min(after, 0)
            x = cut(graph, op, x, axis, slice(max(-before, 0), end))
    wide = {a: [max(b, 0), max(c, 0)] for a, (b, c) in margins.items() if b > 0 or c > 0}
    if not wide:
        return [x]
    for axis in wide:
        x, _ = along(graph, op, x, axis)
    widths = [[0, 0] for _ in x.shape]
    for axis, both in wide.items():
        widths[x.axes[axis][0] - 1] = both
    given = number if mode == "constant" and number else None
    mode = None if mode == "constant" else mode
    source = graph.add("Pad", [x.source], widths=widths, mode=mode, value=given)
    return [replace(x, source=source, shape=graph.shapes[source])]


def _shape(graph: Graph, op: Operator) -> list[Value | None]:
    dims = graph.dims(op.live(0))
    start, end = op.attribute("start", 0), op.attribute("end")
    return [np.asarray(dims[slice(start, end)], np.int64)]


def _size(graph: Graph, op: Operator) -> list[Value | None]:
    return [np.asarray(math.prod(graph.dims(op.live(0))), np.int64)]


def _blocks(graph: Graph, op: Operator) -> list[Value | None]:
    """Blocks of pixels into channels, or back."""
    x, size = op.live(0), op.attribute("blocksize")
    n, c, h, w = graph.dims(x)
    if not isinstance(size, int) or size < 1:
        raise op.error(f"blocks of {size}")
    if op.kind == "SpaceToDepth" and op.attribute("mode", "DCR") == "CRD":
        cut_up = reshaped(graph, x, (n, c, h // size, size, w // size, size))
        turned = cut_up.relabelled([cut_up.axes[i] for i in (0, 1, 3, 5, 2, 4)])
        return [reshaped(graph, turned, (n, c * size * size, h // size, w // size))]
    if op.kind == "SpaceToDepth":
        cut_up = reshaped(graph, x, (n, c, h // size, size, w // size, size))
        turned = cut_up.relabelled([cut_up.axes[i] for i in (0, 3, 5, 1, 2, 4)])
        return [reshaped(graph, turned, (n, c * size * size, h // size, w // size))]
    deep = c // (size * size)
    if op.attribute("mode", "DCR") == "DCR":
        cut_up = reshaped(graph, x, (n, size, size, deep, h, w))
        turned = cut_up.relabelled([cut_up.axes[i] for i in (0, 3, 4, 1, 5, 2)])
    else:
        cut_up = reshaped(graph, x, (n, deep, size, size, h, w))
        turned = cut_up.relabelled([cut_up.axes[i] for i in (0, 1, 4, 2, 5, 3)])
    return [reshaped(graph, turned, (n, deep, h * size, w * size))]


def _tile(graph: Graph, op: Operator) -> list[Value | None]:
    x = op.live(0)
    for axis, times in enumerate(op.integers(1) or []):
        if times < 1:
            raise op.error("nothing is left")
        if times > MOST_TIMES:
            raise op.error(f"it repeats {times:,} times; at most {MOST_TIMES}")
        if times > 1:
            x = joined(graph, op, [x] * times, axis)
    return [x]


OPERATORS: dict[str, Convert] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Expand": _expand,
    "Slice": _slice,
    "Split": _split,
    "Concat": _concat,
    "Pad": _pad,
    "Shape": _shape,
    "Size": _size,
    "SpaceToDepth": _blocks,
    "DepthToSpace": _blocks,
    "Tile": _tile,
}
