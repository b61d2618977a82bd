"""What stands for one node in a drawing: its texts, its size, and what is written on its arrow."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from graphnet.draw.text import width_of

LABEL = 10
"""Size of what is written on arrows, in pixels."""
NUMBER = 12
"""Size of a number on an arrow."""


PORT_GAP = 15
"""Pixels between two arrows that come in."""
WIDEST = 190
"""Pixels of a line in a node; what is longer is cut, and whole in the tooltip."""


class Line(NamedTuple):
    """One line of text. role: which class of the style sheet it gets."""

    text: str
    size: int
    role: str = "small"

    @property
    def bold(self) -> bool:
        return self.role in ("title", "symbol")

    @property
    def width(self) -> int:
        return width_of(self.text, self.size, self.bold)

    @property
    def height(self) -> int:
        return self.size + 3


class Bitmap(NamedTuple):
    """An array as a picture. uri: a PNG as a data URI; what: said to who cannot see it."""

    uri: str
    width: int
    height: int
    what: str


Label = Line | Bitmap


@dataclass(frozen=True)
class Stem:
    """What is written above and below the arrow that leaves a node, from the arrow outwards."""

    above: Sequence[Label] = ()
    below: Sequence[Label] = ()

    GAP = 4
    """Pixels between the arrow and what is written."""

    @property
    def width(self) -> int:
        """Pixels that the arrow goes straight on."""
        widest = max((label.width for label in (*self.above, *self.below)), default=0)
        return widest + 14 if widest else 10

    @staticmethod
    def reach(labels: Sequence[Label]) -> int:
        """How far labels go from the arrow."""
        return sum(label.height + 1 for label in labels) + Stem.GAP if labels else 0


@dataclass(frozen=True)
class Card:
    """One node. kind: input, primitive, layer, loss, output or folded; family: what colours it.

    caption: what stands below its shape. ports: the names of what comes in, where they matter.
    path: an id whose slashes say in which blocks it stands; empty where it stands in none.
    """

    name: str
    kind: str
    lines: Sequence[Line]
    tip: str = ""
    family: str = ""
    caption: Line | None = None
    ports: Sequence[str] = ()
    stem: Stem = field(default_factory=Stem)
    arrivals: int = 1
    """How many arrows come in."""
    path: str = ""

    @property
    def shape_width(self) -> int:
        """Pixels of the outline."""
        if self.kind == "output":
            return 0
        widest = max((line.width for line in self.lines), default=0)
        ports = max((width_of(port, LABEL) for port in self.ports), default=0)
        if self.kind == "primitive":
            return max(self.shape_height, widest + 18 + 2 * ports)
        return widest + 22 + (ports + 6 if ports else 0)

    @property
    def shape_height(self) -> int:
        if self.kind == "output":
            return 0
        wanted = (self.arrivals - 1) * PORT_GAP + 12
        if self.kind == "primitive":
            return max(38, wanted)
        pad = 8 if self.kind == "input" else 14
        return max(sum(line.height for line in self.lines) + pad, wanted)

    @property
    def rounded(self) -> bool:
        """Whether the outline ends in half circles."""
        return self.kind in ("primitive", "input")

    def inset(self, below: int) -> int:
        """How far the outline lies inside its box so far below the middle."""
        if not self.rounded:
            return 0
        radius = self.shape_height / 2
        return round(radius - math.sqrt(max(radius**2 - below**2, 0)))

    @property
    def width(self) -> int:
        return max(self.shape_width, self.caption.width if self.caption else 0)

    @property
    def up(self) -> int:
        """Pixels above the arrow that leaves."""
        return max((self.shape_height + 1) // 2, Stem.reach(self.stem.above))

    @property
    def down(self) -> int:
        """Pixels below it."""
        half = (self.shape_height + 1) // 2
        if self.caption:
            half += self.caption.height + 2
        return max(half, Stem.reach(self.stem.below))
