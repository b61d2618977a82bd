"""Every layer with parameters, twice in one graph with one set of them."""

import numpy as np
import pytest
from layer_cases import CASES

import graphnet as gn
from graphnet.layers import LAYERS
from graphnet.spec.reader import check_values


def is_trained(case):
    spec = LAYERS[case.type].Spec.model_validate({"id": "n", "type": case.type, **case.attributes})
    return bool(spec.parameters(*case.shapes))


TRAINED = [case for case in CASES if is_trained(case)]


def twins(case, *, tied):
    """Two nodes of one kind side by side, each with inputs and targets of its own."""
    node = {"type": case.type, **case.attributes}
    other = {k: v for k, v in node.items() if k != "init"} if tied else node
    integers = LAYERS[case.type].Spec.integers
    ports = LAYERS[case.type].Spec.ports_for(len(case.shapes))
    inputs, edges = {}, []
    for name in ("one", "two"):
        for port, shape in zip(ports, case.shapes, strict=True):
            kind = {"dtype": "int64"} if port in integers else {}
            inputs[f"{name}_{port}"] = {"shape": list(shape), **kind}
            edges.append([f"{name}_{port}", f"{name}.{port}"])
    return check_values(
        {
            "format": 1,
            "name": "twins",
            "dtype": "float64",
            "inputs": inputs,
            "nodes": [
                {"id": "one", **node},
                {"id": "two", **other, **({"share": "one"} if tied else {})},
            ],
            "edges": edges,
            "outputs": ["one", "two"],
            "losses": [
                {"type": "MeanSquaredError", "on": "one", "target": "t", "weight": 2.0},
                {"type": "MeanSquaredError", "on": "two", "target": "u"},
            ],
        }
    ).spec


def drawn(spec, case, rng, samples=5):
    """Inputs and targets of these twins."""
    x = {}
    for name, given in spec.inputs.items():
        shape = (samples, *given.shape)
        x[name] = rng.uniform(case.low, case.high, shape)
        if given.dtype is not None:
            x[name] = rng.integers(0, case.whole + 1, shape)
    return x, {name: rng.normal(size=(samples, *case.out)) for name in ("t", "u")}


@pytest.mark.parametrize("case", TRAINED, ids=lambda case: f"{case.type}-{len(case.attributes)}")
def test_the_gradient_is_the_sum_of_those_of_its_users(case, rng):
    tied, apart = (gn.build(twins(case, tied=tied), seed=1) for tied in (True, False))
    names = [name.removeprefix("one/") for name in tied.params]
    assert [f"one/{name}" for name in names] == list(tied.params)
    for name in names:
        for node in ("one", "two"):
            apart.params[f"{node}/{name}"][...] = tied.params[f"one/{name}"]
    x, t = drawn(tied.spec, case, rng)
    assert tied.loss(x, t) == pytest.approx(apart.loss(x, t), rel=1e-12)
    found, expected = tied.gradient(x, t), apart.gradient(x, t)
    assert found.keys() == tied.params.keys()
    for name in names:
        total = expected[f"one/{name}"] + expected[f"two/{name}"]
        np.testing.assert_allclose(found[f"one/{name}"], total, rtol=1e-9, atol=1e-12)
