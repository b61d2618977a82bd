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

from graphnet.held import Held

Work = Callable[[int, int], None]
"""(number of the thread, number of the item)"""
SWITCH = 2e-5
"""Seconds that a thread waits for the interpreter before it asks for it: Python's 5 ms are longer
than most steps, and two threads lost a twentieth of their time to them."""


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
        self._hands: list[_Hand] = []
        self._process = 0
        self._make_hands()
        weakref.finalize(self, _dismiss, self._hands)

    def each(self, items: int, work: Work) -> None:
        """work(thread, item) for every item, each once; the first error is raised when all rest."""
        if self._process != os.getpid():  # threads do not come along into a forked process
            self._make_hands()
        waiting = iter(range(items))
        tasks: list[_Task] = []
        with _short_waits:
            try:
                for hand in self._hands[: max(0, items - 1)]:
                    tasks.append(hand.begin(work, waiting))
                for item in waiting:
                    work(0, item)
            finally:
                for _ in waiting:  # after an error nobody begins anew
                    pass
                _all_rest(tasks)
        errors = [task.error for task in tasks if task.error is not None]
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

    def _make_hands(self) -> None:
        self._process = os.getpid()
        self._hands[:] = [_Hand(i) for i in range(1, self.threads)]


class _Task:
    """What a hand is to do, and how it went."""

    def __init__(self, work: Work, waiting: Iterator[int]) -> None:
        self.work, self.waiting = work, waiting
        self.error: BaseException | None = None
        self.done = False
        self.ended = threading.Lock()
        self.ended.acquire()


class _Hand:
    """One thread beside the caller's."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.begun = threading.Semaphore(0)
        self.task: _Task | None = None
        self.thread: threading.Thread | None = None

    def begin(self, work: Work, waiting: Iterator[int]) -> _Task:
        if self.thread is None:
            self.thread = threading.Thread(target=_labour, args=(self,), daemon=True)
            self.thread.start()
        task = self.task = _Task(work, waiting)
        self.begun.release()
        return task


def _labour(hand: _Hand) -> None:
    # Warnings are settings of a thread; what is not finite is found by those who care.
    with np.errstate(all="ignore"):
        while True:
            hand.begun.acquire()
            task = hand.task
            if task is None:
                return
            try:
                for item in task.waiting:
                    task.work(hand.number, item)
            except BaseException as e:  # noqa: BLE001 # raised again by the caller
                task.error = e
            task.done = True
            task.ended.release()


def _all_rest(tasks: list[_Task]) -> None:
    """Wait for all, also where the caller is interrupted: what they compute in is used again."""
    interrupted: KeyboardInterrupt | None = None
    for task in tasks:
        while not task.done:
            try:
                task.ended.acquire()
            except KeyboardInterrupt as e:
                interrupted = e
    if interrupted is not None:
        raise interrupted


def _dismiss(hands: list[_Hand]) -> None:
    for hand in hands:
        thread, hand.thread = hand.thread, None
        if thread is not None and thread.is_alive():
            hand.task = None
            hand.begun.release()
            thread.join()


def _wait_shortly() -> Callable[[], None]:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    return lambda: sys.setswitchinterval(interval)


_short_waits = Held(_wait_shortly)
