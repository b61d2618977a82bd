"""The time of a step that is shared by ranks: what each computes, and what they tell each other.

    step(P) = computed(P) + exchange(P) + talk(P)

computed: by one rank, its shards and the update of all parameters, which every rank repeats;
exchange: of the gradients, 2 log2(P) messages and 2 (P - 1) / P of their bytes each way, with
(P - 1) / P of an addition; talk: the losses of all shards, and what layers of whole batches meet
for, log2(P) messages each. A message takes a latency, and its bytes by the link's rate.
Source: Thakur, Rabenseifner and Gropp, Optimization of Collective Communication Operations in
MPICH, 2005, section 3: the cost of a message is alpha + n beta.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Fit:
    """t = start + nbytes * per_byte for an exchange between two ranks; off: how far each measured
    time is from that, as a share of it.

    Units: seconds; bytes of gradients.
    """

    start: float
    per_byte: float
    off: tuple[float, ...]

    def __call__(self, nbytes: float) -> float:
        return self.start + nbytes * self.per_byte


def fitted(times: Sequence[tuple[float, float]]) -> Fit:
    """The least squares of the relative errors over pairs of bytes and seconds: a millisecond is
    much of 1 MB and nothing of 100."""
    nbytes, seconds = np.array(times, dtype=float).T
    rows = np.stack([1 / seconds, nbytes / seconds], axis=1)
    (start, per_byte), *_ = np.linalg.lstsq(rows, np.ones(len(seconds)), rcond=None)
    off = (start + nbytes * per_byte) / seconds - 1
    return Fit(float(start), float(per_byte), tuple(map(float, off)))


@dataclass(frozen=True)
class Link:
    """Between any two ranks, all at once. latency: of a message, on the wire and in the programs at
    both ends.

    Units: bytes a second, seconds.
    """

    rate: float
    latency: float


@dataclass(frozen=True)
class Net:
    """A network's figures on one core.

    nbytes: of its gradients; update: of all parameters; add: of two such gradients; computed: by
    one of so many ranks in a step, by (batch, ranks), the update with it; meetings: of a step;
    meeting_bytes: of one shard in all of them; join: of what one shard gives to all of them with
    that of the others, which every rank does for itself.
    Units: seconds.
    """

    nbytes: float
    update: float
    add: float
    computed: Mapping[tuple[int, int], float]
    meetings: int = 0
    meeting_bytes: int = 0
    join: float = 0.0


@dataclass(frozen=True)
class Step:
    """A step of so many ranks, in its parts; alone: that of one rank without others.

    compute: of a rank's shards; update; joins: of all shards' parts in meetings; exchange in
    messages' latency, in their bytes and in additions; talk: losses and meetings.
    Units: seconds.
    """

    ranks: int
    alone: float
    compute: float
    update: float
    joins: float
    latency: float
    transfer: float
    adding: float
    talk: float

    @property
    def computing(self) -> float:
        """Everything that waits for nobody."""
        return self.compute + self.update + self.joins

    @property
    def exchange(self) -> float:
        """Everything that one rank alone would not do."""
        return self.latency + self.transfer + self.adding + self.talk

    @property
    def seconds(self) -> float:
        """The parts one after the other."""
        return self.computing + self.exchange

    @property
    def efficiency(self) -> float:
        """The time of one rank alone by that of all ranks together."""
        return self.alone / (self.ranks * self.seconds)

    @property
    def at_best(self) -> float:
        """The efficiency were all of the exchange of gradients hidden behind the computing, which
        no order of buckets surpasses."""
        hidden = max(self.compute, self.latency + self.transfer + self.adding)
        return self.alone / (self.ranks * (hidden + self.update + self.joins + self.talk))

    @property
    def losses(self) -> dict[str, float]:
        """What keeps the step above a P-th of that of one rank, in seconds."""
        whole = self.alone - self.update
        return {
            "small shards": max(0.0, self.compute - whole / self.ranks),
            "update on every rank": self.update * (1 - 1 / self.ranks),
            "joins of meetings": self.joins,
            "latency": self.latency,
            "bandwidth": self.transfer,
            "additions": self.adding,
            "messages of meetings and losses": self.talk,
        }

    @property
    def limits(self) -> str:
        """The greatest losses, as shares of the step: those that together make most of it."""
        found = sorted(self.losses.items(), key=lambda one: -one[1])
        lost = sum(self.losses.values())
        shown, told = [], 0.0
        for what, seconds in found[:2]:
            if seconds < self.seconds / 100 or told > 0.8 * lost:
                break
            shown.append(f"{what} {seconds / self.seconds:.0%}")
            told += seconds
        return ", ".join(shown) or "-"


def alone(net: Net, batch: int) -> float:
    """A step of one rank, one core: measured; or eight times what one of eight ranks computes, of
    batches that would take minutes, with one update."""
    if (batch, 1) in net.computed:
        return net.computed[batch, 1]
    return 8 * (net.computed[batch, 8] - net.update) + 7 * net.add + net.update


def step(net: Net, batch: int, ranks: int, link: Link, shards: int) -> Step:
    """A step of so many ranks, a power of two, with so many shards of the batch between them."""
    rounds, share = math.log2(ranks), (ranks - 1) / ranks
    talked = 8 * shards + net.meeting_bytes * shards
    return Step(
        ranks=ranks,
        alone=alone(net, batch),
        compute=net.computed[batch, ranks] - net.update - shards * net.join,
        update=net.update,
        joins=shards * net.join,
        latency=2 * rounds * link.latency,
        transfer=2 * share * net.nbytes / link.rate,
        adding=share * net.add,
        talk=(1 + net.meetings) * rounds * link.latency + talked / link.rate,
    )
