"""The calls of a network: what goes in, what comes out, and whose it is."""

import threading
from collections import OrderedDict

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.errors import DatasetError, ShapeError, SpecError
from graphnet.scores import class_of, probabilities

MLP = (
    [
        {"id": "affine1", "type": "Affine", "units": 5},
        {"id": "relu1", "type": "Relu"},
        {"id": "affine2", "type": "Affine", "units": 3},
    ],
    [["x", "affine1", "relu1", "affine2"]],
)


LOSS = {"loss": {"type": "SoftmaxWithLoss"}}


@pytest.fixture
def mlp(network):
    return network(*MLP, **LOSS)


def test_layers_are_an_ordered_dict_in_running_order(mlp):
    assert isinstance(mlp.layers, OrderedDict)
    assert list(mlp.layers) == ["affine1", "relu1", "affine2"]


def test_params_are_the_live_arrays(mlp, rng):
    x = rng.normal(size=(2, 4))
    mlp.params["affine2/b"][...] = 7
    assert mlp.layers["affine2"].b is mlp.params["affine2/b"]
    before = mlp.predict(x)
    mlp.params["affine2/b"][...] = 8
    np.testing.assert_allclose(mlp.predict(x) - before, 1)


def test_an_array_stays_and_its_numbers_change(mlp):
    w = mlp.params["affine1/W"]
    for value in (np.zeros_like(w), w.copy(), 0):
        with pytest.raises(TypeError, match=r"write \['affine1/W'\]\[\.\.\.\] = value"):
            mlp.params["affine1/W"] = value
    before = w.copy()
    mlp.params["affine1/W"] -= 1
    np.testing.assert_allclose(mlp.layers["affine1"].W, before - 1)


def test_astype_has_the_same_parameters_in_arrays_of_its_own(network, rng):
    net = network(*MLP, **LOSS, dtype="float32")
    double = net.astype("float64")
    assert (net.spec.dtype, double.spec.dtype) == ("float32", "float64")
    x, t = rng.normal(size=(3, 4)), rng.integers(0, 3, 3)
    np.testing.assert_allclose(double.predict(x), net.predict(x), rtol=1e-4, atol=1e-5)
    assert double.numerical_gradient(x, t).keys() == net.params.keys()
    double.params["affine1/W"][...] = 0
    assert net.params["affine1/W"].any()
    with pytest.raises(SpecError, match="'float32' or 'float64', found 'float16'"):
        net.astype("float16")


def test_repr_says_what_it_is(mlp):
    assert repr(mlp) == "<Network 'test': 3 nodes, 43 parameters, float64>"


def test_predict_is_the_formula_before_softmax(mlp, rng):
    x = rng.normal(size=(6, 4))
    p = mlp.params
    hidden = np.maximum(x @ p["affine1/W"] + p["affine1/b"], 0)
    np.testing.assert_allclose(mlp.predict(x), hidden @ p["affine2/W"] + p["affine2/b"])


def test_a_sample_without_batch_axis_is_answered_without_it(mlp, rng):
    x = rng.normal(size=(3, 4))
    assert mlp.predict(x[0]).shape == (3,)
    np.testing.assert_allclose(mlp.predict(x[0]), mlp.predict(x)[0])
    assert mlp.classify(x[0]) == mlp.classify(x)[0]
    assert mlp.loss(x[0], 2) == pytest.approx(mlp.loss(x[:1], np.array([2])))
    assert mlp.loss(x[0], [0, 0, 1]) == pytest.approx(mlp.loss(x[0], 2))
    assert mlp.gradient(x[0], 1).keys() == mlp.params.keys()


def test_classify_is_the_argmax_and_needs_no_softmax(mlp, rng):
    x = rng.normal(size=(50, 4))
    scores = mlp.predict(x)
    np.testing.assert_array_equal(mlp.classify(x), scores.argmax(axis=1))
    np.testing.assert_array_equal(probabilities(scores).argmax(axis=1), scores.argmax(axis=1))


def test_a_single_score_is_a_binary_one(network):
    net = network([{"id": "score", "type": "Affine", "units": 1}], [["x", "score"]])
    net.params["score/W"][...] = [[1], [0], [0], [0]]
    x = np.array([[-1.0, 0, 0, 0], [0, 0, 0, 0], [2, 0, 0, 0]])
    np.testing.assert_array_equal(net.classify(x), [0, 0, 1])
    np.testing.assert_allclose(probabilities(np.array([0.0])), [0.5, 0.5])


def test_loss_is_the_mean_over_the_batch_in_any_number_of_chunks(mlp, rng):
    x = rng.normal(size=(2007, 4))
    t = rng.integers(0, 3, len(x))
    shares = np.log(probabilities(mlp.predict(x)))[np.arange(len(x)), t]
    assert mlp.loss(x, t) == pytest.approx(-shares.mean(), rel=1e-12)


