"""A setting of the process: made by the first, taken back by the last, in any order."""

import threading

from threadpoolctl import threadpool_info

from graphnet.blas import one_thread
from graphnet.held import Held


def threads() -> set[int]:
    """Of NumPy's BLAS; other packages may have brought their own since it was looked for."""
    blas = [info for info in threadpool_info() if info["user_api"] == "blas"]
    return {info["num_threads"] for info in blas if "numpy" in info["filepath"]}


def test_the_first_makes_it_and_the_last_takes_it_back():
    said = []

    def begin():
        said.append("made")
        return lambda: said.append("taken back")

    held = Held(begin)
    with held:
        with held:
            assert said == ["made"]
        assert said == ["made"]
    assert said == ["made", "taken back"]
    with held:
        assert said == ["made", "taken back", "made"]


def test_blas_is_held_while_anybody_needs_it():
    before, inside, leave = threads(), threading.Event(), threading.Event()

    def other() -> None:
        with one_thread():
            inside.set()
            leave.wait(30)

    with one_thread():
        thread = threading.Thread(target=other)
        thread.start()
        inside.wait(30)
    assert threads() <= {1}
    leave.set()
    thread.join()
    assert threads() == before


def test_blas_is_held_in_a_thread_of_the_callers_after_use_in_the_first():
    found = []

    def use() -> None:
        with one_thread():
            found.extend(threads())

    use()
    other = threading.Thread(target=use)
    other.start()
    other.join()
    assert set(found) <= {1}
