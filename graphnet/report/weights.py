"""The first layer's weights as pictures, where they can be looked at as such."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphnet.draw.bitmaps import MINUS, PLUS, ZERO
from graphnet.layers.base import Array
from graphnet.network import Network
from graphnet.report.showing import plane

MOST_TILES = 64
MOST_SIDE = 256
SHAPELESS = ("Flatten", "Reshape", "Identity", "Dropout", "Scale", "Neg")
"""Layers behind which each number still is one pixel of the picture."""


class Tile(NamedTuple):
    """One picture of weights. pixels (H, W, 3) uint8; the figures are those of the weights."""

    name: str
    pixels: NDArray[np.uint8]
    low: float
    high: float
    norm: float


class FirstWeights(NamedTuple):
    """node: the layer; what: how its weights are shown; reach: the largest of their magnitudes,
    which has the strongest colour; left: tiles that are not shown."""

    node: str
    what: str
    tiles: list[Tile]
    reach: float
    left: int = 0


def first_weights(net: Network) -> FirstWeights | None:
    """The weights of the first layer that has some: convolution kernels, one picture each; rows
    that look at a picture, one each; any other matrix as one heat map. None without such."""
    for node in net.graph.wiring.order:
        kind = net.graph.nodes[node].type
        W = net.params.get(f"{node}/W")
        if W is None or W.ndim < 2 or W.size == 0:
            continue
        reach = float(np.abs(W).max())
        if kind == "Conv2D" and W.ndim == 4:
            return _kernels(node, np.asarray(W), reach)
        shape = _picture_before(net, node)
        if kind == "Affine" and shape is not None and np.prod(shape) == W.shape[0]:
            return _rows(node, np.asarray(W), shape, reach)
        matrix = np.asarray(W).reshape(-1, W.shape[-1])
        shown = matrix[:MOST_SIDE, :MOST_SIDE]
        what = f"the matrix ({matrix.shape[0]:,} × {matrix.shape[1]:,}) as a heat map"
        if shown.size < matrix.size:
            what += f", its first {shown.shape[0]} rows and {shown.shape[1]} columns"
        return FirstWeights(node, what, [_tile(f"{node}/W", shown, reach)], reach)
    return None


def heat(x: Array, reach: float) -> NDArray[np.uint8]:
    """Numbers as colours, those of drawings: -reach is MINUS, 0 is ZERO, reach is PLUS. Unlike
    there the reach is given: the pictures of a page are read by one scale.

    Shapes: (H, W) -> (H, W, 3)
    """
    share = np.clip(x.astype(np.float64) / (reach or 1.0), -1, 1)[..., None]
    ends = np.where(share < 0, np.array(MINUS), np.array(PLUS))
    colours = np.array(ZERO) + np.abs(share) * (ends - np.array(ZERO))
    pixels: NDArray[np.uint8] = np.rint(colours).astype(np.uint8)
    return pixels


def _kernels(node: str, W: Array, reach: float) -> FirstWeights:
    """Shapes: W (KH, KW, C / groups, M)"""
    channels, count = W.shape[2:]
    colour = channels == 3
    what = f"{count} kernels of {W.shape[0]} × {W.shape[1]}"
    if colour:
        what += ", their three channels as red, green and blue, middle grey for 0"
    elif channels > 1:
        what += f", the mean over their {channels} channels"
    tiles = [
        _tile(f"kernel {m}", W[..., m] if colour else W[..., m].mean(axis=2), reach, W[..., m])
        for m in range(min(count, MOST_TILES))
    ]
    return FirstWeights(node, what, tiles, reach, count - len(tiles))


def _rows(node: str, W: Array, shape: tuple[int, ...], reach: float) -> FirstWeights:
    """Shapes: W (H * W * C, M)"""
    count, colour = W.shape[1], shape[2] == 3
    what = f"{count} units, each with one weight a pixel of {shape[0]} × {shape[1]}"
    if colour:
        what += ", red, green and blue, middle grey for 0"
    tiles = []
    for m in range(min(count, MOST_TILES)):
        row = W[:, m].reshape(shape)
        tiles.append(_tile(f"unit {m}", row if colour else row[..., 0], reach, row))
    return FirstWeights(node, what, tiles, reach, count - len(tiles))


def _tile(name: str, x: Array, reach: float, of: Array | None = None) -> Tile:
    of = x if of is None else of
    if x.ndim == 3:
        pixels = np.rint(127.5 + 127.5 * x.astype(np.float64) / (reach or 1.0)).astype(np.uint8)
    else:
        pixels = heat(x, reach)
    norm = float(np.linalg.norm(of.astype(np.float64)))
    return Tile(name, pixels, float(of.min()), float(of.max()), norm)


def _picture_before(net: Network, node: str) -> tuple[int, ...] | None:
    """The shape of the picture whose pixels a node takes one by one."""
    while node not in net.spec.inputs:
        sources = net.graph.wiring.sources[node]
        first = sources[0]
        if first not in net.spec.inputs and net.graph.nodes[first].type not in SHAPELESS:
            return None
        node = first
    given = net.spec.inputs[node]
    return given.image.shapes[0] if given.image is not None else plane(given.shape)
