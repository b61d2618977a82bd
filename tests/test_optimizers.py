"""Optimizers: the update is the formula, in place."""

import numpy as np
import pytest

from graphnet.optimizers.adaptive import AdaGrad, Adam, RMSprop
from graphnet.optimizers.sgd import SGD


def test_sgd_takes_lr_times_the_gradient_off_in_place():
    w = np.array([1.0, 2.0])
    params, grads = {"w": w}, {"w": np.array([10.0, -2.0])}
    optimizer = SGD(SGD.Spec(type="SGD", lr=0.5), params)
    optimizer.update(params, grads)
    np.testing.assert_array_equal(w, [-4.0, 3.0])
    np.testing.assert_array_equal(grads["w"], [10.0, -2.0])
    optimizer.update(params, grads)
    np.testing.assert_array_equal(w, [-9.0, 4.0])
    assert optimizer.state == {}


def test_lr_is_a_python_number_and_keeps_float32():
    w = np.ones(2, np.float32)
    optimizer = SGD(SGD.Spec(type="SGD", lr=0.1), {"w": w})
    optimizer.update({"w": w}, {"w": np.ones(2, np.float32)})
    assert w.dtype == np.float32
    assert w[0] == pytest.approx(0.9, rel=1e-6)


def test_momentum_by_hand():
    w = np.array([1.0])
    optimizer = SGD(SGD.Spec(type="SGD", lr=0.1, momentum=0.5), {"w": w})
    optimizer.update({"w": w}, {"w": np.array([2.0])})
    assert w[0] == pytest.approx(1 - 0.1 * 2)
    optimizer.update({"w": w}, {"w": np.array([4.0])})
    assert optimizer.state["w/velocity"][0] == pytest.approx(0.5 * 2 + 4)
    assert w[0] == pytest.approx(0.8 - 0.1 * 5)


def test_adam_by_hand():
    w = np.array([1.0])
    optimizer = Adam(Adam.Spec(type="Adam", lr=0.1), {"w": w})
    optimizer.update({"w": w}, {"w": np.array([3.0])})
    # At the first step both corrected means are exact: the step is lr * sign(dW).
    assert w[0] == pytest.approx(0.9, rel=1e-8)
    optimizer.update({"w": w}, {"w": np.array([-1.0])})
    mean = (0.9 * 0.1 * 3 - 0.1 * 1) / (1 - 0.9**2)
    square = (0.999 * 0.001 * 9 + 0.001 * 1) / (1 - 0.999**2)
    assert w[0] == pytest.approx(0.9 - 0.1 * mean / (square**0.5 + 1e-8), rel=1e-9)


def test_adagrad_by_hand():
    w = np.array([1.0])
    optimizer = AdaGrad(AdaGrad.Spec(type="AdaGrad", lr=0.5), {"w": w})
    optimizer.update({"w": w}, {"w": np.array([3.0])})
    assert w[0] == pytest.approx(0.5)
    optimizer.update({"w": w}, {"w": np.array([-4.0])})
    assert optimizer.state["w/square"][0] == 25
    assert w[0] == pytest.approx(0.5 + 0.5 * 4 / 5)


def test_a_centered_rmsprop_does_not_take_the_root_of_a_rounding_error():
    w = np.zeros(1000, np.float32)
    spec = RMSprop.Spec(type="RMSprop", centered=True, alpha=0.9)
    optimizer = RMSprop(spec, {"w": w})
    grads = {"w": np.linspace(0.1, 10, 1000, dtype=np.float32)}
    for _ in range(300):
        optimizer.update({"w": w}, grads)
    assert np.isfinite(w).all()


def test_the_rate_of_a_step_stands_in_for_that_of_the_spec():
    w = np.array([1.0])
    optimizer = SGD(SGD.Spec(type="SGD", lr=0.5), {"w": w})
    optimizer.update({"w": w}, {"w": np.array([1.0])}, lr=0.25)
    assert w[0] == 0.75
    optimizer.update({"w": w}, {"w": np.array([1.0])})
    assert w[0] == 0.25


def test_the_arrays_of_a_slot_are_parts_of_one(rng):
    params = {"a": rng.normal(size=(3, 4)), "b": rng.normal(size=5)}
    optimizer = Adam(Adam.Spec(type="Adam"), params)
    assert list(optimizer.state) == ["a/mean", "b/mean", "a/square", "b/square"]
    assert all(np.shares_memory(optimizer.flat["mean"], optimizer.state[f"{n}/mean"]) for n in "ab")
