"""Pictures as they are, and as a network sees them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from graphnet.prepare.image import ImagePreparation
from graphnet.spec.image import ImageSpec

DATA = Path(os.environ.get("GRAPHNET_DATA", Path(__file__).parents[2] / "../shared/data"))


def prepared(size=(28, 28), flat=False, dtype=np.float32, **declared) -> ImagePreparation:
    image = ImageSpec(size=size, **declared)
    return ImagePreparation(image, image.shapes[flat], dtype)


def seen(pixels, **declared) -> np.ndarray:
    """What a network sees of a grey picture: (H, W)."""
    im = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    return prepared(**declared).picture(im)[..., 0]


def framed(height, width, ground, box, ink) -> np.ndarray:
    """A grey picture of one colour with a rectangle of another: (top, left, bottom, right)."""
    pixels = np.full((height, width), ground, np.uint8)
    pixels[box[0] : box[2], box[1] : box[3]] = ink
    return pixels


def ink_box(frame: np.ndarray, level: int = 127) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero((frame > level).any(1))[0], np.nonzero((frame > level).any(0))[0]
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
