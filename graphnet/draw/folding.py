"""A block as one node: what `--collapse` draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphnet.draw.card import LABEL, WIDEST, Card, Line
from graphnet.draw.groups import Wire, on_cycles
from graphnet.draw.text import fitted


def folded(cards: Sequence[Card], wires: Sequence[Wire]) -> tuple[list[Card], list[Wire]]:
    """Each block of the graph as one card, all its copies together.

    One that an arrow leaves and comes back to stays as it is.
    """
    blocks: dict[str, list[Card]] = {}
    for card in cards:
        if "/" in card.path:
            blocks.setdefault(card.path.partition("/")[0] + "/", []).append(card)
    while True:
        owner = {c.name: block for block, inside in blocks.items() for c in inside}
        names = list(dict.fromkeys(owner.get(card.name, card.name) for card in cards))
        at = {name: i for i, name in enumerate(names)}
        ends = [(owner.get(w.source, w.source), owner.get(w.target, w.target)) for w in wires]
        stuck = on_cycles(len(names), {(at[a], at[b]) for a, b in ends if a != b})
        impossible = [names[i] for i in stuck if names[i] in blocks]
        if not impossible:
            break
        del blocks[impossible[0]]
    found: dict[str, Card] = {}
    for card in cards:
        name = owner.get(card.name, card.name)
        if name == card.name:
            found[name] = card
        elif name not in found:
            found[name] = _card(name, blocks[name], wires)
    return _settled(found, wires, ends)


def _settled(
    cards: dict[str, Card], wires: Sequence[Wire], ends: Sequence[tuple[str, str]]
) -> tuple[list[Card], list[Wire]]:
    """Arrows between what is left, each once, at ports that count from 0."""
    found: list[Wire] = []
    into: dict[str, list[str]] = {}
    for wire, (source, target) in zip(wires, ends, strict=True):
        if source == target:
            continue
        if target == wire.target:
            found.append(Wire(source, target, wire.port))
            continue
        before = into.setdefault(target, [])
        if source not in before:
            before.append(source)
            found.append(Wire(source, target, len(before) - 1))
    for name, sources in into.items():
        cards[name] = replace(cards[name], arrivals=len(sources))
    return list(cards.values()), found


def _card(block: str, inside: Sequence[Card], wires: Sequence[Wire]) -> Card:
    names = {card.name for card in inside}
    leaving = [w.source for w in wires if w.source in names and w.target not in names]
    copies = {c.name.split("/")[1] for c in inside if c.name.split("/")[1].isdigit()}
    title = block[:-1]
    times = f" ×{len(copies)}" if copies else ""
    nodes = f"{len(inside)} node{'s' * (len(inside) > 1)}"
    lines = [
        Line(fitted(title, 13, WIDEST, bold=True) + times, 13, "title"),
        Line(f"block of {nodes}", LABEL),
    ]
    types = dict.fromkeys(c.lines[0].text for c in inside)
    if types:
        lines.append(Line(fitted(", ".join(types), LABEL, WIDEST), LABEL))
    last = next(card for card in reversed(inside) if not leaving or card.name == leaving[-1])
    tip = f"{title}: {nodes}" + "".join(f"\n{card.tip.partition(chr(10))[0]}" for card in inside)
    return Card(block, "folded", lines, tip, "folded", stem=last.stem)
