"""The networks that read sequences, and what their sides have in common."""

from __future__ import annotations

import numpy as np

from benchmarks.nets import CLASSES, Net, affine, chain, plain


def lstm() -> Net:
    """50 steps of 64 numbers through an LSTM of 128, whose last output is classified."""
    nodes = [{"id": "lstm", "type": "Lstm", "units": 128}, affine("affine", CLASSES)]
    return chain("lstm", (50, 64), (50, 64), nodes)


def encoder(layers: int = 1) -> Net:
    """Attention Is All You Need, 3.1: 64 positions of 128 numbers, 4 heads, 512 units between."""
    nodes = [plain("PositionalEncoding", "position")]
    edges, before = [("x", "position")], "position"
    for i in range(1, layers + 1):
        attention, short, norm, wide, relu, narrow, add, out = (
            f"{kind}{i}"
            for kind in ("attention", "short", "norm", "wide", "relu", "narrow", "add", "out")
        )
        nodes += [
            {"id": attention, "type": "MultiHeadAttention", "heads": 4, "units": 128},
            plain("Add", short),
            plain("LayerNorm", norm),
            affine(wide, 512) | {"axis": -1},
            plain("Relu", relu),
            affine(narrow, 128) | {"axis": -1},
            plain("Add", add),
            plain("LayerNorm", out),
        ]
        edges += [
            (before, attention, short, norm, wide, relu, narrow, add, out),
            (before, short),
            (norm, add),
        ]
        before = out
    nodes += [{"id": "mean", "type": "Mean", "axes": [0]}, affine("affine", CLASSES)]
    edges.append((before, "mean", "affine"))
    return Net("encoder", (64, 128), (64, 128), tuple(nodes), tuple(edges))


def waves(positions: int, size: int) -> np.ndarray:
    """The encoding of positions that sines and cosines give, (positions, size)."""
    t, i = np.arange(positions)[:, None], np.arange(0, size, 2)
    angles = t / 10000.0 ** (i / size)
    return (
        np.stack([np.sin(angles), np.cos(angles)], -1).reshape(positions, size).astype(np.float32)
    )
