"""Tied parameters: one array, gradients added, stored once, whoever shares with whom."""

import copy

import numpy as np

import graphnet as gn
from graphnet.bundle.reader import read_bundle
from graphnet.data.dataset import Dataset, Split
from graphnet.spec.reader import check_values
from graphnet.training.loop import Trainer


def siamese(**more):
    """Two pictures through one block with one set of parameters; are they of one kind?"""
    values = {
        "format": 1,
        "name": "siamese",
        "inputs": {"a": {"shape": [6, 6, 2]}, "b": {"shape": [6, 6, 2]}},
        "blocks": {
            "branch": {
                "args": {"channels": 3},
                "inputs": ["x"],
                "output": "code",
                "nodes": [
                    {"id": "conv", "type": "Conv2D", "channels": "$channels", "kernel": 3},
                    {"id": "norm", "type": "BatchNorm"},
                    {"id": "relu", "type": "Relu"},
                    {"id": "flat", "type": "Flatten"},
                    {"id": "code", "type": "Affine", "units": 4},
                ],
                "edges": [["x", "conv", "norm", "relu", "flat", "code"]],
            }
        },
        "nodes": [
            {"id": "left", "type": "Block", "block": "branch"},
            {"id": "right", "type": "Block", "block": "branch", "share": "left"},
            {"id": "gap", "type": "Sub"},
            {"id": "score", "type": "Affine", "units": 2},
        ],
        "edges": [["a", "left", "gap"], ["b", "right", "gap", "score"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 2, "batch_size": 8, "optimizer": {"type": "SGD", "lr": 0.1}},
    }
    return check_values({**copy.deepcopy(values), **more}).spec


def pairs(rng, samples=20):
    x = {name: rng.normal(size=(samples, 6, 6, 2)).astype(np.float32) for name in "ab"}
    return x, rng.integers(0, 2, samples)


def test_there_is_one_array():
    net = gn.build(siamese(), seed=0)
    assert sorted(net.params) == [
        "left/code/W",
        "left/code/b",
        "left/conv/W",
        "left/conv/b",
        "left/norm/beta",
        "left/norm/gamma",
        "score/W",
        "score/b",
    ]
    assert sorted(net.state) == ["left/norm/mean", "left/norm/var"]
    for node in ("conv", "norm", "code"):
        left, right = net.layers[f"left/{node}"], net.layers[f"right/{node}"]
        assert all(left.params[name] is right.params[name] for name in left.params)
        assert all(left.state[name] is right.state[name] for name in left.state)
        assert not any(left.grads[name] is right.grads[name] for name in left.grads)


def test_the_gradient_of_a_shared_block_is_that_of_differences(rng):
    net = gn.build(siamese(dtype="float64"), seed=0)
    x, t = pairs(rng, 4)
    found = net.gradient(x, t)
    for name, expected in net.numerical_gradient(x, t).items():
        # The bias before a BatchNorm has no gradient but what is left of rounding.
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-7)


def test_it_is_stored_once(rng, tmp_path):
    net = gn.build(siamese(), seed=0)
    path, again = tmp_path / "net.msgpack", tmp_path / "again.msgpack"
    gn.save(path, net)
    tensors = read_bundle(path).tensors
    assert sorted(tensors) == sorted([*net.params, *net.state])
    loaded = gn.load(path)
    assert loaded.layers["right/conv"].params["W"] is loaded.layers["left/conv"].params["W"]
    gn.save(again, loaded)
    assert again.read_bytes() == path.read_bytes()
    x, _ = pairs(rng, 3)
    np.testing.assert_array_equal(loaded.predict(x), net.predict(x))
    one = gn.load(path, mmap=True)
    np.testing.assert_array_equal(one.predict(x), net.predict(x))


def test_training_moves_it_by_both_gradients(rng):
    net = gn.build(siamese(), seed=0)
    x, t = pairs(rng, 8)
    before = {name: array.copy() for name, array in net.params.items()}
    split = Split(x, t)
    trainer = Trainer(net, Dataset("pairs", split), threads=1)
    next(iter(trainer.run()))
    moved = gn.build(siamese(), seed=0)
    for name, array in before.items():
        moved.params[name][...] = array
    # In training BatchNorm normalises by the batch: the gradient of a step, not of prediction.
    expected = moved.gradient(x, t)
    for name, array in before.items():
        step = net.params[name] - array
        np.testing.assert_allclose(step, -0.1 * expected[name], rtol=1e-3, atol=1e-6)


def test_threads_change_no_bit(rng):
    x, t = pairs(rng)
    found = []
    for threads in (1, 2, 3):
        net = gn.build(siamese(), seed=0)
        list(gn.fit(net, Dataset("pairs", Split(x, t)), threads=threads))
        found.append({name: a.tobytes() for name, a in {**net.params, **net.state}.items()})
    assert found[0] == found[1] == found[2]
    assert len(found[0]) == 10


def test_a_replica_and_another_precision_stay_tied(rng):
    net = gn.build(siamese(), seed=0)
    x, _ = pairs(rng, 3)
    for other in (net.replica(), net.astype("float64")):
        assert other.layers["right/code"].params["W"] is other.layers["left/code"].params["W"]
        np.testing.assert_allclose(other.predict(x), net.predict(x), rtol=1e-4, atol=1e-5)


def test_copies_of_a_block_that_ties_within_itself(rng):
    tied = {
        "inputs": ["x"],
        "output": "second",
        "nodes": [
            {"id": "first", "type": "Affine", "units": 3},
            {"id": "tanh", "type": "Tanh"},
            {"id": "second", "type": "Affine", "units": 3, "share": "first"},
        ],
        "edges": [["x", "first", "tanh", "second"]],
    }
    values = {
        "format": 1,
        "name": "copies",
        "dtype": "float64",
        "inputs": {"x": {"shape": [3]}},
        "blocks": {"tied": tied},
        "nodes": [{"id": "b", "type": "Block", "block": "tied", "repeat": 3}],
        "edges": [["x", "b"]],
        "loss": {"type": "SoftmaxWithLoss"},
    }
    net = gn.build(check_values(values).spec, seed=0)
    assert sorted(net.params) == [f"b/{i}/first/{name}" for i in (1, 2, 3) for name in "Wb"]
    x, t = rng.normal(size=(4, 3)), rng.integers(0, 3, 4)
    found = net.gradient(x, t)
    for name, expected in net.numerical_gradient(x, t).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-6, atol=1e-9)
