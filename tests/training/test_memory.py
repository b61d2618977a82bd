"""A training step holds what the plan says, and allocates nothing large after the first."""

import json
import tracemalloc

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.data.dataset import Dataset, Split
from graphnet.plan import Plan
from graphnet.spec.reader import parse_spec
from graphnet.training.loop import Trainer

RESIDUAL = {
    "format": 1,
    "name": "residual",
    "inputs": {"x": {"shape": [14, 14, 3]}},
    "nodes": [
        {"id": "conv1", "type": "Conv2D", "channels": 16, "kernel": 3, "padding": "same"},
        {"id": "bn1", "type": "BatchNorm"},
        {"id": "relu1", "type": "Relu"},
        {"id": "conv2", "type": "Conv2D", "channels": 16, "kernel": 3, "padding": "same"},
        {"id": "bn2", "type": "BatchNorm"},
        {"id": "add", "type": "Add"},
        {"id": "drop", "type": "Dropout"},
        {"id": "half", "type": "Conv2D", "channels": 32, "kernel": 3, "stride": 2, "padding": 1},
        {"id": "mean", "type": "AvgPool2D", "size": 2},
        {"id": "pool", "type": "GlobalAvgPool2D"},
        {"id": "score", "type": "Affine", "units": 10},
    ],
    "edges": [
        ["x", "conv1", "bn1", "relu1", "conv2", "bn2", "add", "drop", "half", "mean", "pool"],
        ["pool", "score"],
        ["relu1", "add"],
    ],
    "loss": {"type": "SoftmaxWithLoss"},
    "train": {"epochs": 1, "batch_size": 50, "optimizer": {"type": "Adam"}},
}


BUFFERS = 3 * 32 * 1024
"""What NumPy itself takes for a call over numbers that lie apart: 8192 of each operand."""


def data_of(spec, rng, samples: int) -> Dataset:
    given = spec.inputs["x"]
    x = rng.random((samples, *given.shape), dtype=np.float32)
    if given.image is not None:
        x = rng.integers(0, 100, (samples, *given.image.size), dtype=np.uint8)  # a dark border
    return Dataset("mine", Split({"x": x}, rng.integers(0, 10, samples)))


@pytest.fixture(params=["mnist_two_layer", "mnist_cnn", "mnist_deep", "residual"])
def spec(request, model):
    if request.param == "residual":
        return parse_spec(json.dumps(RESIDUAL))
    return model(request.param)


def test_a_step_after_the_first_allocates_no_large_array(spec, rng):
    size = spec.train.batch_size
    with Trainer(build(spec), data_of(spec, rng, 8 * size), threads=1) as trainer:
        steps = trainer.steps(np.arange(8 * size))
        next(steps)
        next(steps)
        tracemalloc.start()
        try:
            held = tracemalloc.get_traced_memory()[0]
            for _ in steps:
                pass
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak - held < BUFFERS + 32 * 1024


def test_the_bytes_of_a_step_are_those_measured(spec, rng):
    size = spec.train.batch_size
    data = data_of(spec, rng, 4000)
    tracemalloc.start()
    try:
        with Trainer(build(spec), data, threads=2) as trainer:
            for _ in trainer.steps(np.arange(2 * size)):
                pass
            found = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    arrays = sum(trace.size for trace in found.traces if trace.size >= 2048)
    assert Plan(trainer.net.graph).step_bytes(size) == pytest.approx(arrays, rel=0.1)
