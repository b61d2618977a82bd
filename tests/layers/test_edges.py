"""Elementwise layers and reductions where they are not smooth, or not defined at first sight."""

import inspect

import numpy as np
import pytest

from graphnet.errors import SpecError
from graphnet.layers import LAYERS


def passes(kind, *xs, dout=1.0, **attributes):
    """out, then the gradients, of one sample."""
    layer = LAYERS[kind](**attributes)
    out = layer.forward(*[np.array([x], float) for x in xs])
    gradients = layer.backward(np.full_like(out, dout))
    return [array[0].tolist() for array in (out, *gradients)]


def test_equals_share_the_gradient():
    assert passes("Maximum", [1, 2, 3], [3, 2, 1]) == [[3, 2, 3], [0, 0.5, 1], [1, 0.5, 0]]
    assert passes("Minimum", [1, 2, 3], [3, 2, 1]) == [[1, 2, 1], [1, 0.5, 0], [0, 0.5, 1]]
    assert passes("Max", [2, 1, 2, 2], dout=3.0) == [2, [1, 0, 1, 1]]
    assert passes("Min", [[1, 1], [0, 1]], axes=[-1], dout=2.0) == [[1, 0], [[1, 1], [2, 0]]]


def test_clip_takes_either_bound_and_lets_the_gradient_through_on_it():
    assert passes("Clip", [-2, -1, 0, 3], low=-1, high=2) == [[-1, -1, 0, 2], [0, 1, 1, 0]]
    assert passes("Clip", [-2, 3], low=0) == [[0, 3], [0, 1]]
    assert passes("Clip", [-2, 3], high=0) == [[-2, 0], [1, 0]]
    assert passes("Clip", [-2, 3]) == [[-2, 3], [1, 1]]
    assert passes("Clip", [-2, 1, 3], low=2, high=1)[0] == [1, 1, 1]


def test_products_with_zeros_have_the_gradient_of_the_others():
    assert passes("Prod", [2, 3, 4]) == [24, [12, 8, 6]]
    assert passes("Prod", [2, 0, 4]) == [0, [0, 8, 0]]
    assert passes("Prod", [0, 0, 4]) == [0, [0, 0, 0]]


def test_kinks_at_zero():
    assert passes("Abs", [0.0]) == [[0], [0]]
    assert passes("L2", [0.0, 0.0]) == [0, [0, 0]]
    assert passes("Relu", [0.0]) == [[0], [0]]
    assert passes("LeakyRelu", [0.0], alpha=0.5) == [[0], [0.5]]
    assert passes("Pow", [0, 2], [2, 0]) == [[0, 1], [0, 0], [0, np.log(2)]]


def test_halves_go_to_the_even_number():
    assert passes("Round", [-1.5, -0.5, 0.5, 1.5, 2.5])[0] == [-2, 0, 0, 2, 2]


def test_the_first_of_equals_is_the_class():
    assert passes("Hardmax", [1, 3, 3]) == [[0, 1, 0], [0, 0, 0]]
    assert passes("Hardmax", [[1, np.inf], [2, 0]], axis=0)[0] == [[0, 1], [1, 0]]


@pytest.mark.parametrize("exponent", [-1.0, 0.5, 1.0, 2.0, 3.0, 2.5])
def test_powers_with_a_way_of_their_own_are_powers(exponent, rng):
    x = rng.uniform(0.1, 3, (4, 5))
    layer = LAYERS["Power"](exponent=exponent)
    np.testing.assert_allclose(layer.forward(x), x**exponent, rtol=1e-14)
    (dx,) = layer.backward(np.ones_like(x))
    np.testing.assert_allclose(dx, exponent * x ** (exponent - 1), rtol=1e-14)


@pytest.mark.parametrize("kind", ["Softplus", "Silu", "Mish", "Gelu", "Elu", "Selu", "Celu"])
def test_far_numbers_neither_warn_nor_overflow(kind):
    x = np.array([[-1e4, -100, 100, 1e4]], np.float32)
    layer = LAYERS[kind]()
    out = layer.forward(x)
    assert np.isfinite(out).all()
    assert np.isfinite(layer.backward(np.ones_like(x))[0]).all()
    scale = 1.0507009873554805 if kind == "Selu" else 1.0
    np.testing.assert_allclose(out[0, 2:], scale * x[0, 2:], rtol=1e-6)


@pytest.mark.parametrize(
    "kind", ["Abs", "Sqrt", "Softplus", "Silu", "Gelu", "Elu", "LeakyRelu", "Sin", "Scale", "Erf"]
)
def test_layers_alone_take_the_numbers_of_a_learner(kind):
    layer = LAYERS[kind]()
    assert layer.forward(4) == pytest.approx(LAYERS[kind]().forward(np.array([4.0]))[0])
    assert np.isfinite(layer.backward(1)[0])


def test_attributes_that_do_not_fit_together_are_refused():
    with pytest.raises(SpecError, match="2 numbers are expected, as in 'starts'"):
        LAYERS["Slice"](starts=[0, 1], ends=[1])
    with pytest.raises(SpecError, match="a step of 0 leads nowhere"):
        LAYERS["Slice"](starts=[0], ends=[1], steps=[0])
    with pytest.raises(SpecError, match="one of them may be -1"):
        LAYERS["Reshape"](to=[-1, -1])
    with pytest.raises(SpecError, match="axes"):
        LAYERS["Sum"](axes=[])


@pytest.mark.parametrize("kind", ["Softplus", "Silu", "HardSwish", "Elu", "Selu", "Atan", "Sqrt"])
def test_an_elementwise_layer_costs_at_most_twenty_lines(kind):
    source = inspect.getsource(LAYERS[kind])
    assert source.startswith("@register")
    assert len(source.splitlines()) <= 20
