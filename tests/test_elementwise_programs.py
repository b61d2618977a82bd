"""Elementwise layers in the memory of a training step, a few samples at a time."""

import json

import numpy as np
import pytest

import graphnet.schedule
from graphnet.builder import build
from graphnet.gradcheck import check
from graphnet.layers import LAYERS
from graphnet.layers.elementwise import Elementwise
from graphnet.layers.softmax import LogSoftmax, Softmax
from graphnet.network import Network
from graphnet.spec.reader import parse_spec

KINDS = [n for n, kind in LAYERS.items() if issubclass(kind.Spec, Elementwise)]
KINDS += [kind.__name__ for kind in (Softmax, LogSoftmax)]


ATTRIBUTES = {"Power": {"exponent": 1.5}}
BETWEEN_0_AND_1 = {"Power", "Log", "Sqrt", "Asin", "Acos", "Atanh"}


def network(kind: str) -> Network:
    node = {"type": kind, **ATTRIBUTES.get(kind, {})}
    before = "Sigmoid" if kind in BETWEEN_0_AND_1 else "Cosh" if kind == "Acosh" else "Identity"
    values = {
        "format": 1,
        "name": "between",
        "dtype": "float64",
        "inputs": {"x": {"shape": [4]}},
        "nodes": [
            {"id": "affine1", "type": "Affine", "units": 6},
            {"id": "norm1", "type": "BatchNorm"},
            {"id": "before", "type": before},
            {"id": "node", **node},
            {"id": "between", "type": "Cosh" if kind == "Acosh" else "Sigmoid"},
            {"id": "again", **node},
            {"id": "affine2", "type": "Affine", "units": 3},
        ],
        "edges": [["x", "affine1", "norm1", "before", "node", "between", "again", "affine2"]],
        "loss": {"type": "SoftmaxWithLoss"},
    }
    return build(parse_spec(json.dumps(values)), seed=3)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_right_where_memory_is_used_again(kind, rng, monkeypatch):
    monkeypatch.setattr(graphnet.schedule, "TILE_BYTES", 1024)
    net = network(kind)
    x, t = rng.normal(size=(32, 4)), rng.integers(0, 3, 32)
    assert net.engine.program(32, training=True).schedule.tiles["node"] < 32
    # A kink within the step of a difference is no fault; a wrong buffer is wrong everywhere.
    assert [row.name for row in check(net, x, t) if row.error > 1e-6] == []


@pytest.mark.parametrize("kind", KINDS)
def test_prediction_is_the_same_where_memory_is_used_again(kind, rng, monkeypatch):
    monkeypatch.setattr(graphnet.schedule, "PREDICTION_TILE_BYTES", 1024)
    net = network(kind)
    x = rng.normal(size=(32, 4))
    np.testing.assert_allclose(net.predict(x), net.forward(x)["affine2"], rtol=1e-12)
