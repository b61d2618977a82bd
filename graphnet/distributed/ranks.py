"""The ranks of an MPI job as those of a training."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgpack
import numpy as np

from graphnet.crew import Crew, threads_here
from graphnet.distributed.alike import Reduce, check_alike, check_together
from graphnet.distributed.exchange import TreeSums
from graphnet.distributed.overlap import BucketSums
from graphnet.distributed.sharing import share
from graphnet.distributed.world import TIMEOUT, World
from graphnet.engine import Engine
from graphnet.errors import GraphnetError, RankError, SpecError, clipped, quoted
from graphnet.layers.base import Array
from graphnet.training.ranks import Ranks, Sums
from graphnet.training.tree import Tree, Twig, share_of

if TYPE_CHECKING:
    from graphnet.training.loop import Trainer

T = TypeVar("T")


class MpiRanks(Ranks):
    """Each rank takes its share of the shards of every batch.

    What ranks agree on they compute from the same numbers, each by itself: nobody waits for a
    rank that decides.
    """

    def __init__(self, world: World, reduce: Reduce = "tree") -> None:
        super().__init__()
        self.world = world
        self.reduce = reduce
        self.rank, self.size = world.rank, world.size
        self._stopping = False
        self._threads = _threads(world)

    @property
    def threads(self) -> int:
        return self._threads

    @property
    def here(self) -> int:
        return len(self.world.here)

    def share(self, items: int) -> range:
        return share_of(items, self.rank, self.size)

    @property
    def stopping(self) -> bool:
        return self._stopping

    def numbers(self, mine: Sequence[Sequence[float]], items: int, width: int) -> list[list[float]]:
        # What a rank was told comes along, so that all of them know after the same step.
        sent = np.array([*(n for one in mine for n in one), float(self._asked)])
        counts = [len(share_of(items, i, self.size)) * width + 1 for i in range(self.size)]
        found = np.split(self.world.gather_parts(sent, counts), np.cumsum(counts)[:-1])
        self._stopping = any(part[-1] for part in found)
        every = np.concatenate([part[:-1] for part in found]).reshape(items, width)
        return [[float(number) for number in one] for one in every]

    def arrays(
        self, mine: Sequence[Sequence[Array]], items: int, like: Sequence[Array]
    ) -> list[Sequence[Array]]:
        nbytes = sum(array.nbytes for array in like)
        sent = [np.ascontiguousarray(array).view(np.uint8).ravel() for one in mine for array in one]
        counts = [len(share_of(items, i, self.size)) * nbytes for i in range(self.size)]
        bytes_sent = np.concatenate(sent) if sent else np.empty(0, np.uint8)
        found = self.world.gather_parts(bytes_sent, counts)
        rows, every, start = found.reshape(items, nbytes), list[Sequence[Array]](), 0
        for array in like:
            part = np.ascontiguousarray(rows[:, start : start + array.nbytes])
            every.append(list(part.view(array.dtype).reshape(items, *array.shape)))
            start += array.nbytes
        return every

    def complete(
        self, tree: Tree[T], pack: Callable[[T], bytes], unpack: Callable[[bytes], T]
    ) -> T:
        mine = [(*twig, pack(value)) for twig, value in tree.twigs.items()]
        parts = self.world.gather(msgpack.packb(mine))
        for rank, part in enumerate(parts):
            if rank != self.rank:
                for level, number, data in msgpack.unpackb(part):
                    tree.add(Twig(level, number), unpack(data))
        return tree.whole

    def begin(self, trainer: Trainer) -> None:
        self._asked = self._stopping = False  # of an earlier run
        check_alike(self.world, trainer, self.reduce)
        share(self.world, trainer)

    def agreed(self, number: float) -> float:
        told = self.world.broadcast(struct.pack("<d", number) if self.rank == 0 else None)
        return float(struct.unpack("<d", told)[0])

    def together(self, work: Callable[[], None]) -> None:
        error: GraphnetError | None = None
        try:
            work()
        except GraphnetError as e:
            error = e
        texts = self.world.gather(str(error or "").encode())
        if error is not None:
            raise error
        for i, text in enumerate(texts):
            if text:
                raise RankError(clipped(f"{self.world.names[i]}: {text.decode()}"))

    def check(self, trainer: Trainer) -> None:
        check_together(self.world, trainer)

    def sums(self, engine: Engine, crew: Crew) -> Sums:
        if self.reduce == "fast":
            return BucketSums(self.world, engine)
        return TreeSums(self.world, engine, crew)


def mpi_ranks(reduce: Reduce = "tree", timeout: float = TIMEOUT) -> MpiRanks:
    """The ranks of the job that this process is one of, for `fit`: alone, where none was started.

    reduce: "tree" adds gradients in the order of the shards, so that any number of ranks gives the
    same weights bit for bit; "fast" adds them in MPI's order, while they are still computed.
    Units: timeout, how long a rank may keep others waiting, in seconds.
    Errors: RankError without MPI.
    """
    if reduce not in ("tree", "fast"):
        raise SpecError(f"reduce must be 'tree' or 'fast', found {quoted(reduce)}")
    return MpiRanks(World(timeout), reduce)


def _threads(world: World) -> int:
    """The processors of this host, shared among its ranks that may use the same ones."""
    mine = _processors()
    if mine is None:
        return max(1, threads_here() // len(world.here))
    masks = world.gather(" ".join(map(str, sorted(mine))).encode())
    here = [set(map(int, masks[i].split())) for i in world.here]
    return max(1, len(mine) // sum(1 for other in here if other & mine))


def _processors() -> set[int] | None:
    """Those that this process may use; None where the system does not say."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
