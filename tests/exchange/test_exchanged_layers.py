"""Every layer through ONNX: onnxruntime gives the same scores, and so does what comes back."""

import json

import numpy as np
import pytest
from layer_cases import CASES, IDS, Case
from runtime import run

from graphnet.builder import build
from graphnet.exchange.table import ROWS
from graphnet.layers import LAYERS
from graphnet.network import Network
from graphnet.spec.reader import parse_spec

BATCH = 3
every_case = pytest.mark.parametrize("case", CASES, ids=IDS)


def graph(case: Case, rng: np.random.Generator) -> Network:
    """A network of one node, with parameters that are nowhere 0 or 1."""
    ports = LAYERS[case.type].Spec.ports_for(len(case.shapes))
    whole = LAYERS[case.type].Spec.integers
    values = {
        "format": 1,
        "name": "case",
        "inputs": {
            port: {"shape": shape, **({"dtype": "int64"} if port in whole else {})}
            for port, shape in zip(ports, case.shapes, strict=True)
        },
        "nodes": [{"id": "node", "type": case.type, **case.attributes}],
        "edges": [[port, "node"] for port in ports],
    }
    net = build(parse_spec(json.dumps(values)), seed=0)
    for name, array in {**net.params, **net.state}.items():
        if array.ndim < 2:
            array[...] = rng.uniform(0.5, 1.5, array.shape)
        elif not array.any():
            array[...] = rng.normal(size=array.shape)
        assert name
    return net


def inputs(net: Network, case: Case, rng: np.random.Generator) -> dict[str, np.ndarray]:
    found = {}
    for name, given in net.spec.inputs.items():
        shape = (BATCH, *given.shape)
        if given.dtype is None:
            found[name] = rng.uniform(case.low, case.high, shape).astype(np.float32)
        else:
            # ONNX does not say what is left of a sequence of no steps.
            found[name] = rng.integers(name == "lengths", case.whole, shape, endpoint=True)
    return found


def test_every_layer_has_a_row():
    missing = set(LAYERS) - set(ROWS)
    assert not missing, f"give {', '.join(sorted(missing))} a row in graphnet/exchange/table.py"
    assert set(ROWS) <= set(LAYERS)


def test_every_operator_of_a_row_is_one_that_is_read():
    from graphnet.exchange.importer.operators import OPERATORS

    assert {kind for row in ROWS.values() for kind in row.operators} <= set(OPERATORS)


@every_case
def test_onnxruntime_gives_the_same_scores(case: Case, rng: np.random.Generator):
    pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
    from graphnet.exchange.exporter.model import model

    net = graph(case, rng)
    x = inputs(net, case, rng)
    (found,) = run(model(net), x).values()
    np.testing.assert_allclose(found, net.predict(x), rtol=1e-5, atol=1e-5)


@every_case
def test_what_was_exported_comes_back(case: Case, rng: np.random.Generator):
    pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
    from graphnet.exchange.exporter.model import model
    from graphnet.exchange.importer.model import imported
    from graphnet.exchange.importer.protobuf import read

    net = graph(case, rng)
    x = inputs(net, case, rng)
    again = imported(read(model(net))).network
    assert {n: i.shape for n, i in again.spec.inputs.items() if i.value is None} == {
        n: i.shape for n, i in net.spec.inputs.items()
    }
    np.testing.assert_allclose(again.predict(x), net.predict(x), rtol=1e-5, atol=1e-5)
