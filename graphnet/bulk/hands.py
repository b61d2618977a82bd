"""Who answers blocks: this process, or others that this one starts.

All have one face: `give` a block, `take` the number and the reply of one that is done, in whatever
order they come.
"""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from graphnet.bulk.blocks import packed, unpacked
from graphnet.bulk.messages import receive, send
from graphnet.bulk.processes import Fork, Spawned, may_fork
from graphnet.errors import (
    BundleError,
    BundleLimitError,
    DatasetError,
    GraphnetError,
    ImageError,
    ShapeError,
    WorkerError,
    clipped,
)

AHEAD = 2
"""Blocks that a worker has: one that it answers, one that waits for it."""
_ERRORS: Mapping[str, type[GraphnetError]] = {
    kind.__name__: kind
    for kind in (BundleError, BundleLimitError, DatasetError, ImageError, ShapeError, GraphnetError)
}


class Hands(Protocol):
    """room: how many blocks may be given before one is taken; open: how many are given."""

    @property
    def room(self) -> int: ...

    @property
    def open(self) -> int: ...

    def ready(self) -> bool:
        """Whether `take` has one at once, or is what it takes to have one."""

    def give(self, number: int, block: bytes) -> None:
        """Answer this block; not waited for."""

    def take(self) -> tuple[int, bytes]:
        """One that is done.

        Errors: those of the answer; WorkerError where a worker is gone.
        """

    def close(self) -> None:
        """Let all go, whatever they do."""


class Alone:
    """This process."""

    room = 1

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._given: deque[tuple[int, bytes]] = deque()

    @property
    def open(self) -> int:
        return len(self._given)

    def ready(self) -> bool:
        return bool(self._given)

    def give(self, number: int, block: bytes) -> None:
        self._given.append((number, block))

    def take(self) -> tuple[int, bytes]:
        number, block = self._given.popleft()
        return number, self._answer(block)

    def close(self) -> None:
        self._given.clear()


class Workers:
    """Processes beside this one.

    Where `answer` is given, the system is Linux, and this process has no other thread, they are
    forks of it: they begin at once, and share what it has loaded. Else each runs
    `graphnet.bulk.worker` in a Python of its own, and starts when it is needed.
    setup: what such a worker is told first.
    """

    def __init__(
        self, setup: Any, workers: int, answer: Callable[[bytes], bytes] | None = None
    ) -> None:
        self.room = AHEAD * workers
        self.open = 0
        self._setup, self._most = packed(setup), workers
        self._given: _Given = queue.SimpleQueue()
        self._done: _Done = queue.SimpleQueue()
        self._workers: list[_Worker] = []
        if answer is not None and may_fork():
            forks = [Fork(answer) for _ in range(workers)]
            self._workers = [_Worker(i, fork, self) for i, fork in enumerate(forks, 1)]

    def ready(self) -> bool:
        return not self._done.empty()

    def give(self, number: int, block: bytes) -> None:
        if len(self._workers) < self._most and self.open >= len(self._workers):
            process = Spawned(self._setup)
            self._workers.append(_Worker(len(self._workers) + 1, process, self))
        self.open += 1
        self._given.put((number, block))

    def take(self) -> tuple[int, bytes]:
        found = self._done.get()
        if isinstance(found, BaseException):
            raise found
        self.open -= 1
        return found

    def close(self) -> None:
        for worker in self._workers:
            worker.end()
        for _ in self._workers:
            self._given.put(None)
        for worker in self._workers:
            worker.join()


_Given = queue.SimpleQueue[tuple[int, bytes] | None]
_Done = queue.SimpleQueue[tuple[int, bytes] | BaseException]


class _Worker:
    """One process, and the thread of this one that hands blocks to it."""

    def __init__(self, which: int, process: Fork | Spawned, crew: Workers) -> None:
        self.process = process
        self._which, self._given, self._done = which, crew._given, crew._done
        self._ended = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        waiting: deque[int] = deque()
        try:
            while True:
                while len(waiting) < AHEAD:
                    try:
                        job = self._given.get(block=not waiting)
                    except queue.Empty:
                        break
                    if job is None:
                        return
                    send(self.process.into, job[1])
                    waiting.append(job[0])
                reply = receive(self.process.out)
                if reply is None:
                    raise BrokenPipeError
                self._done.put((waiting.popleft(), checked(reply)))
        except (OSError, ValueError):
            if not self._ended:
                self._done.put(self._gone())
        except GraphnetError as e:
            self._done.put(e)

    def _gone(self) -> WorkerError:
        code = self.process.wait()
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return WorkerError(f"worker {self._which} (process {self.process.pid}) {how}")

    def end(self) -> None:
        """Whatever it does."""
        self._ended = True
        self.process.kill()

    def join(self) -> None:
        """Wait until process and thread have ended."""
        self.process.wait()
        self._thread.join()
        for pipe in (self.process.into, self.process.out):
            with suppress(OSError):
                pipe.close()


def checked(message: bytes) -> bytes:
    """A reply; what is wrong is raised."""
    if message[:1] == b"\0":
        return message[1:]
    name, text = unpacked(message[1:])
    raise _ERRORS.get(name, GraphnetError)(clipped(text))
