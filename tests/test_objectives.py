"""Several losses, several targets: what training minimises is their weighted sum."""

import json

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.bundle.model import contents_of, network_of
from graphnet.data.dataset import Dataset, Split
from graphnet.errors import DatasetError, ShapeError, SpecError
from graphnet.gradcheck import compare
from graphnet.plan import Plan
from graphnet.spec.reader import parse_spec
from graphnet.training.fitting import fit
from graphnet.training.loop import Trainer

NODES = [
    {"id": "hidden", "type": "Affine", "units": 6},
    {"id": "tanh", "type": "Tanh"},
    {"id": "scores", "type": "Affine", "units": 3},
    {"id": "size", "type": "Affine", "units": 1},
    {"id": "back", "type": "Affine", "units": 4},
]
EDGES = [["x", "hidden", "tanh", "scores"], ["tanh", "size"], ["tanh", "back"]]
LOSSES = [
    {"type": "SoftmaxWithLoss", "on": "scores", "target": "kind"},
    {"type": "SoftmaxWithLoss", "on": "scores", "target": "kind", "smoothing": 0.5, "weight": 0.3},
    {"type": "Huber", "on": "size", "target": "length", "weight": 2.0},
    {"type": "MeanSquaredError", "on": "back", "target": "x", "weight": 0.5},
    {"type": "MeanAbsoluteError", "on": "tanh", "target": "inner", "weight": 0.1},
]


def network(losses=LOSSES, dtype="float64", **more):
    values = {
        "format": 1,
        "name": "several",
        "dtype": dtype,
        "inputs": {"x": {"shape": [4]}},
        "nodes": NODES,
        "edges": EDGES,
        "outputs": ["scores", "size", "back"],
        "losses": losses,
        **more,
    }
    return build(parse_spec(json.dumps(values)), seed=0)


def samples(rng, count=7):
    x = rng.normal(size=(count, 4))
    t = {"kind": rng.integers(0, 3, count), "length": rng.normal(size=count)}
    return x, {**t, "inner": rng.normal(size=(count, 6))}


def test_the_loss_is_the_weighted_sum_and_its_gradient_the_numerical_one(rng):
    net, (x, t) = network(), samples(rng)
    parts = []
    for loss in LOSSES:
        alone = network([loss])
        name = loss["target"]
        given = None if name == "x" else t[name]
        parts.append(alone.loss(x, given))
    assert net.loss(x, t) == pytest.approx(sum(parts), rel=1e-12)
    numerical = net.numerical_gradient(x, t)
    for name, grad in net.gradient(x, t).items():
        assert compare(name, grad, numerical[name]).error < 1e-6


@pytest.mark.parametrize("shards", [2, 3, 8])
def test_shards_have_the_gradient_of_the_whole_batch(rng, monkeypatch, shards):
    weighed = [
        {**LOSSES[0], "class_weights": [1.0, 5.0, 0.2], "ignore": 2},
        *LOSSES[2:],
    ]
    net, (x, t) = network(weighed), samples(rng, 20)
    t["kind"][:3] = 2  # the first shard of eight has no target that counts
    expected, loss = net.gradient(x, t), net.loss(x, t)
    from graphnet.randomness import generator
    from graphnet.training.shards import Team, joined

    team = Team(net, shards, 2)
    from graphnet.inputs import batch_of
    from graphnet.judging import targets_of

    targets = targets_of(net.graph, net.engine.losses, t, batch_of(net.spec, x))
    found, parts = team.gradient({"x": x}, targets, lambda *use: generator(0, "t", *use))
    joined(parts, lambda a, b: np.add(a, b, out=a))
    team.close()
    assert found == pytest.approx(loss, rel=1e-12)
    for name, grad in net.grads.items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-9, atol=1e-13)


def test_training_lowers_all_of_them_for_any_number_of_threads(rng, monkeypatch):
    monkeypatch.setattr("graphnet.plan.Plan.shards", lambda plan, size: 4)
    train = {"epochs": 20, "batch_size": 16, "optimizer": {"type": "SGD", "lr": 0.1}}
    x, t = samples(rng, 64)
    data, found = Dataset("mine", Split({"x": x.astype(np.float32)}, t)), []
    for threads in (1, 3):
        net = network(dtype="float32", train=train)
        before = net.loss(x.astype(np.float32), t)
        results = list(fit(net, data, threads=threads))
        assert net.loss(x.astype(np.float32), t) < 0.8 * before
        assert results[-1].train_accuracy > results[0].train_accuracy
        found.append(b"".join(p.tobytes() for p in net.params.values()))
    assert found[0] == found[1]


def test_a_bundle_keeps_the_losses():
    again = network_of(contents_of(network()))
    assert [o.spec.type for o in again.graph.objectives] == [loss["type"] for loss in LOSSES]
    assert again.graph.targets == ("kind", "length", "inner")


def test_the_plan_counts_every_loss():
    costs = Plan(network().graph).loss_costs()
    assert len(costs) == 5
    assert all(cost.forward > 0 and cost.nbytes > 0 for cost in costs)


