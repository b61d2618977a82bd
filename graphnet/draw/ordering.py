"""What stands above what in each column, so that few arrows cross.

Source: the barycentre method of Sugiyama, Tagawa and Toda, 1981, and exchanges of neighbours, as
Gansner, Koutsofios, North and Vo add them, 1993.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence

from graphnet.draw.mesh import Mesh, Piece, Vertex

ROUNDS = 12
"""Passes over all columns, one half of them back; the best order of any is taken."""
MOST_EXCHANGED = 60
"""Vertices of a column whose neighbours are exchanged: it takes the square of their number."""


def order(mesh: Mesh) -> int:
    """Put each column into order; the number of crossings that remain."""
    best, fewest = [list(column) for column in mesh.columns], crossings(mesh)
    for turn in range(2 * ROUNDS):
        if not fewest:
            break
        count = len(mesh.columns)
        back = turn % 2 == 1
        for i in range(count - 2, -1, -1) if back else range(1, count):
            _sort(mesh, i, back)
        if turn >= ROUNDS:
            _exchange(mesh)
        found = crossings(mesh)
        if found < fewest:
            best, fewest = [list(column) for column in mesh.columns], found
    mesh.columns = best
    return fewest


def crossings(mesh: Mesh) -> int:
    """How often two arrows cross."""
    return sum(
        _crossings(mesh.gaps[i], _heights(mesh.columns[i]), _heights(mesh.columns[i + 1]))
        for i in range(len(mesh.gaps))
    )


def arriving(pieces: Sequence[Piece], column: Sequence[Vertex]) -> dict[Vertex, list[Piece]]:
    """Of each vertex, what arrives, from top to bottom; `column` is the one before."""
    heights = _heights(column)
    found: dict[Vertex, list[Piece]] = {}
    for piece in sorted(pieces, key=lambda p: (_leaving_at(p, heights), p.port)):
        found.setdefault(piece.target, []).append(piece)
    return found


def _heights(column: Sequence[Vertex]) -> dict[Vertex, int]:
    return {vertex: i for i, vertex in enumerate(column)}


def _leaving_at(piece: Piece, heights: dict[Vertex, int]) -> float:
    return heights[piece.source] + (piece.place + 1) / (len(piece.source.leaves) + 1)


def _arriving_at(piece: Piece, heights: dict[Vertex, int]) -> float:
    target = piece.target
    within = (piece.port + 1) / (len(target.enters) + 1) if target.fixed else 0.5
    return heights[target] + within


def _crossings(pieces: Sequence[Piece], left: dict[Vertex, int], right: dict[Vertex, int]) -> int:
    ends = sorted((_leaving_at(p, left), _arriving_at(p, right)) for p in pieces)
    count, before = 0, list[float]()
    for _, end in ends:
        count += len(before) - bisect_right(before, end)
        insort(before, end)
    return count


def _sort(mesh: Mesh, i: int, back: bool) -> None:
    """Each vertex goes to the mean of those that it has arrows from, or, on the way back, to."""
    pieces = mesh.gaps[i if back else i - 1]
    other = _heights(mesh.columns[i + 1 if back else i - 1])
    ends: dict[Vertex, list[float]] = {}
    for piece in pieces:
        if back:
            ends.setdefault(piece.source, []).append(_arriving_at(piece, other))
        else:
            ends.setdefault(piece.target, []).append(_leaving_at(piece, other))
    own = _heights(mesh.columns[i])
    scale = max(len(other), 1) / max(len(own), 1)
    wanted = {
        vertex: sum(ends[vertex]) / len(ends[vertex]) if vertex in ends else (at + 0.5) * scale
        for vertex, at in own.items()
    }
    mesh.columns[i].sort(key=wanted.__getitem__)


def _exchange(mesh: Mesh) -> None:
    """Exchange neighbours as long as that takes crossings away."""
    for i, column in enumerate(mesh.columns):
        if len(column) > MOST_EXCHANGED:
            continue
        sides = []
        if i:
            sides.append((mesh.gaps[i - 1], mesh.columns[i - 1], True))
        if i + 1 < len(mesh.columns):
            sides.append((mesh.gaps[i], mesh.columns[i + 1], False))
        near: dict[Vertex, list[list[float]]] = {v: [[] for _ in sides] for v in column}
        for k, (pieces, other, before) in enumerate(sides):
            heights = _heights(other)
            for piece in pieces:
                if before:
                    near[piece.target][k].append(_leaving_at(piece, heights))
                else:
                    near[piece.source][k].append(_arriving_at(piece, heights))
        for j in range(len(column) - 1):
            first, second = column[j], column[j + 1]
            pairs = list(zip(near[first], near[second], strict=True))
            now = sum(_over(a, b) for a, b in pairs)
            then = sum(_over(b, a) for a, b in pairs)
            if then < now:
                column[j], column[j + 1] = second, first


def _over(upper: list[float], lower: list[float]) -> int:
    """Crossings of what two vertices have, one above the other."""
    return sum(a > b for a in upper for b in lower)
