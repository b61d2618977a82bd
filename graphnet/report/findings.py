"""Everything that a report measures of a network over samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from graphnet.blas import one_thread
from graphnet.crew import threads_here
from graphnet.errors import DivergedError, SpecError
from graphnet.layers.base import Array
from graphnet.network import Network
from graphnet.report.parts import Parts
from graphnet.report.tallies import ClassTally, NumberTally
from graphnet.spec.measured import Judged, judged
from graphnet.training.evaluate import measured
from graphnet.training.feed import Feed, Room
from graphnet.training.measure import Measure, Measured
from graphnet.training.shards import Team

ZEROING = ("Relu", "ThresholdedRelu", "HardSwish", "HardSigmoid")
"""Layers whose output is 0 for all inputs below some number."""
WALK_BYTES = 64 * 2**20
"""What the values of all nodes may take at a time."""


@dataclass(frozen=True, eq=False)
class Dead:
    """Of a layer that zeroes: which units, the entries along the last axis, were 0 for every sample
    and at every place; zeros: the share of all its numbers that were 0."""

    node: str
    dead: Array
    zeros: float


@dataclass(frozen=True, eq=False)
class Findings:
    """measured: as `evaluate` has it; tallies: of each of the judged scores, in their order."""

    measured: Measured
    judged: list[Judged]
    tallies: list[ClassTally | NumberTally]
    dead: list[Dead]
    samples: int


def find(net: Network, parts: Parts, *, threads: int | None = None) -> Findings:
    """Measure a network over the judged part.

    threads: default, all processors; they change no bit.
    Errors: SpecError, DivergedError where scores are not finite.
    """
    if threads is not None and threads < 1:
        raise SpecError(f"threads must be 1 or more, found {threads}")
    team = Team(net, 1, threads or threads_here())
    try:
        measure = Measure(net, parts.labels, losses=True, reports=True)
        figures = measured(team, measure, parts.feed)
    finally:
        team.close()
    if not math.isfinite(figures.loss or 0.0):
        raise DivergedError(f"{net.spec.name}: the loss over the {parts.words} is {figures.loss}")
    scored = judged(net.spec, net.graph.wiring.outputs)
    with one_thread(), np.errstate(all="ignore"):
        tallies = _tallies(net, parts.feed, scored)
        dead = _dead(net, parts.feed)
    return Findings(figures, scored, tallies, dead, parts.feed.samples)


def _tallies(net: Network, feed: Feed, scored: list[Judged]) -> list[ClassTally | NumberTally]:
    engine, outputs = net.engine, net.graph.wiring.outputs
    found: list[ClassTally | NumberTally] = []
    for part in scored:
        ignore = getattr(net.graph.objectives[part.loss].spec, "ignore", None)
        numbers = part.kind == "numbers"
        found.append(NumberTally(feed.samples) if numbers else ClassTally(part.kind, ignore))
    walks = any(part.on not in outputs for part in scored)
    size = _walk_size(net) if walks else engine.piece
    room = Room(feed, size)
    for start in range(0, feed.samples, size):
        rows = slice(start, start + size)
        inputs, targets = feed.part(rows, room)
        values: Mapping[str, Array] = engine.forward(inputs) if walks else engine.predict(inputs)
        for part, tally in zip(scored, found, strict=True):
            tally.add(values[part.on], targets[part.loss], feed.numbers(rows))
    return found


def _dead(net: Network, feed: Feed) -> list[Dead]:
    nodes = [n for n in net.graph.wiring.order if net.graph.nodes[n].type in ZEROING]
    if not nodes:
        return []
    alive = {n: np.zeros((net.graph.shapes[n] or (1,))[-1], bool) for n in nodes}
    zeros = dict.fromkeys(nodes, 0)
    size = _walk_size(net)
    room = Room(feed, size)
    for start in range(0, feed.samples, size):
        inputs, _ = feed.part(slice(start, start + size), room)
        values = net.engine.forward(inputs)
        for node in nodes:
            there = values[node].reshape(-1, len(alive[node])) != 0
            alive[node] |= there.any(axis=0)
            zeros[node] += there.size - int(np.count_nonzero(there))
    of = {n: feed.samples * math.prod(net.graph.shapes[n]) for n in nodes}
    return [Dead(n, ~alive[n], zeros[n] / of[n]) for n in nodes]


def _walk_size(net: Network) -> int:
    """How many samples all nodes are computed for at a time."""
    numbers = sum(math.prod(shape) for shape in net.graph.shapes.values())
    return int(max(1, min(1000, WALK_BYTES // (numbers * 8))))
