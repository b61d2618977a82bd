"""Every registered layer through the same tests; the rows are in layer_cases.py."""

import json

import numpy as np
import pytest
from layer_cases import CASES, IDS, Case

from graphnet.builder import build
from graphnet.bundle.model import contents_of, network_of
from graphnet.errors import ShapeError, SpecError, SpecLimitError
from graphnet.gradcheck import compare
from graphnet.layers import LAYERS
from graphnet.network import Network
from graphnet.plan import Plan
from graphnet.spec.reader import parse_spec

BATCH = 3
every_case = pytest.mark.parametrize("case", CASES, ids=IDS)


def graph(case: Case, dtype: str = "float64") -> Network:
    """A network of one node of the case's type."""
    names = [f"in{i}" for i in range(len(case.shapes))]
    declared = {name: {"shape": shape} for name, shape in zip(names, case.shapes, strict=True)}
    for name, is_whole in zip(names, whole(case), strict=True):
        if is_whole:
            declared[name]["dtype"] = "int64"
    values = {
        "format": 1,
        "name": "case",
        "dtype": dtype,
        "inputs": declared,
        "nodes": [{"id": "node", "type": case.type, **case.attributes}],
        "edges": [[name, "node"] for name in names],
    }
    return build(parse_spec(json.dumps(values)), seed=0)


def inputs(case: Case, rng: np.random.Generator, batch: int = BATCH) -> dict[str, np.ndarray]:
    """A batch in the range where the layer is smooth."""
    found = {}
    for i, (shape, is_whole) in enumerate(zip(case.shapes, whole(case), strict=True)):
        found[f"in{i}"] = (
            rng.integers(0, case.whole, (batch, *shape), endpoint=True)
            if is_whole
            else rng.uniform(case.low, case.high, (batch, *shape))
        )
    return found


def whole(case: Case) -> list[bool]:
    """Which of the case's ports take whole numbers."""
    spec = LAYERS[case.type].Spec
    return [port in spec.integers for port in spec.ports_for(len(case.shapes))]


def objective(net: Network, x: dict[str, np.ndarray], dout: np.ndarray) -> float:
    return float(np.sum(net.forward(x)["node"] * dout))


def difference(net: Network, x: dict[str, np.ndarray], dout: np.ndarray, array: np.ndarray):
    """d(objective)/d(array) by central differences, the array changed in place."""
    found, step = np.empty_like(array), 1e-6
    for i in np.ndindex(array.shape):
        kept = array[i]
        array[i] = kept + step
        above = objective(net, x, dout)
        array[i] = kept - step
        below = objective(net, x, dout)
        array[i] = kept
        found[i] = (above - below) / (2 * step)
    return found


def agree(analytical: np.ndarray, numerical: np.ndarray) -> None:
    """Element by element, and as a whole to 1e-6 relative, as `gradcheck` has it."""
    np.testing.assert_allclose(analytical, numerical, rtol=1e-6, atol=1e-7)
    # 1e-8: what rounding leaves of a difference by steps of 1e-6, where the true gradient is 0.
    assert compare("gradient", analytical, numerical, 1e-8).passed


def test_every_layer_has_a_row():
    missing = set(LAYERS) - {case.type for case in CASES}
    assert not missing, f"give {', '.join(missing)} a Case(...) in tests/layers/layer_cases.py"
    assert {case.type for case in CASES} <= set(LAYERS)


def test_every_registered_name_is_a_class_of_that_name():
    for name, cls in LAYERS.items():
        assert cls.__name__ == name
        assert cls.Spec.model_fields["type"].annotation.__args__ == (name,)


@pytest.mark.parametrize("name", LAYERS)
def test_docstring_has_formula_shapes_and_source(name: str):
    doc = LAYERS[name].__doc__ or ""
    assert doc.startswith("out = ")
    assert "Shapes:" in doc
    assert "Source:" in doc


@every_case
def test_shape_is_inferred_as_computed(case: Case, rng: np.random.Generator):
    net = graph(case)
    assert net.graph.shapes["node"] == case.out
    assert net.layers["node"].infer_shape(*case.shapes) == case.out
    assert net.forward(inputs(case, rng))["node"].shape == (BATCH, *case.out)


@pytest.mark.parametrize("case", [c for c in CASES if c.wrong], ids=lambda c: f"{c.type}-{c.wrong}")
def test_wrong_shapes_are_refused_with_the_names_of_both_nodes(case: Case):
    with pytest.raises(ShapeError) as e:
        graph(case._replace(shapes=case.wrong))
    assert f"node 'node' ({case.type}): " in str(e.value)
    for i, shape in enumerate(case.wrong):
        assert f"'in{i}' gives {shape}" in str(e.value)


