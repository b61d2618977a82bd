"""Bundles to be damaged: five small ones, one of each kind, and larger ones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest import mock

import numpy as np

from graphnet.builder import build
from graphnet.bundle import format as fmt
from graphnet.bundle.format import Contents, Tensor
from graphnet.bundle.model import contents_of
from graphnet.bundle.writer import encode
from graphnet.data.dataset import Dataset, Split
from graphnet.network import Network
from graphnet.spec.prepared import prepared_of
from graphnet.spec.reader import check_values
from graphnet.training.checkpoint import checkpoint_of
from graphnet.training.loop import Trainer

MOST = 8 * 1024
"""Bytes of a small one."""


@cache
def small() -> dict[str, bytes]:
    """A graph of scalars; a perceptron; a convolution with running statistics, labels and notes; a
    checkpoint; a table's model with what was fitted to its columns."""
    found = {
        "scalars": encode(contents_of(_scalars())),
        "perceptron": encode(contents_of(_perceptron())),
        "convolution": encode(contents_of(_convolution())),
        "checkpoint": encode(_checkpoint()),
        "table": encode(contents_of(_table())),
    }
    assert all(len(data) <= MOST for data in found.values())
    return found


@cache
def large() -> dict[str, bytes]:
    """A wide network, and a deep one of many tensors."""
    wide = _network({"x": {"shape": [300]}}, [("affine", "Affine", {"units": 200})])
    layers = [(f"affine{i}", "Affine", {"units": 30}) for i in range(40)]
    deep = _network({"x": {"shape": [30]}}, layers)
    return {"wide": encode(contents_of(wide)), "deep": encode(contents_of(deep))}


@contextmanager
def short_chunks() -> Iterator[None]:
    """A tensor has a new chunk after 64 bytes in place of two billion."""
    with mock.patch.object(fmt, "CHUNK_BYTES", 64):
        yield


def cut() -> bytes:
    """A bundle with a tensor of several chunks; to be read within `short_chunks`."""
    tensors = {
        "a": Tensor("param", np.arange(77, dtype=np.float32).reshape(7, 11)),
        "b": Tensor("state", np.arange(16, dtype=np.int64)),
        "c": Tensor("param", np.ones(1, np.uint8)),
    }
    with short_chunks():
        return encode(Contents("{}", tensors=tensors))


def _network(
    inputs: dict[str, Any], nodes: list[tuple[str, str, dict[str, Any]]], **more: Any
) -> Network:
    spec = {
        "format": 1,
        "name": "corpus",
        "inputs": inputs,
        "nodes": [{"id": name, "type": kind, **rest} for name, kind, rest in nodes],
        "edges": [[next(iter(inputs)), *(name for name, _, _ in nodes)]],
        **more,
    }
    return build(check_values(json.loads(json.dumps(spec))).spec)


def _scalars() -> Network:
    inputs = {name: {"shape": [], "value": value} for name, value in (("apple", 100), ("tax", 1.1))}
    spec = {
        "format": 1,
        "name": "apple",
        "doc": "What two apples cost, \u00e4 \u2028 and more.",
        "dtype": "float64",
        "inputs": inputs,
        "nodes": [{"id": "price", "type": "Mul"}],
        "edges": [["apple", "price"], ["tax", "price"]],
    }
    net = build(check_values(spec).spec)
    net.meta = {"author": "\u00e9", "note": ""}
    return net


def _perceptron() -> Network:
    nodes: list[tuple[str, str, dict[str, Any]]] = [
        ("affine1", "Affine", {"units": 5}),
        ("relu", "Relu", {}),
        ("affine2", "Affine", {"units": 3}),
    ]
    return _network({"x": {"shape": [4]}}, nodes, loss={"type": "SoftmaxWithLoss"})


def _convolution() -> Network:
    inputs = {"x": {"shape": [6, 6, 1], "image": {"size": [6, 6], "mode": "grey"}}}
    nodes: list[tuple[str, str, dict[str, Any]]] = [
        ("conv", "Conv2D", {"channels": 4, "kernel": 3, "init": {"type": "He"}}),
        ("norm", "BatchNorm", {}),
        ("flat", "Flatten", {}),
        ("scores", "Affine", {"units": 2, "doc": "one score a class"}),
    ]
    train = {"epochs": 2, "batch_size": 8, "optimizer": {"type": "Adam"}}
    more = {"loss": {"type": "SoftmaxWithLoss"}, "labels": ["no", "yes"], "train": train}
    net = _network(inputs, nodes, **more)
    net.history = [
        {"epoch": i, "loss": 1.5 / i, "train_accuracy": 0.5, "test_accuracy": None} for i in (1, 2)
    ]
    return net


def _checkpoint() -> Contents:
    train = {
        "epochs": 3,
        "batch_size": 4,
        "optimizer": {"type": "Adam"},
        "early_stopping": {"monitor": "test_accuracy"},
    }
    nodes: list[tuple[str, str, dict[str, Any]]] = [
        ("affine", "Affine", {"units": 3}),
        ("norm", "BatchNorm", {}),
        ("scores", "Affine", {"units": 2}),
    ]
    net = _network({"x": {"shape": [3]}}, nodes, loss={"type": "SoftmaxWithLoss"}, train=train)
    x = np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)
    part, done = Split({"x": x}, np.arange(10) % 2), []
    trainer = Trainer(
        net, Dataset("ten", part, part), on_step=done.append, should_stop=lambda: len(done) == 4
    )
    for _ in trainer.run():
        pass
    return checkpoint_of(trainer)


def _table() -> Network:
    columns = {"length": "number", "colour": {"type": "category", "values": ["red", "blue"]}}
    nodes: list[tuple[str, str, dict[str, Any]]] = [("scores", "Affine", {"units": 3})]
    net = _network(
        {"x": {"shape": [3], "columns": columns}}, nodes, loss={"type": "SoftmaxWithLoss"}
    )
    values = {
        "columns": {"x": {"length": {"mean": 1.5, "std": 0.25}}},
        "labels": {"scores": ["a", "b", "\u00fc"]},
        "table": {"delimiter": ";", "unused": ["price"]},
    }
    shapes = {"scores": net.graph.shapes["scores"]}
    net.prepare = prepared_of(values, net.spec, shapes)
    return net
