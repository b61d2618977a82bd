"""Batches made ahead: the samples that were asked for, in their order, in memory that stays."""

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.data.dataset import Dataset, Split
from graphnet.training.ahead import Ahead
from graphnet.training.feed import Feed


@pytest.fixture
def feed(model, rng):
    net = build(model("digits"))
    pixels = rng.integers(0, 256, (50, 8, 8), dtype=np.uint8)
    return Feed(net, Dataset("mine", Split({"x": pixels}, rng.integers(0, 10, 50))).train, "mine")


@pytest.mark.parametrize("size", [1, 7, 50, 80])
@pytest.mark.parametrize("batches", [1, 3])
def test_each_batch_is_what_the_feed_gives(feed, rng, size, batches):
    order = rng.permutation(50)
    found = 0
    for inputs, (t,) in Ahead(feed, size, batches).batches_of(order):
        rows = order[found : found + size]
        expected, (targets,) = feed.batch(rows)
        np.testing.assert_array_equal(inputs["x"], expected["x"])
        np.testing.assert_array_equal(t, targets)
        found += len(t)
    assert found == 50


def test_memory_is_used_again_two_blocks_later(feed):
    ahead = Ahead(feed, 10, 1)
    where = [inputs["x"].ctypes.data for inputs, _ in ahead.batches_of(np.arange(50))]
    assert where[0] == where[2] == where[4]
    assert where[1] == where[3] != where[0]


def test_an_error_of_the_thread_reaches_the_caller(feed):
    def fail(room, rows):
        raise MemoryError("no room")

    feed.batch_in = fail
    with pytest.raises(MemoryError, match="no room"):
        next(Ahead(feed, 10, 1).batches_of(np.arange(50)))


def test_one_who_stops_early_leaves_no_thread(feed):
    import threading

    before = threading.active_count()
    batches = Ahead(feed, 10, 1).batches_of(np.arange(50))
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_no_samples_are_no_batches(feed):
    assert list(Ahead(feed, 10, 1).batches_of(np.arange(0))) == []
