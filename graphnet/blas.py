"""NumPy's BLAS held to one thread where this package's own threads do the work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from graphnet.held import Held


def one_thread() -> Held:
    """Inside, a product of matrices runs on the thread that asks for it.

    Two BLAS threads on products of a few hundred rows cost more than they bring: a step of
    784-50-10 takes 5 ms in place of 0.3.
    """
    return _ONE_THREAD


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looks through all loaded libraries: once is enough


def _libraries() -> list[Any]:
    return [one for one in _controller().lib_controllers if one.user_api == "blas"]


def _threads() -> list[int]:
    """How many threads each BLAS in this process has."""
    return [library.get_num_threads() for library in _libraries()]


def _hold() -> Callable[[], None]:
    before = _threads()
    _set([1] * len(before))
    return lambda: _set(before)


def _set(threads: list[int]) -> None:
    """threadpoolctl lets one thread alone change OpenBLAS, the first, until it ends. One that ends
    at once leaves the next change to anybody; where another had come first, it may be this one."""

    def change() -> None:
        for library, count in zip(_libraries(), threads, strict=True):
            library.set_num_threads(count)

    thread = threading.Thread(target=change)
    thread.start()
    thread.join()
    if _threads() != threads:
        change()


_ONE_THREAD = Held(_hold)
