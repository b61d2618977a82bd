"""One level of a drawing: the nodes and frames of one frame, in rows of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphnet.draw.card import Card
from graphnet.draw.groups import Group, Wire
from graphnet.draw.mesh import Edge, Piece, Vertex, mesh_of
from graphnet.draw.ordering import order
from graphnet.draw.placing import place
from graphnet.draw.routes import Point, Route, across, around
from graphnet.draw.rows import cut
from graphnet.draw.text import width_of

TITLE = 20
"""Pixels for a frame's title."""
TITLE_SIZE = 11
PADDING = 12
"""Pixels between a frame and what it holds."""
TIP = 18
"""Pixels that an arrow comes from the left at least."""
LANE = 9
"""Pixels between two arrows that go around to the next row."""


@dataclass
class Level:
    """What one frame holds, in pixels from its upper left corner.

    cards: the middle of the outline, where their arrow leaves, and how far below it others arrive;
    levels: where inner frames begin.
    enters, leaves: how far below the corner arrows cross the left and the right border.
    """

    group: Group
    width: int = 0
    height: int = 0
    cards: list[tuple[Card, int, int, Sequence[int]]] = field(default_factory=list)
    levels: list[tuple[Level, int, int]] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    enters: list[int] = field(default_factory=list)
    leaves: list[int] = field(default_factory=list)


def arranged(group: Group, wires: Sequence[Wire], room: int, top: bool = True) -> Level:
    """A frame with everything in it. room: pixels that its rows may take."""
    inner = {
        child.prefix: arranged(child, wires, max(room - 2 * PADDING, 300), top=False)
        for child in group.children
        if isinstance(child, Group)
    }
    return _Arranging(group, wires, inner, room, top).level


