"""NumPy's BLAS held to one thread where this package's own threads do the work."""

from __future__ import annotations

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


def _hold() -> Callable[[], None]:
    restore: Callable[[], None] = (
        _controller().limit(limits=1, user_api="blas").restore_original_limits
    )
    return restore


_ONE_THREAD = Held(_hold)
