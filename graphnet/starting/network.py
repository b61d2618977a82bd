"""Small networks by rule, and recipes that suit how many samples there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

Node = dict[str, Any]
Values = dict[str, Any]
_FEW, _SOME, _MANY = 200, 2_000, 10_000
"""Samples up to which a step takes 16, 32 and 64 of them."""
_ENOUGH = 100
"""Training samples of which some can be set apart to say when to stop."""
_STEPS = 2_500
"""Steps that a run of a small network should have; fewer epochs, where there are more samples."""


def graph(source: str, nodes: Sequence[Node]) -> Values:
    """Nodes in a chain behind an input: `nodes`, `edges` and `outputs` of a spec.

    A path ends where a stage of the network does, so that each is one line.
    """
    ids = [node["id"] for node in nodes]
    paths = [[source]]
    for i, node in enumerate(nodes):
        paths[-1].append(node["id"])
        if len(nodes) > 10 and node["type"] == "MaxPool2D" and i < len(nodes) - 1:
            paths.append([node["id"]])
    return {"nodes": list(nodes), "edges": paths, "outputs": [ids[-1]]}


def of_pictures(height: int, width: int, classes: int) -> list[Node]:
    """Convolutions of 3x3, each followed by a halving, until a side is shorter than 8."""
    nodes: list[Node] = []
    stage, side = 0, min(height, width)
    while side >= 8 and stage < 5:
        stage, side = stage + 1, side // 2
        channels = min(16 * 2 ** (stage - 1), 64)
        nodes += [
            _node(
                f"conv{stage}", "Conv2D", channels=channels, kernel=3, padding="same", bias=False
            ),
            _node(f"norm{stage}", "BatchNorm"),
            _node(f"relu{stage}", "Relu"),
            _node(f"pool{stage}", "MaxPool2D", size=2),
        ]
    nodes += [_node("flatten", "Flatten")]
    if stage == 0:
        nodes += [_node("hidden", "Affine", units=64), _node("relu", "Relu")]
    return [
        *nodes,
        _node("dropout", "Dropout", ratio=0.3),
        _node("scores", "Affine", units=classes),
    ]


def of_numbers(width: int, samples: int) -> list[Node]:
    """Hidden layers for rows of numbers: wider for wider rows, a second for many samples."""
    units = min(max(2 ** math.ceil(math.log2(4 * width)), 16), 128)
    nodes = []
    for i in range(1, 2 + (samples >= 500)):
        nodes += [_node(f"affine{i}", "Affine", units=units), _node(f"relu{i}", "Relu")]
        units = max(units // 2, 16)
    return nodes


def of_text(entries: int, outputs: str) -> list[Node]:
    """A row of numbers for each character or word, read one after the other."""
    units = 64 if outputs == "last" else 96
    gru = _node("gru", "Gru", units=units, **({"outputs": "all"} if outputs == "all" else {}))
    return [_node("entries", "Embedding", vocabulary=entries, units=32), gru]


def scores(classes: int, **more: Any) -> Node:
    """A score a class."""
    return _node("scores", "Affine", units=classes, **more)


def answer(numbers: int, mean: float, std: float) -> list[Node]:
    """Numbers of about this mean and spread: what trains well is near 0 and 1."""
    nodes = [_node("affine", "Affine", units=numbers)]
    factor, offset = _rounded(std) or 1.0, _rounded(mean)
    if (factor, offset) != (1.0, 0.0):
        nodes.append(_node("answer", "Scale", factor=factor, offset=offset))
    return nodes


def _rounded(number: float) -> float:
    """Three digits that count, as a person would write them."""
    return float(f"{number:.3g}")


def _node(node_id: str, kind: str, **attributes: Any) -> Node:
    return {"id": node_id, "type": kind, **attributes}


def recipe(samples: int, *, lr: float, held_out: bool, augment: Sequence[Values] = ()) -> Values:
    """How to train on so many samples; held_out: whether some of them are set apart for the test.

    Where there are enough, a part of them says when to stop.
    """
    batch = 16 if samples < _FEW else 32 if samples < _SOME else 64 if samples < _MANY else 100
    samples = round(samples * 0.8) if held_out else samples
    epochs = min(max(math.ceil(_STEPS * batch / max(samples, 1) / 10) * 10, 10), 100)
    found: Values = {"epochs": epochs, "batch_size": batch, "seed": 0}
    found["optimizer"] = {"type": "Adam", "lr": lr}
    if samples >= _ENOUGH:
        found["validation"] = 0.1
        found["early_stopping"] = {"monitor": "validation_loss", "patience": max(5, epochs // 10)}
    if augment:
        found["augment"] = list(augment)
    return found