class _Arranging:
    def __init__(
        self,
        group: Group,
        wires: Sequence[Wire],
        inner: Mapping[str, Level],
        room: int,
        top: bool,
    ) -> None:
        self.level = Level(group)
        self.content: dict[Vertex, Card | Level] = {}
        vertices = []
        for child in group.children:
            content = child if isinstance(child, Card) else inner[child.prefix]
            vertices.append(_vertex(content))
            self.content[vertices[-1]] = content
        first = [Vertex(name, up=3, down=3) for name in group.enters]
        last = [Vertex(name, up=3, down=3) for name in group.leaves]
        self.mesh = mesh_of(vertices, self._edges(vertices, first, last, wires), first, last)
        order(self.mesh)
        place(self.mesh)
        self.padding = 0 if top else PADDING
        self.title = 0 if top else TITLE
        self.columns = [self._width(column) for column in self.mesh.columns]
        self.gaps = [_gap(pieces) for pieces in self.mesh.gaps]
        self.rows = cut(self.mesh, self.columns, self.gaps, room)
        if len(self.rows) > 1:  # what is high in one row moves nothing in another
            for row in self.rows:
                place(self.mesh.part(row))
            self.gaps = [_gap(pieces) for pieces in self.mesh.gaps]
        self.left: list[int] = []
        self._lay_rows()
        self._put()
        for i, pieces in enumerate(self.mesh.gaps):
            if any(i in row and i + 1 in row for row in self.rows):
                self.level.routes += [self._route(piece) for piece in pieces]
            else:
                self._routes_around(i, pieces)
        self._borders(first, last)

    def _edges(
        self,
        vertices: Sequence[Vertex],
        first: Sequence[Vertex],
        last: Sequence[Vertex],
        wires: Sequence[Wire],
    ) -> list[Edge]:
        """The arrows of this level: where one goes on inside a frame, it ends at the border."""
        owner: dict[str, tuple[Vertex, Card | Level]] = {}
        for vertex in vertices:
            content = self.content[vertex]
            names = [content.name] if isinstance(content, Card) else content.group.names()
            owner.update(dict.fromkeys(names, (vertex, content)))
        enters = {vertex.name: vertex for vertex in first}
        leaves = {vertex.name: vertex for vertex in last}
        found: dict[tuple[Vertex, int, Vertex, int], Edge] = {}
        for name, target, port in wires:
            source, inside = owner.get(name, (None, None))
            end, beyond = owner.get(target, (None, None))
            if inside is beyond:  # of another level, outside or further inside
                continue
            place = inside.group.leaves.index(name) if isinstance(inside, Level) else 0
            if source is None:
                source = enters[name]
            if end is None:
                end, port = leaves[name], 0
            elif isinstance(beyond, Level):
                port = beyond.group.enters.index(name)
            tip = isinstance(beyond, Card)
            edge = Edge(source, place, end, port, name, tip)
            found.setdefault((source, place, end, port), edge)
        return list(found.values())

    def _width(self, column: Sequence[Vertex]) -> int:
        """Pixels of a column, with those that stay free for what is written on arrows."""
        widest = max(vertex.width for vertex in column)
        return max(widest // 2 + (v.width + 1) // 2 + v.stem for v in column) + widest % 2

    def _lay_rows(self) -> None:
        """Settle where columns begin, and move each row below the one before."""
        mesh, level = self.mesh, self.level
        arounds = [len(_bundles(mesh.gaps[row.start - 1])) for row in self.rows[1:]]
        margin = LANE * max(arounds) + TIP if arounds else 0
        top = self.title + self.padding
        for k, row in enumerate(self.rows):
            x = self.padding + margin
            for i in row:
                self.left.append(x)
                x += self.columns[i] + (self.gaps[i] if i + 1 in row else 0)
            level.width = max(level.width, x + margin + self.padding)
            if k:
                top += LANE * (arounds[k - 1] + 1) + 12
            vertices = [vertex for i in row for vertex in mesh.columns[i]]
            shift = top - min(vertex.y - vertex.up for vertex in vertices)
            for vertex in vertices:
                vertex.y += shift
            top = max(vertex.y + vertex.down for vertex in vertices)
        level.height = top + self.padding
        title = width_of(level.group.title, TITLE_SIZE, bold=True)
        level.width = max(level.width, title + 2 * PADDING)

    def _middle(self, vertex: Vertex) -> int:
        widest = max(v.width for v in self.mesh.columns[vertex.column])
        return self.left[vertex.column] + widest // 2

    def _end(self, i: int) -> int:
        """Where a column ends, and what is written on its arrows."""
        return self.left[i] + self.columns[i]

    def _put(self) -> None:
        for vertex, content in self.content.items():
            x = self._middle(vertex)
            if isinstance(content, Card):
                self.level.cards.append((content, x, vertex.y, vertex.enters))
            else:
                corner = x - content.width // 2, vertex.y - vertex.up
                self.level.levels.append((content, *corner))

    def _start(self, vertex: Vertex, place: int) -> Point:
        """Where an arrow leaves a vertex."""
        content = self.content.get(vertex)
        y = vertex.y + vertex.leaves[place]
        if isinstance(content, Card):
            return self._middle(vertex) + content.shape_width - content.shape_width // 2, y
        if isinstance(content, Level):
            return self._middle(vertex) - content.width // 2 + content.width, y
        return self.left[vertex.column], y

    def _arrival(self, vertex: Vertex, port: int) -> Point:
        """Where an arrow arrives."""
        content = self.content.get(vertex)
        below = vertex.enters[port]
        if isinstance(content, Card):
            x = self._middle(vertex) - content.shape_width // 2
            return x + content.inset(below), vertex.y + below
        if isinstance(content, Level):
            return self._middle(vertex) - content.width // 2, vertex.y + below
        return self.left[vertex.column], vertex.y

    def _route(self, piece: Piece) -> Route:
        """From one column to the next in the same row."""
        start = self._start(piece.source, piece.place)
        end = self._arrival(piece.target, piece.port)
        i = piece.source.column
        steps = across(start, self._end(i), self.left[i + 1] - 8, end)
        return Route(piece.name, start, steps, piece.tip)

    def _routes_around(self, i: int, pieces: Sequence[Piece]) -> None:
        """From the end of a row, below it, to the beginning of the next; none crosses another."""
        bundles = _bundles(pieces)
        above = max(
            v.y + v.down for row in self.rows if i in row for k in row for v in self.mesh.columns[k]
        )
        right = max(self._end(k) for row in self.rows if i in row for k in row)
        count = len(bundles)
        for k, bundle in enumerate(bundles):
            for piece in bundle:
                start = self._start(piece.source, piece.place)
                end = self._arrival(piece.target, piece.port)
                out = right + LANE * (count - k)
                below = above + 6 + LANE * (count - k)
                back = self.left[i + 1] - TIP - LANE * k
                points = [start, (out, start[1]), (out, below), (back, below), (back, end[1]), end]
                self.level.routes.append(Route(piece.name, start, around(points), piece.tip))

    def _borders(self, first: Sequence[Vertex], last: Sequence[Vertex]) -> None:
        """What enters begins at the left border, what leaves ends at the right one."""
        level = self.level
        for vertex in first:
            x = self.left[0]
            level.enters.append(vertex.y)
            level.routes.append(Route(vertex.name, (0, vertex.y), [((x, vertex.y),)], tip=False))
        for vertex in last:
            x = self.left[-1]
            level.leaves.append(vertex.y)
            step = ((level.width, vertex.y),)
            level.routes.append(Route(vertex.name, (x, vertex.y), [step], tip=False))


def _vertex(content: Card | Level) -> Vertex:
    if isinstance(content, Card):
        return Vertex(
            content.name,
            content.width,
            content.up,
            content.down,
            (content.shape_height + 1) // 2,
            content.stem.width if content.kind != "output" else 0,
        )
    middle = content.leaves[0] if content.leaves else content.height // 2
    return Vertex(
        content.group.prefix,
        content.width,
        middle,
        content.height - middle,
        leaves=[y - middle for y in content.leaves] or (0,),
        enters=[y - middle for y in content.enters] or [0],
        fixed=True,
    )


def _gap(pieces: Sequence[Piece]) -> int:
    """Pixels between two columns: more where arrows climb far."""
    climbs = [
        abs(p.source.y + p.source.leaves[p.place] - p.target.y - p.target.enters[p.port])
        for p in pieces
    ]
    return 26 + min(60, max(climbs, default=0) // 5)


def _bundles(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pieces by where they leave, from top to bottom."""
    found: dict[tuple[Vertex, int], list[Piece]] = {}
    for piece in pieces:
        found.setdefault((piece.source, piece.place), []).append(piece)
    return sorted(found.values(), key=lambda b: b[0].source.y + b[0].source.leaves[b[0].place])
