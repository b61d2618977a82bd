"""Programs: memory that is used again, tiles and phases change no gradient, whatever the graph."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphnet.schedule
from graphnet.builder import build
from graphnet.gradcheck import check
from graphnet.network import Network
from graphnet.spec.reader import parse_spec

ONE = ["Relu", "Sigmoid", "Tanh", "Neg", "Identity", "Softmax", "conv", "point", "pool", "mean"]
TWO = ["Add", "Sub", "Mul"]
MORE = {
    "conv": {"type": "Conv2D", "channels": 2, "kernel": 3, "padding": "same"},
    "point": {"type": "Conv2D", "channels": 2, "kernel": 1},
    "pool": {"type": "MaxPool2D", "size": 3, "stride": 1, "padding": "same"},
    "mean": {"type": "AvgPool2D", "size": 2, "stride": 1, "padding": "same"},
    "norm": {"type": "BatchNorm"},
    "drop": {"type": "Dropout", "ratio": 0.3},
}


@st.composite
def graphs(draw, one: list[str] = ONE, most: int = 9) -> str:
    """A spec of layers on images of 4x5x2, each reading any earlier ones."""
    names, nodes, edges = ["first"], [{"id": "first", **MORE["conv"]}], [["x", "first"]]
    for i in range(draw(st.integers(1, most))):
        kind = draw(st.sampled_from(one + TWO))
        nodes.append({"id": f"n{i}", **MORE.get(kind, {"type": kind})})
        for _ in range(2 if kind in TWO else 1):
            edges.append([draw(st.sampled_from(names[-3:])), f"n{i}"])
        names.append(f"n{i}")
    nodes += [{"id": "flat", "type": "Flatten"}, {"id": "score", "type": "Affine", "units": 3}]
    edges.append([names[-1], "flat", "score"])
    return json.dumps(
        {
            "format": 1,
            "name": "any",
            "dtype": "float64",
            "inputs": {"x": {"shape": [4, 5, 2]}},
            "nodes": nodes,
            "edges": edges,
            "outputs": ["score"],
            "loss": {"type": "SoftmaxWithLoss"},
        }
    )


def by_walking(net: Network, x: np.ndarray, t: np.ndarray) -> dict[str, np.ndarray]:
    """The gradient from a pass over everything, whose buffers nothing else shares."""
    scores = net.forward(x)["score"]
    shares = np.exp(scores - scores.max(1, keepdims=True))
    dout = shares / shares.sum(1, keepdims=True)
    dout[np.arange(len(t)), t] -= 1
    net.backward({"score": dout / len(t)})
    return {name: grad.copy() for name, grad in net.grads.items()}


@settings(max_examples=120, deadline=None)
@given(graphs(), st.integers(1, 7), st.sampled_from([1, 400, 1000, 10**9]), st.integers(0, 99))
def test_gradients_are_those_of_a_pass_over_everything(text, samples, tile_bytes, seed):
    rng = np.random.default_rng(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphnet.schedule, "TILE_BYTES", tile_bytes)
        patch.setattr(graphnet.schedule, "PREDICTION_TILE_BYTES", tile_bytes)
        net = build(parse_spec(text), seed=seed)
        x, t = rng.normal(size=(samples, 4, 5, 2)), rng.integers(0, 3, samples)
        found = net.gradient(x, t)
        again = net.gradient(x, t)
        expected = by_walking(net, x, t)
        np.testing.assert_allclose(net.predict(x), net.forward(x)["score"], rtol=1e-9, atol=1e-12)
    for name, gradient in expected.items():
        np.testing.assert_allclose(found[name], gradient, rtol=1e-8, atol=1e-11)
        np.testing.assert_array_equal(again[name], found[name])


@settings(max_examples=15, deadline=None)
@given(
    graphs(["Sigmoid", "Tanh", "conv", "norm", "drop"], 4),
    st.integers(2, 4),
    st.sampled_from([1, 400, 10**9]),
)
def test_layers_that_train_in_their_own_way_have_numerical_gradients(text, samples, tile_bytes):
    rng = np.random.default_rng(samples)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(graphnet.schedule, "TILE_BYTES", tile_bytes)
        net = build(parse_spec(text), seed=1)
        state = {name: array.copy() for name, array in net.state.items()}
        x, t = rng.normal(size=(samples, 4, 5, 2)), rng.integers(0, 3, samples)
        for row in check(net, x, t):
            # Of a gradient near 1e-8, rounding of the differences is a larger part.
            assert row.passed or row.difference < 1e-10, row
    for name, array in net.state.items():
        np.testing.assert_array_equal(array, state[name])


def test_gradients_of_shared_parameters_are_added_tile_by_tile(rng, monkeypatch):
    text = json.dumps(
        {
            "format": 1,
            "name": "shared",
            "dtype": "float64",
            "inputs": {"x": {"shape": [4, 5, 2]}},
            "nodes": [
                {"id": "one", **MORE["conv"]},
                {"id": "two", **MORE["conv"], "share": "one"},
                {"id": "flat", "type": "Flatten"},
                {"id": "score", "type": "Affine", "units": 3},
            ],
            "edges": [["x", "one", "two", "flat", "score"]],
            "loss": {"type": "SoftmaxWithLoss"},
        }
    )
    monkeypatch.setattr(graphnet.schedule, "TILE_BYTES", 1000)
    net = build(parse_spec(text))
    x, t = rng.normal(size=(5, 4, 5, 2)), rng.integers(0, 3, 5)
    for name, gradient in by_walking(net, x, t).items():
        np.testing.assert_allclose(net.gradient(x, t)[name], gradient, rtol=1e-10)
