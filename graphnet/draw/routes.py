"""The lines of arrows, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

Point = tuple[int, int]
BEND = 6
"""The radius of a corner."""


class Route(NamedTuple):
    """A line. name: what flows along it; bends: corners, as (start, control, end) of a curve, or
    one point of a straight line; tip: whether it ends in an arrowhead."""

    name: str
    start: Point
    steps: Sequence[tuple[Point, ...]]
    tip: bool

    def moved(self, x: int, y: int) -> Route:
        steps = [tuple((a + x, b + y) for a, b in step) for step in self.steps]
        return Route(self.name, (self.start[0] + x, self.start[1] + y), steps, self.tip)

    @property
    def d(self) -> str:
        """As SVG writes it."""
        letters = {1: "L", 2: "Q", 3: "C"}
        parts = [f"M{self.start[0]} {self.start[1]}"]
        for step in self.steps:
            parts.append(letters[len(step)] + " ".join(f"{x} {y}" for x, y in step))
        return "".join(parts)

    def points(self, steps: int = 12) -> list[tuple[float, float]]:
        """Points along the line, those of curves near enough to be joined by straight lines."""
        found: list[tuple[float, float]] = [self.start]
        for step in self.steps:
            ends = [found[-1], *step]
            if len(step) == 1:
                found.append(step[0])
                continue
            for k in range(1, steps + 1):
                found.append(_between(ends, k / steps))
        return found


def _between(ends: Sequence[tuple[float, float]], at: float) -> tuple[float, float]:
    """The point of a Bezier curve, by de Casteljau."""
    points = list(ends)
    while len(points) > 1:
        points = [
            (a[0] + (b[0] - a[0]) * at, a[1] + (b[1] - a[1]) * at) for a, b in pairwise(points)
        ]
    return points[0]


def across(start: Point, leaving: int, arriving: int, end: Point) -> list[tuple[Point, ...]]:
    """Straight to `leaving`, then in a curve to the height of the end at `arriving`, and on."""
    (_, y), (_, then) = start, end
    if y == then:
        return [(end,)]
    middle = (leaving + arriving) // 2
    return [((leaving, y),), ((middle, y), (middle, then), (arriving, then)), (end,)]


def around(points: Sequence[Point]) -> list[tuple[Point, ...]]:
    """Along these points, all lines level or upright, with rounded corners."""
    steps: list[tuple[Point, ...]] = []
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        near, far = _towards(corner, before), _towards(corner, after)
        steps += [(near,), (corner, far)]
    return [*steps, (points[-1],)]


def _towards(corner: Point, other: Point) -> Point:
    (x, y), (a, b) = corner, other
    bend = min(BEND, max(abs(a - x), abs(b - y)) // 2)
    return x + _sign(a - x) * bend, y + _sign(b - y) * bend


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
