"""Graphs of several layers: axes that move only where they must, shared weights, many outputs."""

import json

import numpy as np
import pytest
from runtime import run

from graphnet.builder import build
from graphnet.spec.reader import parse_spec

onnx = pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")

from graphnet.exchange.exporter.model import model as exported  # noqa: E402
from graphnet.exchange.importer.model import imported  # noqa: E402
from graphnet.exchange.importer.protobuf import read  # noqa: E402


def network(nodes, edges, inputs, **more):
    values = {"format": 1, "name": "test", "inputs": inputs, "nodes": nodes, "edges": edges, **more}
    net = build(parse_spec(json.dumps(values)), seed=0)
    rng = np.random.default_rng(1)
    for array in [*net.params.values(), *net.state.values()]:
        if array.ndim == 1:
            array[...] = rng.uniform(0.5, 1.5, array.shape)
    return net


def there_and_back(net, x):
    """The ONNX model, checked: onnxruntime and what comes back give the same scores."""
    message = exported(net)
    scores = run(message, x)
    expected = net.predict(x)
    if not isinstance(expected, dict):
        expected = {net.graph.wiring.outputs[0]: expected}
    again = imported(read(message)).network
    back = again.predict(x)
    back = back if isinstance(back, dict) else {next(iter(scores)): back}
    assert list(scores) == list(back) == list(expected)
    for name in expected:
        np.testing.assert_allclose(scores[name], expected[name], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(back[name], expected[name], rtol=1e-4, atol=1e-5)
    return message, again


def kinds(message):
    return [node.op_type for node in message.graph.node]


def test_an_image_that_goes_in_and_out_turns_twice(rng):
    net = network(
        [
            {"id": "down", "type": "Conv2D", "channels": 4, "kernel": 3, "padding": 1},
            {"id": "pool", "type": "MaxPool2D", "size": 2},
            {"id": "deep", "type": "Conv2D", "channels": 6, "kernel": 3, "padding": 1},
            {"id": "norm", "type": "BatchNorm"},
            {"id": "act", "type": "LeakyRelu"},
            {"id": "up", "type": "Upsample"},
            {"id": "both", "type": "Concat"},
            {"id": "out", "type": "Conv2D", "channels": 2, "kernel": 1},
            {"id": "soft", "type": "Softmax"},
        ],
        [
            ["x", "down", "pool", "deep", "norm", "act", "up", "both", "out", "soft"],
            ["down", "both"],
        ],
        {"x": {"shape": [6, 8, 3]}},
    )
    message, again = there_and_back(net, {"x": rng.normal(size=(2, 6, 8, 3)).astype("f")})
    assert kinds(message).count("Transpose") == 2
    assert [node.type for node in again.spec.nodes] == [node.type for node in net.spec.nodes]


def test_rows_of_an_affine_are_put_in_order_behind_what_may_stand_before_it(rng):
    net = network(
        [
            {"id": "conv", "type": "Conv2D", "channels": 4, "kernel": 3},
            {"id": "flat", "type": "Flatten"},
            {"id": "drop", "type": "Dropout"},
            {"id": "one", "type": "Affine", "units": 5},
            {"id": "two", "type": "Affine", "units": 2, "bias": False},
        ],
        [["x", "conv", "flat", "drop", "one"], ["flat", "two"]],
        {"x": {"shape": [6, 5, 3]}},
        outputs=["one", "two"],
    )
    message, again = there_and_back(net, {"x": rng.normal(size=(2, 6, 5, 3)).astype("f")})
    assert kinds(message).count("Transpose") == 1
    assert not {node.type for node in again.spec.nodes} & {"Transpose", "Reshape"}


def test_what_is_flat_and_goes_out_lies_as_graphnet_has_it(rng):
    net = network(
        [
            {"id": "conv", "type": "Conv2D", "channels": 4, "kernel": 3},
            {"id": "flat", "type": "Flatten"},
        ],
        [["x", "conv", "flat"]],
        {"x": {"shape": [6, 5, 3]}},
        outputs=["conv", "flat"],
    )
    there_and_back(net, {"x": rng.normal(size=(2, 6, 5, 3)).astype("f")})


def test_shared_weights_are_written_once(rng):
    net = network(
        [
            {"id": "a", "type": "Affine", "units": 3},
            {"id": "b", "type": "Affine", "units": 3, "share": "a"},
            {"id": "both", "type": "Mul"},
        ],
        [["x", "a", "both"], ["y", "b", "both"]],
        {"x": {"shape": [4]}, "y": {"shape": [4]}},
    )
    x = {name: rng.normal(size=(2, 4)).astype("f") for name in "xy"}
    message, again = there_and_back(net, x)
    assert len(message.graph.initializer) == 2
    assert [node.share for node in again.spec.nodes] == [None, "a", None]
    assert list(again.params) == ["a/W", "a/b"]


def test_an_input_with_a_value_is_a_constant_for_each_sample(rng):
    net = network(
        [
            {"id": "scaled", "type": "Mul"},
            {"id": "joined", "type": "Concat"},
        ],
        [["x", "scaled"], ["w", "scaled", "joined"], ["w", "joined"]],
        {"x": {"shape": [3]}, "w": {"shape": [3], "value": [1.0, 2.0, 0.1]}},
    )
    there_and_back(net, {"x": rng.normal(size=(5, 3)).astype("f")})


def test_a_sequence_of_words(rng):
    net = network(
        [
            {"id": "embedding", "type": "Embedding", "vocabulary": 11, "units": 8},
            {"id": "position", "type": "PositionalEncoding"},
            {"id": "attention", "type": "MultiHeadAttention", "heads": 2, "units": 8},
            {"id": "sum", "type": "Add"},
            {"id": "norm", "type": "LayerNorm"},
            {"id": "lstm", "type": "Lstm", "units": 5, "outputs": "all"},
            {"id": "gru", "type": "Gru", "units": 5, "linear_before_reset": True},
            {"id": "scores", "type": "Affine", "units": 3},
        ],
        [
            ["words", "embedding", "position", "attention", "sum", "norm", "lstm", "gru", "scores"],
            ["position", "sum"],
        ],
        {"words": {"shape": [7], "dtype": "int64"}},
        labels=["a", "b", "c"],
    )
    _, again = there_and_back(net, {"words": rng.integers(0, 11, (3, 7))})
    types = [node.type for node in again.spec.nodes]
    assert types == [node.type for node in net.spec.nodes]
    assert again.spec.labels == ("a", "b", "c")


def test_float64_stays_float64(rng):
    net = network(
        [{"id": "a", "type": "Affine", "units": 3}, {"id": "b", "type": "Sigmoid"}],
        [["x", "a", "b"]],
        {"x": {"shape": [4]}},
        dtype="float64",
    )
    _, again = there_and_back(net, {"x": rng.normal(size=(2, 4))})
    assert again.spec.dtype == "float64"


def test_a_node_without_an_operator_is_an_error_that_names_it(monkeypatch):
    from graphnet.errors import ExchangeError
    from graphnet.exchange.table import ROWS

    net = network([{"id": "act", "type": "Relu"}], [["x", "act"]], {"x": {"shape": [4]}})
    monkeypatch.delitem(ROWS, "Relu")
    with pytest.raises(ExchangeError, match=r"node 'act' \(Relu\): ONNX has no operator"):
        exported(net)


def test_the_same_network_gives_the_same_bytes(rng):
    net = network(
        [
            {"id": "conv", "type": "Conv2D", "channels": 4, "kernel": 3},
            {"id": "act", "type": "Relu"},
        ],
        [["x", "conv", "act"]],
        {"x": {"shape": [6, 5, 3]}},
    )
    first, second = (exported(net).SerializeToString(deterministic=True) for _ in range(2))
    assert first == second
