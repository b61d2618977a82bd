"""One example of everything that a spec declares by its type: schema and manual show them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from graphnet.declaration import Shape


class Example(NamedTuple):
    """A layer as a node declares it, and what it applies to.

    attributes: those of its own, as JSON values; shapes: of one sample at each port; low, high:
    numbers that may come in.
    """

    attributes: Mapping[str, Any]
    shapes: tuple[Shape, ...]
    low: float = -1.0
    high: float = 1.0


_ROW: tuple[Shape, ...] = ((3,),)
_TWO: tuple[Shape, ...] = ((3,), (3,))
_MATRIX: tuple[Shape, ...] = ((2, 3),)
_SCORES: tuple[Shape, ...] = ((10,),)
_SEQUENCE: tuple[Shape, ...] = ((20, 16),)
_IMAGE: tuple[Shape, ...] = ((8, 8, 16),)
_HIDDEN: tuple[Shape, ...] = ((50,),)

NODES: dict[str, Example] = {
    **{name: Example({}, _TWO) for name in ("Add", "Sub", "Mul", "Maximum", "Minimum")},
    **{name: Example({}, _TWO, low=0.5) for name in ("Div", "Pow")},
    **{name: Example({}, _ROW) for name in ("Neg", "Exp", "Abs", "Erf")},
    **{name: Example({}, _ROW, low=0.5) for name in ("Reciprocal", "Log", "Sqrt")},
    **{name: Example({}, _ROW) for name in ("Sign", "Floor", "Ceil", "Round")},
    **{name: Example({}, _ROW) for name in ("Sin", "Cos", "Tan", "Sinh", "Cosh")},
    **{name: Example({}, _ROW) for name in ("Atan", "Asinh")},
    **{name: Example({}, _ROW, low=-0.9, high=0.9) for name in ("Asin", "Acos", "Atanh")},
    "Acosh": Example({}, _ROW, low=1.5, high=3.0),
    "Power": Example({"exponent": 2}, _ROW),
    "Scale": Example({"factor": 0.1, "offset": -1}, _ROW),
    "Clip": Example({"low": 0, "high": 6}, _ROW),
    **{name: Example({"axes": [-1]}, _MATRIX) for name in ("Sum", "Mean", "Max", "Min", "Prod")},
    **{name: Example({"axes": [-1]}, _MATRIX) for name in ("SumSquare", "L1", "L2", "LogSumExp")},
    "LogSum": Example({"axes": [-1]}, _MATRIX, low=0.5),
    **{name: Example({}, _HIDDEN) for name in ("Relu", "Sigmoid", "Tanh", "Softplus", "Softsign")},
    **{name: Example({}, _HIDDEN) for name in ("Silu", "Gelu", "Mish", "HardSwish", "Selu")},
    "HardSigmoid": Example({"alpha": 0.2, "beta": 0.5}, _HIDDEN),
    **{name: Example({}, _SCORES) for name in ("Softmax", "LogSoftmax", "Hardmax")},
    "LeakyRelu": Example({"alpha": 0.01}, _HIDDEN),
    "PRelu": Example({}, _IMAGE),
    **{name: Example({"alpha": 1.0}, _HIDDEN) for name in ("Elu", "Celu", "ThresholdedRelu")},
    "MatMul": Example({}, ((2, 3), (3, 4))),
    "Affine": Example({"units": 50}, ((64,),)),
    "Embedding": Example({"vocabulary": 1000, "units": 32}, ((20,),)),
    "Conv2D": Example({"channels": 16, "kernel": 3, "padding": "same"}, ((28, 28, 1),)),
    "Conv1D": Example({"channels": 32, "kernel": 3, "padding": "causal"}, _SEQUENCE),
    "ConvTranspose2D": Example({"channels": 8, "kernel": 2, "stride": 2}, _IMAGE),
    **{name: Example({"size": 2}, _IMAGE) for name in ("MaxPool2D", "AvgPool2D")},
    "GlobalAvgPool2D": Example({}, _IMAGE),
    **{name: Example({"size": 2}, _SEQUENCE) for name in ("MaxPool1D", "AvgPool1D")},
    "BatchNorm": Example({"momentum": 0.1}, _IMAGE),
    **{name: Example({}, _SEQUENCE) for name in ("LayerNorm", "RMSNorm")},
    "GroupNorm": Example({"groups": 4}, _IMAGE),
    "InstanceNorm": Example({}, _IMAGE),
    "Dropout": Example({"ratio": 0.5}, _HIDDEN),
    **{name: Example({"units": 64, "outputs": "last"}, _SEQUENCE) for name in ("Rnn", "Lstm")},
    "Gru": Example({"units": 64, "outputs": "all"}, _SEQUENCE),
    "MultiHeadAttention": Example({"heads": 4, "units": 32, "causal": True}, _SEQUENCE),
    "PositionalEncoding": Example({"learned": True}, _SEQUENCE),
    "Flatten": Example({}, _IMAGE),
    "Reshape": Example({"to": [4, -1]}, ((2, 6),)),
    "Identity": Example({}, _ROW),
    "Transpose": Example({"axes": [1, 0]}, _MATRIX),
    "Concat": Example({"axis": -1}, ((2, 3), (2, 4))),
    "Slice": Example({"starts": [0], "ends": [5], "axes": [0]}, _SEQUENCE),
    "Broadcast": Example({"to": [2, 3]}, _ROW),
    "Upsample": Example({"scale": 2}, _IMAGE),
    "Pad": Example({"widths": [[1, 1], [1, 1], [0, 0]]}, _IMAGE),
}
"""Of every layer type."""

TYPED: dict[str, dict[str, dict[str, Any]]] = {
    "Initializer": {
        "Normal": {"type": "Normal", "std": 0.01},
        "Uniform": {"type": "Uniform", "low": -0.1, "high": 0.1},
        "Xavier": {"type": "Xavier"},
        "He": {"type": "He"},
        "Orthogonal": {"type": "Orthogonal", "gain": 1.0},
        "Constant": {"type": "Constant", "value": 0.25},
        "Zeros": {"type": "Zeros"},
    },
    "Loss": {
        "SoftmaxWithLoss": {"type": "SoftmaxWithLoss"},
        "SigmoidWithLoss": {"type": "SigmoidWithLoss"},
        "MeanSquaredError": {"type": "MeanSquaredError"},
        "MeanAbsoluteError": {"type": "MeanAbsoluteError"},
        "Huber": {"type": "Huber", "delta": 1.0},
    },
    "Optimizer": {
        "SGD": {"type": "SGD", "lr": 0.1, "momentum": 0.9},
        "AdaGrad": {"type": "AdaGrad", "lr": 0.01},
        "RMSprop": {"type": "RMSprop", "lr": 0.001},
        "Adam": {"type": "Adam", "lr": 0.001},
        "AdamW": {"type": "AdamW", "lr": 0.001, "weight_decay": 0.01},
        "Lion": {"type": "Lion", "lr": 0.0001},
    },
    "Schedule": {
        "Constant": {"type": "Constant", "warmup": 1},
        "Step": {"type": "Step", "at": [10, 15], "gamma": 0.1},
        "Cosine": {"type": "Cosine", "warmup": 1},
        "OneCycle": {"type": "OneCycle"},
    },
    "Augment": {
        "Shift": {"type": "Shift", "pixels": 2},
        "Rotate": {"type": "Rotate", "degrees": 10},
        "Scale": {"type": "Scale", "range": [0.9, 1.1]},
        "Shear": {"type": "Shear", "degrees": 10},
        "Flip": {"type": "Flip", "axis": "horizontal"},
        "Noise": {"type": "Noise", "std": 0.05},
    },
    "Metric": {
        "Accuracy": {"type": "Accuracy"},
        "TopK": {"type": "TopK", "k": 3},
        "Precision": {"type": "Precision"},
        "Recall": {"type": "Recall", "label": "cat"},
        "F1": {"type": "F1"},
        "R2": {"type": "R2"},
        "MAE": {"type": "MAE"},
        "RMSE": {"type": "RMSE"},
    },
    "Data": {
        "digits": {"source": "digits"},
        "mnist": {"source": "mnist"},
        "fashion_mnist": {"source": "fashion_mnist"},
        "idx": {
            "source": "idx",
            "train_images": "train-images-idx3-ubyte.gz",
            "train_labels": "train-labels-idx1-ubyte.gz",
            "test_images": "t10k-images-idx3-ubyte.gz",
            "test_labels": "t10k-labels-idx1-ubyte.gz",
        },
        "csv": {"source": "csv", "train": "table.csv", "target": "kind", "test_share": 0.2},
        "folder": {"source": "folder", "train": "pictures", "test_share": 0.2},
        "npz": {"source": "npz", "train": "arrays.npz", "test_share": 0.2},
        "npy": {
            "source": "npy",
            "train": {"x": "x.npy", "t": "t.npy"},
            "test_share": 0.2,
            "stream": True,
        },
        "lines": {"source": "lines", "train": "texts.txt", "target": "label", "test_share": 0.2},
    },
}
"""Of every member of the other families, by the family's name in the schema."""