def test_accuracy(mlp, rng):
    x = rng.normal(size=(10, 4))
    t = mlp.classify(x)
    t[:3] = (t[:3] + 1) % 3
    assert mlp.accuracy(x, t) == pytest.approx(0.7)
    assert mlp.accuracy(x, np.eye(3)[t]) == pytest.approx(0.7)


def test_gradient_is_that_of_the_loss_reported(mlp, rng):
    x, t = rng.normal(size=(6, 4)), rng.integers(0, 3, 6)
    numerical = mlp.numerical_gradient(x, t)
    for name, gradient in mlp.gradient(x, t).items():
        np.testing.assert_allclose(gradient, numerical[name], rtol=1e-6, atol=1e-9)


def test_numerical_gradient_refuses_float32(network):
    net = network(*MLP, **LOSS, dtype="float32")
    with pytest.raises(SpecError, match="needs float64"):
        net.numerical_gradient(np.ones((1, 4)), [0])


def test_what_is_returned_is_the_callers_own(mlp, rng):
    x, t = rng.normal(size=(5, 4)), rng.integers(0, 3, 5)
    results = [
        mlp.predict(x),
        *mlp.gradient(x, t).values(),
        *mlp.forward(x).values(),
        *mlp.backward().values(),
    ]
    kept = [result.copy() for result in results]
    mlp.predict(-x)
    mlp.gradient(-x, t)
    mlp.forward(-x)
    mlp.backward({"affine2": np.full((5, 3), 9.0)})
    for result, copy in zip(results, kept, strict=True):
        np.testing.assert_array_equal(result, copy)
        assert result.flags.owndata or result.base.flags.owndata


def test_inputs_are_never_changed(mlp, rng):
    x, t = rng.normal(size=(5, 4)), rng.integers(0, 3, 5)
    x.flags.writeable = t.flags.writeable = False
    mlp.predict(x)
    mlp.gradient(x, t)
    mlp.forward(x)
    mlp.backward()


