"""`fit: digit`: a handwritten character found on its paper and placed as MNIST's makers did.

Source: LeCun, Cortes, Burges: The MNIST database: "size normalized to fit in a 20x20 pixel box
while preserving their aspect ratio", grey by anti-aliasing, "centered in a 28x28 image by
computing the center of mass of the pixels".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

SEARCHED = 512
"""Pixels of the longer side in which the ink is searched; a larger picture is averaged down."""
GRID = 32
"""Cells a side in which pieces of ink are told apart: pieces in touching cells are one."""
FAINTEST = 16
"""Grey levels between paper and the strongest ink, below which a picture is blank."""
EDGE = 0.06
"""Of the strongest ink: what is weaker is paper when the box is measured."""
SPECK = 0.05
"""Of the heaviest piece of ink: what is lighter is dust."""
FINE = 5
"""Of the ink's pixels in a row, how many one pixel of the frame is worth; more are averaged."""

Floats = NDArray[np.float32]
Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels of the whole picture."""


class Paper(NamedTuple):
    """light = c0 + c1 u + c2 v + c3 u v + c4 u^2 + c5 v^2, what the paper's border shows.

    A photo's paper is lit from one side and darker in the corners; a drawing's light is c0.

    Units: grey levels 0-255; u and v from -1 to 1 across and down the picture.
    """

    light: NDArray[np.float32]
    noise: float
    """Four standard deviations of the border around that light."""

    def contrast(self, grey: Image.Image, box: Box, factor: int) -> Floats:
        """How much lighter than the paper each pixel of `box`, averaged down by `factor`, is."""
        seen = np.asarray(grey.reduce(factor, box) if factor > 1 else grey.crop(box), np.float32)
        u = _places(seen.shape[1], box[0], factor, grey.width)
        v = _places(seen.shape[0], box[1], factor, grey.height)
        c0, c1, c2, c3, c4, c5 = self.light
        light: Floats = (c1 + c3 * v)[:, None] * u
        light += (c0 + c2 * v + c5 * v * v)[:, None]
        light += c4 * u * u
        return np.subtract(seen, light, out=light)


def fit_digit(
    grey: Image.Image, light: bool, size: tuple[int, int], longer: int
) -> tuple[NDArray[np.uint8], int] | None:
    """The ink of a grey picture in a frame of `size`, 0 paper - 255 ink, and the ink's sign.

    The longer side of the ink's box becomes `longer` pixels, and its centre of mass comes to lie
    in the centre of the frame, or as near as the frame allows without cutting ink off. `light`
    says whether the border is; ink is then taken to be dark (sign -1), unless twice as much
    contrast speaks for light (1). None for a picture without ink.
    """
    factor = -(-max(grey.size) // SEARCHED)
    whole = (0, 0, *grey.size)
    paper = _paper(grey, whole, factor)
    contrast = paper.contrast(grey, whole, factor)
    strongest = {-1: -float(contrast.min()), 1: float(contrast.max())}
    sign = -1 if light else 1
    if strongest[-sign] > 2 * max(strongest[sign], paper.noise):
        sign = -sign
    if strongest[sign] < max(FAINTEST, 1.5 * paper.noise):
        return None
    marked = contrast * sign > max(EDGE * strongest[sign], paper.noise)
    marked &= _without_specks(np.where(marked, contrast * sign, 0))
    box = _around(marked, factor, grey.size)

    # Once more, with all the pixels that the box can use: ink may be small in a large picture.
    finer = max(1, max(box[2] - box[0], box[3] - box[1]) // (FINE * longer))
    ink = paper.contrast(grey, box, finer) * sign
    top = float(ink.max())
    if top <= 0:
        return None
    # The mean of n * n pixels has an n-th of their noise.
    noise = min(paper.noise * factor / finer, top / 2)
    ink = np.clip((ink - noise) / (top - noise), 0, 1)
    pixel = max(1, round(max(ink.shape) / longer))
    rows, columns = _span(ink.max(axis=1), pixel), _span(ink.max(axis=0), pixel)
    return _placed(_scaled(ink[rows, columns], longer), size), sign


def _paper(grey: Image.Image, whole: Box, factor: int) -> Paper:
    seen = Paper(np.zeros(6, np.float32), 0.0).contrast(grey, whole, factor)
    across = _places(seen.shape[1], 0, factor, grey.width)
    down = _places(seen.shape[0], 0, factor, grey.height)
    border = np.ones(seen.shape, bool)
    border[1:-1, 1:-1] = False
    rows, columns = np.nonzero(border)
    level = seen[border].astype(np.float64)
    middle = float(np.sort(level)[level.size // 2])
    # Ink may touch the border; a quarter of the range is more than a lamp makes, less than ink.
    near = np.abs(level - middle) <= 64
    level, u, v = level[near] - middle, across[columns[near]], down[rows[near]]
    terms = np.stack([np.ones_like(u), u, v, u * v, u * u, v * v], axis=1).astype(np.float64)
    light = np.linalg.lstsq(terms, level, rcond=None)[0]
    noise = 4.0 * float(np.std(level - terms @ light))
    light[0] += middle
    return Paper(light.astype(np.float32), noise)


def _places(count: int, start: int, factor: int, length: int) -> Floats:
    """Where the centres of `count` pixels lie along a side: -1 to 1."""
    places = (start + (np.arange(count) + 0.5) * factor) * (2 / length) - 1
    return places.astype(np.float32)


def _without_specks(ink: Floats) -> NDArray[np.bool_]:
    """Where pieces of ink are that weigh something against the heaviest."""
    starts = [np.unique(np.arange(GRID) * n // GRID) for n in ink.shape]
    weight = np.add.reduceat(np.add.reduceat(ink, starts[0], axis=0), starts[1], axis=1)
    inked = weight > 0
    # Each cell takes the largest number around it until none changes: one number a piece.
    piece = np.arange(1, weight.size + 1).reshape(weight.shape) * inked
    before = np.zeros_like(piece)
    while not np.array_equal(piece, before):
        before = piece
        piece = _spread(_spread(piece).T).T * inked
    weights = np.bincount(piece.ravel(), weight.ravel())
    kept = (weights >= SPECK * weights.max())[piece]
    widths = [np.diff(s, append=n) for s, n in zip(starts, ink.shape, strict=True)]
    return np.repeat(np.repeat(kept, widths[0], axis=0), widths[1], axis=1)


def _spread(piece: NDArray[np.intp]) -> NDArray[np.intp]:
    """Each row the largest of itself and its two neighbours."""
    grown = piece.copy()
    np.maximum(grown[1:], piece[:-1], out=grown[1:])
    np.maximum(grown[:-1], piece[1:], out=grown[:-1])
    return grown


def _around(marked: NDArray[np.bool_], factor: int, size: tuple[int, int]) -> Box:
    """The box of what is marked, in pixels of the whole picture, with a pixel to spare."""
    rows, columns = np.nonzero(marked.any(axis=1))[0], np.nonzero(marked.any(axis=0))[0]
    return (
        max(0, (int(columns[0]) - 1) * factor),
        max(0, (int(rows[0]) - 1) * factor),
        min(size[0], (int(columns[-1]) + 2) * factor),
        min(size[1], (int(rows[-1]) + 2) * factor),
    )


def _span(profile: Floats, pixel: int) -> slice:
    """From where to where a side is inked, its ends where the ink has half its strength.

    That is its strength within the next `pixel`s: the blurred rim of a strong stroke is not ink,
    the whole of a faint one is.
    """
    ends = []
    for strength in (profile, profile[::-1]):
        first = int((strength > EDGE).argmax())
        near = strength[first : first + pixel]
        ends.append(first + int((near >= near.max() / 2).argmax()))
    return slice(ends[0], len(profile) - ends[1])


def _scaled(ink: Floats, longer: int) -> Floats:
    """The ink with its longer side `longer`, the strongest 1."""
    from PIL import Image

    height, width = ink.shape
    scale = longer / max(height, width)
    target = (max(1, round(width * scale)), max(1, round(height * scale)))
    # 500 MNIST digits drawn 140 (40) pixels wide and fitted again correlate with the originals
    # by 0.975 (0.950); BOX 0.973 (0.940), BILINEAR 0.971 (0.946), BICUBIC 0.975 (0.949), LANCZOS
    # 0.976 (0.949), but the last two ring.
    small = np.asarray(Image.fromarray(ink).resize(target, Image.Resampling.HAMMING))
    strongest = max(float(small.max()), 1e-6)
    whole: Floats = np.clip(small, 0, strongest) / np.float32(strongest)
    return whole


def _placed(ink: Floats, size: tuple[int, int]) -> NDArray[np.uint8]:
    frame = np.zeros(size, np.uint8)
    corner = []
    for axis, room in enumerate(size):
        mass = ink.sum(axis=1 - axis, dtype=np.float64)
        centre = float(mass @ np.arange(len(mass)) / mass.sum())
        # MNIST's centres of mass lie within 13.5 and 14.5 of pixels numbered 0 to 27. Even ink
        # would be on the edge of that: a hair less, and rounding cannot shift it.
        start = int(np.ceil(room / 2 - 0.5 - centre - 0.001))
        corner.append(min(max(start, 0), room - len(mass)))
    top, left = corner
    height, width = ink.shape
    frame[top : top + height, left : left + width] = np.rint(ink * 255)
    return frame
