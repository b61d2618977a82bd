"""The tree of a drawing: nodes, and the blocks that they came from, by their ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from graphnet.draw.card import Card


class Wire(NamedTuple):
    """An arrow: the name that it leaves, the one where it arrives, and the port there."""

    source: str
    target: str
    port: int = 0


@dataclass(eq=False)
class Group:
    """Nodes that stand in one frame. prefix: how their ids begin; title: what the frame says.

    enters: names outside that arrows come from, each once; leaves: names inside from which arrows
    go out.
    """

    prefix: str
    title: str
    children: list[Card | Group] = field(default_factory=list)
    enters: list[str] = field(default_factory=list)
    leaves: list[str] = field(default_factory=list)

    def names(self) -> Iterator[str]:
        """All nodes inside, at any depth."""
        for child in self.children:
            if isinstance(child, Card):
                yield child.name
            else:
                yield from child.names()


def tree_of(cards: Sequence[Card], wires: Sequence[Wire]) -> Group:
    """The cards in the frames that their ids say.

    A frame that an arrow would leave and come back to could not be drawn from left to right: what
    is in such a one stands in the frame around it.
    """
    whole = Group("", "")
    frames: dict[str, Group] = {"": whole}
    for card in cards:
        frame = whole
        for prefix, title in _prefixes(card.path):
            if prefix not in frames:
                frames[prefix] = Group(prefix, title)
                frame.children.append(frames[prefix])
            frame = frames[prefix]
        frame.children.append(card)
    _dissolve(whole, wires)
    _cross(whole, wires)
    return whole


def _prefixes(path: str) -> Iterator[tuple[str, str]]:
    """The frames around a node, from the outside: `stage1/2/`, said to be `stage1 (2)`."""
    at, parts = "", path.split("/")[:-1]
    while parts:
        at, title = f"{at}{parts[0]}/", parts.pop(0)
        if parts and parts[0].isdigit():
            title = f"{title} ({parts[0]})"
            at = f"{at}{parts.pop(0)}/"
        yield at, title


def _dissolve(group: Group, wires: Sequence[Wire]) -> None:
    """Put what is in impossible frames into the frame around it, until all are possible."""
    while True:
        owner = {}
        for i, child in enumerate(group.children):
            names = [child.name] if isinstance(child, Card) else child.names()
            owner.update(dict.fromkeys(names, i))
        edges = {
            (owner[wire.source], owner[wire.target])
            for wire in wires
            if wire.source in owner and wire.target in owner
        }
        stuck = on_cycles(len(group.children), {e for e in edges if e[0] != e[1]})
        first = next((i for i in stuck if isinstance(group.children[i], Group)), None)
        if first is None:
            break
        frame = group.children[first]
        assert isinstance(frame, Group)
        group.children[first : first + 1] = frame.children
    for child in group.children:
        if isinstance(child, Group):
            _dissolve(child, wires)


def on_cycles(count: int, edges: set[tuple[int, int]]) -> list[int]:
    """What is left when everything that nothing leads to, or that leads to nothing, is gone."""
    left = set(range(count))
    for turned in (False, True):
        after: dict[int, list[int]] = {}
        waiting = dict.fromkeys(left, 0)
        for a, b in ((b, a) for a, b in edges) if turned else edges:
            if a in left and b in left:
                after.setdefault(a, []).append(b)
                waiting[b] += 1
        ready = [i for i, number in waiting.items() if not number]
        for i in ready:
            for other in after.get(i, ()):
                waiting[other] -= 1
                if not waiting[other]:
                    ready.append(other)
        left -= set(ready)
    return sorted(left)


def _cross(group: Group, wires: Sequence[Wire]) -> None:
    inside = set(group.names())
    for wire in wires:
        if wire.target in inside and wire.source not in inside and wire.source not in group.enters:
            group.enters.append(wire.source)
        if wire.source in inside and wire.target not in inside and wire.source not in group.leaves:
            group.leaves.append(wire.source)
    for child in group.children:
        if isinstance(child, Group):
            _cross(child, wires)
