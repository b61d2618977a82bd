"""Columns: what is drawn above each other, and the pieces of arrows from one column to the next.

An arrow over several columns goes through a lane in each of those between. All arrows that leave
at one place share their lanes as long as they can.
Source: Sugiyama, Tagawa and Toda, 1981, for columns and lanes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(eq=False)
class Vertex:
    """One thing in a column: a node, a frame, a place at the border of a frame, or a lane.

    up, down: pixels above and below the middle; half: those of its outline; stem: pixels that stay
    free right of it; leaves, enters: how far below the middle arrows leave and arrive. fixed:
    whether `enters` stays; that of a node is settled when the order of what arrives is known.
    place: a lane is no place.
    """

    name: str
    width: int = 0
    up: int = 0
    down: int = 0
    half: int = 0
    stem: int = 0
    leaves: Sequence[int] = (0,)
    enters: list[int] = field(default_factory=lambda: [0])
    fixed: bool = False
    place: bool = True
    column: int = 0
    y: int = 0


class Edge(NamedTuple):
    """An arrow between vertices of one level, from the n-th place to the n-th port."""

    source: Vertex
    place: int
    target: Vertex
    port: int
    name: str
    tip: bool = True
    """Whether it ends in an arrowhead here; otherwise it goes on in a frame."""


class Piece(NamedTuple):
    """What an edge has between two columns that are neighbours."""

    source: Vertex
    place: int
    target: Vertex
    port: int
    name: str
    tip: bool


@dataclass
class Mesh:
    """columns[i]: vertices from top to bottom; gaps[i]: the pieces from column i to the next."""

    columns: list[list[Vertex]]
    gaps: list[list[Piece]]

    def part(self, columns: range) -> Mesh:
        """Some columns that follow each other, and what is between them."""
        first, last = columns.start, columns.stop
        return Mesh(self.columns[first:last], self.gaps[first : last - 1])


def mesh_of(
    vertices: Sequence[Vertex],
    edges: Sequence[Edge],
    first: Sequence[Vertex] = (),
    last: Sequence[Vertex] = (),
) -> Mesh:
    """Vertices in columns, edges in lanes; first, last: what the first and the last column are for
    alone."""
    _settle_columns(vertices, edges, first, last)
    mesh = Mesh([], [])
    for vertex in (*first, *vertices, *last):
        while len(mesh.columns) <= vertex.column:
            mesh.columns.append([])
        mesh.columns[vertex.column].append(vertex)
    mesh.gaps = [[] for _ in mesh.columns[1:]]
    lanes: dict[tuple[Vertex, int], list[Vertex]] = {}
    for edge in edges:
        _lay(mesh, edge, lanes.setdefault((edge.source, edge.place), []))
    return mesh


def _lay(mesh: Mesh, edge: Edge, lane: list[Vertex]) -> None:
    """Lead an edge through its lane, which is made longer where it is too short."""
    start = edge.source.column
    steps = edge.target.column - start - 1
    while len(lane) < steps:
        before, place = (lane[-1], 0) if lane else (edge.source, edge.place)
        vertex = Vertex(edge.name, place=False, column=start + len(lane) + 1)
        mesh.columns[vertex.column].append(vertex)
        piece = Piece(before, place, vertex, 0, edge.name, tip=False)
        mesh.gaps[vertex.column - 1].append(piece)
        lane.append(vertex)
    before, place = (lane[steps - 1], 0) if steps else (edge.source, edge.place)
    piece = Piece(before, place, edge.target, edge.port, edge.name, edge.tip)
    mesh.gaps[edge.target.column - 1].append(piece)


def _settle_columns(
    vertices: Sequence[Vertex],
    edges: Sequence[Edge],
    first: Sequence[Vertex],
    last: Sequence[Vertex],
) -> None:
    """The longest way from a source decides the column."""
    waiting = dict.fromkeys((*first, *vertices, *last), 0)
    leaving: dict[Vertex, list[Vertex]] = {vertex: [] for vertex in waiting}
    for edge in edges:
        waiting[edge.target] += 1
        leaving[edge.source].append(edge.target)
    start = 1 if first else 0
    for vertex in waiting:
        vertex.column = 0 if vertex in first else start
    ready = [vertex for vertex, count in waiting.items() if not count]
    for vertex in ready:
        for target in leaving[vertex]:
            target.column = max(target.column, vertex.column + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    _draw_near(vertices, leaving, edges)
    end = max((vertex.column for vertex in vertices), default=start - 1) + 1
    for vertex in last:
        vertex.column = end


FAR = 6
"""Columns over which an input's arrow may go; one that is used later stands near its use."""


def _draw_near(
    vertices: Sequence[Vertex], leaving: dict[Vertex, list[Vertex]], edges: Sequence[Edge]
) -> None:
    """Sources that are used far to the right stand in front of where they are."""
    targets = {edge.target for edge in edges}
    for vertex in vertices:
        if vertex not in targets and leaving[vertex]:
            used = min(target.column for target in leaving[vertex]) - 1
            if used > FAR:
                vertex.column = used
