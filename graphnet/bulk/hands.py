"""Who answers blocks: this process, or others that this one starts.

All have one face: `give` a block, `take` the number and the reply of one that is done, in whatever
order they come.
"""

from __future__ import annotations

import os
import queue
import struct
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, Any, Protocol

from graphnet.bulk.blocks import packed, unpacked
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
_LENGTH = struct.Struct("<I")
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
    """Processes of this Python that run `graphnet.bulk.worker`; each starts when it is needed.

    setup: what a worker is told first.
    """

    def __init__(self, setup: Any, workers: int) -> None:
        self.room = AHEAD * workers
        self._setup, self._most = packed(setup), workers
        self._workers: list[_Worker] = []
        self._given: queue.SimpleQueue[tuple[int, bytes] | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[int, bytes] | BaseException] = queue.SimpleQueue()
        self.open = 0

    def ready(self) -> bool:
        return not self._done.empty()

    def give(self, number: int, block: bytes) -> None:
        if len(self._workers) < self._most and self.open >= len(self._workers):
            which = len(self._workers) + 1
            self._workers.append(_Worker(which, self._setup, self._given, self._done))
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


class _Worker:
    """One process, and the thread of this one that hands blocks to it."""

    def __init__(
        self,
        which: int,
        setup: bytes,
        given: queue.SimpleQueue[tuple[int, bytes] | None],
        done: queue.SimpleQueue[tuple[int, bytes] | BaseException],
    ) -> None:
        self._which, self._given, self._done = which, given, done
        self._ended = False
        paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)
        # -P: a file of the current folder that is called as a module is none.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "graphnet.bulk.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"},
        )
        self._thread = threading.Thread(target=self._work, args=(setup,), daemon=True)
        self._thread.start()

    def _work(self, setup: bytes) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        into, out = self._process.stdin, self._process.stdout
        waiting: deque[int] = deque()
        try:
            send(into, setup)
            while True:
                while len(waiting) < AHEAD:
                    try:
                        job = self._given.get(block=not waiting)
                    except queue.Empty:
                        break
                    if job is None:
                        return
                    send(into, job[1])
                    waiting.append(job[0])
                reply = receive(out)
                if reply is None:
                    raise BrokenPipeError
                self._done.put((waiting.popleft(), checked(reply)))
        except (OSError, ValueError):
            if not self._ended:
                self._done.put(self._gone())
        except GraphnetError as e:
            self._done.put(e)

    def _gone(self) -> WorkerError:
        code = self._process.wait()
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return WorkerError(f"worker {self._which} (process {self._process.pid}) {how}")

    def end(self) -> None:
        """Whatever it does."""
        self._ended = True
        self._process.kill()

    def join(self) -> None:
        """Wait until process and thread have ended."""
        self._process.wait()
        self._thread.join()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()


def send(stream: IO[bytes], message: bytes) -> None:
    """A message with its length before it."""
    stream.write(_LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """The next message; None where the other end has gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    message = stream.read(size)
    return message if len(message) == size else None


def guarded(answer: Callable[[bytes], bytes], block: bytes) -> bytes:
    """The reply to a block, or what is wrong, as a message."""
    try:
        return b"\0" + answer(block)
    except GraphnetError as e:
        return b"\1" + packed([type(e).__name__, str(e)])
    except MemoryError:
        return b"\1" + packed(["BundleLimitError", "not enough memory for a block of samples"])


def checked(message: bytes) -> bytes:
    """A reply; what is wrong is raised."""
    if message[:1] == b"\0":
        return message[1:]
    name, text = unpacked(message[1:])
    raise _ERRORS.get(name, GraphnetError)(clipped(text))
