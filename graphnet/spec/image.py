"""How a picture becomes an input: the `image` field of an input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from graphnet.declaration import Declaration, Shape, few
from graphnet.spec.problems import below

MAX_PIXELS = 16_000_000
LARGEST = 1e30
"""Of the numbers that pixels become: float32 ends at 3e38."""
Side = Annotated[int, Field(ge=1, le=16384)]


Numbers = Annotated[
    tuple[float, ...], Field(strict=False, min_length=1, max_length=3), BeforeValidator(few(3))
]


class ImageSpec(Declaration):
    """How a picture becomes an input, the same for data sets and for inference.

    out = (range[0] + pixel / 255 * (range[1] - range[0]) - mean) / std

    Units: pixel 0-255; size in pixels.
    """

    size: Annotated[tuple[Side, Side], Field(strict=False)]
    """Height and width that the network takes, in pixels."""
    mode: Literal["grey", "rgb"] = "grey"
    """One channel of luminance (ITU-R 601), or three of red, green and blue."""
    range: Annotated[tuple[float, float], Field(strict=False)] = (0.0, 1.0)
    """What pixels 0 and 255 become."""
    mean: Numbers | None = None
    """Subtracted after `range`, one number a channel."""
    std: Numbers | None = None
    """Divided by after `mean`, one number a channel."""
    background: Literal["black", "white"] | None = None
    """The side of middle grey on which a picture's border must be: else it is inverted.
    Transparent pixels take this colour. Absent: pictures are taken as they come."""
    fit: Literal["contain", "stretch", "digit"] = "contain"
    """How a picture of another size is fitted: whole with its proportions kept, stretched, or
    as MNIST's makers did it: the ink's longer side scaled to `ink`, centred by mass."""
    ink: Side | None = None
    """For `fit: digit`, the longer side of the ink in pixels; absent: 20/28 of the shorter side."""

    @property
    def channels(self) -> int:
        """1 for grey, 3 for rgb."""
        return 3 if self.mode == "rgb" else 1

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        """The two input shapes that such a picture fills: an image, or its pixels row by row."""
        height, width = self.size
        return (height, width, self.channels), (height * width * self.channels,)

    @model_validator(mode="after")
    def _consistent(self) -> ImageSpec:
        for name, numbers in (("mean", self.mean), ("std", self.std)):
            if numbers is not None and len(numbers) != self.channels:
                raise below(
                    f"{len(numbers)} numbers, but mode '{self.mode}' has {self.channels} "
                    f"channel{'s' * (self.channels > 1)}: give one number a channel",
                    name,
                )
        if self.std is not None and 0.0 in self.std:
            raise below("must not be 0: pixels are divided by it", "std")
        if self.size[0] * self.size[1] > MAX_PIXELS:
            raise below(f"more than {MAX_PIXELS:,} pixels: no picture so large is read", "size")
        if self.range[0] == self.range[1]:
            raise below("must span two different numbers", "range")
        farthest = max(map(abs, self.range)) + max(map(abs, self.mean or (0.0,)))
        if not farthest < LARGEST * min(1.0, *map(abs, self.std or (1.0,))):
            raise below(f"range, mean and std let pixels become numbers beyond {LARGEST:g}")
        if self.ink is not None and self.fit != "digit":
            raise below('belongs to "fit": "digit" alone: leave it out', "ink")
        if self.ink is not None and self.ink > min(self.size):
            raise below(f"{self.ink} does not fit into 'size' {list(self.size)}", "ink")
        return self
