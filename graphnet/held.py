"""A setting of the whole process, held while anybody needs it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType


class Held(AbstractContextManager[None]):
    """`begin` makes the setting and returns what takes it back: the first who comes in calls it,
    the last who leaves takes it back, in whatever order several threads come and go."""

    def __init__(self, begin: Callable[[], Callable[[], None]]) -> None:
        self._begin = begin
        self._lock = threading.Lock()
        self._holders = 0
        self._take_back: Callable[[], None] = lambda: None

    def __enter__(self) -> None:
        with self._lock:
            if self._holders == 0:
                self._take_back = self._begin()
            self._holders += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._lock:
            self._holders -= 1
            if self._holders == 0:
                self._take_back()
