"""A picture as SVG: one element, with its style, that needs nothing from outside."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from graphnet.draw.card import LABEL, Bitmap, Card, Line
from graphnet.draw.picture import Box, Frame, Node, Note, Picture
from graphnet.draw.routes import Route
from graphnet.draw.text import width_of
from graphnet.errors import printable

STYLE = Path(__file__).with_name("svg.css")
MARK = '<svg xmlns="http://www.w3.org/2000/svg" class="gn" '
"""What every drawing begins with."""


def written(
    picture: Picture,
    title: str,
    doc: str | None = None,
    *,
    standalone: bool = False,
    interactive: bool = False,
) -> str:
    """The `<svg>` element; standalone: as a file of its own, on paper of its own; interactive:
    its nodes can be reached by keyboard, as buttons.

    title, doc: what is read out to who cannot see it.
    """
    return "\n".join(_lines(picture, title, doc, standalone, interactive)) + "\n"


def _lines(
    picture: Picture, title: str, doc: str | None, standalone: bool, interactive: bool
) -> Iterator[str]:
    wide, high = picture.width, picture.height
    role = "group" if interactive else "img"
    label = _text(f"Graph of {title}")
    yield (
        f'{MARK}viewBox="0 0 {wide} {high}" '
        f'width="{wide}" height="{high}" role="{role}" aria-label="{label}">'
    )
    yield f"<title>{_text(title)}</title>"
    if doc:
        yield f"<desc>{_text(doc)}</desc>"
    yield f"<style>{STYLE.read_text('utf-8').strip()}</style>"
    if standalone:
        yield f'<rect class="paper" width="{wide}" height="{high}"/>'
    for frame in picture.frames:
        yield _frame(frame)
    for route in picture.routes:
        yield from _route(route)
    for node in picture.nodes:
        yield from _node(node, interactive)
    for note in picture.notes:
        yield from _note(note)
    yield "</svg>"


def _text(text: str) -> str:
    return escape("\n".join(map(printable, text.split("\n"))))


def _frame(frame: Frame) -> str:
    (x, y, wide, high), heading = frame.box, frame.heading
    return (
        f'<g data-frame="{_text(frame.prefix)}"><rect class="frame" x="{x}" y="{y}" '
        f'width="{wide}" height="{high}" rx="8"/>'
        f'<text class="heading" x="{heading.x}" y="{heading.y + 11}" font-size="11">'
        f"{_text(frame.title)}</text></g>"
    )


def _route(route: Route) -> Iterator[str]:
    yield f'<path class="route" data-of="{_text(route.name)}" d="{route.d}"/>'
    if route.tip:
        x, y = route.steps[-1][-1]
        yield f'<path class="tip" d="M{x} {y}L{x - 8} {y - 4}V{y + 4}Z"/>'


def _node(node: Node, interactive: bool) -> Iterator[str]:
    card, (x, y, wide, high) = node.card, node.box
    if card.kind == "output":
        return
    button = ""
    if interactive:
        # What is read out is what is seen, in this order.
        seen = [line.text for line in card.lines] + [port for port, _, _ in node.ports]
        seen += [card.caption.text] if card.caption is not None else []
        button = f' role="button" tabindex="0" aria-label="{_text(" ".join(seen))}"'
    yield (
        f'<g class="node {card.kind} {card.family}" data-node="{_text(card.name)}"{button}>'
        f"<title>{_text(card.tip)}</title>"
    )
    radius = high / 2 if card.rounded else 7
    yield (
        f'<rect class="outline" x="{x}" y="{y}" width="{wide}" height="{high}" rx="{radius:g}"/>'
    )
    yield from _inside(card, node.box)
    for port, left, middle in node.ports:
        yield f'<text class="port" x="{left}" y="{middle + 3}" font-size="9">{_text(port)}</text>'
    if card.caption is not None and node.caption is not None:
        yield _line(card.caption, node.caption.x + node.caption.width / 2, node.caption.y)
    yield "</g>"


def _inside(card: Card, box: Box) -> Iterator[str]:
    ports = max((width_of(port, LABEL) for port in card.ports), default=0)
    middle = box.x + (box.width + ports) / 2
    at = box.y + (box.height - sum(line.height for line in card.lines)) / 2
    for line in card.lines:
        yield _line(line, middle, at)
        at += line.height


def _line(line: Line, middle: float, top: float) -> str:
    return (
        f'<text class="{line.role}" x="{middle:g}" y="{top + line.size:g}" '
        f'font-size="{line.size}" text-anchor="middle">{_text(line.text)}</text>'
    )


def _note(note: Note) -> Iterator[str]:
    (x, y, wide, high), label = note.box, note.label
    if isinstance(label, Bitmap):
        yield (
            f'<image class="bitmap" x="{x}" y="{y}" width="{wide}" height="{high}" '
            f'href="{label.uri}"><title>{_text(label.what)}</title></image>'
        )
        return
    yield (
        f'<text class="{label.role}" x="{x}" y="{y + label.size}" font-size="{label.size}">'
        f"{_text(label.text)}</text>"
    )
