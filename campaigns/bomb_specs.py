"""Specs that ask for far more than they are, or are merely large."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from campaigns.children import ACCEPTED
from campaigns.limits import RECIPE, spec_of

MANY = 10_000
"""Nodes that a spec may have."""


class Bomb(NamedTuple):
    """make(folder): a file there, or a spec's text or values; ends: the verdicts that are right."""

    make: Callable[[Path], Any]
    ends: tuple[str, ...]


def _relus(count: int) -> list[dict[str, Any]]:
    return [{"id": f"n{i}", "type": "Relu"} for i in range(count)]


def _path(nodes: list[dict[str, Any]], *ends: str) -> list[str]:
    return ["x", *(node["id"] for node in nodes), *ends]


def _chain(nodes: list[dict[str, Any]], shape: tuple[int, ...] = (4,), **more: Any) -> Any:
    return spec_of(nodes, [_path(nodes)], {"x": {"shape": list(shape)}}, **more)


def _one(shape: tuple[int, ...], kind: str, **attributes: Any) -> Callable[[Path], Any]:
    return lambda folder: _chain([{"id": "node", "type": kind, **attributes}], shape)


def _wide(count: int) -> Any:
    nodes = [*_relus(count), {"id": "all", "type": "Concat"}]
    return spec_of(nodes, [["x", f"n{i}", "all"] for i in range(count)])


def _doubled(kind: str, count: int) -> Any:
    nodes = [{"id": f"n{i}", "type": kind} for i in range(count)]
    edges = [[f"n{i - 1}" if i else "x", f"n{i}"] for i in range(count) for _ in range(2)]
    return spec_of(nodes, edges)


def _heavy(folder: Path) -> Any:
    """Terabytes of activations behind weights of 8 KB."""
    nodes: list[dict[str, Any]] = [{"id": "conv", "type": "Conv2D", "channels": 1000, "kernel": 1}]
    nodes += [{"id": "wide", "type": "Broadcast", "to": [500, 500, 1000]}]
    nodes += [{"id": f"n{i}", "type": "Sigmoid"} for i in range(1000)]
    nodes += [{"id": "mean", "type": "GlobalAvgPool2D"}, {"id": "a", "type": "Affine", "units": 1}]
    more = {"loss": {"type": "MeanSquaredError"}, "train": RECIPE}
    return _chain(nodes, (1, 1, 1), **more)


