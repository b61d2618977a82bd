"""The figures of the book, from the specs that ship."""

import math

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.data.load import load_data
from graphnet.layers import Sigmoid
from graphnet.training.fitting import fit

CLOSE = {"rel": 1e-12, "abs": 0}


def test_apple(model):
    net = build(model("apple"))
    assert net.forward()["price"] == pytest.approx(220, **CLOSE)
    found = net.backward({"price": 1.0})
    expected = {"apple": 2.2, "apple_num": 110, "tax": 200, "apple_price": 1.1, "price": 1}
    assert found == pytest.approx(expected, **CLOSE)


def test_apple_orange(model):
    net = build(model("apple_orange"))
    values = net.forward()
    found = [values[n] for n in ("apple_price", "orange_price", "all_price", "price")]
    assert found == pytest.approx([200, 450, 650, 715], **CLOSE)
    gradients = net.backward()
    expected = {
        "apple_num": 110,
        "apple": 2.2,
        "orange": 3.3,
        "orange_num": 165,
        "tax": 650,
        "apple_price": 1.1,
        "orange_price": 1.1,
        "all_price": 1.1,
        "price": 1,
    }
    assert gradients == pytest.approx(expected, **CLOSE)


@pytest.mark.parametrize(("x", "y"), [(3, 4), (-2.5, 1), (0, 0)])
def test_square_of_sum(model, x, y):
    net = build(model("square_of_sum"))
    assert net.forward({"x": x, "y": y})["z"] == (x + y) ** 2
    gradients = net.backward()
    assert gradients["x"] == gradients["y"] == 2 * (x + y)


def test_sigmoid_in_steps_is_the_sigmoid_layer(model):
    net = build(model("sigmoid_steps"))
    x = np.linspace(-20, 20, 401)
    layer = Sigmoid()
    dout = np.linspace(-1, 1, 401)
    values = net.forward({"x": x})
    np.testing.assert_allclose(values["reciprocal"], layer.forward(x), rtol=1e-12, atol=0)
    gradient = net.backward({"reciprocal": dout})["x"]
    # far out, 1 - y has lost its last digits in one of the two forms
    np.testing.assert_allclose(gradient, layer.backward(dout)[0], rtol=1e-12, atol=1e-12)


def test_sigmoid_runs_as_it_lies_there(model):
    net = build(model("sigmoid_steps"))
    y = 1 / (1 + math.exp(-0.5))
    assert net.forward()["reciprocal"] == pytest.approx(y, **CLOSE)
    assert net.backward()["x"] == pytest.approx(y * (1 - y), **CLOSE)


def test_scalars_take_a_batch(model):
    net = build(model("apple"))
    values = net.forward({"apple": [100, 200, 300]})
    np.testing.assert_allclose(values["price"], [220, 440, 660], rtol=1e-12)
    gradients = net.backward({"price": np.array([1, 1, 10])})
    np.testing.assert_allclose(gradients["apple"], [2.2, 2.2, 22], rtol=1e-12)
    np.testing.assert_allclose(gradients["tax"], [200, 400, 6000], rtol=1e-12)


def test_mnist_two_layer_is_the_network_of_the_book(model):
    net = build(model("mnist_two_layer"))
    shapes = {name: param.shape for name, param in net.params.items()}
    assert shapes == {
        "affine1/W": (784, 50),
        "affine1/b": (50,),
        "affine2/W": (50, 10),
        "affine2/b": (10,),
    }
    assert list(net.layers) == ["affine1", "relu1", "affine2"]
    assert np.std(net.params["affine1/W"]) == pytest.approx(0.01, rel=0.02)
    assert not net.params["affine1/b"].any()


def test_residual_learns_the_digits(model):
    spec = model("residual")
    assert [node.id for node in spec.nodes if node.type == "Conv2D"][:3] == [
        "start/conv",
        "stage1/1/first/conv",
        "stage1/1/conv2",
    ]
    net = build(spec)
    last = list(fit(net, load_data(spec, "models")))[-1]
    assert last.train_accuracy >= 0.999
    assert last.test_accuracy >= 0.98
