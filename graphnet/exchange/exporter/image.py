"""Layers of images and of sequences with channels: ONNX wants the channels first."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphnet.convolution.window import Window, transposed
from graphnet.exchange.exporter.elementwise import Write
from graphnet.exchange.exporter.graph import FIRST, LAST, Node, OnnxGraph
from graphnet.layers.base import Array
from graphnet.layers.image import both, ends


def _window(w: Window) -> dict[str, Any]:
    (top, bottom), (left, right) = w.padding
    return {
        "kernel_shape": list(w.kernel),
        "strides": list(w.stride),
        "dilations": None if w.dilation == (1, 1) else list(w.dilation),
        "pads": [top, left, bottom, right] if w.is_padded else None,
    }


def _constants(graph: OnnxGraph, node: Node, axes: tuple[int, ...]) -> list[str]:
    """W with its axes in ONNX's order, and b."""
    found = [graph.constant(f"{node.owner}/W", node.arrays["W"].transpose(axes))]
    if "b" in node.arrays:
        found.append(graph.constant(f"{node.owner}/b", node.arrays["b"]))
    return found


def conv2d(graph: OnnxGraph, node: Node) -> None:
    """Conv"""
    w = node.spec.size(node.shapes[0]).window
    given = [graph.take(node.sources[0], FIRST), *_constants(graph, node, (3, 2, 0, 1))]
    groups = None if node.spec.groups == 1 else node.spec.groups
    tensor = graph.node("Conv", given, node.id, group=groups, **_window(w))
    graph.give(node.id, tensor, FIRST)


def conv1d(graph: OnnxGraph, node: Node) -> None:
    """Conv"""
    spec = node.spec
    reach = (spec.kernel - 1) * spec.dilation + 1
    pads = ends(spec.padding, node.shapes[0][0], reach, spec.stride)
    given = [graph.take(node.sources[0], FIRST), *_constants(graph, node, (2, 1, 0))]
    tensor = graph.node(
        "Conv",
        given,
        node.id,
        group=None if spec.groups == 1 else spec.groups,
        kernel_shape=[spec.kernel],
        strides=[spec.stride],
        dilations=[spec.dilation],
        pads=list(pads),
    )
    graph.give(node.id, tensor, FIRST)


