"""Prediction in pieces: the same bits for any number of threads, the caller's own arrays."""

import weakref

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.errors import SpecError


@pytest.mark.parametrize("name", ["digits", "digits_cnn", "mnist_cnn"])
def test_threads_change_no_bit(model, rng, name):
    net = build(model(name))
    x = rng.random((333, *net.spec.inputs["x"].shape), dtype=np.float32)
    expected = net.predict(x, threads=1)
    for threads in (2, 3, 8):
        np.testing.assert_array_equal(net.predict(x, threads=threads), expected)


def test_threads_change_no_bit_of_large_products(network, rng):
    nodes = [
        {"id": "a", "type": "Affine", "units": 300},
        {"id": "r", "type": "Relu"},
        {"id": "b", "type": "Affine", "units": 10},
    ]
    inputs = {"inputs": {"x": {"shape": [784]}}, "dtype": "float32"}
    net = network(nodes, [["x", "a", "r", "b"]], **inputs)
    x = rng.random((601, 784), dtype=np.float32)
    expected = net.predict(x, threads=1)
    for threads in (2, 3):
        np.testing.assert_array_equal(net.predict(x, threads=threads), expected)


def test_the_callers_array_is_not_held_on_to(model, rng):
    net = build(model("digits"))
    x = rng.random((40, 64), dtype=np.float32)
    net.predict(x)
    alive = weakref.ref(x)
    del x
    assert alive() is None


def test_pieces_are_what_single_samples_give(model, rng):
    net = build(model("digits_cnn"), dtype="float64")
    x = rng.random((70, 8, 8, 1))
    np.testing.assert_allclose(net.predict(x), [net.predict(one) for one in x], rtol=1e-10)


def test_what_is_returned_is_the_callers(model, rng):
    net = build(model("digits"))
    first, x = net.predict(rng.random((3, 64))), rng.random((3, 64))
    kept = first.copy()
    net.predict(x)
    np.testing.assert_array_equal(first, kept)


def test_parameters_that_change_change_the_prediction(model, rng):
    net = build(model("digits_cnn"))
    x = rng.random((5, 8, 8, 1), dtype=np.float32)
    before = net.predict(x)
    net.params["conv2/W"][...] *= 2
    assert np.abs(net.predict(x) - before).max() > 1e-3


def test_threads_are_one_or_more(model, rng):
    with pytest.raises(SpecError, match="threads must be 1 or more, found 0"):
        build(model("digits")).predict(rng.random((3, 64)), threads=0)


@pytest.mark.parametrize(
    "given",
    [
        lambda x: x,
        lambda x: x.astype(np.float64),
        lambda x: np.asfortranarray(x),
        lambda x: x.tolist(),
        lambda x: {"x": x},
        lambda x: x[::-1][::-1],
    ],
)
def test_arrays_of_any_kind_give_the_same(model, rng, given):
    net = build(model("digits"))
    x = rng.random((4, 64), dtype=np.float32)
    np.testing.assert_array_equal(net.predict(given(x)), net.predict(x))
