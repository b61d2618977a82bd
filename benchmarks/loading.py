"""Loading 256 MB: whole with checksums, and mapped for one tensor of 1 MB; page cache warm."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.cases import Case
from benchmarks.side import Makers, Side

UNITS = (256, *(1024,) * 64, 512)
"""From 1024 numbers: 1 MB, 1 MB, then 63 matrices of 4 MB and one of 2 MB."""
SMALL = "affine0/W"
"""The tensor of 1 MB."""


def sides(case: Case, family: str) -> Makers:
    """graphnet's loader, mapped also without the network around the arrays; safetensors'."""
    if case.name == "load-256":
        ways = {"graphnet": {"": whole}, "safetensors": {"load_file": whole_safetensors}}
    else:
        ways = {
            "graphnet": {"": mapped, "without the network": mapped_contents},
            "safetensors": {"safe_open": mapped_safetensors},
        }
    return {name: partial(Loading, family, way) for name, way in ways[family].items()}


def tensors() -> dict[str, np.ndarray]:
    """256 MB of numbers under graphnet's names."""
    rng = np.random.default_rng(0)
    found, before = {}, 1024
    for i, units in enumerate(UNITS):
        found[f"affine{i}/W"] = rng.random((before, units), np.float32)
        found[f"affine{i}/b"] = np.zeros(units, np.float32)
        before = units
    return found


def spec_text() -> str:
    """A spec whose parameters are these tensors."""
    nodes = [
        {"id": f"affine{i}", "type": "Affine", "units": units, "init": {"type": "Zeros"}}
        for i, units in enumerate(UNITS)
    ]
    path = ["x", *(node["id"] for node in nodes)]
    inputs = {"x": {"shape": [1024]}}
    spec = {"format": 1, "name": "large", "inputs": inputs, "nodes": nodes, "edges": [path]}
    return json.dumps(spec)


def write(family: str, path: Path) -> None:
    """The file of one side."""
    if family == "safetensors":
        from safetensors.numpy import save_file

        save_file(tensors(), path)
        return
    from benchmarks.ours import fill
    from graphnet.builder import build
    from graphnet.bundle.model import save
    from graphnet.spec.reader import parse_spec

    net = build(parse_spec(spec_text(), "large"))
    fill(net, tensors())
    save(path, net)


class Loading(Side):
    """One way of loading; what it loads is summed for the comparison.

    way: the file -> what keeps the arrays alive, and the arrays to be summed within the time.
    """

    def __init__(self, family: str, way: Callable[[Path], tuple[float, dict[str, np.ndarray]]]):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "large"
        write(family, self.path)
        self.way = way

    def answer(self) -> np.ndarray:
        summed, arrays = self.way(self.path)
        return np.array([summed, *(arrays[name].sum() for name in sorted(arrays))])

    def measure(self) -> float:
        begin = time.perf_counter()
        kept = self.way(self.path)
        seconds = time.perf_counter() - begin
        del kept  # what giving the memory back costs is nobody's loading
        return seconds


def whole(path: Path) -> tuple[float, dict[str, np.ndarray]]:
    import graphnet

    return 0.0, dict(graphnet.load(path).params)


def whole_safetensors(path: Path) -> tuple[float, dict[str, np.ndarray]]:
    from safetensors.numpy import load_file

    return 0.0, load_file(path)


def mapped(path: Path) -> tuple[float, dict[str, np.ndarray]]:
    import graphnet

    return float(graphnet.load(path, mmap=True).params[SMALL].sum()), {}


def mapped_contents(path: Path) -> tuple[float, dict[str, np.ndarray]]:
    from graphnet.bundle.reader import read_bundle

    return float(read_bundle(path, mmap=True).tensors[SMALL].array.sum()), {}


def mapped_safetensors(path: Path) -> tuple[float, dict[str, np.ndarray]]:
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        return float(file.get_tensor(SMALL).sum()), {}
