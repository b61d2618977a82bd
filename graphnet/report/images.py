"""Pixels as the text of a PNG that stands in a page."""

from __future__ import annotations

import base64
import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def png(pixels: NDArray[np.uint8], most: int = 192) -> str:
    """A data URI; a picture whose longer side is beyond `most` is made smaller.

    Shapes: (H, W, 1) or (H, W, 3)
    """
    array = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    picture = Image.fromarray(np.ascontiguousarray(array))
    picture.thumbnail((most, most), Image.Resampling.BOX)
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