def test_a_regression_has_no_accuracy(rng):
    net = network(
        [LOSSES[2]], "float32", train={"epochs": 1, "optimizer": {"type": "SGD", "lr": 0.01}}
    )
    x, t = samples(rng)
    (result,) = fit(net, Dataset("mine", Split({"x": x}, t["length"])))
    assert result.train_accuracy is None
    with pytest.raises(SpecError, match="no loss of the spec is one of classes"):
        net.accuracy(x, t["length"])
    assert network_of(contents_of(net)).history == net.history


def test_an_image_may_be_its_own_target(rng):
    values = {
        "format": 1,
        "name": "copier",
        "inputs": {"x": {"shape": [16], "image": {"size": [4, 4]}}},
        "nodes": [{"id": "out", "type": "Affine", "units": 16}],
        "edges": [["x", "out"]],
        "loss": {"type": "MeanSquaredError", "target": "x"},
        "train": {"epochs": 30, "batch_size": 10, "optimizer": {"type": "Adam", "lr": 0.02}},
    }
    net = build(parse_spec(json.dumps(values)))
    pixels = rng.integers(0, 256, (40, 4, 4), dtype=np.uint8)
    data = Dataset("mine", Split({"image": pixels}, np.zeros(40, int)))
    with Trainer(net, data) as trainer:
        losses = [result.loss for result in trainer.run()]
    assert losses[-1] < 0.2 * losses[0]
    x = (pixels.reshape(40, 16) / 255).astype(np.float32)
    assert net.loss(x) == pytest.approx(float(np.mean((net.predict(x) - x) ** 2)), rel=1e-5)


@pytest.mark.parametrize(
    ("t", "error", "what"),
    [
        (np.zeros(7), ShapeError, "there are several targets: give a dict with 'kind', 'length'"),
        ({"kind": np.zeros(7, int)}, ShapeError, "no value is given for target 'length'"),
        (None, ShapeError, "no targets are given: the losses need 'kind', 'length', 'inner'"),
        ({"knid": 0}, ShapeError, "'knid' is no target; did you mean 'kind'"),
        (
            {"kind": np.full(7, 9), "length": np.zeros(7), "inner": np.zeros((7, 6))},
            DatasetError,
            "SoftmaxWithLoss on 'scores', target 'kind': target 9 is no class",
        ),
        (
            {"kind": np.zeros(7, int), "length": np.zeros(6), "inner": np.zeros((7, 6))},
            ShapeError,
            "7 samples need 7 targets; found 6",
        ),
    ],
)
def test_targets_that_are_wrong_are_named(rng, t, error, what):
    with pytest.raises(error, match=what):
        network().loss(samples(rng)[0], t)


@pytest.mark.parametrize(
    ("losses", "what"),
    [
        ([{"type": "Huber", "on": "szie"}], r"node 'szie' is not defined; did you mean 'size'"),
        ([{"type": "Huber", "on": "x"}], r"node 'x' is an input: a loss takes a node"),
        ([{"type": "Huber"}], r"the graph has 'scores', 'size', 'back': .* say which with 'on'"),
        ([{"type": "Huber", "on": "size", "target": "back"}], "'back' is a node: a target comes"),
        ([{"type": "SoftmaxWithLoss", "on": "size"}], "or one with SigmoidWithLoss; 'size' gives"),
        ([{"type": "Huber", "on": "size", "weight": 0}], "weight: must be more than 0, found 0"),
        ([{"type": "Hubert", "on": "size"}], "unknown loss 'Hubert'; did you mean 'Huber'"),
        ([], r"losses: 1 or more entries are expected, found 0"),
    ],
)
def test_losses_that_are_wrong_are_named_with_their_place(losses, what):
    with pytest.raises((SpecError, ShapeError), match=what) as e:
        network(losses)
    assert "losses" in str(e.value)


def test_loss_and_losses_are_one_or_the_other():
    with pytest.raises(SpecError, match="give 'loss' or 'losses', not both"):
        network(loss={"type": "Huber", "on": "size"})


def test_classes_at_each_place_of_a_sample(rng):
    values = {
        "format": 1,
        "name": "places",
        "inputs": {"x": {"shape": [5, 2]}},
        "nodes": [{"id": "out", "type": "Affine", "units": 3, "axis": -1}],
        "edges": [["x", "out"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "labels": ["a", "b", "c"],
        "train": {"epochs": 1, "batch_size": 4},
    }
    net = build(parse_spec(json.dumps(values)), dtype="float64")
    x, t = rng.normal(size=(8, 5, 2)), rng.integers(0, 3, (8, 5))
    assert net.classify(x).shape == (8, 5)
    assert net.accuracy(x, t) == np.mean(net.classify(x) == t)
    assert net.classify(x[0]).shape == (5,)
    numerical = net.numerical_gradient(x, t)
    for name, grad in net.gradient(x, t).items():
        assert compare(name, grad, numerical[name]).error < 1e-6
    (result,) = fit(net, Dataset("mine", Split({"x": x}, t)))
    assert result.train_accuracy == net.accuracy(x, t)
