"""How pictures were prepared, and how training changed them, in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphnet.spec.augment import AugmentSpec
from graphnet.spec.image import ImageSpec

FITS = {
    "contain": "whole, proportions kept, the rest filled up",
    "stretch": "stretched to the size",
    "digit": "the ink scaled and centred by its mass, as MNIST's makers did it",
}
CHANGES: dict[str, Callable[[Any], str]] = {
    "Shift": lambda a: f"moved by up to {a.pixels:g} pixels along each axis",
    "Rotate": lambda a: f"turned by up to {a.degrees:g} degrees to either side",
    "Scale": lambda a: f"scaled by a factor of {a.range[0]:g} to {a.range[1]:g}",
    "Shear": lambda a: f"slanted by up to {a.degrees:g} degrees to either side",
    "Flip": lambda a: (
        f"mirrored, {'left to right' if a.axis == 'horizontal' else 'top to bottom'}, "
        f"with probability {a.probability:g}"
    ),
    "Noise": lambda a: (
        f"given noise of a standard deviation of {a.std:g}, where black to white is 1"
    ),
}
"""What each way to change a picture does to it."""


def picture_in_words(image: ImageSpec) -> list[tuple[str, str]]:
    """Every step from a file's pixels to numbers, those that are left out too."""
    height, width = image.size
    low, high = image.range
    border = "taken as it comes"
    if image.background is not None:
        border = f"{image.background}: pictures whose border is not are inverted"
    found = [
        ("size", f"{height} × {width} pixels"),
        ("colours", "red, green, blue" if image.mode == "rgb" else "grey"),
        ("fit of other sizes", FITS[image.fit]),
    ]
    if image.fit == "digit":
        ink = "20/28 of the shorter side" if image.ink is None else f"{image.ink} pixels"
        found.append(("longer side of the ink", ink))
    return [
        *found,
        ("background", border),
        ("range", f"pixels 0 to 255 become {low:g} to {high:g}"),
        ("mean, subtracted then", _by_channel(image.mean)),
        ("std, divided by then", _by_channel(image.std)),
    ]


def changes_in_words(augment: Sequence[AugmentSpec]) -> str:
    """What training does to a picture, in its order."""
    return "; ".join(CHANGES[one.type](one) for one in augment)


def _by_channel(values: Sequence[float] | None) -> str:
    return "none" if values is None else ", ".join(f"{value:g}" for value in values)
