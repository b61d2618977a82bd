"""A drawing, whole: every outline, text, bitmap and arrow with its place in pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from graphnet.draw.card import Bitmap, Card, Label
from graphnet.draw.groups import Wire, tree_of
from graphnet.draw.level import TITLE, TITLE_SIZE, Level, arranged
from graphnet.draw.routes import Route
from graphnet.draw.text import width_of

ROOM = 1240
"""Pixels of a row."""
MARGIN = 14


class Box(NamedTuple):
    """A rectangle, from its upper left corner."""

    x: int
    y: int
    width: int
    height: int

    def overlaps(self, other: Box) -> bool:
        """Whether they have more than an edge in common."""
        return (
            self.x < other.x + other.width
            and other.x < self.x + self.width
            and self.y < other.y + other.height
            and other.y < self.y + self.height
        )


class Node(NamedTuple):
    """A card and its outline; caption: what stands below that; ports: where their names begin, and
    the height of their middle."""

    card: Card
    box: Box
    caption: Box | None
    ports: Sequence[tuple[str, int, int]] = ()


class Frame(NamedTuple):
    """The frame of a block, whose ids begin with `prefix`; heading: where its title stands."""

    prefix: str
    title: str
    box: Box
    heading: Box


class Note(NamedTuple):
    """What is written on the arrow that leaves `name`; below: it is a gradient."""

    name: str
    label: Label
    box: Box
    below: bool

    @property
    def label_is_number(self) -> bool:
        """Whether it is a value or a gradient, and no shape."""
        return isinstance(self.label, Bitmap) or self.label.role in ("value", "grad")


@dataclass
class Picture:
    """What a drawing holds. width, height: pixels."""

    width: int = 0
    height: int = 0
    nodes: list[Node] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)

    def names(self) -> set[str]:
        """Of all nodes that are drawn."""
        return {node.card.name for node in self.nodes}


def picture_of(cards: Sequence[Card], wires: Sequence[Wire], room: int = ROOM) -> Picture:
    """Cards and arrows, laid out from left to right in rows of `room` pixels.

    The same cards give the same picture, on any machine.
    """
    level = arranged(tree_of(cards, wires), wires, room)
    picture = Picture(level.width + 2 * MARGIN, level.height + 2 * MARGIN)
    _add(picture, level, MARGIN, MARGIN)
    return picture


def _add(picture: Picture, level: Level, x: int, y: int) -> None:
    for card, middle, height, enters in level.cards:
        picture.nodes.append(_node(card, x + middle, y + height, enters))
        picture.notes += _notes(card, x + middle, y + height)
    picture.routes += [route.moved(x, y) for route in level.routes]
    for inner, left, top in level.levels:
        box = Box(x + left, y + top, inner.width, inner.height)
        title = inner.group.title
        wide = width_of(title, TITLE_SIZE, bold=True)
        heading = Box(box.x + 10, box.y + 4, wide, TITLE - 6)
        picture.frames.append(Frame(inner.group.prefix, title, box, heading))
        _add(picture, inner, x + left, y + top)


def _node(card: Card, x: int, y: int, enters: Sequence[int]) -> Node:
    wide, high = card.shape_width, card.shape_height
    box = Box(x - wide // 2, y - high // 2, wide, high)
    caption = None
    if card.caption is not None:
        width = card.caption.width
        top = box.y + high + 2
        caption = Box(x - width // 2, top, width, card.caption.height)
    ports = [
        (port, box.x + card.inset(below) + 5, y + below)
        for port, below in zip(card.ports, enters, strict=False)
    ]
    return Node(card, box, caption, ports)


def _notes(card: Card, x: int, y: int) -> Iterator[Note]:
    """Above and below the straight part of the arrow, from its beginning."""
    left = x + max(card.shape_width - card.shape_width // 2, (card.width + 1) // 2) + 3
    at = y - card.stem.GAP
    for label in card.stem.above:
        at -= label.height
        yield Note(card.name, label, Box(left, at, label.width, label.height), below=False)
        at -= 1
    at = y + card.stem.GAP
    for label in card.stem.below:
        yield Note(card.name, label, Box(left, at, label.width, label.height), below=True)
        at += label.height + 1