@every_case
def test_input_gradients_are_the_numerical_ones(case: Case, rng: np.random.Generator):
    net, x = graph(case), inputs(case, rng)
    dout = rng.normal(size=(BATCH, *case.out))
    net.forward(x)
    found = net.backward({"node": dout})
    for name, array in x.items():
        if array.dtype.kind == "i":
            continue
        agree(found[name], difference(net, x, dout, array))


@every_case
def test_parameter_gradients_are_the_numerical_ones(case: Case, rng: np.random.Generator):
    net, x = graph(case), inputs(case, rng)
    dout = rng.normal(size=(BATCH, *case.out))
    net.forward(x)
    net.backward({"node": dout})
    found = {name: grad.copy() for name, grad in net.grads.items()}
    assert list(net.layers["node"].grads) == list(net.layers["node"].params)
    for name, param in net.params.items():
        agree(found[name], difference(net, x, dout, param))


@every_case
def test_nothing_given_is_changed(case: Case, rng: np.random.Generator):
    net, x = graph(case), inputs(case, rng)
    layer = net.layers["node"]
    arrays = list(x.values())
    dout = rng.normal(size=(BATCH, *case.out))
    for array in [*arrays, dout]:
        array.flags.writeable = False
    layer.forward(*arrays)
    layer.backward(dout)


