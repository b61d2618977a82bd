"""Inputs of whole numbers: where they may go, and what may be handed in."""

import json

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.errors import DatasetError, ShapeError, SpecError
from graphnet.spec.reader import parse_spec


def network(first="Embedding", **given):
    attributes = {"Embedding": {"vocabulary": 7, "units": 3}}.get(first, {})
    values = {
        "format": 1,
        "name": "words",
        "inputs": {"x": {"shape": [4], "dtype": "int64", **given}},
        "nodes": [
            {"id": "first", "type": first, **attributes},
            {"id": "flat", "type": "Flatten"},
            {"id": "out", "type": "Affine", "units": 2},
        ],
        "edges": [["x", "first", "flat", "out"]],
        "loss": {"type": "SoftmaxWithLoss"},
    }
    return build(parse_spec(json.dumps(values)), dtype="float64")


def test_whole_numbers_of_any_kind_are_taken_and_have_no_gradient(rng):
    net, x = network(), rng.integers(0, 7, (5, 4))
    expected = net.predict(x)
    for kind in ("uint8", "int32"):
        np.testing.assert_array_equal(net.predict(x.astype(kind)), expected)
    np.testing.assert_array_equal(net.predict(x[0]), expected[0])
    net.forward(x)
    assert not net.backward()["x"].any()
    assert net.gradient(x, np.zeros(5, int))["first/W"].any()


def test_numbers_with_a_fraction_are_refused():
    with pytest.raises(ShapeError, match=r"input 'x': whole numbers are expected \(int64\)"):
        network().predict(np.zeros((2, 4)))


@pytest.mark.parametrize("index", [-1, 7])
def test_an_index_outside_the_vocabulary_is_named(index):
    with pytest.raises(DatasetError, match=str(index)):
        network().predict(np.full((2, 4), index))


@pytest.mark.parametrize(
    ("first", "given", "what"),
    [
        ("Relu", {}, r"'first' \(Relu\): input 'x' holds whole numbers, which port 'x' does not"),
        ("Embedding", {"dtype": None}, r"takes whole numbers: give input 'x' \"dtype\": \"int64\""),
        ("Embedding", {"value": [0, 1.5, 2, 3]}, r"inputs.x.value: whole numbers are expected"),
        ("Embedding", {"image": {"size": [2, 2]}}, r"inputs.x.dtype: an image has no whole"),
        ("Embedding", {"dtype": "int32"}, r"inputs.x.dtype: 'int64' is expected, found 'int32'"),
    ],
)
def test_specs_that_mix_them_up_are_refused(first, given, what):
    with pytest.raises((SpecError, ShapeError), match=what):
        network(first, **given)
