"""Shards: cut by the spec, added in a fixed order, the same for any number of threads."""

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.plan import Plan
from graphnet.training.shards import SHARD_FLOPS, Team, cut, shard_count


def test_cut_is_even_and_whole():
    assert cut(10, 4) == [slice(0, 3), slice(3, 6), slice(6, 8), slice(8, 10)]
    assert cut(3, 8) == [slice(0, 1), slice(1, 2), slice(2, 3)]
    assert cut(7, 1) == [slice(0, 7)]


def test_small_work_is_one_shard_and_large_work_eight(model):
    small = Plan(build(model("digits")).graph)
    assert shard_count(small, 50) == 1
    cost = small.total()
    batch = 16 * SHARD_FLOPS // (cost.forward + cost.backward)
    assert shard_count(small, batch) == 8
    assert shard_count(small, batch // 4 + 1) == 4


@pytest.mark.parametrize("shards", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("batch", [1, 4, 23])
def test_shards_give_the_gradient_of_the_whole_batch(model, rng, shards, batch):
    net = build(model("digits"), dtype="float64")
    x, t = rng.random((batch, 64)), rng.integers(0, 10, batch)
    expected, loss = net.gradient(x, t), net.loss(x, t)
    with Team(net, shards, 2) as team:
        assert team.gradient({"x": x}, t) == pytest.approx(loss, rel=1e-12)
    for name, grad in net.grads.items():
        np.testing.assert_allclose(grad, expected[name], rtol=1e-10, atol=1e-14)


def test_threads_change_no_bit(model, rng):
    x, t = rng.random((37, 64), dtype=np.float32), rng.integers(0, 10, 37)
    found = []
    for threads in (1, 2, 3, 8):
        net = build(model("digits"))
        with Team(net, 8, threads) as team:
            loss = team.gradient({"x": x}, t)
        found.append((loss, net.engine.flat_grads.tobytes()))
    assert len(set(found)) == 1


def test_more_threads_than_shards_take_no_memory(model):
    with Team(build(model("digits")), 1, 1000) as team:
        assert len(team.engines) == 8


def test_the_sum_is_a_binary_tree_over_the_shards_numbers():
    grads = [np.array([f"g{i}"], dtype=object) for i in range(6)]
    texts = [_Text(grad[0]) for grad in grads]
    arrays = [np.array([text], dtype=object) for text in texts]
    Team._add(arrays)
    assert arrays[0][0].text == "(((g0+g1)+(g2+g3))+(g4+g5))"


class _Text:
    """A number that remembers how it was added."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __add__(self, other: "_Text") -> "_Text":
        return _Text(f"({self.text}+{other.text})")
