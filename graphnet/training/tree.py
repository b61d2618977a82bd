"""The fixed order in which the parts of a whole are joined, whoever made them and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Twig(NamedTuple):
    """A part of the tree over `total` parts: those from `number * 2**level`, `2**level` of them, or
    as many as there are."""

    level: int
    number: int


class Tree(Generic[T]):
    """A binary tree over the numbers of parts: ((0+1)+(2+3))+...

    Twigs are joined as soon as both are there, so what is held at a time is little: of parts that
    come in order, one twig a level. In whatever order they come, and wherever some were joined
    before, each join is the same, and so is every bit of the result.
    """

    def __init__(self, total: int, join: Callable[[T, T], T]) -> None:
        self._total = total
        self._join = join
        self._twigs: dict[Twig, T] = {}

    def add(self, twig: Twig, value: T) -> None:
        """Parts that are joined already, each given once."""
        while twig.number or 1 << twig.level < self._total:
            left = twig._replace(number=twig.number & ~1)
            right = twig._replace(number=twig.number | 1)
            if right.number << right.level < self._total:
                other = self._twigs.pop(right if twig == left else left, None)
                if other is None:
                    break
                value = self._join(value, other) if twig == left else self._join(other, value)
            twig = Twig(twig.level + 1, twig.number >> 1)
        self._twigs[twig] = value

    @property
    def twigs(self) -> Mapping[Twig, T]:
        """What is there: one twig, the whole, when all parts were added."""
        return self._twigs

    @property
    def whole(self) -> T:
        """All parts, joined."""
        (value,) = self._twigs.values()
        return value


def twigs_of(parts: range, total: int) -> list[Twig]:
    """The fewest twigs that together are these neighbouring parts of `total`."""
    found, at = [], parts.start
    while at < parts.stop:
        level = 0
        while at % (2 << level) == 0 and min(at + (2 << level), total) <= parts.stop:
            level += 1
            if 1 << level >= total:
                break
        found.append(Twig(level, at >> level))
        at += 1 << level
    return found


def parts_of(twig: Twig, total: int) -> range:
    """The numbers of the parts under a twig."""
    start = twig.number << twig.level
    return range(start, min(start + (1 << twig.level), total))


def share_of(items: int, rank: int, ranks: int) -> range:
    """Which of so many items are a rank's: neighbours, as many for each as can be."""
    size, longer = divmod(items, ranks)
    start = rank * size + min(rank, longer)
    return range(start, start + size + (rank < longer))
