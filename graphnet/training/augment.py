"""Pictures changed before each use: moved by one map each, and noise added to them.

What a picture becomes depends on the seed, the epoch and its number in the data alone: neither on
the order of samples, nor on batches, nor on threads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.layers.base import Array
from graphnet.randomness import generator
from graphnet.spec.augment import AugmentSpec, Flip, Noise, Rotate, Scale, Shear, Shift
from graphnet.spec.graph import GraphSpec
from graphnet.spec.image import ImageSpec

CHUNK = 64 * 1024
"""Pixels that are moved at a time: what is computed of them stays in cache."""
Words = NDArray[np.uint64]


class Augmenter:
    """Changes the pictures of every input that says `image` and has no `value` of its own.

    One set of working memory: it serves one thread.
    """

    def __init__(self, spec: GraphSpec, augment: Sequence[AugmentSpec], seed: int) -> None:
        self._pictures = {
            name: _Pictures(given.image, augment, np.dtype(spec.dtype))
            for name, given in spec.inputs.items()
            if given.image is not None and given.value is None
        }
        self._seed = seed

    def __call__(self, inputs: Mapping[str, Array], samples: Array, epoch: int) -> None:
        """Change arrays of inputs in place; samples: the number of each in the data."""
        for name, pictures in self._pictures.items():
            keys = generator(self._seed, "augment", name, epoch).integers(
                0, 2**64, 2, dtype=np.uint64
            )
            pictures.change(inputs[name], samples, keys)


class _Pictures:
    """The pictures of one input."""

    def __init__(
        self, image: ImageSpec, augment: Sequence[AugmentSpec], dtype: np.dtype[Any]
    ) -> None:
        self.image = image
        self._moves = [spec for spec in augment if spec.moves]
        variances = [spec.std**2 for spec in augment if isinstance(spec, Noise)]
        std = np.array(image.std or (1.0,) * image.channels)
        unit = abs(image.range[1] - image.range[0]) / std
        self._noise = math.sqrt(sum(variances)) * unit
        self._only_flips = all(isinstance(spec, Flip) for spec in self._moves)
        height, width = image.size
        pictures = max(1, CHUNK // (height * width))
        self._warp = None if self._only_flips else Warp(image, pictures, dtype)
        self._chunk = pictures

    def change(self, x: Array, samples: Array, keys: Words) -> None:
        """Each picture of x in place."""
        x = x.reshape(len(x), *self.image.shapes[0])
        for start in range(0, len(x), self._chunk):
            part, numbers = x[start : start + self._chunk], samples[start : start + self._chunk]
            if self._moves:
                self._move(part, uniforms(keys[0], numbers, 2 * len(self._moves)))
            if self._noise.any():
                add_noise(part, self._noise, keys[1], numbers)

    def _move(self, x: Array, draws: Array) -> None:
        """draws: two numbers a sample and move, 0 to 1."""
        maps = _maps(len(x))
        for k, spec in enumerate(self._moves):
            maps = maps @ MOVES[type(spec)](spec, draws[:, 2 * k], draws[:, 2 * k + 1])
        if self._warp is not None:
            self._warp(x, maps)
            return
        for axis in (0, 1):
            mirrored = maps[:, axis, axis] < 0
            x[mirrored] = np.flip(x[mirrored], 1 + axis)


class Warp:
    """out[y, x] = picture[map @ (y, x, 1)], y and x counted from the centre, between four pixels
    interpolated

    What lies outside is the background, where there is none the nearest pixel of the border.
    Source: bilinear interpolation.
    """

    def __init__(self, image: ImageSpec, pictures: int, dtype: np.dtype[Any]) -> None:
        height, width = self.size = image.size
        self._background = _background(image)
        # One pixel of border before, two behind: every place that a clipped map names has its
        # four neighbours.
        shape = (height + 3, width + 3)
        self._framed = np.empty((image.channels, pictures, *shape), dtype)
        if self._background is not None:
            self._framed[:] = self._background[:, None, None, None]
        self._places = np.empty((2, pictures, height, width), np.float32)
        self._whole = np.empty_like(self._places)
        self._index = np.empty((pictures, height, width), np.intp)
        self._corners = np.empty((4, pictures, height, width), dtype)
        self._starts = np.arange(0, pictures * math.prod(shape), math.prod(shape))[:, None, None]

    def __call__(self, x: Array, maps: Array) -> None:
        """Move pictures in place: x (N, H, W, C), maps (N, 3, 3) from places in the new picture to
        places in the old."""
        self._frame(x)
        index = self._find(maps)
        row = self._framed.shape[3]
        corners = self._corners[:, : len(x)]
        fy, fx = self._places[:, : len(x)]
        for channel in range(x.shape[3]):
            flat = self._framed[channel].reshape(-1)
            for corner, step in zip(corners, (0, 1, row, row + 1), strict=True):
                # "clip" writes where it is told; no index needs it.
                np.take(flat[step:], index, out=corner, mode="clip")
            a, b, c, d = corners
            np.add(a, np.multiply(np.subtract(b, a, out=b), fx, out=b), out=a)
            np.add(c, np.multiply(np.subtract(d, c, out=d), fx, out=d), out=c)
            np.multiply(np.subtract(c, a, out=c), fy, out=c)
            np.add(a, c, out=x[..., channel])

    def _frame(self, x: Array) -> None:
        """The pictures in their borders, a channel after the other."""
        height, width = self.size
        for channel, framed in enumerate(self._framed[:, : len(x)]):
            framed[:, 1 : height + 1, 1 : width + 1] = x[..., channel]
            if self._background is None:
                framed[:, 1:-2, 0] = framed[:, 1:-2, 1]
                framed[:, 1:-2, -2:] = framed[:, 1:-2, -3:-2]
                framed[:, 0] = framed[:, 1]
                framed[:, -2:] = framed[:, -3:-2]

    def _find(self, maps: Array) -> Array:
        """For each new pixel, the upper left of the four that it lies between, as an index into
        all frames; `_places` then holds how far it lies from it."""
        samples, centre = len(maps), [(size - 1) / 2 for size in self.size]
        y, x = (np.arange(size) - middle for size, middle in zip(self.size, centre, strict=True))
        places, whole = self._places[:, :samples], self._whole[:, :samples]
        for axis, size in enumerate(self.size):
            of_y = maps[:, axis, 0, None] * y + (maps[:, axis, 2, None] + centre[axis] + 1)
            of_x = maps[:, axis, 1, None] * x
            place = places[axis]
            np.add(of_y[:, :, None].astype("f4"), of_x[:, None].astype("f4"), out=place)
            np.clip(place, 0, size + 1, out=place)
            np.floor(place, out=whole[axis])
            np.subtract(place, whole[axis], out=place)
        index = self._index[:samples]
        row = self._framed.shape[3]
        # A picture has at most 16 million pixels: float32 holds every place in it.
        np.multiply(whole[0], row, out=whole[0])
        index[...] = np.add(whole[0], whole[1], out=whole[0])
        np.add(index, self._starts[:samples], out=index)
        return index


def _background(image: ImageSpec) -> Array | None:
    """The number of a background's pixel, one a channel; None where a spec names no background."""
    if image.background is None:
        return None
    from graphnet.prepare.image import ImagePreparation

    pixel = np.full((1, *image.shapes[0]), 255 if image.background == "white" else 0, np.uint8)
    found: Array = ImagePreparation(image, image.shapes[0], np.float64).numbers(pixel)[0, 0, 0]
    return found


