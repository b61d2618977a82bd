"""Data larger than memory: `python -m benchmarks.streaming WHAT`.

    memory  peak memory of training on sparse .npy files of 1 to 100 GB, a process a size
    csv     the same of generated CSV files
    speed   samples a second, streamed and in memory, side by side
    disk    bytes a second read cold from the disk, by how many lie together
    order   what is reached on MNIST, sorted by class, by how much is shuffled together
    random  how near an order is to a random permutation, by the samples of a block

Memory is VmHWM of /proc/self/status, the most that was ever resident, pages of files included.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import graphnet as gn
from benchmarks.report import table
from graphnet.data.order import Shuffled
from graphnet.data.streams import base
from graphnet.training.loop import Trainer

GB = 10**9
FEATURES = 784
NODES = [
    {"id": "a", "type": "Affine", "units": 50, "init": {"type": "He"}},
    {"id": "r", "type": "Relu"},
    {"id": "b", "type": "Affine", "units": 10, "init": {"type": "He"}},
]
IMAGE = {"size": [28, 28], "mode": "grey", "background": "black"}
ROUNDS = 5


def main() -> int:
    """Run one of the measurements."""
    arguments = argparse.ArgumentParser("benchmarks.streaming", description=__doc__)
    arguments.add_argument(
        "what", choices=["memory", "csv", "speed", "disk", "order", "random", "child"]
    )
    arguments.add_argument("--sizes", type=float, nargs="+", metavar="GB")
    arguments.add_argument("--steps", type=int, default=2000, help="of each size (default 2000)")
    arguments.add_argument("--whole", action="store_true", help="epochs to their end, and measured")
    arguments.add_argument("--mnist", type=Path, help="folder of MNIST's four files")
    arguments.add_argument("--folder", type=Path, help="where files are made (default: temporary)")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        options.folder = options.folder if options.what == "child" else Path(folder)
        for line in globals()[f"of_{options.what}"](options):
            print(line, flush=True)
    return 0


def of_memory(options: argparse.Namespace) -> Iterator[str]:
    """Peak memory and speed by the size of sparse files."""
    for size in options.sizes or (1, 3, 10, 30, 100):
        place = options.folder / f"{size:g}"
        place.mkdir()
        samples = int(size * GB / (4 * FEATURES + 1))
        sparse(place / "x.npy", (samples, FEATURES), np.float32)
        sparse(place / "t.npy", (samples,), np.uint8)
        data = {"source": "npy", "train": {"x": "x.npy", "t": "t.npy"}, "stream": True}
        write_spec(place, data, {"shape": [FEATURES]})
        yield f"{size:6g} GB, {samples:12,} samples: {in_a_process(place, options)}"
        for file in place.iterdir():
            file.unlink()


def of_csv(options: argparse.Namespace) -> Iterator[str]:
    """Peak memory and speed by the size of generated CSV files."""
    for size in options.sizes or (0.01, 0.1, 1):
        place = options.folder / f"{size:g}"
        place.mkdir()
        write_csv(place / "rows.csv", size)
        columns: dict[str, str] = dict.fromkeys("abcdefgh", "number")
        data = {"source": "csv", "train": "rows.csv", "target": "kind", "stream": True}
        write_spec(place, data, {"shape": [8], "columns": columns})
        yield f"{size:6g} GB of rows: {in_a_process(place, options)}"
        (place / "rows.csv").unlink()


def of_child(options: argparse.Namespace) -> Iterator[str]:
    """One process: load, train, say what it took."""
    begin = time.perf_counter()
    spec = gn.read_spec(options.folder / "spec.json")
    data = gn.load_data(spec, options.folder)
    loaded = time.perf_counter() - begin
    steps, times = 0, [0.0, 0.0]

    def step(progress: object) -> None:
        nonlocal steps
        steps += 1
        times[min(steps - 1, 1)] = time.perf_counter()

    stop = (lambda: False) if options.whole else (lambda: steps >= options.steps)
    list(gn.fit(gn.build(spec), data, on_step=step, should_stop=stop))
    ended = time.perf_counter()
    rate = 100 * (steps - 1) / (times[1] - times[0])
    rest = f", measured in {ended - times[-1]:.0f} s" if options.whole else ""
    memory = f"{peak() / 2**20:5.0f} MiB at most"
    yield f"{memory}, {rate:9,.0f} samples/s in {steps:,} steps, open in {loaded:.1f} s{rest}"


def in_a_process(place: Path, options: argparse.Namespace) -> str:
    """What a process of its own says of training on a spec."""
    more = ["--whole"] if options.whole else ["--steps", str(options.steps)]
    command = [sys.executable, "-m", "benchmarks.streaming", "child", "--folder", str(place), *more]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def of_speed(options: argparse.Namespace) -> Iterator[str]:
    """Streamed and in memory, in turns."""
    rows = []
    for name, (data, given, size) in sets(options).items():
        trainers = {
            way: trainer(options.folder, {**data, **more}, given, size)
            for way, more in (("in memory", {}), ("streamed", {"stream": True}))
        }
        times: dict[str, list[float]] = {way: [] for way in trainers}
        for epoch in range(1, ROUNDS + 2):
            for way, one in trainers.items():
                begin = time.perf_counter()
                for _ in one.steps(one.train.order(0, epoch), epoch):
                    pass
                if epoch > 1:
                    times[way].append(one.train.samples / (time.perf_counter() - begin))
        medians = {way: statistics.median(found) for way, found in times.items()}
        memory, streamed = medians["in memory"], medians["streamed"]
        rows.append([name, f"{memory:,.0f}", f"{streamed:,.0f}", f"{streamed / memory:.2f}"])
    yield table([["samples/s", "in memory", "streamed", "ratio"], *rows])


def sets(options: argparse.Namespace) -> dict[str, tuple[dict[str, Any], dict[str, Any], int]]:
    """Data sets by name: `data`, the input, and how many samples a batch has."""
    folder, found = options.folder, {}
    if options.mnist is not None:
        unpack(options.mnist, folder)
        files = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
        data = dict(zip(("train_images", "train_labels"), files, strict=True))
        found["MNIST, idx"] = ({"source": "idx", **data}, {"shape": [784], "image": IMAGE}, 100)
    rng = np.random.default_rng(0)
    np.save(folder / "x.npy", rng.random((50_000, FEATURES), np.float32))
    np.save(folder / "t.npy", rng.integers(0, 10, 50_000, np.uint8))
    npy = {"source": "npy", "train": {"x": "x.npy", "t": "t.npy"}}
    found["float32, npy"] = (npy, {"shape": [FEATURES]}, 100)
    write_csv(folder / "rows.csv", 0.01)
    columns = dict.fromkeys("abcdefgh", "number")
    rows = {"source": "csv", "train": "rows.csv", "target": "kind"}
    found["8 columns, csv"] = (rows, {"shape": [8], "columns": columns}, 100)
    from PIL import Image

    for i in range(2000):
        place = folder / "pictures" / str(i % 10)
        place.mkdir(parents=True, exist_ok=True)
        low = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(low).resize((128, 128)).save(place / f"{i}.jpg")
    pictures = {"source": "folder", "train": "pictures"}
    found["JPEG of 128x128, folder"] = (pictures, {"shape": [784], "image": IMAGE}, 100)
    return found


def of_disk(options: argparse.Namespace) -> Iterator[str]:
    """A file of 4 GB that no page cache holds, read in places."""
    path, size = options.folder / "cold", 4 * 2**30
    with path.open("wb") as file:
        piece = np.random.default_rng(0).bytes(2**26)
        for _ in range(size // len(piece)):
            file.write(piece)
        os.fsync(file.fileno())
    for length in (3136, 2**14, 2**16, 2**18, 2**20, 2**22):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        starts = np.random.default_rng(1).permutation(size // length)[: max(200, 2**28 // length)]
        starts = starts[:20_000]
        begin = time.perf_counter()
        for start in starts.tolist():
            os.pread(descriptor, length, start * length)
        took = time.perf_counter() - begin
        os.close(descriptor)
        rate = len(starts) * length / took
        yield f"{length:9,} bytes together: {rate / 1e6:8,.1f} MB/s, {rate / 3136:9,.0f} samples/s"


def of_order(options: argparse.Namespace) -> Iterator[str]:
    """Test accuracies of MNIST, its classes one behind the other, for five seeds."""
    unpack(options.mnist, options.folder)
    data = gn.load_data(
        gn.parse_spec(json.dumps(spec({"source": "mnist"}, {}))), data_dir=options.mnist
    )
    by_class = np.argsort(data.train.targets, kind="stable")
    np.save(options.folder / "x.npy", data.train.inputs["image"][by_class])
    np.save(options.folder / "t.npy", data.train.targets[by_class].astype(np.uint8))
    ways = {"all, as in memory": None, "blocks of 334, a window of all": (2**18, 256)}
    ways |= {f"blocks of 32, {w} a window": (32 * 785, w) for w in (256, 64, 16, 4)}
    ways["blocks of 334, 16 a window"] = (2**18, 16)
    npy = {"source": "npy", "train": {"x": "x.npy", "t": "t.npy"}}
    rows = []
    for name, way in ways.items():
        found = []
        for seed in range(5):
            values = {**npy, **({} if way is None else {"stream": True})}
            if way is not None:
                base.BLOCK_BYTES, base.MOST_BLOCKS = way
            made = gn.parse_spec(
                json.dumps(spec(values, {"shape": [784], "image": IMAGE}, seed, 3))
            )
            net = gn.build(made, seed=seed)
            list(gn.fit(net, gn.load_data(made, options.folder)))
            found.append(100 * (gn.evaluate(net, data.test).accuracy or 0))
        spread = statistics.stdev(found)
        rows.append([name, f"{statistics.mean(found):.2f}", f"{spread:.2f}"])
    yield table([["shuffled together", "test accuracy, %", "deviation of a seed"], *rows])


def of_random(options: argparse.Namespace) -> Iterator[str]:
    """Of two million numbers: how place and number, and neighbours, go together; how far numbers
    move; how many of each 32nd come into each 32nd."""
    samples, cells = 2_000_000, 32
    rng = np.random.default_rng(1)
    orders = {"a permutation by NumPy": rng.permutation(samples)}
    for name, block in (("a bijection", 1), ("blocks of 83", 83), ("blocks of 334", 334)):
        orders[name] = np.asarray(Shuffled(samples, block, 256, 0, "order", 1))
    rows = []
    for name, found in orders.items():
        order, places = found.astype(float), np.arange(samples)
        among = np.histogram2d(places, order, bins=cells)[0] * cells**2 / samples
        figures = (
            np.corrcoef(order[:-1], order[1:])[0, 1],
            np.corrcoef(order, places)[0, 1],
            np.abs(order - places).mean() / samples,
            among.std(),
        )
        rows.append([name, *(f"{figure:.4f}" for figure in figures)])
    head = ["", "serial correlation", "with the place", "mean way, of all", "deviation of a cell"]
    yield table([head, *rows])


def spec(
    data: dict[str, Any], given: dict[str, Any], seed: int = 0, epochs: int = 1, size: int = 100
) -> dict[str, Any]:
    """784-50-10, or as many in as the input has, on a data set."""
    train = {"epochs": epochs, "batch_size": size, "seed": seed}
    train["optimizer"] = {"type": "Adam", "lr": 0.001}
    given = given or {"shape": [784], "image": IMAGE}
    made = {"format": 1, "name": "streamed", "inputs": {"x": given}, "nodes": NODES}
    return made | {
        "edges": [["x", "a", "r", "b"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "data": data,
        "train": train,
    }


def write_spec(place: Path, data: dict[str, Any], given: dict[str, Any]) -> None:
    """A spec beside its data."""
    (place / "spec.json").write_text(json.dumps(spec(data, given)))


def trainer(folder: Path, data: dict[str, Any], given: dict[str, Any], size: int) -> Trainer:
    """A training that has begun."""
    made = gn.parse_spec(json.dumps(spec(data, given, size=size)))
    return Trainer(gn.build(made, seed=0), gn.load_data(made, folder)).__enter__()


def sparse(path: Path, shape: tuple[int, ...], kind: Callable[..., Any]) -> None:
    """A .npy file of zeros that takes no room on the disk."""
    with path.open("wb") as file:
        dtype = np.dtype(kind)
        header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + int(np.prod(shape)) * dtype.itemsize)


def write_csv(path: Path, size: float) -> None:
    """About so many GB of rows: eight numbers and one of ten classes."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(",".join("abcdefgh") + ",kind\n")
        lines = [
            ",".join(f"{x:.6f}" for x in row) + f",{kind}\n"
            for row, kind in zip(
                rng.normal(size=(20_000, 8)), rng.integers(0, 10, 20_000), strict=True
            )
        ]
        piece = "".join(lines)
        while file.tell() < size * GB:
            file.write(piece)


def unpack(mnist: Path, folder: Path) -> None:
    """MNIST's training files, decompressed."""
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (folder / name).write_bytes(gzip.decompress((mnist / f"{name}.gz").read_bytes()))


def peak() -> int:
    """The most bytes that were ever resident."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("this system does not say how much was resident")


if __name__ == "__main__":
    sys.exit(main())
