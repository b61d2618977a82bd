"""The plan: what is computed, and bytes that are the bytes held."""

import pytest

from graphnet.builder import build
from graphnet.plan import Plan
from graphnet.spec.early import EarlyStopping
from graphnet.spec.reader import resolve


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
def test_the_bytes_of_a_shard_are_those_held(model, rng, batch):
    net = build(model("mnist_two_layer"))
    net.gradient(rng.random((batch, 784)), rng.integers(0, 10, batch))
    held = net.engine.workspace.nbytes + kept(net.engine)
    grads = sum(param.nbytes for param in net.params.values())
    assert Plan(net.graph).shard_bytes(batch) == held + grads


def test_the_bytes_of_a_prediction_are_those_held(model, rng):
    net = build(model("mnist_two_layer"))
    net.predict(rng.random((7, 784)))
    held = net.engine.workspace.nbytes + kept(net.engine)
    assert Plan(net.graph).predict_bytes(7) == held + 7 * 784 * 4


def test_a_prediction_has_no_memory_for_what_backward_reads(network):
    layers = [{"type": "MultiHeadAttention", "heads": 8, "units": 8}, {"type": "Lstm", "units": 8}]
    for layer in layers:
        nodes, inputs = [{"id": "a", **layer}], {"x": {"shape": [100, 8]}}
        plan = Plan(network(nodes, [["x", "a"]], inputs=inputs).graph)
        spared = 8 * {"MultiHeadAttention": 8 * 100 * 100, "Lstm": 100 * 6 * 8}[layer["type"]]
        by_sample = plan.predict_bytes(41) - plan.predict_bytes(40)
        assert by_sample + spared <= plan.total().nbytes + 8 * 100 * 8


def test_inputs_and_what_stands_before_the_first_parameter_are_not_trained(network):
    nodes = [{"id": "n", "type": "Neg"}, {"id": "a", "type": "Affine", "units": 3}]
    plan = Plan(network(nodes, [["x", "n", "a"]], loss={"type": "SoftmaxWithLoss"}).graph)
    assert plan.trained == {"a"}
    assert plan.wants("a") == (False,)
    assert plan.cost("n").backward == 0


def kept(engine):
    return sum(a.nbytes for arrays in engine._kept_of.values() for a in arrays.values())


def test_the_best_network_of_early_stopping_takes_memory_too(model):
    spec = model("digits")
    stopping = EarlyStopping(monitor="loss")
    train = spec.train.model_copy(update={"early_stopping": stopping})
    plans = [Plan(resolve(s)) for s in (spec, spec.model_copy(update={"train": train}))]
    assert plans[1].step_bytes(50) - plans[0].step_bytes(50) == 4 * 3760
