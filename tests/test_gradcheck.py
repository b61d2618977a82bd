"""The check: it passes right gradients, and it catches wrong ones."""

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.errors import DivergedError
from graphnet.gradcheck import Row, check, compare
from graphnet.layers import Affine, Relu


@pytest.fixture
def samples(rng):
    return rng.random((3, 64)), rng.integers(0, 10, 3)


def test_right_gradients_pass(model, samples):
    rows = check(build(model("digits"), dtype="float64"), *samples)
    assert [row.name for row in rows] == ["affine1/W", "affine1/b", "affine2/W", "affine2/b"]
    for row in rows:
        assert row.passed
        assert row.difference < 1e-9


def test_a_wrong_sign_is_caught_and_named(model, samples, monkeypatch):
    backward = Affine.backward

    def wrong(self, dout):
        found = backward(self, dout)
        if self.spec.id == "affine2":
            np.negative(self.db, out=self.db)
        return found

    monkeypatch.setattr(Affine, "backward", wrong)
    rows = check(build(model("digits"), dtype="float64"), *samples)
    assert [row.name for row in rows if not row.passed] == ["affine2/b"]


def test_a_wrong_layer_in_between_is_caught(model, samples, monkeypatch):
    monkeypatch.setattr(Relu, "backward", lambda self, dout: (dout,))
    rows = check(build(model("digits"), dtype="float64"), *samples)
    assert [row.name for row in rows if not row.passed] == ["affine1/W", "affine1/b"]


def test_kinks_within_reach_are_no_wrong_gradients(network, rng):
    nodes = [
        {"id": "hidden", "type": "Affine", "units": 8, "init": {"type": "Normal", "std": 0.01}},
        {"id": "relu", "type": "Relu"},
        {"id": "score", "type": "Affine", "units": 3},
    ]
    net = network(nodes, [["x", "hidden", "relu", "score"]], loss={"type": "SoftmaxWithLoss"})
    x, t = rng.normal(size=(200, 4)), rng.integers(0, 3, 200)
    numerical, analytical = net.numerical_gradient(x, t), net.gradient(x, t)
    first = [compare(name, analytical[name], numerical[name]) for name in analytical]
    assert not all(row.passed for row in first)  # the kinks are really there
    assert all(row.passed for row in check(net, x, t))


def test_a_loss_that_is_not_finite_is_named(network):
    nodes = [{"id": "log", "type": "Log"}, {"id": "score", "type": "Affine", "units": 2}]
    net = network(nodes, [["x", "log", "score"]], loss={"type": "SoftmaxWithLoss"})
    with pytest.raises(DivergedError, match="the loss is nan on these samples"):
        check(net, -np.ones((1, 4)), [0])


def test_the_parameters_are_left_as_they_were(model, samples):
    net = build(model("digits"), dtype="float64")
    before = {name: param.copy() for name, param in net.params.items()}
    check(net, *samples)
    for name, param in net.params.items():
        np.testing.assert_array_equal(param, before[name])


def test_the_figures_are_those_of_the_formula():
    row = compare("w", np.array([3.0, 0.0]), np.array([0.0, 4.0]))
    assert row == Row("w", 3.5, pytest.approx(5 / 7))
    assert not row.passed
    assert compare("w", np.zeros(2), np.zeros(2))[:3] == ("w", 0.0, 0.0)


def test_a_difference_below_the_rounding_of_the_numerical_one_passes():
    a, rounding = np.full(100, 1e-7), 1e-10
    near, far = compare("w", a, a + 5e-11, rounding), compare("w", a, a + 2e-10, rounding)
    assert near.error > 1e-4
    assert near.passed
    assert not far.passed
    assert not compare("w", a, np.full(100, np.nan), rounding).passed


def test_nan_does_not_pass():
    assert not compare("w", np.array([np.nan]), np.array([1.0])).passed


def test_a_bias_before_a_batch_norm_has_no_effect_and_passes(network, rng):
    nodes = [
        {"id": "a", "type": "Affine", "units": 3},
        {"id": "norm", "type": "BatchNorm"},
        {"id": "tanh", "type": "Tanh"},
        {"id": "score", "type": "Affine", "units": 3},
    ]
    net = network(nodes, [["x", "a", "norm", "tanh", "score"]], loss={"type": "SoftmaxWithLoss"})
    rows = {row.name: row for row in check(net, rng.normal(size=(6, 4)), rng.integers(0, 3, 6))}
    assert all(row.passed for row in rows.values())
    assert rows["a/b"].error == 0
    assert rows["a/W"].error > 0
