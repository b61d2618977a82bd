"""Losses alone: numbers, stability, and a gradient that is that of the loss."""

import numpy as np
import pytest

from graphnet.losses import SoftmaxWithLoss


def test_cross_entropy_of_equal_scores_is_log_of_the_classes():
    assert SoftmaxWithLoss().forward(np.zeros((2, 10)), np.array([3, 7])) == pytest.approx(
        np.log(10), rel=1e-15
    )


def test_gradient_is_softmax_minus_target_over_the_batch(rng):
    loss = SoftmaxWithLoss()
    x, t = rng.normal(size=(4, 3)), np.array([0, 2, 1, 1])
    loss.forward(x, t)
    y = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(loss.backward(), (y - np.eye(3)[t]) / 4, rtol=1e-12, atol=1e-15)


def test_dout_scales_the_gradient(rng):
    loss = SoftmaxWithLoss()
    loss.forward(rng.normal(size=(4, 3)), np.array([0, 2, 1, 1]))
    np.testing.assert_allclose(loss.backward(3.0), 3 * loss.backward(), rtol=1e-12)


def test_gradient_is_the_numerical_one_also_far_out(rng):
    loss, h = SoftmaxWithLoss(), 1e-6
    t = np.array([0, 1])
    for scale in (1, 30):
        x = rng.normal(size=(2, 3)) * scale
        loss.forward(x, t)
        found = loss.backward().copy()
        for i in np.ndindex(x.shape):
            step = np.zeros_like(x)
            step[i] = h
            above, below = loss.forward(x + step, t), loss.forward(x - step, t)
            assert found[i] == pytest.approx((above - below) / (2 * h), abs=1e-8)


def test_scores_are_not_changed(rng):
    x = rng.normal(size=(4, 3))
    x.flags.writeable = False
    loss = SoftmaxWithLoss()
    loss.forward(x, np.array([0, 2, 1, 1]))
    loss.backward()


@pytest.mark.parametrize("kind", ["uint8", "uint64", "int32"])
def test_class_indices_of_any_integer_type(mlp_scores, kind):
    scores, t = mlp_scores
    loss = SoftmaxWithLoss()
    expected = loss.forward(scores, loss.targets(t, len(t), scores.shape[1:]))
    assert loss.forward(scores, loss.targets(t.astype(kind), len(t), scores.shape[1:])) == expected


@pytest.fixture
def mlp_scores(rng):
    return rng.normal(size=(5, 4)), rng.integers(0, 4, 5)
