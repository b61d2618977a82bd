"""Data files of every kind, damaged at random and in each byte: what is read of them is an array or
a picture, or one error of ours that names the file; and it takes little memory.
"""

from __future__ import annotations

import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np

from campaigns import corpus
from campaigns.batches import Tally, gathered, outcomes, taken_out
from campaigns.children import ACCEPTED, FOREIGN, Verdict, verdict
from campaigns.mutations import mutated
from campaigns.originals import PNG_HEAD, idx_bytes, originals, png_of
from campaigns.table import Campaign, Result
from graphnet.bundle.reader import decode
from graphnet.data import idx
from graphnet.data.load import load_data
from graphnet.prepare import arrays, picture, walk
from graphnet.spec.reader import check_values

BATCH = 1_500
_SECONDS = 300
COLUMNS = {"a": "number", "b": "number", "c": {"type": "category"}}
TEXT = {"unit": "word", "size": 20}


def load(values: Mapping[str, Any], folder: Path) -> None:
    """The data set that a spec names, in a folder."""
    load_data(check_values(dict(values)).spec, folder)


def spec_of(given: dict[str, Any], source: str, file: str, **data: Any) -> dict[str, Any]:
    """A classifier of an input that is given so, with a source of data."""
    first = {"id": "first", "type": "Flatten"}
    if "text" in given:
        first = {"id": "first", "type": "Embedding", "vocabulary": 20, "units": 2}
    nodes = [first, {"id": "flat", "type": "Flatten"}, {"id": "a", "type": "Affine", "units": 3}]
    return {
        "format": 1,
        "name": "samples",
        "inputs": {"x": given},
        "nodes": nodes,
        "edges": [["x", "first", "flat", "a"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "data": {"source": source, "train": file, **data},
        "train": {"epochs": 1},
    }


def _open_idx(path: Path) -> None:
    labels = path.with_name("labels")
    labels.write_bytes(b"\0\0\x08\x01\0\0\0\x06" + bytes([0, 1, 2, 0, 1, 2]))
    idx.read_pair(path, labels)


def _open_labels(path: Path) -> None:
    images = path.with_name("images")
    images.write_bytes(idx_bytes(np.zeros((6, 3, 3), np.uint8)))
    idx.read_pair(images, path)


def _open_table(path: Path) -> None:
    given = {"shape": [4], "columns": COLUMNS}
    load(spec_of(given, "csv", path.name, target="t"), path.parent)


def _open_lines(path: Path) -> None:
    given = {"shape": [4], "dtype": "int64", "text": TEXT}
    load(spec_of(given, "lines", path.name, target="label"), path.parent)


def _open_arrays(path: Path) -> None:
    load(spec_of({"shape": [4]}, "npz", path.name), path.parent)


def _import(path: Path) -> None:
    from graphnet.exchange.files import import_network

    import_network(path)


def _import_plain(path: Path) -> None:
    plain = path.with_suffix(".json")
    plain.write_text(decode(corpus.small()["convolution"]).spec)
    _import(plain)


OPENERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "idx": ("f.idx", _open_idx),
    "idx.gz": ("f.gz", _open_idx),
    "labels": ("f.idx", _open_labels),
    "csv": ("f.csv", _open_table),
    "lines": ("f.txt", _open_lines),
    "npz": ("f.npz", _open_arrays),
    "npy": ("f.npy", arrays.read_npy),
    "png": ("f.png", picture.read_picture),
    "png chunks": ("f.png", picture.read_picture),
    "jpeg": ("f.jpg", picture.read_picture),
    "onnx": ("f.onnx", _import),
    "safetensors": ("f.safetensors", _import),
    "plain": ("f.npz", _import_plain),
}
"""Of each kind a file's name, and what reads it."""


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], len(PNG_HEAD)
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def damaged(kind: str, rng: Random) -> bytes:
    """One mutation of a sound file; of "png chunks" within chunks, whose checksums are repaired."""
    files = originals(kind)
    start = rng.choice(files)
    if kind != "png chunks":
        return mutated(start, files, rng)
    chunks = _chunks(start)
    i = rng.randrange(len(chunks))
    name, body = chunks[i]
    if name == b"IDAT" and rng.random() < 0.6:
        body = zlib.compress(mutated(zlib.decompress(body), [body], rng))
    elif rng.random() < 0.9:
        body = mutated(body, [body], rng)
    else:
        chunks.insert(rng.randrange(len(chunks)), rng.choice(chunks))
    if i < len(chunks):
        chunks[i] = (name, body)
    return png_of(chunks)


