"""Optimizers: the update is the formula, in place."""

import numpy as np
import pytest

from graphnet.optimizers import SGD


def test_sgd_takes_lr_times_the_gradient_off_in_place():
    optimizer = SGD(SGD.Spec(type="SGD", lr=0.5))
    w = np.array([1.0, 2.0])
    params, grads = {"w": w}, {"w": np.array([10.0, -2.0])}
    optimizer.update(params, grads)
    np.testing.assert_array_equal(w, [-4.0, 3.0])
    np.testing.assert_array_equal(grads["w"], [10.0, -2.0])
    optimizer.update(params, grads)
    np.testing.assert_array_equal(w, [-9.0, 4.0])


def test_lr_is_a_python_number_and_keeps_float32():
    optimizer = SGD(SGD.Spec(type="SGD", lr=0.1))
    w = np.ones(2, np.float32)
    optimizer.update({"w": w}, {"w": np.ones(2, np.float32)})
    assert w.dtype == np.float32
    assert w[0] == pytest.approx(0.9, rel=1e-6)
