"""What many tests start from."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.network import Network
from graphnet.spec.graph import GraphSpec
from graphnet.spec.reader import parse_spec, read_spec

ROOT = Path(__file__).parent.parent
LONG = ("test_readme.py", "test_wheel.py", "test_manual.py", "test_samples.py", "test_bundles.py")
"""Files that take longest: begun first, so that no process is left alone with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def model() -> Callable[[str], GraphSpec]:
    """A spec that ships, by name."""
    return lambda name: read_spec(ROOT / "models" / f"{name}.json")


@pytest.fixture
def network() -> Callable[..., Network]:
    """A network from nodes and edges: the rest of a spec is filled in, `more` replaces it."""

    def make(nodes: list[Any], edges: list[list[str]], **more: Any) -> Network:
        seed = more.pop("seed", 0)
        values = {
            "format": 1,
            "name": "test",
            "dtype": "float64",
            "inputs": {"x": {"shape": [4]}},
            "nodes": nodes,
            "edges": edges,
            **more,
        }
        return build(parse_spec(json.dumps(values)), seed=seed)

    return make


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder that holds `mnist/`; tests that need the whole set skip where it is not there."""
    folder = Path(os.environ.get("GRAPHNET_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "mnist").is_dir():
        pytest.skip(f"MNIST is not in {folder / 'mnist'}: set GRAPHNET_DATA to the folder above it")
    return folder
