"""`predict_stream`: what `predict` says of each batch, in order."""

import threading
from itertools import count

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.errors import ShapeError, SpecError


@pytest.fixture
def net(model):
    return build(model("digits"))


def batches_of(rng, sizes):
    return [rng.random((size, 64), np.float32) for size in sizes]


def streams():
    """Threads that streams have now."""
    return [t for t in threading.enumerate() if "_Crew" in repr(getattr(t, "_target", ""))]


@pytest.mark.parametrize("threads", [None, 1, 2, 5])
def test_each_batch_has_the_bits_of_predict(net, rng, threads):
    batches = batches_of(rng, [1, 7, 300, 32, 33, 1, 1000, 2] * 3)
    found = list(net.predict_stream(batches, threads=threads))
    for batch, scores in zip(batches, found, strict=True):
        assert np.array_equal(net.predict(batch), scores)
    assert not streams()


def test_convolutions_have_the_bits_of_predict(model, rng):
    net = build(model("mnist_cnn"))
    batches = [rng.random((size, 28, 28, 1), np.float32) for size in (40, 1, 3, 64, 256)]
    for batch, scores in zip(batches, net.predict_stream(batches, threads=3), strict=True):
        assert np.array_equal(net.predict(batch), scores)


def test_a_sample_alone_and_several_outputs(network, rng):
    nodes = [{"id": "a", "type": "Affine", "units": 2}, {"id": "b", "type": "Affine", "units": 3}]
    net = network(nodes, [["x", "a"], ["x", "b"]], outputs=["a", "b"])
    one, two = net.predict_stream([rng.random(4), {"x": rng.random((5, 4))}])
    assert {name: array.shape for name, array in one.items()} == {"a": (2,), "b": (3,)}
    assert {name: array.shape for name, array in two.items()} == {"a": (5, 2), "b": (5, 3)}


def test_nothing_gives_nothing(net):
    assert list(net.predict_stream([])) == []


def test_a_stream_without_end_is_read_little_ahead(net):
    read = []

    def batches():
        for i in count():
            read.append(i)
            yield np.full((1, 64), i, np.float32)

    stream = net.predict_stream(batches(), threads=2)
    for i in range(50):
        assert np.array_equal(next(stream), net.predict(np.full((1, 64), i, np.float32)))
        assert len(read) <= i + 1 + 4
    stream.close()
    assert not streams()


def test_batches_are_read_on_the_thread_that_asks(net, rng):
    def batches():
        for batch in batches_of(rng, [3] * 10):
            assert threading.current_thread() is threading.main_thread()
            yield batch

    assert len(list(net.predict_stream(batches(), threads=3))) == 10


def test_one_buffer_may_be_filled_again_and_again(net, rng):
    parts = batches_of(rng, [4] * 12)

    def batches():
        buffer = np.empty((4, 64), np.float32)
        for part in parts:
            buffer[...] = part
            yield buffer

    for part, scores in zip(parts, net.predict_stream(batches(), threads=2), strict=True):
        assert np.array_equal(net.predict(part), scores)


def test_an_error_of_the_batches_comes_after_what_came_before_it(net, rng):
    def batches():
        yield from batches_of(rng, [2, 2, 2])
        raise RuntimeError("the camera is gone")

    stream = net.predict_stream(batches(), threads=2)
    assert [next(stream).shape for _ in range(3)] == [(2, 10)] * 3
    with pytest.raises(RuntimeError, match="the camera is gone"):
        next(stream)
    assert not streams()


def test_a_batch_that_does_not_fit_is_an_error_at_its_place(net, rng):
    good, bad = rng.random((2, 64)), rng.random((2, 63))
    stream = net.predict_stream([good, bad, good])
    assert next(stream).shape == (2, 10)
    with pytest.raises(ShapeError, match=r"\(2, 63\)"):
        next(stream)
    assert not streams()


def test_a_number_of_threads_is_checked_at_once(net):
    with pytest.raises(SpecError, match="threads must be 1 or more"):
        net.predict_stream([], threads=0)


def test_a_stream_that_is_never_begun_begins_nothing(net):
    net.predict_stream([np.zeros((1, 64), np.float32)])
    assert not streams()
