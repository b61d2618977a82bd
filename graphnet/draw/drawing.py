"""From a graph to the text of its drawing."""

from __future__ import annotations

from graphnet.draw.cards import cards_of
from graphnet.draw.folding import folded
from graphnet.draw.picture import Picture, picture_of
from graphnet.draw.svg import written
from graphnet.spec.reader import Resolved


def drawn(graph: Resolved, *, collapse: bool = False) -> Picture:
    """The picture of a graph. collapse: blocks are one node each."""
    cards, wires = cards_of(graph)
    if collapse:
        cards, wires = folded(cards, wires)
    return picture_of(cards, wires)


def svg_of(graph: Resolved, *, collapse: bool = False, standalone: bool = False) -> str:
    """A whole `<svg>` element; standalone: for a file of its own."""
    picture = drawn(graph, collapse=collapse)
    return written(picture, graph.spec.name, graph.spec.doc, standalone)
