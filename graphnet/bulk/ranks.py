"""The ranks of an MPI job share the blocks of a run: rank 0 hands them out, and all answer."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from graphnet.bulk.hands import AHEAD, Hands
from graphnet.bulk.run import Run
from graphnet.errors import RankError, clipped, quoted

_NUMBER = struct.Struct("<q")


class Job(Protocol):
    """What is needed of `graphnet.distributed.world.World`."""

    rank: int
    size: int
    names: list[str]

    def gather(self, data: bytes) -> list[bytes]:
        """The bytes of every rank, on every rank."""

    def send(self, data: bytes, to: int) -> None:
        """Bytes for one rank, which go while others are received."""

    def flush(self) -> None:
        """Until all that was sent has gone."""

    def has_bytes(self) -> bool:
        """Whether `receive` has something at once."""

    def receive(self) -> tuple[int, bytes]:
        """A rank's number, and what it sent to this one."""

    def until(self, done: Callable[[], bool]) -> None:
        """Wait until `done()` says yes."""


class Shared:
    """Hands on rank 0: its own, and those of all others.

    own: answers here. others: how many blocks each rank after this one may have.
    Errors: RankError from `take` where a rank is lost.
    """

    def __init__(self, job: Job, own: Hands, others: Sequence[int]) -> None:
        self._job, self._own = job, own
        self._rooms = list(others)
        self._with = [0] * len(self._rooms)
        self.room = own.room + sum(self._rooms)

    @property
    def open(self) -> int:
        return self._own.open + sum(self._with)

    def ready(self) -> bool:
        return self._own.ready() or self._job.has_bytes()

    def give(self, number: int, block: bytes) -> None:
        # Who has the smallest share of what it may have; this rank where all have as much.
        shares = [count / room for count, room in zip(self._with, self._rooms, strict=True)]
        least = min(shares, default=1.0)
        if self._own.open / self._own.room <= least:
            self._own.give(number, block)
            return
        rank = shares.index(least)
        self._with[rank] += 1
        self._job.send(_NUMBER.pack(number) + block, rank + 1)

    def take(self) -> tuple[int, bytes]:
        self._job.until(self.ready)
        if self._own.ready():
            return self._own.take()
        rank, message = self._job.receive()
        self._with[rank - 1] -= 1
        return _NUMBER.unpack_from(message)[0], message[_NUMBER.size :]

    def close(self) -> None:
        # With answers under way something went wrong: then the job is ended.
        if not self.open:
            for rank in range(1, self._job.size):
                self._job.send(b"", rank)
            self._job.flush()
        self._own.close()


def answer_for(job: Job, hands: Hands) -> None:
    """What the other ranks do: answer until rank 0 has no more.

    Errors: those of `Hands.take`; RankError where rank 0 is lost.
    """
    try:
        while True:
            job.until(lambda: hands.ready() or job.has_bytes())
            if job.has_bytes():
                _, message = job.receive()
                if not message:
                    job.flush()
                    return
                hands.give(_NUMBER.unpack_from(message)[0], message[_NUMBER.size :])
            elif hands.ready():
                number, reply = hands.take()
                job.send(_NUMBER.pack(number) + reply, 0)
    finally:
        hands.close()


def check_alike(job: Job, run: Run, workers: int) -> list[int]:
    """How many blocks each rank after the first may have, where all answer alike.

    Errors: RankError that names a rank with another model, version, or wish.
    """
    mine = {**run.partial.about, "numpy": np.__version__, "workers": workers}
    found = [json.loads(one) for one in job.gather(json.dumps(mine).encode())]
    for i, other in enumerate(found):
        for what, value in other.items():
            wanted = found[0][what]
            if what != "workers" and value != wanted:
                text = f"its {what} is {quoted(value, 80)}, that of rank 0 {quoted(wanted, 80)}"
                raise RankError(clipped(f"{job.names[i]}: {text}: ranks must be alike"))
    return [AHEAD * int(other["workers"]) for other in found[1:]]
