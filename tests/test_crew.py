"""Threads that share out work: each item once, errors to the caller, nobody left behind."""

import gc
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from graphnet.crew import Crew, threads_here


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("items", [1, 2, 5, 40])
def test_every_item_is_done_once(threads, items):
    done, lock = [], threading.Lock()

    def work(thread: int, i: int) -> None:
        assert 0 <= thread < threads
        with lock:
            done.append(i)

    with Crew(threads) as crew:
        for _ in range(3):
            done.clear()
            crew.each(items, work)
            assert sorted(done) == list(range(items))


@pytest.mark.parametrize("wrong", [0, 1, 7])
def test_an_error_reaches_the_caller_and_the_crew_goes_on(wrong):
    def work(thread: int, i: int) -> None:
        if i == wrong:
            raise ValueError(f"item {i}")

    with Crew(3) as crew:
        with pytest.raises(ValueError, match=f"item {wrong}"):
            crew.each(8, work)
        done = []
        crew.each(8, lambda thread, i: done.append(i))
        assert sorted(done) == list(range(8))


def test_two_work_at_a_time():
    meeting = threading.Barrier(2, timeout=30)
    with Crew(2) as crew:
        crew.each(2, lambda thread, i: meeting.wait())


def test_threads_end_with_the_crew():
    before = threading.active_count()
    crew = Crew(4)
    crew.each(4, lambda thread, i: None)
    del crew
    gc.collect()
    assert threading.active_count() == before


def test_work_after_close_brings_new_threads():
    crew, done = Crew(2), []
    for _ in range(2):
        crew.each(4, lambda thread, i: done.append(i))
        crew.close()
    assert sorted(done) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_warnings_are_off_in_every_thread():
    with Crew(2) as crew, np.errstate(all="ignore"):
        crew.each(8, lambda thread, i: np.log(np.zeros(3)))


def test_processors_are_counted():
    assert threads_here() >= 1


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals sent to a thread")
def test_an_interrupt_waits_for_the_others_and_leaves_nothing_behind():
    caller, begun, finished, again = threading.get_ident(), threading.Event(), [], []

    def work(thread: int, i: int) -> None:
        if thread == 0:
            begun.wait(30)
            return
        begun.set()
        signal.pthread_kill(caller, signal.SIGINT)
        threading.Event().wait(0.2)  # the caller waits for this hand meanwhile
        finished.append(i)

    with Crew(2) as crew:
        with pytest.raises(KeyboardInterrupt):
            crew.each(2, work)
        assert len(finished) == 1
        crew.each(6, lambda thread, i: again.append(i))
        assert sorted(again) == list(range(6))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_has_threads_of_its_own():
    # In a process of its own: other packages in this one may object to a fork.
    done = subprocess.run([sys.executable, "-c", FORKING], timeout=60, check=False)
    assert done.returncode == 0


FORKING = """
import os
from graphnet.crew import Crew

with Crew(2) as crew:
    crew.each(4, lambda thread, i: None)
    child = os.fork()
    if child == 0:
        done = []
        crew.each(4, lambda thread, i: done.append(i))
        os._exit(0 if sorted(done) == [0, 1, 2, 3] else 1)
    raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_two_crews_at_once_give_the_interval_back():
    interval, both = sys.getswitchinterval(), threading.Barrier(2, timeout=30)

    def use() -> None:
        with Crew(2) as crew:
            crew.each(1, lambda thread, i: both.wait())

    other = threading.Thread(target=use)
    other.start()
    use()
    other.join()
    assert sys.getswitchinterval() == interval
