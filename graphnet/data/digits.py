"""The handwritten digits inside the package: 1,797 grey pictures of 8x8 pixels."""

from __future__ import annotations

from pathlib import Path

from graphnet.data.dataset import IMAGE, Dataset, Split
from graphnet.data.idx import read_pair

FOLDER = Path(__file__).parent / "digits"
"""Four gzip IDX files, and a README with their source, licence and split."""

LABELS = tuple("0123456789")


def load_digits() -> Dataset:
    """1,437 training and 360 test digits; the test part holds 36 of each.

    Shapes: image (N, 8, 8) uint8; targets (N,) int64
    Units: pixels 0-255, ink light on a dark ground; 17 levels, round(v * 255 / 16).
    Errors: DatasetError where a file of the package is missing or damaged.
    Source: UCI Optical Recognition of Handwritten Digits, its test part, CC BY 4.0.
    """
    return Dataset("digits", _split("train"), _split("t10k"), LABELS)


def _split(part: str) -> Split:
    images, labels = read_pair(
        FOLDER / f"{part}-images-idx3-ubyte.gz", FOLDER / f"{part}-labels-idx1-ubyte.gz"
    )
    return Split({IMAGE: images}, labels)
