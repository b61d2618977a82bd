"""A Relu before a MaxPool2D is computed after it, with the same numbers and gradients."""

import numpy as np
import pytest

from graphnet.rearrange import rearranged

NODES = [
    {"id": "conv", "type": "Conv2D", "channels": 3, "kernel": 3, "padding": "same"},
    {"id": "relu", "type": "Relu"},
    {"id": "pool", "type": "MaxPool2D", "size": 2},
    {"id": "flat", "type": "Flatten"},
    {"id": "score", "type": "Affine", "units": 3},
]
CHAIN = [["x", "conv", "relu", "pool", "flat", "score"]]
MORE = {"inputs": {"x": {"shape": [4, 6, 2]}}, "loss": {"type": "SoftmaxWithLoss"}}


def test_the_two_change_places(network, rng):
    net = network(NODES, CHAIN, **MORE)
    graph = rearranged(net.graph)
    assert (graph.nodes["relu"].type, graph.nodes["pool"].type) == ("MaxPool2D", "Relu")
    assert graph.shapes["relu"] == graph.shapes["pool"] == (2, 3, 3)
    assert net.layers["relu"].spec.type == "Relu"  # what a person sees is what was written


def test_the_numbers_are_the_same(network, rng):
    net = network(NODES, CHAIN, **MORE)
    x, t = rng.normal(size=(7, 4, 6, 2)), rng.integers(0, 3, 7)
    values = net.forward(x)
    np.testing.assert_array_equal(net.predict(x), values["score"])
    found = net.gradient(x, t)
    net.forward(x)
    shares = np.exp(values["score"] - values["score"].max(1, keepdims=True))
    dout = shares / shares.sum(1, keepdims=True)
    dout[np.arange(7), t] -= 1
    net.backward({"score": dout / 7})
    for name, expected in net.grads.items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("more", [{"outputs": ["score", "relu"]}, {}])
def test_not_where_somebody_else_reads_what_is_between(network, more):
    nodes, edges = NODES, CHAIN
    if not more:
        nodes = [*NODES, {"id": "neg", "type": "Neg"}]
        edges = [*CHAIN, ["relu", "neg"]]
        more = {"outputs": ["score", "neg"]}
    inputs = {"inputs": MORE["inputs"]}
    graph = rearranged(network(nodes, edges, **inputs, **more).graph)
    assert graph.nodes["relu"].type == "Relu"
