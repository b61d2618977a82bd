"""The networks that are timed: one description, from which every side builds its own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

Node = Mapping[str, Any]
Shape = tuple[int, ...]
CLASSES = 10


@dataclass(frozen=True)
class Net:
    """A network as graphnet's spec has it.

    shape: of one sample, (D,), (H, W, C) or, of a sequence, (T, D). size: height and width of the
    picture that fills it; the rows of a grey one are the steps of a sequence.
    nodes: in running order. edges: paths, as in a spec.
    """

    name: str
    shape: Shape
    size: tuple[int, int]
    nodes: tuple[Node, ...]
    edges: tuple[tuple[str, ...], ...]

    @property
    def channels(self) -> int:
        """1 for grey pictures, 3 for rgb."""
        return math.prod(self.shape) // math.prod(self.size)

    @property
    def is_sequence(self) -> bool:
        """Whether samples are (T, D): numbers, which no picture is declared for."""
        return len(self.shape) == 2

    @property
    def output(self) -> str:
        """The node that gives the scores."""
        return self.nodes[-1]["id"]

    def sources(self) -> dict[str, list[str]]:
        """What arrives at each node, in the order of its ports."""
        found: dict[str, list[str]] = {node["id"]: [] for node in self.nodes}
        for path in self.edges:
            for source, target in pairwise(path):
                found[target].append(source)
        return found

    def shapes(self) -> dict[str, Shape]:
        """The shape of one sample of the input `x` and of every node; pictures are (H, W, C)."""
        found = {"x": self.shape}
        sources = self.sources()
        for node in self.nodes:
            found[node["id"]] = shape_after(node, found[sources[node["id"]][0]])
        return found

    def text(self, batch: int, lr: float) -> str:
        """The spec as JSON, with a recipe of plain SGD."""
        x: dict[str, Any] = {"shape": list(self.shape)}
        if not self.is_sequence:
            mode = "grey" if self.channels == 1 else "rgb"
            x["image"] = {"size": list(self.size), "mode": mode, "range": [0, 1]}
        spec = {
            "format": 1,
            "name": self.name,
            "inputs": {"x": x},
            "nodes": list(self.nodes),
            "edges": [list(path) for path in self.edges],
            "outputs": [self.output],
            "loss": {"type": "SoftmaxWithLoss"},
            "train": {
                "epochs": 1,
                "batch_size": batch,
                "seed": 0,
                "optimizer": {"type": "SGD", "lr": lr},
            },
        }
        return json.dumps(spec)


def shape_after(node: Node, x: Shape) -> Shape:
    """The shape of one sample of a node's output."""
    match node["type"]:
        case "Affine" | "MultiHeadAttention":
            return (*x[:-1], node["units"])
        case "Lstm":
            return (node["units"],)
        case "Mean":
            return x[1:]
        case "Flatten":
            return (math.prod(x),)
        case "GlobalAvgPool2D":
            return (x[2],)
        case "MaxPool2D":
            return (x[0] // node["size"], x[1] // node["size"], x[2])
        case "Conv2D":
            height, width = (
                (side + 2 * padding_of(node) - node["kernel"]) // node.get("stride", 1) + 1
                for side in x[:2]
            )
            return (height, width, node["channels"])
        case "Relu" | "BatchNorm" | "LayerNorm" | "PositionalEncoding" | "Add":
            return x
    raise ValueError(f"node {node['id']!r}: no shape is known for type {node['type']!r}")


def padding_of(node: Node) -> int:
    """The pixels of zeros on each side of a convolution's input."""
    padding = node.get("padding", "valid")
    if padding == "valid":
        return 0
    return (node["kernel"] - 1) // 2 if padding == "same" else padding


def weights(net: Net, seed: int = 0) -> dict[str, np.ndarray]:
    """Parameters and states under graphnet's names: the same numbers for every side.

    Shapes: Affine W (D, M); Conv2D W (kh, kw, C, M); b, gamma, beta, mean, var (M,);
    Lstm W (D, 4 M), U (M, 4 M); MultiHeadAttention Wq, Wk, Wv, Wo (D, D).
    """
    rng = np.random.default_rng(seed)
    shapes, sources = net.shapes(), net.sources()
    found = {}
    for node in net.nodes:
        name = node["id"]
        x = shapes[sources[name][0]]
        if node["type"] in ("Affine", "Conv2D"):
            kernel = (x[-1],) if node["type"] == "Affine" else (node["kernel"],) * 2 + (x[2],)
            out = shapes[name][-1]
            std = math.sqrt(2 / math.prod(kernel))
            found[f"{name}/W"] = rng.normal(0, std, (*kernel, out))
            if node.get("bias", True):
                found[f"{name}/b"] = rng.normal(0, 0.01, out)
        if node["type"] == "Lstm":
            columns = 4 * node["units"]
            found[f"{name}/W"] = rng.normal(0, math.sqrt(1 / x[1]), (x[1], columns))
            found[f"{name}/U"] = rng.normal(
                0, math.sqrt(1 / node["units"]), (node["units"], columns)
            )
            found[f"{name}/b"] = rng.normal(0, 0.01, columns)
        if node["type"] == "MultiHeadAttention":
            for part in "qkvo":
                found[f"{name}/W{part}"] = rng.normal(0, math.sqrt(1 / x[1]), (x[1], x[1]))
                found[f"{name}/b{part}"] = rng.normal(0, 0.01, x[1])
        if node["type"] in ("BatchNorm", "LayerNorm"):
            found[f"{name}/gamma"] = rng.normal(1, 0.01, x[-1])
            found[f"{name}/beta"] = rng.normal(0, 0.01, x[-1])
        if node["type"] == "BatchNorm":
            found[f"{name}/mean"] = np.zeros(x[-1])
            found[f"{name}/var"] = np.ones(x[-1])
    return {name: array.astype(np.float32) for name, array in found.items()}


def chain(name: str, shape: Shape, size: tuple[int, int], nodes: list[Node]) -> Net:
    """A network whose nodes follow one another."""
    return Net(name, shape, size, tuple(nodes), (("x", *(node["id"] for node in nodes)),))


def affine(name: str, units: int) -> dict[str, Any]:
    return {"id": name, "type": "Affine", "units": units, "init": {"type": "He"}}


def conv(name: str, channels: int, kernel: int, **more: Any) -> Node:
    return {"id": name, "type": "Conv2D", "channels": channels, "kernel": kernel, **more}


def pool(name: str) -> Node:
    return {"id": name, "type": "MaxPool2D", "size": 2}


def plain(kind: str, name: str) -> Node:
    return {"id": name, "type": kind}


def perceptron(*units: int) -> Net:
    """784 pixels, affine layers with ReLU between, e.g. 784-50-10."""
    nodes = []
    for i, count in enumerate(units, 1):
        nodes += [affine(f"affine{i}", count), plain("Relu", f"relu{i}")]
    name = "net_" + "_".join(str(count) for count in (784, *units))
    return chain(name, (784,), (28, 28), nodes[:-1])


def mnist_cnn() -> Net:
    """Deep Learning from Scratch, 7.5: the SimpleConvNet."""
    nodes = [
        conv("conv1", 30, 5, stride=1, padding="valid"),
        plain("Relu", "relu1"),
        pool("pool1"),
        plain("Flatten", "flat"),
        affine("affine1", 100),
        plain("Relu", "relu2"),
        affine("affine2", CLASSES),
    ]
    return chain("mnist_cnn", (28, 28, 1), (28, 28), nodes)


def lenet() -> Net:
    """LeNet with 20 and 50 channels and 500 units."""
    nodes = [
        conv("conv1", 20, 5, padding="valid"),
        plain("Relu", "relu1"),
        pool("pool1"),
        conv("conv2", 50, 5, padding="valid"),
        plain("Relu", "relu2"),
        pool("pool2"),
        plain("Flatten", "flat"),
        affine("affine1", 500),
        plain("Relu", "relu3"),
        affine("affine2", CLASSES),
    ]
    return chain("lenet", (28, 28, 1), (28, 28), nodes)


def vgg() -> Net:
    """Two stages of two 3x3 convolutions on 32x32 colours: 32, 32, pool, 64, 64, pool, 128."""
    nodes = []
    for i, channels in enumerate((32, 32, 64, 64), 1):
        nodes += [conv(f"conv{i}", channels, 3, padding="same"), plain("Relu", f"relu{i}")]
        if i % 2 == 0:
            nodes.append(pool(f"pool{i // 2}"))
    nodes += [
        plain("Flatten", "flat"),
        affine("affine1", 128),
        plain("Relu", "relu5"),
        affine("affine2", CLASSES),
    ]
    return chain("vgg", (32, 32, 3), (32, 32), nodes)


def residual() -> Net:
    """A 3x3 convolution, then three stages of one basic block each, 16, 32 and 64 channels.

    Where a stage changes the shape, the shortcut is a 1x1 convolution of stride 2 with its own
    normalization. Convolutions before a normalization have no bias.
    """
    nodes = [
        conv("stem", 16, 3, padding=1, bias=False),
        plain("BatchNorm", "stem_bn"),
        plain("Relu", "stem_relu"),
    ]
    edges = [("x", "stem", "stem_bn", "stem_relu")]
    before = "stem_relu"
    for stage, channels in enumerate((16, 32, 64), 1):
        stride = 1 if stage == 1 else 2
        a, b, short, add, out = (f"{kind}{stage}" for kind in ("a", "b", "short", "add", "relu"))
        nodes += [
            conv(a, channels, 3, stride=stride, padding=1, bias=False),
            plain("BatchNorm", f"{a}_bn"),
            plain("Relu", f"{a}_relu"),
            conv(b, channels, 3, padding=1, bias=False),
            plain("BatchNorm", f"{b}_bn"),
        ]
        edges.append((before, a, f"{a}_bn", f"{a}_relu", b, f"{b}_bn", add))
        if stride == 1:
            edges.append((before, add))
        else:
            nodes += [
                conv(short, channels, 1, stride=stride, padding=0, bias=False),
                plain("BatchNorm", f"{short}_bn"),
            ]
            edges.append((before, short, f"{short}_bn", add))
        nodes += [plain("Add", add), plain("Relu", out)]
        edges.append((add, out))
        before = out
    nodes += [plain("GlobalAvgPool2D", "pool"), affine("affine", CLASSES)]
    edges.append((before, "pool", "affine"))
    return Net("residual", (32, 32, 3), (32, 32), tuple(nodes), tuple(edges))
