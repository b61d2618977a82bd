"""Whole processes: from start to 97% on MNIST, and from one picture to its label."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks import nets, samples
from benchmarks.cases import Case
from benchmarks.nets import weights
from benchmarks.side import Makers, Side, UnavailableError

ROOT = Path(__file__).parent.parent
SCRIPTS = Path(__file__).parent / "scripts"
NET = nets.perceptron(50, 10)
AIM = 0.97
EPOCHS = 40
"""Some twice as many as the recipe needs for 97%."""
Command = list[str | Path]


def sides(case: Case, family: str) -> Makers:
    """One variant a family."""
    if case.name == "process-97":
        commands: dict[str, Callable[[Path, int], Command]] = {
            "graphnet": train_ours,
            "PyTorch": train_torch,
        }
        return {"": partial(Training, commands[family])}
    models: dict[str, Callable[[Path], Command]] = {
        "graphnet": infer_ours,
        "PyTorch": infer_torch,
        "onnxruntime": infer_onnx,
    }
    return {"": partial(Labelling, models[family])}


def mnist() -> Path:
    """The folder that holds MNIST's IDX files.

    Errors: UnavailableError.
    """
    folder = os.environ.get("GRAPHNET_DATA")
    if not folder:
        raise UnavailableError("MNIST: GRAPHNET_DATA names no folder")
    path = Path(folder) / "mnist"
    if not list(path.glob("train-images-idx3-ubyte*")):
        raise UnavailableError("MNIST: GRAPHNET_DATA names a folder without mnist/")
    return path


def environment() -> dict[str, str]:
    """This process's, with compiled modules kept, as in any installation: where that is turned
    off, what pip has not compiled beforehand is compiled at every start."""
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}


def train_ours(folder: Path, seed: int) -> Command:
    sets = [f"train.epochs={EPOCHS}", f"train.seed={seed}"]
    return [
        ROOT / "tools" / "train.py",
        ROOT / "models" / "mnist_two_layer.json",
        *(word for one in sets for word in ("--set", one)),
        *("--out", folder / "m.msgpack", "--data-dir", mnist().parent, "--json"),
    ]


def train_torch(folder: Path, seed: int) -> Command:
    return [SCRIPTS / "train_torch.py", mnist(), str(EPOCHS), str(seed)]


class Training(Side):
    """A process that prints a JSON line an epoch, until one says that the aim is reached.

    Every round has another seed: how many epochs it takes is chance, on every side.
    """

    def __init__(self, command: Callable[[Path, int], Command]) -> None:
        mnist()
        self.command = command
        self.seed = 0
        self.epochs: list[int] = []

    @property
    def note(self) -> str:
        return f"{np.median(self.epochs):g} epochs (median) to {AIM:.0%}"

    def answer(self) -> np.ndarray:
        """Whether the aim is reached at all."""
        self.measure()
        return np.array([1.0])

    def measure(self) -> float:
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, *self.command(Path(folder), self.seed)]
            self.seed += 1
            begin = time.perf_counter()
            process = subprocess.Popen(
                command, stdout=subprocess.PIPE, text=True, cwd=folder, env=environment()
            )
            try:
                for line in process.stdout:
                    epoch = json.loads(line)
                    if epoch.get("test_accuracy", 0) >= AIM:
                        self.epochs.append(epoch["epoch"])
                        return time.perf_counter() - begin
            finally:
                process.kill()
                process.wait()
                process.stdout.close()
        raise RuntimeError(f"{AIM:.0%} was not reached in {EPOCHS} epochs")


def infer_ours(folder: Path) -> Command:
    from benchmarks.ours import network
    from graphnet.bundle.model import save

    save(folder / "model.msgpack", network(NET))
    return [ROOT / "tools" / "infer.py", folder / "model.msgpack"]


def infer_torch(folder: Path) -> Command:
    import torch

    arrays = {name: torch.from_numpy(array) for name, array in weights(NET).items()}
    state = {}
    for place, name in ((0, "affine1"), (2, "affine2")):
        state[f"{place}.weight"] = arrays[f"{name}/W"].T.contiguous()
        state[f"{place}.bias"] = arrays[f"{name}/b"]
    torch.save(state, folder / "model.pt")
    return [SCRIPTS / "infer_torch.py", folder / "model.pt"]


def infer_onnx(folder: Path) -> Command:
    from benchmarks.onnx_models import model

    (folder / "model.onnx").write_bytes(model(NET, weights(NET)))
    return [SCRIPTS / "infer_onnx.py", folder / "model.onnx"]


class Labelling(Side):
    """A process that prints the label of one picture of 28x28 pixels."""

    def __init__(self, command: Callable[[Path], Command]) -> None:
        from PIL import Image

        self.folder = tempfile.TemporaryDirectory()
        folder = Path(self.folder.name)
        pixels, _ = samples.pictures(NET, 1)
        Image.fromarray(pixels[0, :, :, 0]).save(folder / "image.png")
        self.command = [sys.executable, *command(folder), folder / "image.png"]

    def answer(self) -> np.ndarray:
        return np.array([float(self._run())])

    def measure(self) -> float:
        begin = time.perf_counter()
        self._run()
        return time.perf_counter() - begin

    def _run(self) -> str:
        done = subprocess.run(
            self.command,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
            env=environment(),
        )
        return done.stdout.strip()
