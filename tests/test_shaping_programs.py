"""Layers that move numbers, in the memory of a training step, a few samples at a time."""

import json

import numpy as np
import pytest

import graphnet.schedule
from graphnet.builder import build
from graphnet.gradcheck import check
from graphnet.network import Network
from graphnet.spec.reader import parse_spec


def network(batch_norm: bool) -> Network:
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
            {"id": "one", "type": "Slice", "starts": [0], "ends": [1], "axes": [0]},
            {"id": "repeated", "type": "Broadcast", "to": [12, 6]},
            {"id": "sum", "type": "Add"},
            {"id": "flat", "type": "Flatten"},
            {"id": "affine2", "type": "Affine", "units": 3},
        ],
        "edges": [
            ["x", "affine1", "rows", "turned", "image", "larger", "again", "joined"],
            ["rows", "padded", "cut", "sigmoid", "joined", "sum", "flat", "affine2"],
            ["cut", "joined"],
            ["joined", "one", "repeated", "sum"],
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
