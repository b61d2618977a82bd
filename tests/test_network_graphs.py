"""Graphs that are no chain: edges that fan out, several inputs and outputs, shared parameters."""

import numpy as np
import pytest

from graphnet.errors import ShapeError

LOSS = {"loss": {"type": "SoftmaxWithLoss"}}


def test_fan_out_adds_gradients(network):
    nodes = [{"id": n, "type": "Identity"} for n in "abc"]
    nodes += [{"id": "ab", "type": "Add"}, {"id": "abc", "type": "Add"}]
    edges = [["x", n] for n in "abc"]
    edges += [["a", "ab"], ["b", "ab"], ["ab", "abc"], ["c", "abc"]]
    net = network(nodes, edges)
    net.forward(np.ones(4))
    np.testing.assert_array_equal(net.backward()["x"], np.full(4, 3.0))
    np.testing.assert_array_equal(net.backward({"abc": np.arange(4)})["a"], np.arange(4))


def test_the_same_edge_twice_is_a_square(network):
    net = network([{"id": "y", "type": "Mul"}], [["x", "y"], ["x", "y"]])
    np.testing.assert_array_equal(net.forward([1, 2, 3, 4])["y"], [1, 4, 9, 16])
    np.testing.assert_array_equal(net.backward()["x"], [2, 4, 6, 8])


def test_an_output_in_the_middle_gets_both_gradients(network):
    nodes = [{"id": "a", "type": "Neg"}, {"id": "b", "type": "Neg"}]
    net = network(nodes, [["x", "a", "b"]], outputs=["a", "b"])
    assert set(net.predict(np.ones(4))) == {"a", "b"}
    net.forward(np.ones(4))
    found = net.backward({"a": np.ones(4), "b": np.full(4, 10.0)})
    np.testing.assert_array_equal(found["a"], np.full(4, 1 - 10.0))
    np.testing.assert_array_equal(found["x"], np.full(4, 9.0))


def test_ports_decide_where_the_order_matters(network):
    inputs = {"a": {"shape": []}, "b": {"shape": []}}
    nodes = [{"id": "q", "type": "Div"}]
    dotted = network(nodes, [["a", "q.y"], ["b", "q.x"]], inputs=inputs)
    assert dotted.predict({"a": 2, "b": 10}) == 5
    plain = network(nodes, [["a", "q"], ["b", "q"]], inputs=inputs)
    assert plain.predict({"a": 10, "b": 2}) == 5


def test_shared_parameters_are_one_array_with_added_gradients(network, rng):
    nodes = [
        {"id": "one", "type": "Affine", "units": 4},
        {"id": "two", "type": "Affine", "units": 4, "share": "one"},
    ]
    net = network(nodes, [["x", "one", "two"]], **LOSS)
    assert list(net.params) == ["one/W", "one/b"]
    assert net.layers["two"].W is net.layers["one"].W
    x, t = rng.normal(size=(5, 4)), rng.integers(0, 4, 5)
    numerical = net.numerical_gradient(x, t)
    for name, gradient in net.gradient(x, t).items():
        np.testing.assert_allclose(gradient, numerical[name], rtol=1e-6, atol=1e-9)


def test_a_node_that_no_output_needs_has_zero_gradient_and_costs_nothing(network, rng):
    nodes = [
        {"id": "side", "type": "Affine", "units": 2},
        {"id": "score", "type": "Affine", "units": 3},
    ]
    net = network(nodes, [["x", "side"], ["x", "score"]], outputs=["score"], **LOSS)
    gradient = net.gradient(rng.normal(size=(2, 4)), [0, 1])
    assert not gradient["side/W"].any()
    assert gradient["score/W"].any()
    values = net.forward(np.ones(4))
    assert values["side"].shape == (2,)
    assert not net.backward({"score": np.ones(3)})["side"].any()


@pytest.mark.parametrize("output", ["one", "two"])
def test_sharing_with_a_node_that_no_output_needs(network, rng, output):
    nodes = [
        {"id": "one", "type": "Affine", "units": 3},
        {"id": "two", "type": "Affine", "units": 3, "share": "one"},
    ]
    net = network(nodes, [["x", "one"], ["x", "two"]], outputs=[output], **LOSS)
    x, t = rng.normal(size=(5, 4)), rng.integers(0, 3, 5)
    numerical = net.numerical_gradient(x, t)
    for _ in range(2):  # nothing is left over from the first
        for name, gradient in net.gradient(x, t).items():
            np.testing.assert_allclose(gradient, numerical[name], rtol=1e-6, atol=1e-9)


def test_a_pass_over_everything_leaves_nothing_in_the_next_gradient(network, rng):
    nodes = [
        {"id": "side", "type": "Affine", "units": 3},
        {"id": "score", "type": "Affine", "units": 3},
        {"id": "twin", "type": "Affine", "units": 3, "share": "score"},
    ]
    edges = [["x", "side"], ["x", "score"], ["x", "twin"]]
    net = network(nodes, edges, outputs=["score"], **LOSS)
    x = rng.normal(size=(2, 4))
    expected = net.gradient(x, [0, 1])
    net.forward(x)
    net.backward({"side": np.ones((2, 3)), "twin": np.ones((2, 3))})
    found = net.gradient(x, [0, 1])
    assert not found["side/W"].any()
    for name, grad in expected.items():
        np.testing.assert_array_equal(found[name], grad)


def test_values_stand_in_for_inputs_along_the_batch(network):
    inputs = {"x": {"shape": [2]}, "c": {"shape": [2], "value": [10, 20]}}
    net = network([{"id": "y", "type": "Add"}], [["x", "y"], ["c", "y"]], inputs=inputs)
    np.testing.assert_array_equal(net.predict([[1, 2], [3, 4]]), [[11, 22], [13, 24]])
    np.testing.assert_array_equal(net.predict({"x": [1, 2], "c": [0, 0]}), [1, 2])
    net.forward([[1, 2], [3, 4]])
    np.testing.assert_array_equal(net.backward()["c"], np.ones((2, 2)))


def test_several_inputs_come_by_name(network):
    inputs = {"a": {"shape": [2]}, "b": {"shape": [2]}}
    net = network([{"id": "y", "type": "Sub"}], [["a", "y"], ["b", "y"]], inputs=inputs)
    with pytest.raises(ShapeError, match="several inputs: give a dict with 'a', 'b'"):
        net.predict(np.ones(2))
    with pytest.raises(ShapeError, match="equally many samples: 'a' 2, 'b' 3"):
        net.predict({"a": np.ones((2, 2)), "b": np.ones((3, 2))})
    with pytest.raises(ShapeError, match="no value is given for input 'b'"):
        net.predict({"a": np.ones(2)})
