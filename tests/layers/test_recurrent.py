"""What the shared tables do not show of the layers that read sequences."""

import numpy as np
import pytest

from graphnet.errors import ShapeError
from graphnet.layers import LAYERS
from graphnet.layers.base import Layer

KINDS = ("Rnn", "Lstm", "Gru")
every_kind = pytest.mark.parametrize("kind", KINDS)


def made(kind: str, size: int = 3, seed: int = 0, **attributes: object) -> Layer:
    """The layer alone, with random parameters."""
    rng, cls = np.random.default_rng(seed), LAYERS[kind]
    spec = cls.Spec.model_validate({"id": "n", "type": kind, "units": 4, **attributes})
    parameters = spec.parameters((7, size)).items()
    return cls(spec, params={name: rng.normal(size=p.shape) for name, p in parameters})


def test_a_step_of_an_lstm_by_hand():
    params = {"W": np.array([[0.1, 0.2, 0.3, 0.4]]), "U": np.zeros((1, 4)), "b": np.zeros(4)}
    lstm = LAYERS["Lstm"](units=1, params=params)
    i, o, _, g = 0.1, 0.2, 0.3, 0.4
    c = 1 / (1 + np.exp(-i)) * np.tanh(g)
    expected = 1 / (1 + np.exp(-o)) * np.tanh(c)
    np.testing.assert_allclose(lstm.forward(np.ones((1, 1, 1))), [[expected]], rtol=1e-14)


@every_kind
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("outputs", ["last", "all"])
def test_what_lies_behind_a_length_counts_for_nothing(kind, reverse, outputs, rng):
    layer = made(kind, reverse=reverse, outputs=outputs)
    x, lengths = rng.normal(size=(4, 7, 3)), np.array([7, 3, 1, 5])
    other = x.copy()
    for sample, length in zip(other, lengths, strict=True):
        sample[length:] = 1e3
    out = layer.forward(x, lengths).copy()
    np.testing.assert_array_equal(layer.forward(other, lengths), out)
    dx = layer.backward(np.ones_like(out))[0]
    for row, length in zip(dx, lengths, strict=True):
        assert row[:length].all()
        assert not row[length:].any()


@every_kind
@pytest.mark.parametrize("reverse", [False, True])
def test_a_length_cuts_the_sample(kind, reverse, rng):
    layer = made(kind, reverse=reverse)
    x = rng.normal(size=(2, 7, 3))
    out = layer.forward(x, np.array([4, 7])).copy()
    np.testing.assert_allclose(out[:1], layer.forward(x[:1, :4]), rtol=1e-12)
    np.testing.assert_allclose(out[1:], layer.forward(x[1:]), rtol=1e-12)


@every_kind
def test_of_nothing_the_last_is_what_was_remembered_before(kind, rng):
    layer = made(kind)
    x, h0 = rng.normal(size=(2, 7, 3)), rng.normal(size=(2, 4))
    dout = rng.normal(size=(2, 4))
    out = layer.forward(x, np.array([0, 7]), h0)
    np.testing.assert_array_equal(out[0], h0[0])
    dx, dlengths, dh0 = layer.backward(dout)[:3]
    assert dlengths is None
    np.testing.assert_array_equal(dh0[0], dout[0])
    assert not dx[0].any()


@every_kind
@pytest.mark.parametrize("length", [-1, 8])
def test_lengths_that_x_does_not_have_are_refused(kind, length):
    with pytest.raises(ShapeError, match=f"port 'lengths' takes 0 to 7 steps, found {length}"):
        made(kind).forward(np.zeros((2, 7, 3)), np.array([3, length]))


@every_kind
def test_reading_backwards_is_reading_what_was_turned(kind, rng):
    x = rng.normal(size=(2, 7, 3))
    forth = made(kind, outputs="all").forward(x[:, ::-1])
    back = made(kind, outputs="all", reverse=True).forward(x)
    np.testing.assert_array_equal(back, forth[:, ::-1])


@every_kind
def test_far_numbers_neither_warn_nor_overflow(kind):
    layer = made(kind)
    out = layer.forward(np.full((1, 7, 3), 1e4))
    assert np.isfinite(out).all()
    assert np.isfinite(layer.backward(np.ones_like(out))[0]).all()
