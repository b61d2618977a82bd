"""Operators of images, whose channels ONNX has on axis 1 and graphnet has last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from graphnet.exchange.importer.graph import Graph
from graphnet.exchange.importer.normalization import channels_last
from graphnet.exchange.importer.reduction import reduced
from graphnet.exchange.importer.values import Live, Operator, Value
from graphnet.exchange.importer.windows import Slide, slides

Convert = Callable[[Graph, Operator], list[Value | None]]


def _conv(graph: Graph, op: Operator) -> list[Value | None]:
    x, W, b = channels_last(graph, op), op.constant(1), op.maybe(2)
    rank = len(x.axes) - 2
    if rank not in (1, 2) or W.ndim != rank + 2:
        raise op.error(f"it convolves along {rank} axes; 1 and 2 are understood")
    found = slides(op, x.shape[:-1], W.shape[2:])
    arrays = {"W": W.transpose([*range(2, rank + 2), 1, 0])}
    if b is not None:
        arrays["b"] = b
    x = _room(graph, x, found)
    source = graph.add(
        f"Conv{rank}D",
        [x.source],
        arrays,
        channels=W.shape[0],
        groups=op.attribute("group", 1),
        bias=b is not None,
        **_window(found),
    )
    return [replace(x, source=source, shape=graph.shapes[source])]


def _window(found: list[Slide]) -> dict[str, Any]:
    """The attributes of a layer that convolves."""
    pads = [s.before for s in found] + [s.after for s in found]
    return {
        "kernel": _plain([s.kernel for s in found]),
        "stride": _plain([s.stride for s in found]),
        "dilation": _plain([s.dilation for s in found]),
        "padding": _plain(pads),
    }


def _room(graph: Graph, x: Live, found: list[Slide]) -> Live:
    """x with its padding, where that is as wide as the window and so no layer's own."""
    if all(max(s.before, s.after) < (s.kernel - 1) * s.dilation + 1 for s in found):
        return x
    widths = [[s.before, s.after] for s in found]
    found[:] = [replace(s, before=0, after=0) for s in found]
    source = graph.add("Pad", [x.source], widths=[*widths, [0, 0]])
    return replace(x, source=source, shape=graph.shapes[source])


def _plain(numbers: list[int]) -> int | list[int]:
    """One number where all are equal, as a person would write it."""
    return numbers[0] if len(set(numbers)) == 1 else numbers


