"""`python -m benchmarks.bulk`: pictures a second of `infer --out` and of Pillow with onnxruntime.

Whole processes, start and all, one side after the other in every round; both write a CSV, and the
labels are compared. Pictures are drawn here: digits of 28x28 pixels as PNG, for mnist_cnn, and
photographs of 640x480 as JPEG, for a small net of 64x64 pixels in colour.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from benchmarks import machine
from benchmarks.side import threads_here
from graphnet.builder import build
from graphnet.bundle.model import save
from graphnet.exchange.files import export_network
from graphnet.spec.reader import parse_spec

ROOT = Path(__file__).parent.parent
DRAWN = 1000
"""Different pictures; more are the same files again, under other names."""


class Case(NamedTuple):
    """Pictures, and the network that answers them."""

    name: str
    count: int
    draw: Callable[[int], Image.Image]
    suffix: str
    spec: str
    size: tuple[int, int]
    mode: str


def digit(seed: int) -> Image.Image:
    """Strokes, light on dark, with soft edges."""
    rng = np.random.default_rng(seed)
    large = Image.new("L", (112, 112))
    points = [tuple(map(int, rng.integers(20, 92, 2))) for _ in range(5)]
    ImageDraw.Draw(large).line(points, fill=255, width=11, joint="curve")
    return large.resize((28, 28), Image.Resampling.BOX)


def photograph(seed: int) -> Image.Image:
    """Light and colour at four scales, and a little noise."""
    rng = np.random.default_rng(seed % 40)
    pixels = np.full((480, 640, 3), 128, np.float32)
    for across, strength in ((4, 90), (16, 50), (60, 25), (200, 12)):
        for c in range(3):
            coarse = Image.fromarray(rng.random((across * 3 // 4, across), np.float32))
            fine = np.asarray(coarse.resize((640, 480), Image.Resampling.BICUBIC))
            pixels[:, :, c] += strength * (fine - 0.5)
    pixels += rng.normal(0, 3, pixels.shape)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def photo_spec() -> str:
    """Three convolutions over 64x64 pixels in colour."""
    image = {"size": [64, 64], "mode": "rgb", "range": [0, 1], "fit": "stretch"}
    nodes, path = [], ["x"]
    for i, channels in enumerate((16, 32, 32), 1):
        conv = {"id": f"conv{i}", "type": "Conv2D", "channels": channels, "kernel": 3, "padding": 1}
        relu = {"id": f"relu{i}", "type": "Relu"}
        pool = {"id": f"pool{i}", "type": "MaxPool2D", "size": 2}
        nodes += [conv, relu, pool]
        path += [conv["id"], relu["id"], pool["id"]]
    nodes += [{"id": "flat", "type": "Flatten"}, {"id": "out", "type": "Affine", "units": 10}]
    spec = {
        "format": 1,
        "name": "photos",
        "inputs": {"x": {"shape": [64, 64, 3], "image": image}},
        "nodes": nodes,
        "edges": [[*path, "flat", "out"]],
        "labels": [str(i) for i in range(10)],
    }
    return json.dumps(spec)


def cases(pictures: int, photographs: int) -> list[Case]:
    """Both, with so many pictures."""
    mnist = (ROOT / "models" / "mnist_cnn.json").read_text(encoding="utf-8")
    return [
        Case("28x28 PNG, mnist_cnn", pictures, digit, "png", mnist, (28, 28), "L"),
        Case("640x480 JPEG", photographs, photograph, "jpg", photo_spec(), (64, 64), "RGB"),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and print a table; 1 where labels differ."""
    arguments = argparse.ArgumentParser("benchmarks.bulk", description=__doc__.split("\n")[0])
    arguments.add_argument("--pictures", type=int, default=40_000, metavar="N")
    arguments.add_argument("--photographs", type=int, default=4_000, metavar="N")
    arguments.add_argument("--rounds", type=int, default=5, metavar="N")
    arguments.add_argument("--workers", type=int, default=threads_here(), metavar="N")
    options = arguments.parse_args(argv)
    print(f"{machine.processor()}; {options.workers} workers; {options.rounds} rounds")
    wrong = False
    for case in cases(options.pictures, options.photographs):
        with tempfile.TemporaryDirectory() as folder:
            wrong |= measure(case, Path(folder), options.workers, options.rounds)
    return int(wrong)


def measure(case: Case, folder: Path, workers: int, rounds: int) -> bool:
    """One case; whether the answers differ."""
    prepare(case, folder)
    height, width = case.size
    peer = [sys.executable, "-m", "benchmarks.bulk_peer", "m.onnx", "pictures", "peer.csv"]
    peer += ["--workers", str(workers), "--size", str(height), str(width), "--mode", case.mode]
    infer = [sys.executable, str(ROOT / "tools" / "infer.py"), "m.msgpack", "pictures"]
    sides = {
        "graphnet infer --out": [*infer, "--out", "ours.csv", "--workers", str(workers)],
        "Pillow + onnxruntime, processes": peer,
        "Pillow + onnxruntime, threads": [*peer, "--threads"],
    }
    rates: dict[str, list[float]] = {name: [] for name in sides}
    spent: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, words in sides.items():
            before, began = processor_seconds(), time.perf_counter()
            env = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"}
            subprocess.run(words, cwd=folder, check=True, capture_output=True, env=env)
            rates[name].append(case.count / (time.perf_counter() - began))
            spent[name].append((processor_seconds() - before) / case.count)
    print(f"\n{case.name}, {case.count:,} pictures")
    for name, found in rates.items():
        middle = statistics.median(found)
        ratio = statistics.median(
            a / b for a, b in zip(rates["graphnet infer --out"], found, strict=True)
        )
        spread = f"{min(found):,.0f} to {max(found):,.0f}"
        used = statistics.median(spent[name]) * 1e6
        print(f"  {name:33} {middle:9,.0f}/s ({spread}), {used:,.0f} us of processors a picture")
        print(f"  {'':33} graphnet is {ratio:.2f} times as fast")
    same = labels(folder / "ours.csv") == labels(folder / "peer.csv")
    print(f"  labels are {'the same' if same else 'NOT the same'}")
    return not same


def processor_seconds() -> float:
    """What all ended processes that this one began have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def prepare(case: Case, folder: Path) -> None:
    """The pictures, in folders of a thousand, and the model in both forms."""
    drawn = folder / "drawn"
    drawn.mkdir()
    for i in range(min(case.count, DRAWN)):
        case.draw(i).save(drawn / f"{i}.{case.suffix}", quality=87)
    for i in range(case.count):
        place = folder / "pictures" / f"{i // 1000:04}"
        place.mkdir(parents=True, exist_ok=True)
        os.link(drawn / f"{i % DRAWN}.{case.suffix}", place / f"{i % 1000:03}.{case.suffix}")
    net = build(parse_spec(case.spec, case.name), seed=0)
    save(folder / "m.msgpack", net)
    export_network(folder / "m.onnx", net)


def labels(path: Path) -> list[tuple[str, str]]:
    """Path and label of each row."""
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["image"], row["label"]) for row in csv.DictReader(file)]


if __name__ == "__main__":
    raise SystemExit(main())
