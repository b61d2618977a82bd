"""Shards: cut by the spec, joined in a fixed order, the same for any number of threads."""

import json
from collections.abc import Callable

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.data.dataset import Dataset, Split
from graphnet.network import Network
from graphnet.plan import SHARD_FLOPS, Plan
from graphnet.randomness import generator
from graphnet.spec.reader import parse_spec
from graphnet.training.loop import Trainer
from graphnet.training.shards import Team, cut, joined, joined_at_once


def draws(node: str, shard: int, tile: int) -> np.random.Generator:
    return generator(0, node, shard, tile)


def test_cut_is_even_and_whole():
    assert cut(10, 4) == [slice(0, 3), slice(3, 6), slice(6, 8), slice(8, 10)]
    assert cut(3, 8) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    assert cut(7, 1) == [slice(0, 7)]


def test_a_small_batch_of_much_work_is_shared_by_two(network):
    nodes = [{"id": "a", "type": "MultiHeadAttention", "heads": 4, "units": 128}]
    nodes += [{"id": "flat", "type": "Flatten"}]
    loss = {"type": "SoftmaxWithLoss"}
    plan = Plan(
        network(nodes, [["x", "a", "flat"]], inputs={"x": {"shape": [64, 128]}}, loss=loss).graph
    )
    assert [plan.shards(batch) for batch in (31, 32, 100, 128)] == [1, 2, 2, 4]


def test_small_work_is_one_shard_and_large_work_eight(model):
    small = Plan(build(model("digits")).graph)
    assert small.shards(50) == 1
    cost = small.total()
    batch = 16 * SHARD_FLOPS // (cost.forward + cost.backward)
    assert small.shards(batch) == 8
    assert small.shards(batch // 4 + 1) == 4


@pytest.mark.parametrize("shards", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("batch", [1, 4, 23])
def test_shards_give_the_gradient_of_the_whole_batch(model, rng, shards, batch):
    net = build(model("digits"), dtype="float64")
    x, t = rng.random((batch, 64)), rng.integers(0, 10, batch)
    expected, loss = net.gradient(x, t), net.loss(x, t)
    team = Team(net, shards, 2)
    found, parts = team.gradient({"x": x}, [t], draws)
    assert found == pytest.approx(loss, rel=1e-12)
    joined(parts, lambda a, b: np.add(a, b, out=a))
    team.close()
    for name, grad in net.grads.items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-10, atol=1e-14)


@pytest.fixture
def small_cnn() -> Callable[[], Network]:
    """Every kind of layer that training treats in its own way: tiles, meetings, random numbers."""
    values = {
        "format": 1,
        "name": "small",
        "inputs": {"x": {"shape": [8, 8, 3]}},
        "nodes": [
            {"id": "conv1", "type": "Conv2D", "channels": 8, "kernel": 3, "padding": "same"},
            {"id": "bn1", "type": "BatchNorm"},
            {"id": "relu1", "type": "Relu"},
            {"id": "conv2", "type": "Conv2D", "channels": 8, "kernel": 3, "padding": "same"},
            {"id": "bn2", "type": "BatchNorm"},
            {"id": "add", "type": "Add"},
            {"id": "pool", "type": "MaxPool2D", "size": 2},
            {"id": "flat", "type": "Flatten"},
            {"id": "drop", "type": "Dropout", "ratio": 0.3},
            {"id": "affine", "type": "Affine", "units": 4},
        ],
        "edges": [
            ["x", "conv1", "bn1", "relu1", "conv2", "bn2", "add", "pool", "flat", "drop", "affine"],
            ["relu1", "add"],
        ],
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 2, "batch_size": 20, "optimizer": {"type": "Adam"}},
    }
    return lambda: build(parse_spec(json.dumps(values)))


@pytest.mark.parametrize("shards", [1, 2, 3, 8])
def test_threads_change_no_bit(small_cnn, rng, monkeypatch, shards):
    x, t = rng.normal(size=(50, 8, 8, 3)).astype(np.float32), rng.integers(0, 4, 50)
    monkeypatch.setattr("graphnet.schedule.TILE_BYTES", 20_000)
    monkeypatch.setattr("graphnet.plan.Plan.shards", lambda plan, size: shards)
    found = []
    for threads in (1, 2, 3, 8):
        net = small_cnn()
        with Trainer(net, Dataset("mine", Split({"x": x}, t)), threads=threads) as trainer:
            losses = [result.loss for result in trainer.run()]
        arrays = [*net.params.values(), *net.state.values()]
        found.append((losses, b"".join(array.tobytes() for array in arrays)))
    assert all(one == found[0] for one in found)


def test_batch_norm_is_that_of_the_whole_batch_however_it_is_cut(small_cnn, rng, monkeypatch):
    x, t = rng.normal(3.0, 2.0, size=(23, 8, 8, 3)), rng.integers(0, 4, 23)
    results = []
    for shards, tile_bytes in ((1, 10**9), (3, 10_000), (8, 1)):
        monkeypatch.setattr("graphnet.schedule.TILE_BYTES", tile_bytes)
        net = small_cnn().astype("float64")
        team = Team(net, shards, 2)
        # Dropout draws for each shard and tile; here it must drop the same.
        loss, parts = team.gradient({"x": x}, [t], lambda node, shard, tile: _NoDrop())
        joined(parts, lambda a, b: np.add(a, b, out=a))
        team.close()
        results.append((loss, dict(net.grads), dict(net.state)))
    for loss, grads, state in results[1:]:
        assert loss == pytest.approx(results[0][0], rel=1e-12)
        for found, expected in ((grads, results[0][1]), (state, results[0][2])):
            for name in expected:
                np.testing.assert_allclose(found[name], expected[name], rtol=1e-8, atol=1e-12)


class _NoDrop:
    """Draws nothing below the ratio."""

    def random(self, out: np.ndarray, dtype: object) -> np.ndarray:
        out.fill(0.9)
        return out


def test_more_threads_than_shards_take_no_memory(model):
    team = Team(build(model("digits")), 1, 1000)
    assert len(team.engines) == 8
    team.close()


def test_the_sum_is_a_binary_tree_over_the_shards_numbers():
    texts = [f"g{i}" for i in range(6)]
    assert joined(texts, lambda a, b: f"({a}+{b})") == "(((g0+g1)+(g2+g3))+(g4+g5))"


@pytest.mark.parametrize("parts", [1, 2, 5, 6, 7, 64, 511])
def test_many_statistics_are_joined_at_once_to_the_same_bits(small_cnn, parts, rng):
    norm = small_cnn().layers["bn1"]
    each = [
        np.stack([np.full(8, rng.integers(1, 100)), rng.normal(3.0, 2.0, 8), rng.random(8)])
        for _ in range(parts)
    ]  # count, mean, sum of squared distances
    assert joined_at_once(each, norm.join).tobytes() == joined(each, norm.join).tobytes()
    assert joined_at_once(each, np.add).tobytes() == joined(each, np.add).tobytes()
