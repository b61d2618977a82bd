"""Threads that share out work whose result does not depend on who does it."""

from __future__ import annotations

import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType

import numpy as np

SWITCH = 2e-5
"""Seconds that a thread waits for the interpreter before it asks for it: Python's 5 ms are longer
than most steps, and two threads lost a twentieth of their time to them."""

Work = Callable[[int, int], None]
"""(number of the thread, number of the item)"""


def threads_here() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Crew(AbstractContextManager["Crew"]):
    """So many threads, the caller's among them.

    Two locks hand work over and back: 10 microseconds, a tenth of what an executor takes.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._hands = [_Hand(i) for i in range(1, threads)]
        weakref.finalize(self, _dismiss, self._hands)

    def each(self, items: int, work: Work) -> None:
        """work(thread, item) for every item, each once; the first error is raised when all rest."""
        waiting = iter(range(items))
        interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH)
        helping = self._hands[: max(0, items - 1)]
        for hand in helping:
            hand.begin(work, waiting)
        try:
            for item in waiting:
                work(0, item)
        finally:
            for _ in waiting:  # after an error nobody begins anew
                pass
            sys.setswitchinterval(interval)
            errors = [error for hand in helping if (error := hand.end()) is not None]
        if errors:
            raise errors[0]

    def close(self) -> None:
        """Let the threads go; new ones come with the next work."""
        _dismiss(self._hands)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Hand:
    """One thread beside the caller's."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.begun, self.ended = threading.Lock(), threading.Lock()
        self.begun.acquire()
        self.ended.acquire()
        self.work: Work | None = None
        self.waiting: Iterator[int] = iter(())
        self.error: BaseException | None = None
        self.thread: threading.Thread | None = None

    def begin(self, work: Work | None, waiting: Iterator[int]) -> None:
        self.work, self.waiting = work, waiting
        if self.thread is None and work is not None:
            self.thread = threading.Thread(target=_labour, args=(self,), daemon=True)
            self.thread.start()
        self.begun.release()

    def end(self) -> BaseException | None:
        self.ended.acquire()
        error, self.error, self.work = self.error, None, None
        return error


def _labour(hand: _Hand) -> None:
    # Warnings are settings of a thread; what is not finite is found by those who care.
    with np.errstate(all="ignore"):
        while True:
            hand.begun.acquire()
            if hand.work is None:
                return
            try:
                for item in hand.waiting:
                    hand.work(hand.number, item)
            except BaseException as e:  # noqa: BLE001 # raised again by the caller
                hand.error = e
            hand.ended.release()


def _dismiss(hands: list[_Hand]) -> None:
    for hand in hands:
        if hand.thread is not None:
            hand.begin(None, iter(()))
            hand.thread.join()
            hand.thread = None