PARTS: dict[str, dict[str, Any]] = {
    "ImageSpec": {
        "size": [28, 28],
        "mode": "grey",
        "range": [0, 1],
        "background": "black",
        "fit": "contain",
    },
    "Columns": {"rooms": "number", "town": {"type": "category", "values": ["a", "b"]}},
    "NumberColumn": {"type": "number", "mean": 0, "std": 1},
    "CategoryColumn": {"type": "category", "values": ["red", "green", "blue"]},
    "TextSpec": {"unit": "word", "size": 1000, "lower": True, "pad": "start", "cut": True},
    "InputSpec": {"shape": [28, 28, 1], "image": {"size": [28, 28], "mode": "grey"}},
    "ClipSpec": {"norm": 1.0},
    "EarlyStopping": {"monitor": "validation_loss", "patience": 5},
    "TrainSpec": {
        "epochs": 20,
        "batch_size": 100,
        "seed": 0,
        "optimizer": {"type": "Adam", "lr": 0.001},
        "validation": 0.1,
        "early_stopping": {"monitor": "validation_loss", "patience": 5},
    },
    "Block": {"id": "stage1", "type": "Block", "block": "residual", "repeat": 2},
    "NodeSpec": {"id": "relu1", "type": "Relu"},
    "GraphSpec": {
        "format": 1,
        "name": "digits",
        "inputs": {"x": {"shape": [64], "image": {"size": [8, 8]}}},
        "nodes": [{"id": "affine1", "type": "Affine", "units": 10}],
        "edges": [["x", "affine1"]],
        "outputs": ["affine1"],
        "loss": {"type": "SoftmaxWithLoss"},
        "labels": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        "data": {"source": "digits"},
        "train": {"epochs": 20, "optimizer": {"type": "Adam", "lr": 0.01}},
    },
    "BlockSpec": {
        "args": {"channels": 16},
        "inputs": ["x"],
        "output": "relu1",
        "nodes": [
            {"id": "conv1", "type": "Conv2D", "channels": "$channels", "kernel": 3},
            {"id": "relu1", "type": "Relu"},
        ],
        "edges": [["x", "conv1", "relu1"]],
    },
}
"""Of the parts that have no family, by their names in the schema."""

