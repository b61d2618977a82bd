"""The order of samples that are not in memory: a permutation, any part of it by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphnet.data import order
from graphnet.data.order import Bijection, Shuffled, listed


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5000), st.integers(0, 5))
def test_a_bijection_meets_every_number_once_and_leads_back(count, seed):
    limit, order.LISTED = order.LISTED, 3
    try:
        found = Bijection(count, seed, "test").of(np.arange(count))
        np.testing.assert_array_equal(np.sort(found), np.arange(count))
        back = Bijection(count, seed, "test").places(found)
    finally:
        order.LISTED = limit
    np.testing.assert_array_equal(back, np.arange(count))


def test_a_bijection_of_more_numbers_than_memory_holds():
    big = Bijection(10**15 + 7, 3, "order", 1)
    places = np.array([0, 1, 2, 10**12, 10**15 + 6])
    numbers = big.of(places)
    assert (numbers >= 0).all()
    assert (numbers < big.count).all()
    np.testing.assert_array_equal(big.places(numbers), places)


def test_a_bijection_is_its_seed_and_purpose():
    given = np.arange(100_000)
    one, again = (Bijection(100_000, 1, "order", 2).of(given) for _ in range(2))
    np.testing.assert_array_equal(one, again)
    for other in (Bijection(100_000, 2, "order", 2), Bijection(100_000, 1, "order", 3)):
        assert (other.of(given) == one).mean() < 0.001


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 700), st.integers(1, 40), st.integers(1, 9), st.integers(0, 3), st.data())
def test_any_part_of_an_order_is_that_of_the_whole(samples, block, window, seed, data):
    whole = np.asarray(Shuffled(samples, block, window, seed, "order", 1))
    np.testing.assert_array_equal(np.sort(whole), np.arange(samples))
    start = data.draw(st.integers(0, samples))
    stop = data.draw(st.integers(start, samples))
    later = data.draw(st.integers(0, stop - start))
    part = Shuffled(samples, block, window, seed, "order", 1)[start:stop]
    assert len(part) == stop - start
    np.testing.assert_array_equal(np.asarray(part), whole[start:stop])
    np.testing.assert_array_equal(np.asarray(part[later:]), whole[start:stop][later:])


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 700), st.integers(1, 40), st.integers(1, 9))
def test_the_window_of_a_sample_holds_it(samples, block, window):
    found = Shuffled(samples, block, window, 0, "order", 1)
    of = found.places(np.arange(samples)) // window
    for number in range(found.windows):
        rows = found.rows(number)
        assert (of[rows] == number).all()
        ranges = found.blocks(number)
        assert int((ranges[:, 1] - ranges[:, 0]).sum()) == len(rows)
    np.testing.assert_array_equal(
        np.concatenate([found.rows(i) for i in range(found.windows)]), np.asarray(found)
    )


def test_a_part_with_a_step_is_refused():
    with pytest.raises(ValueError, match="neighbours"):
        Shuffled(10, 2, 2, 0, "order")[::2]


def test_rows_as_an_array():
    assert listed(slice(2, 9, 3), 7).tolist() == [2, 5]
    assert listed(np.array([3, 1]), 7).tolist() == [3, 1]
    assert len(listed(Shuffled(7, 2, 2, 0, "order"), 7)) == 7


def test_an_order_is_random_over_the_whole_set():
    """Serial correlation and displacement as of a random permutation, to within four deviations;
    of blocks, where a window holds few of them."""
    samples, block, window = 200_000, 50, 256
    found = np.asarray(Shuffled(samples, block, window, 0, "order", 1)).astype(float)
    serial = np.corrcoef(found[:-1], found[1:])[0, 1]
    assert abs(serial) < 4 / np.sqrt(samples / block)
    place = np.corrcoef(found, np.arange(samples))[0, 1]
    assert abs(place) < 4 / np.sqrt(samples / block)
    moved = np.abs(found - np.arange(samples)).mean() / samples
    assert moved == pytest.approx(1 / 3, abs=4 * np.sqrt(1 / 18 / (samples / block)))
