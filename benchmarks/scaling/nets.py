"""The networks whose training is shared by ranks, with samples to train them on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from graphnet.builder import build
from graphnet.data.dataset import Dataset, Split
from graphnet.network import Network
from graphnet.spec.reader import parse_spec

MODELS = Path(__file__).parents[2] / "models"
WIDE = "mlp_100m"
NAMES = ("mnist_cnn", "residual", WIDE)
TITLES = {
    "mnist_cnn": "`mnist_cnn`",
    "residual": "the residual net",
    WIDE: "an MLP of 100 million parameters",
}
UNITS = 4096
"""Of each hidden layer of the wide network, and its inputs: six such products and ten scores."""
SAMPLES = 2048
"""Samples that steps are taken over, again and again: what they show makes no difference."""


def values(name: str) -> dict[str, Any]:
    """The spec, as JSON has it."""
    return wide() if name == WIDE else json.loads((MODELS / f"{name}.json").read_text("utf-8"))


def wide() -> dict[str, Any]:
    """4096 inputs, six layers of 4096 units with ReLU, ten scores."""
    nodes: list[dict[str, Any]] = []
    for i in range(1, 7):
        nodes.append({"id": f"affine{i}", "type": "Affine", "units": UNITS})
        nodes.append({"id": f"relu{i}", "type": "Relu"})
    nodes.append({"id": "scores", "type": "Affine", "units": 10})
    return {
        "format": 1,
        "name": WIDE,
        "inputs": {"x": {"shape": [UNITS]}},
        "nodes": nodes,
        "edges": [["x", *(node["id"] for node in nodes)]],
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {
            "epochs": 1,
            "batch_size": 256,
            "optimizer": {"type": "SGD", "lr": 0.01, "momentum": 0.9},
        },
    }


def network(name: str, batch: int | None = None, shards: int | None = None) -> Network:
    """The network, with the batch size and shards of its own spec or with others."""
    spec = values(name)
    # A small rate: weights stay what they are like at the start, whatever is learnt from noise.
    spec["train"]["optimizer"]["lr"] = 1e-6
    if batch is not None:
        spec["train"]["batch_size"] = batch
    if shards is not None:
        spec["train"]["shards"] = shards
    return build(parse_spec(json.dumps(spec)), seed=0)


def dataset(net: Network) -> Dataset:
    """Samples of noise: pictures as bytes where the network declares pictures."""
    rng = np.random.default_rng(0)
    given = net.spec.inputs["x"]
    if given.image is None:
        x = rng.normal(size=(SAMPLES, *given.shape)).astype(np.float32)
    else:
        x = rng.integers(0, 256, (SAMPLES, *given.shape), dtype=np.uint8)
    return Dataset("noise", Split({"x": x}, rng.integers(0, 10, SAMPLES)))
