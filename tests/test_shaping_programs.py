"""Layers that move numbers or add them up, in the memory of a training step, in tiles."""

import json

import numpy as np
import pytest

import graphnet.schedule
from graphnet.builder import build
from graphnet.gradcheck import check
from graphnet.layers import LAYERS
from graphnet.layers.reduction import Reduction
from graphnet.network import Network
from graphnet.spec.reader import parse_spec

REDUCTIONS = [n for n, kind in LAYERS.items() if issubclass(kind.Spec, Reduction)]


def network(batch_norm: bool, reduction: str = "Mean", joint: str = "Add") -> Network:
    values = {
        "format": 1,
        "name": "moved",
        "dtype": "float64",
        "inputs": {"x": {"shape": [4]}},
        "nodes": [
            {"id": "affine1", "type": "Affine", "units": 12},
            {"id": "rows", "type": "Reshape", "to": [3, 4]},
            {"id": "turned", "type": "Transpose"},
            {"id": "padded", "type": "Pad", "widths": [[1, 0], [0, 2]], "mode": "reflect"},
            {"id": "cut", "type": "Slice", "starts": [-1], "ends": [-9], "steps": [-1]},
            {"id": "image", "type": "Reshape", "to": [4, 3, 1]},
            {"id": "larger", "type": "Upsample", "scale": [2, 1]},
            {"id": "again", "type": "Reshape", "to": [-1, 6]},
            {"id": "sigmoid", "type": "BatchNorm" if batch_norm else "Sigmoid"},
            {"id": "joined", "type": "Concat", "axis": 0},
            {"id": "square", "type": "Power", "exponent": 2},
            {"id": "one", "type": reduction, "axes": [0], "keepdims": True},
            {"id": "repeated", "type": "Broadcast", "to": [12, 6]},
            {"id": "sum", "type": joint},
            {"id": "flat", "type": "Flatten"},
            {"id": "affine2", "type": "Affine", "units": 3},
        ],
        "edges": [
            ["x", "affine1", "rows", "turned", "image", "larger", "again", "joined"],
            ["rows", "padded", "cut", "sigmoid", "joined", "sum", "flat", "affine2"],
            ["cut", "joined"],
            ["joined", "square", "one", "repeated", "sum"],
        ],
        "loss": {"type": "SoftmaxWithLoss"},
    }
    return build(parse_spec(json.dumps(values)), seed=3)


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("tile_bytes", [2_000, 10**6])
def test_gradients_are_right_where_memory_is_used_again(batch_norm, tile_bytes, rng, monkeypatch):
    monkeypatch.setattr(graphnet.schedule, "TILE_BYTES", tile_bytes)
    net = network(batch_norm)
    x, t = rng.normal(size=(32, 4)), rng.integers(0, 3, 32)
    assert [row for row in check(net, x, t) if not row.passed] == []


@pytest.mark.parametrize("tile_bytes", [2_000, 10**6])
def test_prediction_is_the_same_where_memory_is_used_again(tile_bytes, rng, monkeypatch):
    monkeypatch.setattr(graphnet.schedule, "PREDICTION_TILE_BYTES", tile_bytes)
    net = network(batch_norm=False)
    x = rng.normal(size=(32, 4))
    np.testing.assert_allclose(net.predict(x), net.forward(x)["affine2"], rtol=1e-12)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("joint", ["Maximum", "Mul"])
def test_reductions_are_right_where_memory_is_used_again(reduction, joint, rng, monkeypatch):
    monkeypatch.setattr(graphnet.schedule, "TILE_BYTES", 2_000)
    net = network(batch_norm=False, reduction=reduction, joint=joint)
    x, t = rng.normal(size=(32, 4)), rng.integers(0, 3, 32)
    assert [row for row in check(net, x, t) if row.error > 1e-5] == []
    np.testing.assert_allclose(net.predict(x), net.forward(x)["affine2"], rtol=1e-12)
