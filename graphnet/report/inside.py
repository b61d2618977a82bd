"""What is inside a network, as HTML: the graph, its layers, first weights, dead units, the spec."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np

from graphnet.draw import svg_of
from graphnet.draw.bitmaps import MINUS, PLUS, ZERO
from graphnet.network import Network
from graphnet.plan import Plan
from graphnet.report import charts
from graphnet.report.findings import ZEROING, Dead
from graphnet.report.html import (
    code,
    details,
    esc,
    figure,
    image,
    nothing,
    numbers,
    p,
    scroll,
    table,
)
from graphnet.report.images import png
from graphnet.report.weights import MOST_SIDE, FirstWeights, first_weights
from graphnet.report.writing import written
from graphnet.spec.canonical import canonical_text, readable_text

MOST_NAMED = 40
TILE = 96
"""Pixels of the longer side of a picture of weights."""
MOST_UNFOLDED = 150
"""Nodes of a graph whose blocks are drawn unfolded."""
MOST_DRAWN = 1000
"""Nodes of a graph that is drawn."""


def graph(net: Network) -> str:
    """The graph as a picture, and its layers as a table."""
    plan, wiring = Plan(net.graph), net.graph.wiring
    rows = []
    for name, given in net.spec.inputs.items():
        rows.append([name, "(input)", "", _shape(given.shape), given.doc or "", "", ""])
    for node in wiring.order:
        cost, spec = plan.cost(node), net.graph.nodes[node]
        sources = ", ".join(wiring.sources[node])
        figures = [spec.doc or "", f"{cost.parameters:,}", f"{cost.forward:,}"]
        rows.append([node, spec.type, sources, _shape(net.graph.shapes[node]), *figures])
    for objective in net.graph.objectives:
        kind = objective.spec.type
        rows.append(["(loss)", kind, objective.on, "()", f"target {objective.target}", "0", ""])
    head = ["node", "type", "from", "shape", "note", "parameters", "FLOPs forward"]
    docs = p(net.spec.doc) if net.spec.doc else ""
    return (
        docs
        + _drawing(net)
        + numbers("Layers in running order; FLOPs of one sample", head, rows, words=5)
    )


def weights(net: Network) -> str:
    """The weights of the first layer as pictures."""
    found = first_weights(net)
    if found is None:
        return nothing("No layer of this graph has a matrix or kernels to look at.")
    text = p(
        f"{found.node}: {found.what}." + f" {found.left} more are not shown." * bool(found.left)
    )
    rows = [[t.name, written(t.low), written(t.high), written(t.norm)] for t in found.tiles]
    below = numbers(f"Weights of {found.node}", ["which", "least", "largest", "norm"], rows)
    return text + _scale(found) + _tiles(found) + below


def dead(net: Network, found: Sequence[Dead], samples: int, words: str) -> str:
    """The units that were 0 for every sample."""
    if not found:
        kinds = ", ".join(ZEROING)
        return nothing(
            f"This does not apply: no layer of the graph is one of {kinds}, whose outputs can stay "
            "at 0."
        )
    total = sum(len(one.dead) for one in found)
    gone = sum(int(one.dead.sum()) for one in found)
    text = (
        f"{gone:,} of {total:,} units are 0 for all {samples:,} samples of the {words}, at every "
        "place: no gradient reaches them from there. A unit is an entry of a layer's last axis, "
        "of a convolution a channel. What to look for: none or few dead ones; where a layer has "
        "many, a lower learning rate, another initialization or a LeakyRelu keeps them alive."
    )
    rows = []
    for one in found:
        which = np.flatnonzero(one.dead)
        named = ", ".join(map(str, which[:MOST_NAMED].tolist())) + ", …" * (len(which) > MOST_NAMED)
        share = f"{one.dead.mean():.4f}"
        rows.append([one.node, named, str(len(one.dead)), str(len(which)), share])
        rows[-1].append(f"{one.zeros:.4f}")
    head = ["layer", "which", "units", "dead", "share dead", "share of all numbers that are 0"]
    below = table("Dead units by layer", head, rows, words=2)
    if not gone:
        return p(text) + below
    shown = found[:MOST_NAMED]
    label = f"Share of dead units by layer: {gone:,} of {total:,} in all"
    drawn = charts.shares(
        "dead-shares", label, [float(d.dead.mean()) for d in shown], [d.node for d in shown]
    )
    return p(text) + figure(drawn, "Share of dead units, by layer.", below)


def spec(net: Network) -> str:
    """The spec as JSON, without where the data lie."""
    text = readable_text(json.loads(canonical_text(net.spec)))
    return details("The spec as JSON", code("JSON of the spec", text))


def _drawing(net: Network) -> str:
    count = len(net.graph.nodes)
    if count > MOST_DRAWN:
        return nothing(f"{count:,} nodes are too many for a drawing here: `draw` makes one.")
    picture = svg_of(net.graph, collapse=count > MOST_UNFOLDED)
    caption = "From left to right, as the numbers run."
    if count > MOST_UNFOLDED:
        caption += " Blocks are folded."
    return figure(scroll("Drawing of the graph", picture), caption)


def _tiles(found: FirstWeights) -> str:
    if len(found.tiles) == 1:
        tile = found.tiles[0]
        return image(png(tile.pixels, MOST_SIDE), f"{tile.name} as a heat map", "pixels map")
    shown = "".join(
        image(png(t.pixels, TILE), f"{found.node}, {t.name}: {t.low:.3g} to {t.high:.3g}")
        for t in found.tiles
    )
    return f'<div class="tiles">{shown}</div>'


def _scale(found: FirstWeights) -> str:
    if "red, green and blue" in found.what:
        return ""
    reach = f"{found.reach:.3g}"
    ends = ", ".join(f"rgb({r}, {g}, {b})" for r, g, b in (MINUS, ZERO, PLUS))
    colours = f"background: linear-gradient(90deg, {ends})"
    bar = f'<i style="{colours}"></i>'
    return f'<p class="scale"><span>-{esc(reach)}</span>{bar}<span>{esc(reach)}</span></p>'


def _shape(shape: tuple[int, ...]) -> str:
    return f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})"
