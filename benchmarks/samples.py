"""The pictures that networks are trained on and asked about, made from a seed."""

from __future__ import annotations

import numpy as np

from benchmarks.nets import CLASSES, Net

BLOCK = 10_000
"""Pictures made at once: a million of them must not need ten times their memory."""


def pictures(net: Net, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Pictures that can be learnt: each has seven tenths of its class's pixels, else noise.

    A fifth of the pixels is lit, and none of the others is plain black: where windows are equal
    to the last bit, each side's rounding would choose another one for the maximum's gradient.

    Shapes: (count, H, W, C) and classes (count,)
    Units: pixels 0-255, as bytes.
    """
    rng = np.random.default_rng(seed)
    shape = (*net.size, net.channels)
    classes = _noise(rng, (CLASSES, *shape))
    t = rng.integers(0, CLASSES, count)
    x = np.empty((count, *shape), np.uint8)
    for start in range(0, count, BLOCK):
        block = x[start : start + BLOCK]
        kept = rng.integers(0, 10, block.shape, dtype=np.uint8) < 7
        block[...] = np.where(kept, classes[t[start : start + BLOCK]], _noise(rng, block.shape))
    return x, t


def numbers(net: Net, pixels: np.ndarray) -> np.ndarray:
    """The float32 numbers from 0 to 1 that a network takes: (N, *net.shape)."""
    scaled = pixels.astype(np.float32) * np.float32(1 / 255)
    return scaled.reshape(len(pixels), *net.shape)


def batches(count: int, steps: int, batch: int, seed: int = 0) -> np.ndarray:
    """Indices of the samples of each step, in random order: (steps, batch)."""
    order = np.random.default_rng(seed).permutation(count)
    return order[: steps * batch].reshape(steps, batch)


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    levels = rng.integers(0, 256, shape, dtype=np.uint8)
    return np.where(rng.integers(0, 5, shape, dtype=np.uint8) == 0, levels, levels >> 3)