def test_replicas_share_parameters_and_nothing_else(mlp, rng):
    twin = mlp.replica()
    x, t = rng.normal(size=(5, 4)), rng.integers(0, 3, 5)
    for name, param in mlp.params.items():
        assert twin.params[name] is param
    assert twin.grads["affine1/W"] is not mlp.grads["affine1/W"]
    expected = mlp.predict(x)
    found = []
    threads = [
        threading.Thread(target=lambda net=net: found.append(net.predict(x))) for net in (mlp, twin)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for scores in found:
        np.testing.assert_array_equal(scores, expected)
    twin.gradient(x, t)
    assert not mlp.grads["affine1/W"].any()


def test_build_in_float64_changes_the_spec_too(model):
    net = build(model("digits"), dtype="float64")
    assert net.spec.dtype == "float64"
    assert net.predict(np.zeros(64)).dtype == np.float64


def test_build_is_seeded(model):
    spec = model("digits")
    one, same, other = build(spec, seed=1), build(spec, seed=1), build(spec, seed=2)
    np.testing.assert_array_equal(one.params["affine1/W"], same.params["affine1/W"])
    assert (one.params["affine1/W"] != other.params["affine1/W"]).any()
    np.testing.assert_array_equal(
        build(spec).params["affine1/W"], build(spec, seed=0).params["affine1/W"]
    )


@pytest.mark.parametrize(
    ("x", "what"),
    [
        (np.ones((2, 5)), r"input 'x': shape \(4,\) or \(N, 4\) is expected, found \(2, 5\)"),
        (np.ones((0, 4)), "input 'x': the batch has no sample"),
        ("abcd", "input 'x': numbers are expected, found <U4"),
        ([["a"] * 4], "input 'x': numbers are expected"),
        (np.ones(4, complex), "input 'x': numbers are expected, found complex128"),
        ([[1, 2], [3]], "input 'x': no array of numbers"),
        (None, "no value is given for input 'x'"),
        ({"y": np.ones(4)}, "'y' is no input of the graph; it has 'x'"),
        ({"X": np.ones(4)}, "did you mean 'x'?"),
        ([object()] * 4, "input 'x': numbers are expected, found object"),
    ],
)
def test_what_is_no_input_is_refused(mlp, x, what):
    with pytest.raises(ShapeError, match=what):
        mlp.predict(x)


def test_numbers_that_would_become_infinite_are_refused(network):
    net = network(*MLP, dtype="float32")
    with pytest.raises(ShapeError, match=r"input 'x': 1e\+300 is too large for float32"):
        net.predict([1e300, 0, 0, 0])
    assert not np.isfinite(net.predict([np.inf, 0, 0, 0])).all()  # what is given is given


def test_an_initializer_past_the_type_is_refused(network):
    nodes = [{"id": "a", "type": "Affine", "units": 2, "init": {"type": "Normal", "std": 1e300}}]
    with pytest.raises(SpecError, match="parameter 'a/W': its initializer draws numbers too large"):
        network(nodes, [["x", "a"]], dtype="float32")


@pytest.mark.parametrize(
    ("t", "error", "what"),
    [
        ([0, 3], DatasetError, r"target 3 is no class: indices go from 0 to 2 \(sample 1\)"),
        ([-1, 0], DatasetError, "target -1 is no class"),
        ([0, 1, 2], ShapeError, "2 samples need 2 targets; found 3"),
        ([0.0, 1.0], ShapeError, "class indices"),
        ([[0, 1], [1, 0]], ShapeError, r"one-hot targets must have shape \(2, 3\)"),
        ([[0, 1, 1], [1, 0, 0]], DatasetError, r"one 1 and else 0 \(sample 0\)"),
        ([[0, 2, 0], [1, 0, 0]], DatasetError, r"one 1 and else 0 \(sample 0\)"),
        (["a", "b"], ShapeError, "class indices"),
        (None, ShapeError, "no targets are given: the losses need 't'"),
        ([[0], [1, 2]], ShapeError, "targets: no array of numbers"),
    ],
)
def test_what_is_no_target_is_refused(mlp, t, error, what):
    with pytest.raises(error, match=what):
        mlp.loss(np.ones((2, 4)), t)


def test_indices_and_one_hot_are_told_apart_by_dtype_and_rank_alone(mlp, rng):
    x = rng.normal(size=(3, 4))
    t = np.array([2, 0, 1])  # as many samples as classes: sizes say nothing
    for one_hot in (np.eye(3)[t], np.eye(3, dtype=int)[t], np.eye(3, dtype=bool)[t]):
        assert mlp.loss(x, t) == mlp.loss(x, one_hot)
        for a, b in zip(
            mlp.gradient(x, t).values(), mlp.gradient(x, one_hot).values(), strict=True
        ):
            np.testing.assert_array_equal(a, b)


def test_calls_that_need_a_loss_say_so(network):
    net = network(*MLP)
    for call in (net.loss, net.gradient, net.accuracy):
        with pytest.raises(SpecError, match="test: the spec has no 'loss'"):
            call(np.ones((1, 4)), [0])


def test_backward_needs_a_forward_of_its_own(mlp):
    with pytest.raises(ShapeError, match=r"call forward\(values\) first"):
        mlp.backward()
    mlp.forward(np.ones(4))
    mlp.predict(np.ones(4))  # it writes over what forward left
    with pytest.raises(ShapeError, match=r"call forward\(values\) first"):
        mlp.backward()


def test_backward_after_training_is_refused(mlp):
    mlp.forward(np.ones(4))
    mlp.gradient(np.ones((3, 4)), np.zeros(3, int))
    with pytest.raises(ShapeError, match=r"call forward\(values\) first"):
        mlp.backward()


@pytest.mark.parametrize(
    ("douts", "what"),
    [
        ({"affine3": np.ones(3)}, "'affine3': it is no node of the graph; did you mean 'affine"),
        ({"x": np.ones(4)}, "dout of 'x': it is an input; its nodes are affine1, relu1, affine2"),
        (1.0, r"douts are given by node: backward\(\{'price': 1.0\}\)"),
        ({"affine2": np.ones(4)}, r"dout of 'affine2': shape \(3,\) or \(N, 3\) is expected"),
        ({"affine2": np.ones((2, 3))}, "the last forward was of one sample: give as many"),
    ],
)
def test_what_is_no_dout_is_refused(mlp, douts, what):
    mlp.forward(np.ones(4))
    with pytest.raises(ShapeError, match=what):
        mlp.backward(douts)


def test_classes_come_from_scores_alone():
    with pytest.raises(ShapeError, match=r"output 'y' gives \(2, 2\): no scores of classes"):
        class_of("y", np.ones((3, 2, 2)))


def test_pixels_that_nobody_prepared_are_refused(model):
    net = build(model("digits"))
    pixels = np.full((2, 64), 255, np.uint8)
    with pytest.raises(ShapeError, match="input 'x': prepared numbers are expected, found uint8"):
        net.predict(pixels)
    assert net.predict(pixels / np.float32(255)).shape == (2, 10)


def test_scores_of_1e4_do_not_overflow(network):
    net = network([{"id": "score", "type": "Identity"}], [["x", "score"]], **LOSS)
    x = np.array([[1e4, -1e4, 0, 0]])
    assert net.loss(x, [0]) == 0
    assert net.loss(x, [1]) == pytest.approx(2e4)
    float32 = network(
        [{"id": "score", "type": "Identity"}], [["x", "score"]], dtype="float32", **LOSS
    )
    assert float32.loss(x, [1]) == pytest.approx(2e4)
