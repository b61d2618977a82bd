"""Processes that answer, as this one starts them: forks of it, or Pythons of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import IO

from graphnet.bulk.messages import send
from graphnet.bulk.worker import work

_MOST_FILES = 2**20


def may_fork() -> bool:
    """Whether a fork of this process is a whole one: threads do not come along, locks that they
    hold do. macOS's own libraries refuse to work in forks."""
    tasks = "/proc/self/task"
    return sys.platform == "linux" and os.path.isdir(tasks) and len(os.listdir(tasks)) == 1


class Fork:
    """A copy of this process that answers; to be made before any thread is.

    into, out: the pipes to it and from it.
    """

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        theirs, ours = os.pipe()
        ours_too, theirs_too = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            _answer_and_exit(theirs, theirs_too, answer)
        os.close(theirs)
        os.close(theirs_too)
        self.into: IO[bytes] = os.fdopen(ours, "wb")
        self.out: IO[bytes] = os.fdopen(ours_too, "rb")
        self._code: int | None = None

    def wait(self) -> int:
        """Its exit code; of a signal the number, below 0."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)


def _answer_and_exit(into: int, out: int, answer: Callable[[bytes], bytes]) -> None:
    """The life of a fork: nothing of the process that it is a copy of is run in it."""
    code = 1
    try:
        # Ctrl-C goes to all processes of a terminal; the first one decides.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # Not the lock of the output, nor the pipes of others, whose end would not be seen.
        low, high = sorted((into, out))
        os.closerange(3, low)
        os.closerange(low + 1, high)
        os.closerange(high + 1, _MOST_FILES)
        work(answer, os.fdopen(into, "rb"), os.fdopen(out, "wb"))
        code = 0
    finally:
        os._exit(code)


class Spawned:
    """A Python of its own that runs `graphnet.bulk.worker`."""

    def __init__(self, setup: bytes) -> None:
        paths = os.pathsep.join(os.path.abspath(path) for path in sys.path)
        # -P: a file of the current folder that is called as a module is none.
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "graphnet.bulk.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"},
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self.into: IO[bytes] = self._process.stdin
        self.out: IO[bytes] = self._process.stdout
        self.pid = self._process.pid
        send(self.into, setup)

    def wait(self) -> int:
        """Its exit code; of a signal the number, below 0."""
        return self._process.wait()

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
