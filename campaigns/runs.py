"""Small runs with everything in them that a checkpoint has to hold."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from graphnet.builder import build
from graphnet.bundle.model import contents_of
from graphnet.bundle.writer import encode
from graphnet.data.dataset import Dataset, Split
from graphnet.network import Network
from graphnet.spec.reader import parse_spec
from graphnet.training.checkpoint import save_checkpoint
from graphnet.training.loop import Trainer
from graphnet.training.resume import resume

OPTIMIZERS = {
    "SGD": {"type": "SGD", "lr": 0.05},
    "momentum": {"type": "SGD", "lr": 0.05, "momentum": 0.9, "nesterov": True},
    "AdaGrad": {"type": "AdaGrad"},
    "RMSprop": {"type": "RMSprop", "lr": 0.003},
    "centered": {"type": "RMSprop", "lr": 0.003, "momentum": 0.5, "centered": True},
    "Adam": {"type": "Adam", "lr": 0.01},
    "AdamW": {"type": "AdamW", "lr": 0.01},
    "Lion": {"type": "Lion", "lr": 0.001},
}
SCHEDULES: dict[str, dict[str, Any] | None] = {
    "none": None,
    "Constant": {"type": "Constant", "warmup": 0.7},
    "Step": {"type": "Step", "at": [0.5, 1.5]},
    "Cosine": {"type": "Cosine", "warmup": 0.3},
    "OneCycle": {"type": "OneCycle"},
}
NODES = [
    {"id": "conv", "type": "Conv2D", "channels": 3, "kernel": 3, "padding": "same"},
    {"id": "norm", "type": "BatchNorm"},
    {"id": "relu", "type": "Relu"},
    {"id": "drop", "type": "Dropout", "ratio": 0.3},
    {"id": "flat", "type": "Flatten"},
    {"id": "scores", "type": "Affine", "units": 4},
]
STEPS = 15
"""Of a whole run: 3 epochs of 5 batches."""


def values(**train: Any) -> dict[str, Any]:
    """A spec of pictures with batch norm, dropout and augmentation; `train`: of its recipe."""
    recipe = {
        "epochs": 3,
        "batch_size": 8,
        "augment": [{"type": "Shift", "pixels": 1.5}, {"type": "Noise", "std": 0.05}],
        **train,
    }
    return {
        "format": 1,
        "name": "run",
        "inputs": {"x": {"shape": [6, 6, 1], "image": {"size": [6, 6], "mode": "grey"}}},
        "nodes": NODES,
        "edges": [["x", *(node["id"] for node in NODES)]],
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {key: value for key, value in recipe.items() if value is not None},
    }


def pictures(seed: int = 0) -> Dataset:
    """37 training pictures, so that the last batch is shorter, and 12 of the test part."""
    rng = np.random.default_rng(seed)

    def split(count: int) -> Split:
        t = np.arange(count) % 4
        x = rng.integers(0, 60, (count, 6, 6, 1)) + 48 * t.reshape(-1, 1, 1, 1)
        return Split({"x": x.astype(np.uint8)}, t)

    return Dataset("pictures", split(37), split(12))


def network(spec: dict[str, Any]) -> Network:
    """A new network."""
    return build(parse_spec(json.dumps(spec)))


def trainer(spec: dict[str, Any], data: Dataset, after: int | None = None, **more: Any) -> Trainer:
    """A trainer that stops after so many steps of its own."""
    done: list[Any] = []
    stop: Callable[[], bool] | None = None
    if after is not None:
        stop = lambda: len(done) >= after  # noqa: E731
    return Trainer(
        network(spec),
        data,
        threads=1,
        on_step=done.append,
        should_stop=stop,
        **more,
    )


def whole(spec: dict[str, Any], data: Dataset) -> bytes:
    """The bundle's bytes after a run that is not interrupted."""
    run = trainer(spec, data)
    list(run.run())
    return encode(contents_of(run.net))


def in_parts(spec: dict[str, Any], data: Dataset, after: list[int], file: Path) -> bytes:
    """The bundle's bytes after a run that is left after so many steps, each time gone on with by a
    new network from the file alone."""
    for i, steps in enumerate([*after, None]):
        run = trainer(spec, data, steps)
        if i:
            resume(file, run)
        list(run.run())
        assert run.stopped == (steps is not None)
        save_checkpoint(file, run)
    return encode(contents_of(run.net))