def each_byte(kind: str) -> Iterator[bytes]:
    """Every truncation, every flipped bit and, of the first 32 bytes, every value."""
    for data in originals(kind):
        for at in range(len(data)):
            yield data[:at]
            for value in range(256) if at < 32 else ():
                yield data[:at] + bytes([value]) + data[at + 1 :]
            for bit in range(8):
                yield data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]


def judged(kind: str, path: Path, data: bytes) -> Verdict:
    """How a file with these bytes is read: FOREIGN too where the error does not name it."""
    path.write_bytes(data)
    end = verdict(lambda: OPENERS[kind][1](path))
    if end.kind in (ACCEPTED, FOREIGN) or path.name in end.said or "f.json" in end.said:
        return end
    return Verdict(FOREIGN, f"an error that does not name the file: {end.said}")


def batch(job: Mapping[str, Any]) -> dict[str, Any]:
    """Some damaged files of a kind: mutations from a seed, or each byte's."""
    warnings.simplefilter("error")
    tally, kind, rng = Tally(), job["kind"], Random(f"{job['kind']} {job['seed']}")
    with tempfile.TemporaryDirectory() as folder, taken_out(PROTECTIONS, job["without"]):
        path = Path(folder) / OPENERS[kind][0]
        if job["systematic"]:
            for i, data in enumerate(each_byte(kind)):
                if i % job["every"] == job["seed"] % job["every"]:
                    tally.count(judged(kind, path, data), f"{kind}, damage {i}")
        else:
            for i in range(job["cases"]):
                end = judged(kind, path, damaged(kind, rng))
                tally.count(end, f"{kind} {job['seed']}+{i}")
    return tally.found()


def mutations(cases: int, without: str | None) -> Result:
    """So many mutations, spread over all kinds."""
    share = max(1, cases // len(OPENERS))
    jobs = [
        {"kind": kind, "seed": start, "cases": min(BATCH, share - start), "systematic": False}
        for kind in OPENERS
        for start in range(0, share, BATCH)
    ]
    return gathered(
        outcomes("campaigns.samples:batch", [{**job, "without": without} for job in jobs])
    )


def bytes_of_each(cases: int, without: str | None) -> Result:
    """Every byte of every kind's sound files; of many cases those that are so far apart."""
    total = sum(9 * len(data) for kind in OPENERS for data in originals(kind))
    every = max(1, total // cases)
    jobs = [{"kind": kind, "seed": 0, "systematic": True, "every": every} for kind in OPENERS]
    return gathered(
        outcomes("campaigns.samples:batch", [{**job, "without": without} for job in jobs])
    )


def _walk_of_nothing(data: bytes) -> Any:
    return walk.Walked(data, 1)


PROTECTIONS: dict[str, Callable[[], list[Any]]] = {
    "walk": lambda: [
        mock.patch.object(picture, name, _walk_of_nothing) for name in ("walk_png", "walk_jpeg")
    ],
    "bounds": lambda: [mock.patch.object(module, "HEADROOM", 2**60) for module in (arrays, idx)],
    "errors": lambda: [
        mock.patch.object(arrays, "DAMAGE", ()),
        mock.patch.object(picture, "_DAMAGE", ()),
    ],
}

CAMPAIGNS = (
    Campaign(
        "damaged data",
        8,
        f"random damage to files of {len(OPENERS)} kinds: {', '.join(OPENERS)}",
        60_000,
        mutations,
        {"errors": 6_000},
    ),
    Campaign(
        "each byte of data",
        8,
        "every truncation, flipped bit and, of the first 32 bytes, value of a file of each kind",
        10_000_000,
        bytes_of_each,
        {"errors": 30_000},
    ),
)
