"""The gradients of all ranks' shards, added in the order of the tree over the shards."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from graphnet.crew import Crew
from graphnet.distributed.world import World
from graphnet.engine import Engine
from graphnet.layers.base import Array
from graphnet.training.ranks import Sums
from graphnet.training.shards import add_into, joined
from graphnet.training.tree import Tree, Twig, parts_of, share_of, twigs_of
from graphnet.training.update import PIECE, WORTH_SHARING
from graphnet.workspace import aligned

if TYPE_CHECKING:
    from mpi4py import MPI

LINE = 16
"""Elements: pieces of ranks begin at cache lines."""
_SUMS = 3
"""What messages of sums are called."""


class TreeSums(Sums):
    """((0+1)+(2+3))+... over all shards, each element by one rank, the result on every rank.

    A rank first adds the shards that are neighbours in the tree by itself. Then, where every rank
    has one twig of the same size and their number is a power of two, pairs of ranks exchange
    halves of what they have, neighbours first, and add (recursive halving); the sums come back the
    same way. Otherwise each rank gets from all others their twigs of one piece of the elements,
    adds them as the tree says, and hands the sums to all.

    Either way a rank sends and receives 2 (P - 1) / P times the gradients' bytes, in 2 log2(P)
    messages or in 2 (P - 1).
    Source: Thakur, Rabenseifner and Gropp, Optimization of Collective Communication Operations in
    MPICH, 2005 (recursive halving and doubling).
    """

    def __init__(self, world: World, engine: Engine, crew: Crew) -> None:
        self._world = world
        self._size = engine.flat_grads.size
        self._crew = crew if self._size >= WORTH_SHARING else None
        self._scratch = aligned((0,), engine.dtype)

    def end(self, grads: Sequence[Array], shards: int) -> Sequence[Array]:
        world, total = self._world, grads[0]
        shares = [share_of(shards, i, world.size) for i in range(world.size)]
        twigs = [twigs_of(share, shards) for share in shares]
        mine = shares[world.rank]
        roots: dict[Twig, Array] = {}
        for twig in twigs[world.rank]:
            under = parts_of(twig, shards)
            roots[twig] = self.added([grads[i - mine.start] for i in under])
        if _halves(twigs, world.size):
            self._halving(total)
        else:
            self._pieces(total, roots, twigs, shards)
        return [total]

    def added(self, grads: Sequence[Array]) -> Array:
        """The sum of some of this rank's shards, in the first of their arrays."""
        if len(grads) > 1:
            starts = range(0, self._size, PIECE)

            def add(thread: int, i: int) -> None:
                part = slice(starts[i], starts[i] + PIECE)
                joined([grad[part] for grad in grads], add_into)

            if self._crew is None:
                for i in range(len(starts)):
                    add(0, i)
            else:
                self._crew.each(len(starts), add)
        return grads[0]

    def _halving(self, total: Array) -> None:
        world = self._world
        room = self._room(math.ceil(self._size / 2) + LINE)
        part, back = slice(0, self._size), []
        for distance in _distances(world.size):
            peer = world.rank ^ distance
            middle = min(part.start + _lines((part.stop - part.start) // 2), part.stop)
            keep, give = slice(part.start, middle), slice(middle, part.stop)
            if world.rank & distance:
                keep, give = give, keep
            found = room[: keep.stop - keep.start]
            self._swap(total[give], found, peer)
            np.add(total[keep], found, out=total[keep])
            back.append((peer, keep, give))
            part = keep
        for peer, keep, give in reversed(back):
            self._swap(total[keep], total[give], peer)

    def _swap(self, mine: Array, theirs: Array, peer: int) -> None:
        comm = self._world.comm
        self._world.wait([comm.Irecv(theirs, peer, _SUMS), comm.Isend(mine, peer, _SUMS)])

    def _pieces(
        self, total: Array, roots: dict[Twig, Array], twigs: Sequence[Sequence[Twig]], shards: int
    ) -> None:
        world = self._world
        cut = _cut(self._size, world.size)
        part = cut[world.rank]
        wide = part.stop - part.start
        others = [i for i in range(world.size) if i != world.rank]
        room = self._room(wide * sum(len(twigs[i]) for i in others))
        requests: list[MPI.Request] = []
        found: dict[Twig, Array] = {twig: grad[part] for twig, grad in roots.items()}
        at = 0
        for i in others:
            for k, twig in enumerate(twigs[i]):
                found[twig] = room[at : at + wide]
                requests.append(world.comm.Irecv(found[twig], i, _SUMS + k))
                at += wide
        for i in others:
            for k, twig in enumerate(twigs[world.rank]):
                requests.append(world.comm.Isend(roots[twig][cut[i]], i, _SUMS + k))
        world.wait(requests)
        tree = Tree(shards, add_into)
        for twig, grad in found.items():
            tree.add(twig, grad)
        if not np.shares_memory(tree.whole, total[part]):
            np.copyto(total[part], tree.whole)
        requests = [world.comm.Irecv(total[cut[i]], i, _SUMS) for i in others]
        requests += [world.comm.Isend(total[part], i, _SUMS) for i in others]
        world.wait(requests)

    def _room(self, size: int) -> Array:
        if len(self._scratch) < size:
            self._scratch = aligned((size,), self._scratch.dtype)
        return self._scratch


def _halves(twigs: Sequence[Sequence[Twig]], ranks: int) -> bool:
    """Whether each rank has one twig, all of a level, and they are a power of two."""
    if ranks & (ranks - 1) or any(len(some) != 1 for some in twigs):
        return False
    return len({twig.level for (twig,) in twigs}) == 1


def _distances(ranks: int) -> Sequence[int]:
    """1, 2, 4, ... below the number of ranks."""
    return [1 << i for i in range(ranks.bit_length() - 1)]


def _lines(elements: int) -> int:
    return -(-elements // LINE) * LINE


def _cut(size: int, parts: int) -> list[slice]:
    wide = _lines(-(-size // parts))
    starts = [min(i * wide, size) for i in range(parts + 1)]
    return [slice(start, stop) for start, stop in pairwise(starts)]
