"""Small models and inputs, and `infer` called in this process."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

import graphnet as gn
from graphnet.builder import build
from graphnet.cli.infer import main
from graphnet.spec.reader import parse_spec

IMAGE = {"size": [6, 5], "mode": "grey", "range": [0, 1], "background": "black", "fit": "contain"}


class Done(NamedTuple):
    """What a call left: its exit code, standard output, lines of standard error."""

    code: int
    out: str
    err: list[str]


@pytest.fixture
def infer(capsys, monkeypatch, tmp_path) -> Callable[..., Done]:
    """Call `infer` in tmp_path, in this process."""
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Done:
        capsys.readouterr()
        code = main([str(word) for word in words])
        said = capsys.readouterr()
        return Done(code, said.out, said.err.splitlines())

    return call


@pytest.fixture
def bulk(infer) -> Callable[..., Done]:
    """Call `infer --out` with one worker, which is this process."""
    return lambda *words: infer(*words, "--workers", 1)


@pytest.fixture
def save_model(tmp_path) -> Callable[..., Path]:
    """Write a model with random weights; `more` replaces parts of its spec."""

    def save(name: str = "m.msgpack", seed: int = 0, **more: Any) -> Path:
        values = {
            "format": 1,
            "name": "small",
            "inputs": {"x": {"shape": [6, 5, 1], "image": IMAGE}},
            "nodes": [{"id": "flat", "type": "Flatten"}, {"id": "a", "type": "Affine", "units": 3}],
            "edges": [["x", "flat", "a"]],
            "labels": ["red", "green, or blue", 'the "third"'],
            **more,
        }
        gn.save(tmp_path / name, build(parse_spec(json.dumps(values)), seed=seed))
        return tmp_path / name

    return save


@pytest.fixture
def pictures(tmp_path, rng) -> Path:
    """A folder of 600 pictures: most of one size, some of another, some colour, some JPEG."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for i in range(600):
        size = (6, 5, 3) if i % 7 == 3 else (9, 8) if i % 50 == 7 else (6, 5)
        picture = Image.fromarray(rng.integers(0, 255, size, dtype=np.uint8))
        where = folder / ("a" if i < 300 else "b")
        where.mkdir(exist_ok=True)
        picture.save(where / f"{i:04}.{'jpg' if i % 40 == 1 else 'png'}")
    return folder