def _block(inner: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": ["x"], "output": inner["id"], "nodes": [inner], "edges": [["x", inner["id"]]]}


def _repeated(folder: Path) -> Any:
    node = {"id": "r", "type": "Block", "block": "b", "repeat": 10**9}
    return spec_of([node], [["x", "r"]], blocks={"b": _block({"id": "relu", "type": "Relu"})})


def _nested(folder: Path) -> Any:
    """Forty blocks, each of which has the next one twice."""
    blocks = {"b40": _block({"id": "relu", "type": "Relu"})}
    for i in range(40):
        nodes = [{"id": f"r{j}", "type": "Block", "block": f"b{i + 1}"} for j in (1, 2)]
        edges = [["x", "r1", "r2"]]
        blocks[f"b{i}"] = {"inputs": ["x"], "output": "r2", "nodes": nodes, "edges": edges}
    return spec_of([{"id": "r", "type": "Block", "block": "b0"}], [["x", "r"]], blocks=blocks)


def _in_itself(folder: Path) -> Any:
    blocks = {"b": _block({"id": "r", "type": "Block", "block": "b"})}
    return spec_of([{"id": "r", "type": "Block", "block": "b"}], [["x", "r"]], blocks=blocks)


def _text_of_many(count: int) -> str:
    nodes = ",".join(['{"id":"n","type":"Relu"}'] * count)
    return (
        f'{{"format":1,"name":"t","inputs":{{"x":{{"shape":[4]}}}},"nodes":[{nodes}],"edges":[]}}'
    )


_LIMIT, _SPEC, _SHAPE = ("SpecLimitError",), ("SpecError",), ("ShapeError",)
_ANY = (*_LIMIT, *_SPEC, *_SHAPE)
_BIG = 2**63 - 1
SPECS: dict[str, Bomb] = {
    "a chain of 10,000": Bomb(lambda f: _chain(_relus(MANY)), (ACCEPTED,)),
    "a chain of 10,001": Bomb(lambda f: _chain(_relus(MANY + 1)), _LIMIT),
    "a million nodes": Bomb(lambda f: _text_of_many(1_000_000), _LIMIT),
    "80,000 nodes": Bomb(lambda f: _text_of_many(80_000), _LIMIT),
    "10,000 wrong nodes": Bomb(
        lambda f: _chain([{"id": f"n{i}", "type": "Relux", "to": 1} for i in range(MANY)]), _SPEC
    ),
    "10,000 wrong ports": Bomb(
        lambda f: _chain([{**n, "type": "Add"} for n in _relus(MANY)]), _SPEC
    ),
    "10,000 unknown names": Bomb(
        lambda f: spec_of(_relus(10), [[f"y{i}", f"n{i % 10}"] for i in range(MANY)]), _SPEC
    ),
    "one name 10,000 times": Bomb(
        lambda f: spec_of([{"id": "n", "type": "Relu"}] * MANY, [["x", "n"]]), _SPEC
    ),
    "a million names in a path": Bomb(
        lambda f: spec_of(_relus(1), [["x"] + ["n0"] * 400_000]), (*_LIMIT, *_SPEC)
    ),
    "a circle of 10,000": Bomb(
        lambda f: spec_of(_relus(MANY), [["x", "n0"], [*_path(_relus(MANY))[1:], "n0"]]), _SPEC
    ),
    "a node of 9,999 ports": Bomb(lambda f: _wide(MANY - 1), (ACCEPTED,)),
    "sums that double 10,000 times": Bomb(lambda f: _doubled("Add", MANY), (ACCEPTED,)),
    "lengths that double 60 times": Bomb(lambda f: _doubled("Concat", 60), _LIMIT),
    "units of 1e9": Bomb(_one((4,), "Affine", units=10**9), _LIMIT),
    "units of 2**63": Bomb(_one((4,), "Affine", units=2**63), _SPEC),
    "a dimension of 2**63 - 1": Bomb(_one((_BIG,), "Relu"), _LIMIT),
    "seven of them": Bomb(_one((_BIG,) * 7, "Relu"), _LIMIT),
    "eight of them": Bomb(_one((_BIG,) * 8, "Relu"), _SPEC),
    "a huge padding": Bomb(_one((4, 4, 1), "Pad", pads=[2**31 - 1] * 6), (*_LIMIT, *_SPEC)),
    "a convolution's padding": Bomb(
        _one((4, 4, 1), "Conv2D", channels=1, kernel=3, padding=10**6), _ANY
    ),
    "a huge window": Bomb(
        _one((9, 9, 1), "Conv2D", channels=1, kernel=2**31 - 1, padding="same"), _ANY
    ),
    "an image of exabytes": Bomb(_one((9, 9, 9), "Upsample", scale=2**31 - 1), _LIMIT),
    "a sample of exabytes": Bomb(_one((1, 1, 1), "Broadcast", to=[2**40, 2**20, 2]), _LIMIT),
    "attention over a million": Bomb(
        _one((10**6, 8), "MultiHeadAttention", heads=1, units=8), _LIMIT
    ),
    "a recurrent giant": Bomb(_one((10_000, 8), "Lstm", units=30_000), _LIMIT),
    "a vocabulary of 2**62": Bomb(
        lambda f: spec_of(
            [{"id": "e", "type": "Embedding", "vocabulary": 2**62, "units": 1}],
            [["x", "e"]],
            {"x": {"shape": [3], "dtype": "int64"}},
        ),
        _LIMIT,
    ),
    "terabytes behind small weights": Bomb(_heavy, _LIMIT),
    "a block 1e9 times": Bomb(_repeated, _LIMIT),
    "2**40 blocks": Bomb(_nested, _LIMIT),
    "a block in itself": Bomb(_in_itself, _SPEC),
    "100,000 brackets": Bomb(lambda f: "[" * 100_000, _LIMIT),
    "brackets in a string": Bomb(lambda f: json.dumps({"a": "[" * 10**6}), _SPEC),
    "200,001 keys": Bomb(
        lambda f: "{" + ",".join(f'"{i}":1' for i in range(200_001)) + "}", _LIMIT
    ),
    "150,000 unknown keys": Bomb(lambda f: json.dumps({f"k{i}": 1 for i in range(150_000)}), _SPEC),
    "a name of a million letters": Bomb(
        lambda f: spec_of([{"id": "a" * 10**6, "type": "Relu"}], [["x", "a"]]), _ANY
    ),
    "a type of a million letters": Bomb(_one((4,), "R" * 10**6), _SPEC),
    "3 MiB of spaces": Bomb(lambda f: " " * (3 * 2**20), _LIMIT),
    "a number of a million digits": Bomb(lambda f: '{"format": ' + "9" * 10**6 + "}", _SPEC),
    "an exponent of a million digits": Bomb(lambda f: '{"format": 1e' + "9" * 10**6 + "}", _SPEC),
    "100,000 labels": Bomb(
        lambda f: _chain(
            [{"id": "a", "type": "Affine", "units": 100_000}],
            loss={"type": "SoftmaxWithLoss"},
            labels=[str(i) for i in range(100_000)],
        ),
        (ACCEPTED, *_ANY),
    ),
    "20,000 losses": Bomb(
        lambda f: _chain(
            [{"id": "a", "type": "Affine", "units": 2}],
            losses=[{"type": "SoftmaxWithLoss", "target": f"t{i}"} for i in range(20_000)],
        ),
        (ACCEPTED, *_ANY),
    ),
    "a batch of 2**31 - 1": Bomb(
        lambda f: _chain(
            [{"id": "a", "type": "Affine", "units": 2}],
            loss={"type": "SoftmaxWithLoss"},
            train={**RECIPE, "batch_size": 2**31 - 1},
        ),
        _LIMIT,
    ),
}
