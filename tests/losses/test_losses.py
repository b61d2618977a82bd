"""Losses alone: numbers, stability, and a gradient that is that of the loss."""

import numpy as np
import pytest

from graphnet.errors import DatasetError, ShapeError, SpecError
from graphnet.losses import LOSSES, SoftmaxWithLoss


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


KINDS = [
    ("SoftmaxWithLoss", {}, (5,)),
    ("SoftmaxWithLoss", {"smoothing": 0.1}, (4,)),
    ("SoftmaxWithLoss", {"class_weights": [1, 2.5, 0.25]}, (6, 3)),
    ("SoftmaxWithLoss", {"smoothing": 0.3, "class_weights": [1, 2, 3], "ignore": 1}, (4, 3)),
    ("SoftmaxWithLoss", {"ignore": -1}, (2, 3, 4)),
    ("SigmoidWithLoss", {}, (5,)),
    ("SigmoidWithLoss", {}, (1,)),
    ("SigmoidWithLoss", {}, (2, 3)),
    ("MeanSquaredError", {}, (4,)),
    ("MeanAbsoluteError", {}, (2, 3)),
    ("Huber", {}, (4,)),
    ("Huber", {"delta": 0.3}, (3, 2)),
]
every_kind = pytest.mark.parametrize(("kind", "attributes", "scores"), KINDS)


def made(kind, attributes, scores, rng):
    """A loss alone, and scores and targets of 6 samples."""
    loss = LOSSES[kind](**attributes)
    x = rng.normal(size=(6, *scores)) * 2
    if kind != "SoftmaxWithLoss":
        return loss, x, rng.uniform(size=x.shape)
    t = rng.integers(0, scores[-1], x.shape[:-1])
    if "ignore" in attributes:
        t[0] = attributes["ignore"]
    return loss, x, loss.targets(t, 6, scores)


def test_every_loss_is_here_and_has_formula_shapes_and_source():
    assert {kind for kind, _, _ in KINDS} == set(LOSSES)
    for cls in LOSSES.values():
        assert cls.__doc__.startswith("loss = ")
        assert "Shapes:" in cls.__doc__
        assert "Source:" in cls.__doc__


@every_kind
def test_every_gradient_is_the_numerical_one(kind, attributes, scores, rng):
    loss, x, t = made(kind, attributes, scores, rng)
    loss.forward(x, t)
    found, numerical, h = loss.backward(1.5).copy(), np.empty_like(x), 1e-6
    for i in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[i] = h
        numerical[i] = 1.5 * (loss.forward(x + step, t) - loss.forward(x - step, t)) / (2 * h)
    np.testing.assert_allclose(found, numerical, rtol=1e-6, atol=1e-9)


@every_kind
def test_a_mean_is_that_of_its_parts_by_their_mass(kind, attributes, scores, rng):
    loss, x, t = made(kind, attributes, scores, rng)
    whole, mass = loss.forward(x, t), loss.mass(t)
    parts = [slice(0, 1), slice(1, 4), slice(4, 6)]
    total = sum(loss.forward(x[p], t[p]) * loss.mass(t[p]) / mass for p in parts)
    assert total == pytest.approx(whole, rel=1e-12)


@every_kind
def test_float32_stays_float32(kind, attributes, scores, rng):
    loss, x, t = made(kind, attributes, scores, rng)
    t = t if t.dtype.kind == "i" else t.astype(np.float32)
    expected = loss.forward(x, t)
    assert loss.forward(x.astype(np.float32), t) == pytest.approx(expected, rel=1e-5)
    assert loss.backward().dtype == np.float32


@every_kind
def test_scores_and_targets_are_not_changed_in_buffers_either(kind, attributes, scores, rng):
    loss, x, t = made(kind, attributes, scores, rng)
    expected = loss.forward(x, t), loss.backward().copy()
    buffers = {n: np.full((6, *b.shape), np.nan) for n, b in loss.spec.buffers(scores).items()}
    inside = LOSSES[kind](loss.spec, buffers=buffers)
    x.flags.writeable = t.flags.writeable = False
    assert inside.forward(x, t) == expected[0]
    dx = inside.backward()
    np.testing.assert_allclose(dx, expected[1], rtol=1e-15)
    assert np.shares_memory(dx, buffers["dx"])


@pytest.mark.parametrize("kind", ["SigmoidWithLoss", "SoftmaxWithLoss"])
def test_scores_of_1e4_do_not_overflow(kind):
    x = np.array([[-1e4, 1e4, 0.0]], dtype=np.float32)
    t = np.array([1]) if kind == "SoftmaxWithLoss" else np.array([[1.0, 1.0, 0.5]])
    loss = LOSSES[kind]()
    with np.errstate(all="raise", under="ignore"):
        assert np.isfinite(loss.forward(x, t))
        assert np.isfinite(loss.backward()).all()


def test_where_no_target_counts_the_loss_and_its_gradient_are_0():
    loss = LOSSES["SoftmaxWithLoss"](ignore=0)
    t = loss.targets(np.zeros(3, int), 3, (4,))
    assert (loss.mass(t), loss.forward(np.ones((3, 4)), t)) == (0.0, 0.0)
    np.testing.assert_array_equal(loss.backward(), 0)
    assert loss.right(np.ones((3, 4)), t) == (0, 0)


def test_right_answers():
    x = np.array([[1.0, 2.0], [3.0, 1.0], [0.0, 5.0]])
    assert LOSSES["SoftmaxWithLoss"]().right(x, np.array([1, 1, 1])) == (2, 3)
    assert LOSSES["SoftmaxWithLoss"](ignore=0).right(x, np.array([1, 0, 1])) == (2, 2)
    assert LOSSES["SigmoidWithLoss"]().right(x - 1.5, np.array([[0, 1], [1, 1], [0, 1]])) == (5, 6)


@pytest.mark.parametrize(
    ("kind", "t", "error", "what"),
    [
        ("MeanSquaredError", np.zeros(3), ShapeError, r"must have shape \(2, 3\); found \(3,\)"),
        ("MeanSquaredError", [["a"] * 3] * 2, ShapeError, "targets must be numbers"),
        ("Huber", [[0, 1, np.nan]] * 2, DatasetError, r"a target is not finite in float64"),
        ("MeanAbsoluteError", [[0, 1, 2], [1, 2, np.inf]], DatasetError, r"\(sample 1\)"),
        ("SigmoidWithLoss", [[0, 1, 0], [0, 0, 1.5]], DatasetError, r"from 0 .* \(sample 1\)"),
        ("SoftmaxWithLoss", [[0, 1, 3], [0, 1, 1]], ShapeError, "one-hot targets must have"),
    ],
)
def test_what_is_no_target_is_refused(kind, t, error, what):
    scores = (4,) if kind == "SoftmaxWithLoss" else (3,)
    with pytest.raises(error, match=what):
        LOSSES[kind]().targets(t, 2, scores)


def test_an_attribute_that_is_none_is_named():
    with pytest.raises(SpecError, match=r"Huber\(delta=...\): input should be greater than 0"):
        LOSSES["Huber"](delta=0)
    with pytest.raises(ShapeError, match="2 class_weights for 3 classes"):
        LOSSES["SoftmaxWithLoss"](class_weights=[1, 2]).spec.check_shape((3,))
