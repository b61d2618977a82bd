"""Threads that share out work: each item once, errors to the caller, nobody left behind."""

import gc
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
    crew = Crew(2)
    for _ in range(2):
        done = []
        crew.each(4, lambda thread, i: done.append(i))
        assert sorted(done) == [0, 1, 2, 3]
        crew.close()


def test_warnings_are_off_in_every_thread():
    with Crew(2) as crew, np.errstate(all="ignore"):
        crew.each(8, lambda thread, i: np.log(np.zeros(3)))


def test_processors_are_counted():
    assert threads_here() >= 1