def _conv_transpose(graph: Graph, op: Operator) -> list[Value | None]:
    x, W, b = channels_last(graph, op), op.constant(1), op.maybe(2)
    rank = len(x.axes) - 2
    groups = op.attribute("group", 1)
    if rank not in (1, 2) or W.ndim != rank + 2 or groups < 1 or W.shape[0] % groups:
        raise op.error(f"it convolves along {rank} axes; 1 and 2 are understood")
    if rank == 1:  # an image of one column
        x = _column(graph, x)
        W = W[..., np.newaxis]
    kernel, ones = list(W.shape[2:]), [1] * (2 - rank)
    strides = [*op.attribute("strides", [1] * rank), *ones]
    dilations = [*op.attribute("dilations", [1] * rank), *ones]
    behind = [*op.attribute("output_padding", [0] * rank), *[0] * (2 - rank)]
    op.ignore("kernel_shape")
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    full = [
        (n - 1) * s + r + p for n, s, r, p in zip(x.shape, strides, reach, behind, strict=False)
    ]
    pads = op.attribute("pads", [0] * (2 * rank))
    before, after = ([*pads[:rank], *[0] * (2 - rank)], [*pads[rank:], *[0] * (2 - rank)])
    wanted, auto = op.attribute("output_shape"), op.attribute("auto_pad", "NOTSET")
    if auto.startswith("SAME") and wanted is None:
        wanted = [n * s for n, s in zip(x.shape[:rank], strides, strict=False)]
    if wanted is not None:
        totals = [f - w for f, w in zip(full, [*wanted[-rank:], *ones], strict=True)]
        upper = auto == "SAME_UPPER"
        before = [t // 2 if upper else t - t // 2 for t in totals]
        after = [t - b for t, b in zip(totals, before, strict=True)]
    # (C, M / groups, ...) to (..., C / groups, M): the groups go from the first to the last axis.
    C, M = W.shape[:2]
    parts = W.reshape(groups, C // groups, M, *kernel).transpose(3, 4, 1, 0, 2)
    arrays = {"W": parts.reshape(*kernel, C // groups, groups * M)}
    if b is not None:
        arrays["b"] = b
    # What padding would cut off below 0 is room behind the image.
    behind = [p + max(-a, 0) for p, a in zip(behind, after, strict=True)]
    after = [max(a, 0) for a in after]
    source = graph.add(
        "ConvTranspose2D",
        [x.source],
        arrays,
        channels=W.shape[1] * groups,
        kernel=_plain(kernel),
        stride=_plain(strides),
        dilation=_plain(dilations),
        padding=_plain([*before, *after]),
        output_padding=_plain(behind),
        groups=groups,
        bias=b is not None,
    )
    found = replace(x, source=source, shape=graph.shapes[source])
    return [found if rank == 2 else _no_column(found)]


def _column(graph: Graph, x: Live) -> Live:
    """A sequence (L, C) as an image (L, 1, C)."""
    source = graph.laid(x, [(1,), (), (2,)])
    return replace(x, source=source, shape=graph.shapes[source], axes=((0,), (3,), (1,), (2,)))


def _no_column(x: Live) -> Live:
    return replace(x, axes=((0,), (3,), (1,)))


def _pool(kind: str) -> Convert:
    def convert(graph: Graph, op: Operator) -> list[Value | None]:
        op.ignore("storage_order")
        if any(op.outputs[1:]):
            raise op.error("it gives the places of the largest numbers, too")
        x = channels_last(graph, op)
        rank = len(x.shape) - 1
        if not 1 <= rank <= 3:
            raise op.error(f"it pools along {rank} axes; 1 to 3 are understood")
        counts = bool(op.attribute("count_include_pad", 0)) if kind == "AvgPool2D" else False
        found = slides(op, x.shape[:-1], op.attribute("kernel_shape") or ())
        # A window of three axes is one of two axes, and then one of the first.
        last = range(rank - 2, rank) if rank > 1 else range(1)
        for axes in (last, range(1)) if rank == 3 else (last,):
            x = _pool_along(graph, x, kind, list(axes), [found[i] for i in axes], counts)
        return [x]

    return convert


def _pool_along(
    graph: Graph, x: Live, kind: str, axes: list[int], found: list[Slide], counts: bool
) -> Live:
    """Pooling along one or two axes of an image of any number of them."""
    sizes = list(x.shape)
    others = [i for i in range(len(sizes)) if i not in axes]
    groups = [(i + 1,) for i in axes] + [()] * (2 - len(axes)) + [tuple(i + 1 for i in others)]
    found = found + [Slide(1, 1, 1, 0, 0)] * (2 - len(axes))
    source = graph.laid(x, groups)
    if counts and any(s.extra for s in found):
        # The padding counts, what rounding up adds does not.
        widths = [[s.before, s.after] for s in found]
        source = graph.add("Pad", [source], widths=[*widths, [0, 0]])
        found = [replace(s, before=0, after=0) for s in found]
        counts = False
    padded = any(s.before or s.after for s in found)
    source = graph.add(
        kind,
        [source],
        size=_plain([s.kernel for s in found]),
        stride=_plain([s.stride for s in found]),
        dilation=None
        if all(s.dilation == 1 for s in found)
        else _plain([s.dilation for s in found]),
        padding=_plain([s.before for s in found] + [s.after + s.extra for s in found]),
        count_padding=True if counts and padded else None,
    )
    for i, size in zip(axes, graph.shapes[source], strict=False):
        sizes[i] = size
    if len(sizes) == 3 and len(axes) == 2:
        return replace(x, source=source, shape=tuple(sizes))
    # Back to all axes, in the order that the pooling left them in.
    order = [*axes, *others]
    shape = tuple(sizes[i] for i in order)
    if graph.shapes[source] != shape:
        source = graph.add("Reshape", [source], name=f"{source}_axes", to=list(shape))
    places = {i + 1: order.index(i) + 1 for i in range(len(sizes))}
    moved = tuple(tuple(places.get(a, a) for a in group) for group in x.axes)
    back = replace(x, source=source, shape=shape, axes=moved)
    return replace(graph.settled(back, [*range(2, len(x.axes)), 1]), image=True)


def _global(kind: str) -> Convert:
    def convert(graph: Graph, op: Operator) -> list[Value | None]:
        x = op.live(0)
        rank = len(x.axes)
        if kind == "Mean" and rank == 4 and x.batch == 0:
            x = channels_last(graph, op)
            source = graph.add("GlobalAvgPool2D", [x.source])
            return [Live(source, graph.shapes[source], ((0,), (1,), (), ()))]
        return [reduced(graph, x, kind, range(2, rank), keeps=True)]

    return convert


def repeated(graph: Graph, op: Operator, rows: int, columns: int) -> Live:
    """Each pixel so many times."""
    x = channels_last(graph, op)
    if (rows, columns) == (1, 1):
        return x
    source = graph.add("Upsample", [x.source], scale=_plain([rows, columns]))
    return replace(x, source=source, shape=graph.shapes[source])


def _upsample(graph: Graph, op: Operator) -> list[Value | None]:
    given: list[float] | None = op.attribute("scales")
    scales = [float(s) for s in (op.constant(1).reshape(-1) if given is None else given)]
    mode = op.attribute("mode", "nearest")
    whole = [int(s) for s in scales]
    if mode != "nearest" or whole != scales or len(scales) != 4 or whole[:2] != [1, 1]:
        raise op.error(f"mode {mode!r} by {scales}; nearest by whole numbers is understood")
    return [repeated(graph, op, whole[2], whole[3])]


OPERATORS: dict[str, Convert] = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "MaxPool": _pool("MaxPool2D"),
    "AveragePool": _pool("AvgPool2D"),
    "GlobalAveragePool": _global("Mean"),
    "GlobalMaxPool": _global("Max"),
    "Upsample": _upsample,
}
