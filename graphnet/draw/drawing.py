"""From a graph to the text of its drawing."""

from __future__ import annotations

from graphnet.draw.arrows import Written
from graphnet.draw.cards import cards_of, shapes_alone
from graphnet.draw.folding import folded
from graphnet.draw.numbers import Numbers
from graphnet.draw.page import page
from graphnet.draw.picture import Picture, picture_of
from graphnet.draw.svg import written
from graphnet.network import Network
from graphnet.spec.reader import Resolved


def drawn(
    graph: Resolved,
    *,
    numbers: Numbers | None = None,
    values: bool = True,
    grads: bool = True,
    collapse: bool = False,
) -> Picture:
    """The picture of a graph. numbers: what runs through it, of which `values` are written above
    the arrows and `grads` below; collapse: blocks are one node each."""
    stems = shapes_alone
    if numbers is not None:
        stems = Written(graph, numbers, values=values, grads=grads)
    cards, wires = cards_of(graph, stems)
    if collapse:
        cards, wires = folded(cards, wires)
    return picture_of(cards, wires)


def svg_of(
    graph: Resolved,
    *,
    numbers: Numbers | None = None,
    values: bool = True,
    grads: bool = True,
    collapse: bool = False,
    standalone: bool = False,
) -> str:
    """A whole `<svg>` element; standalone: for a file of its own. The rest as `drawn`."""
    picture = drawn(graph, numbers=numbers, values=values, grads=grads, collapse=collapse)
    return written(picture, graph.spec.name, graph.spec.doc, standalone=standalone)


def page_of(
    graph: Resolved,
    *,
    net: Network | None = None,
    numbers: Numbers | None = None,
    values: bool = True,
    grads: bool = True,
    collapse: bool = False,
    fresh: bool = False,
) -> str:
    """A page of HTML that pans and zooms and says of a node, when it is clicked, its formula,
    shapes and numbers. net: whose parameters these are; fresh: that they are not trained, which the
    page then says. The rest as `drawn`."""
    picture = drawn(graph, numbers=numbers, values=values, grads=grads, collapse=collapse)
    return page(graph, picture, net, numbers, fresh=fresh)