@every_case
def test_a_layer_alone_gives_the_numbers_of_the_network(case: Case, rng: np.random.Generator):
    net, x = graph(case), inputs(case, rng)
    inside = net.layers["node"]
    alone = type(inside)(**case.attributes, params=inside.params, state=inside.state)
    dout = rng.normal(size=(BATCH, *case.out))
    np.testing.assert_array_equal(alone.forward(*x.values()), inside.forward(*x.values()))
    for mine, theirs in zip(alone.backward(dout), inside.backward(dout), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@every_case
def test_a_second_pass_computes_in_the_same_memory(case: Case, rng: np.random.Generator):
    net, x = graph(case), inputs(case, rng)
    dout = np.ones((BATCH, *case.out))
    net.forward(x)
    net.backward({"node": dout})
    first = net.layers["node"]._buffers
    net.forward(inputs(case, rng))
    net.backward({"node": dout})
    assert net.layers["node"]._buffers is first


@every_case
def test_the_plan_says_the_bytes_that_are_held(case: Case, rng: np.random.Generator):
    net, x = graph(case), inputs(case, rng)
    net.forward(x)
    net.backward({"node": np.ones((BATCH, *case.out))})
    total = Plan(net.graph).total()
    held = sum(array.nbytes for array in net.layers["node"]._buffers.values())
    assert held == BATCH * total.nbytes + total.fixed


@every_case
def test_prediction_gives_what_forward_gives(case: Case, rng: np.random.Generator):
    net, x = graph(case), inputs(case, rng)
    np.testing.assert_array_equal(net.predict(x), net.forward(x)["node"])


@every_case
def test_the_plan_says_the_bytes_of_a_prediction(case: Case, rng: np.random.Generator):
    net, x = graph(case), inputs(case, rng)
    net.predict(x)
    given = sum(array.nbytes for array in x.values())
    kept = sum(a.nbytes for buffers in net.engine._kept_of.values() for a in buffers.values())
    assert Plan(net.graph).predict_bytes(BATCH) == given + net.engine.workspace.nbytes + kept


@every_case
def test_float32_stays_float32(case: Case, rng: np.random.Generator):
    net, x = graph(case, "float32"), inputs(case, rng)
    assert net.forward(x)["node"].dtype == np.float32
    for gradient in net.backward({"node": np.ones((BATCH, *case.out))}).values():
        assert gradient.dtype == np.float32


@every_case
def test_a_bundle_gives_the_layer_back(case: Case, rng: np.random.Generator):
    net, x = graph(case), inputs(case, rng)
    again = network_of(contents_of(net))
    np.testing.assert_array_equal(again.forward(x)["node"], net.forward(x)["node"])


@every_case
def test_needs_says_which_gradients_may_be_left_out(case: Case, rng: np.random.Generator):
    net, x = graph(case), inputs(case, rng)
    layer = net.layers["node"]
    layer.needs = (False,) * len(case.shapes)
    layer.forward(*x.values())
    gradients = layer.backward(np.ones((BATCH, *case.out)))
    assert len(gradients) == len(case.shapes)
    if layer.spec.skips_unwanted:
        assert gradients == (None,) * len(case.shapes)


def test_a_layer_with_parameters_asks_for_them():
    with pytest.raises(SpecError) as e:
        LAYERS["Affine"](units=2)
    assert str(e.value) == "Affine alone needs params={'W': ..., 'b': ...}; missing: W, b"
    with pytest.raises(SpecError, match=r"Affine\(units=\.\.\.\): field required"):
        LAYERS["Affine"]()


def test_backward_alone_follows_forward():
    with pytest.raises(AttributeError, match="backward follows forward: call forward first"):
        LAYERS["Mul"]().backward(1)


def test_exponents_at_zero():
    power = LAYERS["Power"](exponent=0)
    assert power.forward(0.0) == 1.0
    assert power.backward(1.0) == (0.0,)


def test_sigmoid_of_far_numbers_neither_warns_nor_overflows():
    sigmoid = LAYERS["Sigmoid"]()
    far = np.array([-1e4, 0, 1e4], dtype=np.float32)
    np.testing.assert_allclose(sigmoid.forward(far), [0, 0.5, 1], atol=1e-37)
    assert np.isfinite(sigmoid.backward(np.ones(3, np.float32))[0]).all()


def test_relu_lets_nan_through():
    assert np.isnan(LAYERS["Relu"]().forward(np.array([np.nan]))[0])


@pytest.mark.parametrize("attributes", [{"stride": 2}, {"padding": "same"}])
def test_weights_in_any_memory_order_give_the_same_gradient(rng, attributes):
    ordered = rng.normal(size=(3, 3, 8, 8))
    x, dout = rng.normal(size=(2, 9, 9, 8)), None
    found = []
    for W in (ordered, np.asfortranarray(ordered)):
        params = {"W": W, "b": np.zeros(8)}
        layer = LAYERS["Conv2D"](channels=8, kernel=3, **attributes, params=params)
        out = layer.forward(x)
        dout = np.ones_like(out) if dout is None else dout
        layer.backward(dout)
        found.append(layer.grads["W"])
    np.testing.assert_array_equal(found[0], found[1])
    assert found[0].any()


def test_layers_alone_take_the_integers_of_a_learner():
    x = np.arange(16).reshape(1, 4, 4, 1)
    mean = LAYERS["AvgPool2D"](size=2).forward(x)
    np.testing.assert_array_equal(mean.ravel(), [2.5, 4.5, 10.5, 12.5])
    largest = LAYERS["MaxPool2D"](size=2, padding=1).forward(x)
    np.testing.assert_array_equal(largest.ravel(), [0, 2, 3, 8, 10, 11, 12, 14, 15])
    norm = LAYERS["BatchNorm"](params={"gamma": np.ones(1), "beta": np.zeros(1)})
    norm.training = True
    assert norm.forward(x).std() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("kind", "attributes"),
    [
        ("MaxPool2D", {"size": 1_000_000, "stride": 1, "padding": "same"}),
        ("MaxPool2D", {"size": 2**31 - 1, "stride": 2**30, "padding": 2**31 - 2}),
        ("Conv2D", {"channels": 1, "kernel": 2, "dilation": 2**31 - 1, "padding": 2**30}),
        ("ConvTranspose2D", {"channels": 1, "kernel": 2, "dilation": 2**30, "padding": 2**29}),
    ],
)
def test_what_no_memory_could_hold_is_refused(kind, attributes):
    with pytest.raises(SpecLimitError, match=r"computed in [\d,]+ bytes; the limit is"):
        graph(Case(kind, attributes, ((8, 8, 1),), ()))


def test_a_window_larger_than_the_sequence_is_refused():
    with pytest.raises(ShapeError, match="its window of 5 is larger than the sequence with its"):
        graph(Case("Conv1D", {"channels": 1, "kernel": 3, "dilation": 2}, ((4, 1),), ()))


def test_an_output_sees_nothing_behind_it_in_a_causal_convolution(rng: np.random.Generator):
    case = Case("Conv1D", {"channels": 2, "kernel": 3, "padding": "causal"}, ((6, 2),), (6, 2))
    net, x = graph(case), rng.normal(size=(1, 6, 2))
    before = net.forward(x)["node"]
    x[0, 4] += 1
    after = net.forward(x)["node"]
    np.testing.assert_array_equal(before[0, :4], after[0, :4])
    assert (before[0, 4:] != after[0, 4:]).all()


def test_a_sequence_that_meets_an_affine_is_told_of_the_axis():
    with pytest.raises(ShapeError) as e:
        graph(Case("Affine", {"units": 2}, ((5, 3),), ()))
    remedy = 'put a Flatten before it, or give it "axis": -1 to apply at each position'
    assert f"a sample must be one-dimensional: {remedy}; 'in0' gives (5, 3)" in str(e.value)