def conv_transpose2d(graph: OnnxGraph, node: Node) -> None:
    """ConvTranspose, whose weights have the groups on the axis of the channels that come in."""
    spec, W = node.spec, node.arrays["W"]
    height, width, channels = node.shapes[0]
    kernel, stride, dilation = map(both, (spec.kernel, spec.stride, spec.dilation))
    more = both(spec.output_padding)
    w = transposed((height, width), kernel, stride, dilation, spec.padding, more)
    # "same" may ask for more than the windows reach: room at the end.
    reached = [
        s * (n - 1) + (k - 1) * d + 1 - sum(p)
        for s, n, k, d, p in zip(stride, (height, width), kernel, dilation, w.padding, strict=True)
    ]
    more = w.size[0] - reached[0], w.size[1] - reached[1]
    # What the end has more and what is left out there are the same rows: never both.
    (top, bottom), (left, right) = w.padding
    both_ends = min(more[0], bottom), min(more[1], right)
    more = more[0] - both_ends[0], more[1] - both_ends[1]
    w = w._replace(padding=((top, bottom - both_ends[0]), (left, right - both_ends[1])))
    groups, per = spec.groups, spec.channels // spec.groups
    parts = W.reshape(*kernel, channels // groups, groups, per).transpose(3, 2, 4, 0, 1)
    weight = graph.constant(f"{node.owner}/W", parts.reshape(channels, per, *kernel))
    given = [graph.take(node.sources[0], FIRST), weight]
    if "b" in node.arrays:
        given.append(graph.constant(f"{node.owner}/b", node.arrays["b"]))
    tensor = graph.node(
        "ConvTranspose",
        given,
        node.id,
        group=None if groups == 1 else groups,
        output_padding=list(more) if any(more) else None,
        **_window(w),
    )
    graph.give(node.id, tensor, FIRST)


def pool2d(kind: str) -> Write:
    """A pooling of images."""

    def write(graph: OnnxGraph, node: Node) -> None:
        w = node.spec.window(node.shapes[0])
        counts = getattr(node.spec, "count_padding", False)
        if kind == "AveragePool" and w.dilation != (1, 1):
            graph.needs(19)
        x, share = graph.take(node.sources[0], FIRST), None
        if any(max(p) >= k for p, k in zip(w.padding, w.kernel, strict=True)):
            # Margins as wide as the elements of a window are many are not known to all programs.
            x, share = _widened(graph, node, kind, x, w), None if counts else _shares(w)
            w = w._replace(padding=((0, 0), (0, 0)))
            counts = False
        name = node.id if kind == "MaxPool" or share is None else f"{node.id}.mean"
        given = {"count_include_pad": 1 if counts else None, **_window(w)}
        tensor = graph.node(kind, [x], name, **given)
        if name != node.id:
            tensor = graph.node("Mul", [tensor, graph.constant(f"{node.id}/share", share)], node.id)
        graph.give(node.id, tensor, FIRST)

    return write


def _widened(graph: OnnxGraph, node: Node, kind: str, x: str, w: Window) -> str:
    """x with a margin of what no window takes."""
    (top, bottom), (left, right) = w.padding
    pads = graph.integers(f"{node.id}/pads", [0, 0, top, left, 0, 0, bottom, right])
    nothing = np.finfo(graph.dtype).min if kind == "MaxPool" else 0
    given = [x, pads, graph.constant(f"{node.id}/margin", nothing)]
    return graph.node("Pad", given, f"{node.id}.wide")


def _shares(w: Window) -> Array:
    """The elements of a window, divided by those of them that lie in the image."""
    shares = []
    for i in range(2):
        starts = np.arange(w.out[i]) * w.stride[i] - w.padding[i][0]
        places = starts[:, np.newaxis] + np.arange(w.kernel[i]) * w.dilation[i]
        shares.append(w.kernel[i] / ((places >= 0) & (places < w.size[i])).sum(axis=1))
    return np.asarray(np.multiply.outer(*shares))


def pool1d(kind: str) -> Write:
    """A pooling of sequences."""

    def write(graph: OnnxGraph, node: Node) -> None:
        spec = node.spec
        stride = spec.size if spec.stride is None else spec.stride
        pads = ends(spec.padding, node.shapes[0][0], spec.size, stride)
        tensor = graph.node(
            kind,
            [graph.take(node.sources[0], FIRST)],
            node.id,
            kernel_shape=[spec.size],
            strides=[stride],
            pads=list(pads),
            count_include_pad=1 if getattr(spec, "count_padding", False) else None,
        )
        graph.give(node.id, tensor, FIRST)

    return write


def global_average(graph: OnnxGraph, node: Node) -> None:
    """GlobalAveragePool, without the two axes of size 1 that it leaves."""
    mean = graph.node("GlobalAveragePool", [graph.take(node.sources[0], FIRST)], f"{node.id}.mean")
    graph.give(node.id, graph.node("Flatten", [mean], node.id))


def upsample(graph: OnnxGraph, node: Node) -> None:
    """Resize: each pixel repeated."""
    rows, columns = both(node.spec.scale)
    scales = graph.constant(f"{node.id}/scales", [1, 1, rows, columns], "float32")
    tensor = graph.node(
        "Resize",
        [graph.take(node.sources[0], FIRST), "", scales],
        node.id,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    graph.give(node.id, tensor, FIRST)


def batch_norm(graph: OnnxGraph, node: Node) -> None:
    """BatchNormalization by the running statistics."""
    order = FIRST if len(node.out) > 1 else LAST
    names = ("gamma", "beta", "mean", "var")
    given = [graph.constant(f"{node.owner}/{name}", node.arrays[name]) for name in names]
    x = graph.take(node.sources[0], order)
    tensor = graph.node("BatchNormalization", [x, *given], node.id, epsilon=node.spec.eps)
    graph.give(node.id, tensor, order)


def of_groups(kind: str) -> Write:
    """A normalization of groups of channels."""

    def write(graph: OnnxGraph, node: Node) -> None:
        groups = getattr(node.spec, "groups", None)
        if groups is not None:
            graph.needs(21)  # before, there was one gamma for each group
        given = [graph.constant(f"{node.owner}/{n}", node.arrays[n]) for n in ("gamma", "beta")]
        tensor = graph.node(
            kind,
            [graph.take(node.sources[0], FIRST), *given],
            node.id,
            epsilon=node.spec.eps,
            num_groups=groups,
        )
        graph.give(node.id, tensor, FIRST)

    return write


def of_rows(kind: str, opset: int) -> Write:
    """A normalization of a sample's last axes."""

    def write(graph: OnnxGraph, node: Node) -> None:
        graph.needs(opset)
        names = [name for name in ("gamma", "beta") if name in node.arrays]
        given = [graph.constant(f"{node.owner}/{n}", node.arrays[n]) for n in names]
        x = graph.take(node.sources[0])
        axis = node.spec.axis % len(node.out) + 1
        tensor = graph.node(kind, [x, *given], node.id, axis=axis, epsilon=node.spec.eps)
        graph.give(node.id, tensor)

    return write
