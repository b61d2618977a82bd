"""The gradients of all ranks' shards, added while others are still looked for: in MPI's order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from graphnet.distributed.world import World
from graphnet.engine import Engine
from graphnet.errors import RankError
from graphnet.layers.base import Array
from graphnet.training.ranks import Sums
from graphnet.training.shards import add_into, joined

if TYPE_CHECKING:
    from mpi4py import MPI

MOST = 1 << 20
"""Elements of a bucket: 4 MB take a link of 10 Gbit/s 3 ms, in which latency is lost."""
LEAST = 1 << 14
"""Elements; with fewer, latency is all that an exchange takes."""
BUCKETS = 4
"""Of a network whose buckets may have that size: the last one alone is waited for."""


class Bucket(NamedTuple):
    """Neighbours among the gradients. nodes: whose gradients lie in it."""

    part: slice
    nodes: frozenset[str]


class BucketSums(Sums):
    """Allreduce in buckets, each begun as soon as the shards of this rank have found what is in
    it, while they look for the gradients of earlier layers.

    MPI adds in an order of its own: the sums differ from those of `TreeSums` in their last digits,
    and with the number of ranks.
    Errors: RankError where MPI cannot be used by threads.
    """

    def __init__(self, world: World, engine: Engine) -> None:
        if not world.threads:
            what = "this MPI library does not let several threads use it: add gradients as a tree"
            raise RankError(what)
        self._world = world
        self._late = engine.late
        self._buckets = buckets_of(engine)
        self._holders: dict[str, list[int]] = {}
        for i, bucket in enumerate(self._buckets):
            for node in bucket.nodes:
                self._holders.setdefault(node, []).append(i)
        self._lock = threading.Lock()
        self._grads: Sequence[Array] = ()
        self._missing: list[int] = []
        self._requests: list[MPI.Request] = []

    def begin(self, grads: Sequence[Array]) -> None:
        self._grads = grads
        # What becomes whole when a shard has finished, not before, is exchanged at the end.
        self._missing = [
            len(grads) * len(bucket.nodes) + bool(bucket.nodes & self._late)
            for bucket in self._buckets
        ]
        self._requests = []

    @property
    def done(self) -> Callable[[int, str], None] | None:
        return self._done

    def end(self, grads: Sequence[Array], shards: int) -> Sequence[Array]:
        total = grads[0]
        if not self._grads:
            total.fill(0)
        while len(self._requests) < len(self._buckets):
            self._exchange(total)
        self._world.wait(self._requests)
        return [total]

    def _done(self, shard: int, node: str) -> None:
        with self._lock:
            for i in self._holders.get(node, ()):
                self._missing[i] -= 1
            # All ranks begin the exchanges in one order, that of the buckets.
            while len(self._requests) < len(self._buckets):
                if self._missing[len(self._requests)]:
                    break
                self._exchange(self._grads[0])
            # MPI gets on with what was begun when it is asked.
            self._world.test(self._requests)

    def _exchange(self, total: Array) -> None:
        """Begin the exchange of the next bucket."""
        part = self._buckets[len(self._requests)].part
        if len(self._grads) > 1:
            joined([grad[part] for grad in self._grads], add_into)
        self._requests.append(self._world.sums.Iallreduce(self._world.in_place, total[part]))


def buckets_of(engine: Engine) -> list[Bucket]:
    """The gradients cut between arrays, the last ones, which are found first, at the front."""
    size = engine.flat_grads.size
    least = max(LEAST, min(MOST, size // BUCKETS))
    start = engine.flat_grads.ctypes.data
    found: list[Bucket] = []
    stop, nodes = size, set[str]()
    for name, grad in reversed(engine.grads.items()):
        at = (grad.ctypes.data - start) // grad.itemsize
        nodes.add(name.rpartition("/")[0])
        if stop - at >= least or at == 0:
            found.append(Bucket(slice(at, stop), frozenset(nodes)))
            stop, nodes = at, set()
    return found
