"""Pictures -> the numbers that a network takes, as the input's `image` declares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from graphnet.errors import ShapeError
from graphnet.spec.image import ImageSpec

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[np.uint8]

VISIBLE = 32
"""Grey levels between the darkest and the lightest pixel, below which nothing can be seen."""


class ImagePreparation:
    """out = (range[0] + pixel / 255 * (range[1] - range[0]) - mean) / std

    Training on arrays, and classifying arrays or pictures, all take this one way from pixels to
    numbers, and give the same bits.

    Shapes: pixels (N, H, W, C) -> out (N, *shape), shape (H, W, C) or (H * W * C,)
    Units: pixels 0-255.
    Errors: ShapeError unless `shape` holds such a picture.
    """

    def __init__(
        self, image: ImageSpec, shape: tuple[int, ...], dtype: DTypeLike = np.float32
    ) -> None:
        if tuple(shape) not in image.shapes:
            raise ShapeError(
                f"a picture of size {list(image.size)} in mode '{image.mode}' fills an input of "
                f"shape {image.shapes[0]} or {image.shapes[1]}, but the input has {tuple(shape)}; "
                "make them match"
            )
        self.image = image
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        low, high = image.range
        mean = np.array(image.mean or (0.0,) * image.channels)
        std = np.array(image.std or (1.0,) * image.channels)
        self._factor = self._spread((high - low) / 255 / std)
        self._offset = self._spread((low - mean) / std)

    def _spread(self, per_channel: NDArray[np.float64]) -> NDArray[Any]:
        """One number where all channels have the same; else a row (or all) of the picture.

        With the three numbers alone, NumPy's inner loop is three long: 7 times slower.
        """
        factors = per_channel.astype(self.dtype)
        if (factors == factors[0]).all():
            return np.asarray(factors[0])
        if len(self.shape) == 3:
            return np.tile(factors, (self.shape[1], 1))
        return np.tile(factors, self.shape[0] // len(factors))

    def __call__(self, im: Image.Image) -> NDArray[Any]:
        """numbers(picture(im))

        Shapes: out has the input's shape.
        """
        out: NDArray[Any] = self.numbers(self.picture(im)[None])[0]
        return out

    def numbers(self, pixels: Pixels, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """out = pixels * factor + offset

        Shapes: pixels (N, H, W, C) -> out (N, *shape)
        Units: pixels 0-255.
        Errors: ShapeError where pixels or `out` have another shape or dtype.
        """
        self._check(pixels, 4)
        shape = (len(pixels), *self.shape)
        if out is None:
            out = np.empty(shape, self.dtype)
        elif out.shape != shape or out.dtype != self.dtype:
            raise ShapeError(
                f"the numbers of {len(pixels)} pictures need an array of {shape} {self.dtype}, "
                f"got {out.shape} {out.dtype}; hand in such a one, or none"
            )
        np.multiply(pixels.reshape(shape), self._factor, out=out)
        if self._offset.any():
            np.add(out, self._offset, out=out)
        return out

    def orient(self, pixels: Pixels, inverted: bool = True) -> Pixels:
        """Each image 255 - p where its border lies on the other side of middle grey, else p.

        That is done where `background` is set and `inverted` asks for it: pictures that `picture`
        made may have another border than their files had. When there is nothing to invert, the
        answer is a view of `pixels`; else it is an array of its own.

        Shapes: pixels (N, H, W, C), or (N, H, W) for grey -> (N, H, W, C)
        Units: pixels 0-255; middle grey is 127.5.
        Errors: ShapeError where they have another shape or dtype.
        """
        self._check(pixels, 3 if pixels.ndim == 3 else 4)
        pixels = pixels.reshape(len(pixels), *self.image.shapes[0])
        if self.image.background is None or not inverted:
            return pixels
        wrong = self._wrong(_border(pixels))
        # p ^ 255 = 255 - p: one pass over the images, with nothing between.
        return pixels ^ (wrong * np.uint8(255))[:, None, None, None] if wrong.any() else pixels

    def picture(self, im: Image.Image) -> Pixels:
        """What the network sees of a picture.

        Transparent pixels take the colour of `background`, black where there is none; where that
        leaves nothing to be seen (black ink on glass), they take the opposite colour. Then comes
        grey (ITU-R 601) or rgb, and the inversion that `orient` does. A picture of exactly the
        size is that; any other is fitted. `contain` fills up with `background`, or where there is
        none with the median of the picture's border. `digit` gives grey ink, in rgb as well, and
        an empty frame for a picture without ink.

        Shapes: (H, W, C)
        Units: pixels 0-255.
        Errors: ImageError for a mode that does not say its range.
        """
        flat = self._flat(im)
        height, width = self.image.size
        if flat.size == (width, height):
            pixels: Pixels = np.array(flat).reshape(1, *self.image.shapes[0])
            return np.squeeze(self.orient(pixels), axis=0)
        if self.image.fit == "stretch" and self.image.background is None:
            border = np.empty((0, self.image.channels), np.uint8)  # nothing asks for it
        else:
            border = _outline(flat, self.image.channels)
        if self.image.fit == "digit":
            return self._digit(flat, border)
        from PIL import Image

        wrong = self.image.background is not None and bool(self._wrong([border[None]])[0])
        if self.image.fit == "stretch":
            target = (width, height)
        else:
            scale = min(width / flat.width, height / flat.height)
            target = (
                min(width, max(1, round(flat.width * scale))),
                min(height, max(1, round(flat.height * scale))),
            )
        # reducing_gap: a large picture is first averaged down by whole numbers, 3 times faster.
        fitted = flat.resize(target, Image.Resampling.BICUBIC, reducing_gap=3.0)
        pixels = np.array(fitted).reshape(target[1], target[0], self.image.channels)
        if wrong:
            pixels ^= 255
        if target == (width, height):
            return pixels
        frame = self._empty(border)
        top, left = (height - target[1]) // 2, (width - target[0]) // 2
        frame[top : top + target[1], left : left + target[0]] = pixels
        return frame

    def _digit(self, flat: Image.Image, border: Pixels) -> Pixels:
        from graphnet.prepare.digit import fit_digit

        image = self.image
        grey = flat if flat.mode == "L" else flat.convert("L")
        light = 2 * int(border.sum(dtype=np.int64)) > 255 * border.size
        longer = image.ink or max(1, round(min(image.size) * 20 / 28))
        found = fit_digit(grey, light, image.size, longer)
        if found is None:
            return self._empty(border)
        ink, sign = found
        if image.background == "white" or (image.background is None and sign < 0):
            ink ^= 255
        return np.repeat(ink[:, :, None], image.channels, axis=2)

    def _empty(self, border: Pixels) -> Pixels:
        if self.image.background is None:
            colour = np.median(border, axis=0).astype(np.uint8)
        else:
            colour = np.uint8(255 if self.image.background == "white" else 0)
        frame = np.empty(self.image.shapes[0], np.uint8)
        frame[:] = colour
        return frame

    def _flat(self, im: Image.Image) -> Image.Image:
        """`im` in mode L or RGB, its transparent pixels filled."""
        from graphnet.prepare.picture import plain

        im = plain(im)
        mode = "RGB" if self.image.mode == "rgb" else "L"
        if im.mode == mode:
            return im
        flat = im.convert(mode)
        if im.mode not in ("LA", "RGBA"):
            return flat
        alpha = im.getchannel("A")
        hidden = alpha.point([255 - a for a in range(256)])
        ground = 255 if self.image.background == "white" else 0
        flat.paste((ground,) * 3 if mode == "RGB" else ground, mask=hidden)
        if _contrast(flat) < VISIBLE <= _contrast(alpha):
            ground = 255 - ground
            flat = im.convert(mode)
            flat.paste((ground,) * 3 if mode == "RGB" else ground, mask=hidden)
        return flat

    def _wrong(self, border: list[Pixels]) -> NDArray[np.bool_]:
        """Which of N images have their border on the other side of middle grey."""
        total = sum(part.sum(axis=tuple(range(1, part.ndim)), dtype=np.int64) for part in border)
        middle = 255 * sum(part[0].size for part in border if len(part))
        if self.image.background == "white":
            return np.asarray(2 * total < middle)
        return np.asarray(2 * total > middle)

    def _check(self, pixels: Pixels, rank: int) -> None:
        expected = self.image.shapes[0]
        if rank == 3 and self.image.mode == "grey":
            expected = expected[:2]
        if pixels.dtype != np.uint8 or pixels.shape[1:] != expected or pixels.ndim < 3:
            wanted = ", ".join(map(str, expected))
            remedy = f"bring them to size {list(self.image.size)} and mode '{self.image.mode}'"
            if pixels.dtype != np.uint8:
                remedy = "give the bytes 0-255; prepared numbers go in under the input's own name"
            raise ShapeError(
                f"images of shape (N, {wanted}) and dtype uint8 are expected, got {pixels.shape} "
                f"{pixels.dtype}; {remedy}"
            )


def _border(pixels: Pixels) -> list[Pixels]:
    """The outermost pixels of N images, each once."""
    _, height, width, _ = pixels.shape
    parts = [pixels[:, 0]]
    if height > 1:
        parts.append(pixels[:, -1])
    if height > 2:
        parts.append(pixels[:, 1:-1, 0])
        if width > 1:
            parts.append(pixels[:, 1:-1, -1])
    return parts


def _outline(flat: Image.Image, channels: int) -> Pixels:
    """The outermost pixels of a picture, each once: (n, C)."""
    width, height = flat.size
    strips = [(0, 0, width, 1)]
    if height > 1:
        strips.append((0, height - 1, width, height))
    if height > 2:
        strips.append((0, 1, 1, height - 1))
        if width > 1:
            strips.append((width - 1, 1, width, height - 1))
    return np.concatenate([np.asarray(flat.crop(s)).reshape(-1, channels) for s in strips])


def _contrast(im: Image.Image) -> int:
    """Levels between the least and the greatest value of any channel."""
    extrema: Any = im.getextrema()
    pairs = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return int(max(high for _, high in pairs) - min(low for low, _ in pairs))
