"""NumPy's BLAS held to one thread where this package's own threads do the work."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """Inside, a product of matrices runs on the thread that asks for it.

    Two BLAS threads on products of a few hundred rows cost more than they bring: a step of
    784-50-10 takes 5 ms in place of 0.3.
    """
    limits: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limits


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looks through all loaded libraries: once is enough
