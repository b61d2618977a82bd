"""The plan: what is computed, and bytes that are the bytes held."""

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.plan import Plan


def test_flops_of_a_two_layer_network(model):
    plan = Plan(build(model("mnist_two_layer")).graph)
    affine1 = plan.cost("affine1")
    assert affine1.parameters == 784 * 50 + 50
    assert affine1.forward == 2 * 784 * 50 + 50
    assert affine1.backward == 2 * 784 * 50 + 50  # dW and db: nobody needs dx of the first layer
    affine2 = plan.cost("affine2")
    assert affine2.backward == 2 * (2 * 50 * 10) + 10
    assert plan.total().parameters == 39_760


@pytest.mark.parametrize("batch", [1, 100])
def test_the_bytes_of_a_training_step_are_those_held(model, rng, batch):
    net = build(model("mnist_two_layer"))
    x, t = rng.random((batch, 784)), rng.integers(0, 10, batch)
    net.gradient(x, t)
    held = net.engine.workspace.nbytes
    assert held == batch * Plan(net.graph).total().nbytes
    arrays = 2 * sum(param.nbytes for param in net.params.values())
    assert Plan(net.graph).step_bytes(batch) == held + arrays + 4 * batch * 784


def test_the_bytes_of_a_prediction_are_those_held(model, rng):
    net = build(model("mnist_two_layer"))
    net.predict(rng.random((7, 784)))
    assert Plan(net.graph).predict_bytes() * 7 == net.engine.workspace.nbytes + 7 * 784 * 4


def test_fan_out_of_trained_nodes_holds_a_sum(network, rng):
    nodes = [
        {"id": "a", "type": "Affine", "units": 3},
        {"id": "r", "type": "Relu"},
        {"id": "s", "type": "Add"},
    ]
    net = network(nodes, [["x", "a", "r", "s"], ["a", "s"]], loss={"type": "SoftmaxWithLoss"})
    net.gradient(rng.normal(size=(5, 4)), np.zeros(5, int))
    assert net.engine.workspace.nbytes == 5 * Plan(net.graph).total().nbytes


def test_inputs_and_what_stands_before_the_first_parameter_are_not_trained(network):
    nodes = [{"id": "n", "type": "Neg"}, {"id": "a", "type": "Affine", "units": 3}]
    plan = Plan(network(nodes, [["x", "n", "a"]], loss={"type": "SoftmaxWithLoss"}).graph)
    assert plan.trained == {"a"}
    assert plan.wants("a") == (False,)
    assert plan.cost("n").backward == 0
