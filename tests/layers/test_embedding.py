"""Sums by index, and what an index outside the vocabulary is told."""

import json

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.errors import DatasetError
from graphnet.layers import LAYERS
from graphnet.layers.embedding import add_rows
from graphnet.spec.reader import parse_spec


@pytest.mark.parametrize("vocabulary", [1, 3, 300, 70_000])
@pytest.mark.parametrize("count", [1, 2, 7, 1000])
def test_rows_are_added_by_their_index(vocabulary, count, rng):
    index = rng.integers(0, vocabulary, count)
    rows, out = rng.normal(size=(count, 3)), np.full((vocabulary, 3), np.nan)
    expected = np.zeros_like(out)
    np.add.at(expected, index, rows)
    add_rows(index, rows, out, np.empty_like(rows), np.empty_like(rows))
    np.testing.assert_allclose(out, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("wrong", [-1, 5, 2**40])
def test_an_index_outside_the_vocabulary_is_named(wrong):
    values = {
        "format": 1,
        "name": "words",
        "inputs": {"x": {"shape": [2], "dtype": "int64"}},
        "nodes": [{"id": "words", "type": "Embedding", "vocabulary": 5, "units": 2}],
        "edges": [["x", "words"]],
    }
    net = build(parse_spec(json.dumps(values)), seed=0)
    with pytest.raises(DatasetError) as e:
        net.predict([[0, 4], [3, wrong]])
    assert str(e.value) == (
        f"node 'words' (Embedding): index {wrong} is outside its vocabulary of 5: "
        "0 to 4 are expected"
    )


def test_alone_it_computes_in_the_type_of_its_table():
    W = np.arange(6, dtype=np.float32).reshape(3, 2)
    layer = LAYERS["Embedding"](vocabulary=3, units=2, params={"W": W})
    out = layer.forward(np.array([2, 0, 2]))
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out, [[4, 5], [0, 1], [4, 5]])
    assert layer.backward(np.ones((3, 2), np.float32)) == (None,)
    np.testing.assert_array_equal(layer.grads["W"], [[1, 1], [0, 0], [2, 2]])
