"""How high each vertex stands: long arrows straight, nodes in the middle of what they join.

Vertices that one straight line goes through are a run, and move together. Each run wants to be
where its arrows to other runs have least to climb; that, and what must stand below what, is
brought together by pushing down from the top, pushing up from the bottom, and taking the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from graphnet.draw.card import PORT_GAP
from graphnet.draw.mesh import Mesh, Piece, Vertex
from graphnet.draw.ordering import arriving

ROUNDS = 60
LAST = 20
"""Rounds at the end in which only what arrives counts: a node stands amid what it joins."""
BETWEEN = 18
"""Pixels between two nodes."""
BESIDE = 9
"""Pixels between a lane and what stands beside it."""


def place(mesh: Mesh) -> None:
    """Settle `y` of every vertex, and where arrows arrive at nodes."""
    straight = _straight(mesh)
    _settle_ports(mesh, straight)
    runs = _runs(mesh, straight)
    _Tension(mesh, runs).settle()
    _close_bands(mesh)


def apart(upper: Vertex, lower: Vertex) -> int:
    """Pixels from the middle of one to that of the next below."""
    gap = BETWEEN if upper.place and lower.place else BESIDE
    return upper.down + lower.up + gap


def _close_bands(mesh: Mesh) -> None:
    """Take out height in which nothing stands."""
    vertices = sorted(
        (vertex for column in mesh.columns for vertex in column), key=lambda v: v.y - v.up
    )
    reached = vertices[0].y - vertices[0].up if vertices else 0
    shift = 0
    for vertex in vertices:
        empty = vertex.y - vertex.up - reached
        reached = max(reached, vertex.y + vertex.down)
        shift += max(0, empty - BETWEEN)
        vertex.y -= shift


def _straight(mesh: Mesh) -> dict[Vertex, Piece]:
    """By where they arrive, the pieces that are drawn straight: none crosses another."""
    depth = _longest(mesh, forwards=True)
    rest = _longest(mesh, forwards=False)
    found: dict[Vertex, Piece] = {}
    for i, pieces in enumerate(mesh.gaps):
        into = arriving(pieces, mesh.columns[i])
        out: dict[Vertex, list[Piece]] = {}
        for piece in pieces:
            out.setdefault(piece.source, []).append(piece)
        chosen = []
        for vertex in mesh.columns[i + 1]:
            best = _main(into.get(vertex, []), lambda p: p.source, depth)
            if best is None or _main(out[best.source], lambda p: p.target, rest) is not best:
                continue
            chosen.append(best)
        left = {vertex: k for k, vertex in enumerate(mesh.columns[i])}
        right = {vertex: k for k, vertex in enumerate(mesh.columns[i + 1])}
        taken: list[tuple[int, int]] = []
        for piece in sorted(chosen, key=_rank):
            ends = left[piece.source], right[piece.target]
            if all((ends[0] < a) == (ends[1] < b) for a, b in taken):
                taken.append(ends)
                found[piece.target] = piece
    return found


def _rank(piece: Piece) -> int:
    """Lanes are straight before nodes are."""
    return piece.source.place + piece.target.place


def _main(
    pieces: Sequence[Piece], end: Callable[[Piece], Vertex], length: Mapping[Vertex, int]
) -> Piece | None:
    """The one that leads along the longest chain of nodes; None where two are alike."""
    if not pieces:
        return None
    found = sorted(pieces, key=lambda p: (end(p).place, length[end(p)]), reverse=True)
    best = (end(found[0]).place, length[end(found[0])])
    if len(found) > 1 and (end(found[1]).place, length[end(found[1])]) == best:
        return None
    return found[0]


def _longest(mesh: Mesh, *, forwards: bool) -> dict[Vertex, int]:
    """Nodes on the longest way that leads to each vertex, or away from it."""
    found = {vertex: int(vertex.place) for column in mesh.columns for vertex in column}
    for pieces in mesh.gaps if forwards else reversed(mesh.gaps):
        for piece in pieces:
            before, after = (
                (piece.source, piece.target) if forwards else (piece.target, piece.source)
            )
            found[after] = max(found[after], found[before] + after.place)
    return found


def _settle_ports(mesh: Mesh, straight: Mapping[Vertex, Piece]) -> None:
    """Arrows arrive at a node in the order in which they come, the straight one in the middle."""
    for i, pieces in enumerate(mesh.gaps):
        for vertex, into in arriving(pieces, mesh.columns[i]).items():
            if vertex.fixed or not vertex.place:
                continue
            middle = (len(into) - 1) / 2
            if vertex in straight:
                middle = into.index(straight[vertex])
            room = max(abs(0 - middle), abs(len(into) - 1 - middle), 1)
            gap = min(PORT_GAP, (vertex.half - 5) / room) if len(into) > 1 else 0
            vertex.enters = [0] * max(piece.port + 1 for piece in into)
            for k, piece in enumerate(into):
                vertex.enters[piece.port] = round((k - middle) * gap)


def _runs(mesh: Mesh, straight: Mapping[Vertex, Piece]) -> list[list[tuple[Vertex, int]]]:
    """Vertices that one line goes through, each with how far below the first it stands."""
    run_of: dict[Vertex, list[tuple[Vertex, int]]] = {}
    found = []
    for column in mesh.columns:
        for vertex in column:
            piece = straight.get(vertex)
            if piece is None:
                run_of[vertex] = [(vertex, 0)]
                found.append(run_of[vertex])
                continue
            run = run_of[piece.source]
            below = run[-1][1] + piece.source.leaves[piece.place] - vertex.enters[piece.port]
            run.append((vertex, below))
            run_of[vertex] = run
    return found


class _Tension:
    """Runs between the arrows that pull at them and the neighbours that they may not touch."""

    def __init__(self, mesh: Mesh, runs: Sequence[list[tuple[Vertex, int]]]) -> None:
        self.mesh = mesh
        self.runs = runs
        self.of = {vertex: (i, below) for i, run in enumerate(runs) for vertex, below in run}
        # above[i]: of each run that stands above run i somewhere, how far apart they must be.
        self.above: list[dict[int, int]] = [{} for _ in runs]
        for column in mesh.columns:
            for upper, lower in pairwise(column):
                (a, below_a), (b, below_b) = self.of[upper], self.of[lower]
                least = apart(upper, lower) + below_a - below_b
                self.above[b][a] = max(self.above[b].get(a, least), least)
        self.order = self._order()
        self.pulls: list[list[tuple[int, int]]] = [[] for _ in runs]
        self.arriving: list[list[tuple[int, int]]] = [[] for _ in runs]
        for pieces in mesh.gaps:
            for piece in pieces:
                (a, below_a), (b, below_b) = self.of[piece.source], self.of[piece.target]
                if a != b:
                    climb = below_a + piece.source.leaves[piece.place]
                    climb -= below_b + piece.target.enters[piece.port]
                    self.pulls[b].append((a, climb))
                    self.arriving[b].append((a, climb))
                    self.pulls[a].append((b, -climb))

    def _order(self) -> list[int]:
        """Runs, each after all that stand above it."""
        waiting = [len(above) for above in self.above]
        below: list[list[int]] = [[] for _ in self.runs]
        for i, above in enumerate(self.above):
            for other in above:
                below[other].append(i)
        ready = [i for i, count in enumerate(waiting) if not count]
        for i in ready:
            for other in below[i]:
                waiting[other] -= 1
                if not waiting[other]:
                    ready.append(other)
        return ready

    def settle(self) -> None:
        y = self._pushed_down([0.0] * len(self.runs), lowest=0.0)
        for turn in range(ROUNDS):
            wanted = list(y)
            pulls = self.pulls if turn < ROUNDS - LAST else self.arriving
            # Runs are numbered from left to right.
            for i in range(len(y)) if turn % 2 else range(len(y) - 1, -1, -1):
                if pulls[i]:
                    ends = [wanted[other] + climb for other, climb in pulls[i]]
                    wanted[i] = sum(ends) / len(ends)
            down, up = self._pushed_down(wanted), self._pushed_up(wanted)
            y = [(a + b) / 2 for a, b in zip(down, up, strict=True)]
        whole = self._pushed_down([float(round(at)) for at in y])
        for run, at in zip(self.runs, whole, strict=True):
            for vertex, below in run:
                vertex.y = round(at) + below

    def _pushed_down(self, y: list[float], lowest: float | None = None) -> list[float]:
        found = list(y)
        for i in self.order:
            for other, least in self.above[i].items():
                found[i] = max(found[i], found[other] + least)
            if lowest is not None:
                found[i] = max(found[i], lowest)
        return found

    def _pushed_up(self, y: list[float]) -> list[float]:
        found = list(y)
        for i in reversed(self.order):
            for other, least in self.above[i].items():
                found[other] = min(found[other], found[i] - least)
        return found