def _maps(samples: int) -> Array:
    """As many maps that move nothing."""
    maps = np.zeros((samples, 3, 3))
    maps[:] = np.eye(3)
    return maps


def _shift(spec: Shift, u: Array, v: Array) -> Array:
    maps = _maps(len(u))
    maps[:, 0, 2] = -spec.pixels * (2 * u - 1)
    maps[:, 1, 2] = -spec.pixels * (2 * v - 1)
    return maps


def _rotate(spec: Rotate, u: Array, v: Array) -> Array:
    maps, angle = _maps(len(u)), np.radians(spec.degrees) * (2 * u - 1)
    maps[:, 0, 0] = maps[:, 1, 1] = np.cos(angle)
    maps[:, 0, 1] = np.sin(angle)
    maps[:, 1, 0] = -maps[:, 0, 1]
    return maps


def _scale(spec: Scale, u: Array, v: Array) -> Array:
    maps, (low, high) = _maps(len(u)), spec.range
    maps[:, 0, 0] = maps[:, 1, 1] = 1 / (low + u * (high - low))
    return maps


def _shear(spec: Shear, u: Array, v: Array) -> Array:
    maps = _maps(len(u))
    maps[:, 1, 0] = -np.tan(np.radians(spec.degrees) * (2 * u - 1))
    return maps


def _flip(spec: Flip, u: Array, v: Array) -> Array:
    maps, axis = _maps(len(u)), 1 if spec.axis == "horizontal" else 0
    maps[u < spec.probability, axis, axis] = -1
    return maps


MOVES: dict[type[AugmentSpec], Callable[[Any, Array, Array], Array]] = {
    Shift: _shift,
    Rotate: _rotate,
    Scale: _scale,
    Shear: _shear,
    Flip: _flip,
}
"""From two draws a sample, 0 to 1, the map of each from places in the new picture to the old."""


def hashed(key: np.uint64, counters: Words) -> Words:
    """64 random bits for each counter, whatever stands beside it.

    Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014: SplitMix64.
    """
    z = counters * np.uint64(0x9E3779B97F4A7C15)
    z += key
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    z ^= z >> np.uint64(31)
    return z


def _counters(samples: Array, each: int) -> Words:
    """`each` counters for every sample, no two the same: (N, each)."""
    found: Words = np.add.outer(samples * each, np.arange(each)).astype(np.uint64)
    return found


def uniforms(key: np.uint64, samples: Array, each: int) -> Array:
    """`each` numbers from 0 to 1 for every sample: (N, each)."""
    found: Array = (hashed(key, _counters(samples, each)) >> np.uint64(11)) * 2.0**-53
    return found


def add_noise(x: Array, std: Array, key: np.uint64, samples: Array) -> None:
    """Add normal numbers of these deviations, one a channel, in place: x (N, H, W, C).

    Source: Box and Muller, 1958: sqrt(-2 log u) times cos and sin of 2 pi v.
    """
    size = math.prod(x.shape[1:])
    words = hashed(key, _counters(samples, -(-size // 2)))
    # 24 bits: as many as float32 holds between 0 and 1; u is never 0.
    u = ((words >> np.uint64(40)) + np.uint64(1)).astype(np.float32)
    v = ((words >> np.uint64(8)) & np.uint64(0xFFFFFF)).astype(np.float32)
    radius = np.sqrt(-2 * np.log(u * np.float32(2.0**-24)))
    angle = v * np.float32(2 * np.pi * 2.0**-24)
    noise = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    x += noise[:, :size].reshape(x.shape) * std.astype(x.dtype)