ATTRIBUTES: dict[str, list[Any]] = {
    "kernel": [3, [3, 5]],
    "size": [2, [2, 3]],
    "stride": [2, [2, 1]],
    "padding": ["same", 1, [1, 0]],
    "init": [{"type": "He"}, {"type": "Normal", "std": 0.01}],
    "shape": [[28, 28, 1]],
    "share": ["affine1"],
    "doc": ["what this node is for"],
}
"""Of attributes that nodes write in several ways, in place of the one in their example."""


def node(name: str) -> dict[str, Any]:
    """The whole of a node of this layer type; of one without a row, what all nodes have."""
    stem = re.sub(r"[12]D$", "", name).lower()
    return {
        "id": stem if stem[-1].isdigit() else f"{stem}1",
        "type": name,
        **(NODES[name].attributes if name in NODES else {}),
    }


def graph(name: str) -> dict[str, Any]:
    """A whole spec around that node, with an input for each of its ports."""
    from graphnet.layers.base import LAYERS

    found, spec = node(name), LAYERS[name].Spec
    shapes = NODES[name].shapes
    inputs: dict[str, dict[str, Any]] = {}
    for port, shape in zip(spec.ports_for(len(shapes)), shapes, strict=True):
        inputs[port] = {"shape": list(shape)}
        if port in spec.integers:
            inputs[port]["dtype"] = "int64"
    return {
        "format": 1,
        "name": "example",
        "inputs": inputs,
        "nodes": [found],
        "edges": [[port, found["id"]] for port in inputs],
    }
