"""A process that watches the rank which it begins, and tells how it died."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from graphnet.errors import RankError, clipped

AFTERWARDS = 1.0
"""Seconds in which a job ends after one rank: libraries of MPI crash where others vanish, and that
is no news."""
_FORWARDED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")


def watched(tell: Callable[[str], None], way: str) -> Callable[[str], None]:
    """Go on as a new process, the rank; the one that was there watches it, and ends as it does.

    Back comes, in the rank alone, a function that takes the rank's name. Where the rank is killed,
    the watcher tells so in one line with its name: what started the job ends it when the watcher
    ends. Where the watcher is killed, the rank tells, and ends. A system without fork has no
    watcher.

    way: how to go on, in the caller's words. To be called before MPI is joined or a thread begins.
    """
    if not hasattr(os, "fork"):
        return lambda name: None
    named, naming = os.pipe()
    alive, living = os.pipe()
    child = os.fork()
    if child:
        os.close(naming)
        os.close(alive)  # `living` closes when this process ends, however it does
        _watch(child, named, tell, way)
    os.close(named)
    os.close(living)

    def name(text: str) -> None:
        os.write(naming, text.encode())
        os.close(naming)
        given = (alive, text, tell, way)
        threading.Thread(target=_end_with_watcher, args=given, daemon=True).start()

    return name


def _watch(child: int, named: int, tell: Callable[[str], None], way: str) -> None:
    """Until the rank ends; then this process ends."""
    told = False

    def forward(number: int, frame: FrameType | None) -> None:
        nonlocal told
        told = True
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.kill(child, number)
            if hasattr(signal, "SIGCONT"):  # what is stopped would never end
                os.kill(child, signal.SIGCONT)

    for signal_name in _FORWARDED:
        number = signal.Signals.__members__.get(signal_name)
        if number is not None:
            signal.signal(number, forward)
    while True:
        _, status = os.waitpid(child, 0)
        if not os.WIFSTOPPED(status):
            break
    if os.WIFEXITED(status):
        os._exit(os.WEXITSTATUS(status))
    by = os.WTERMSIG(status)
    if by != signal.SIGKILL and not told:
        time.sleep(AFTERWARDS)
    if told:  # the job is being ended
        os._exit(RankError.exit_code)
    text = os.read(named, 500).decode(errors="replace") or f"a rank (process {child})"
    tell(clipped(f"{text} was killed by signal {by} ({_called(by)}): {way}"))
    # MPICH's mpiexec ends a job over several hosts where a process was killed; where one has failed
    # it waits for the others, and they for the time-out.
    os.kill(os.getpid(), signal.SIGKILL)


def _end_with_watcher(alive: int, name: str, tell: Callable[[str], None], way: str) -> None:
    """Wait for the end of the watcher: nobody would know of this process then."""
    os.read(alive, 1)
    tell(clipped(f"{name}: the process that watched it was killed, so it ends, too: {way}"))
    os.kill(os.getpid(), signal.SIGKILL)


def _called(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
