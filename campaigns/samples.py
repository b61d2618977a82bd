"""Data files of every kind, damaged at random and in each byte: what is read of them is an array or
a picture, or one error of ours that names the file; and it takes little memory.
"""

from __future__ import annotations

import gzip
import io
import os
import struct
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np

from campaigns import corpus
from campaigns.bundles import Tally
from campaigns.children import ACCEPTED, FOREIGN, HOSTILE_BYTES, Verdict, in_child, verdict
from campaigns.mutations import mutated
from campaigns.table import Campaign, Result
from graphnet.bundle.model import network_of
from graphnet.bundle.reader import decode
from graphnet.data import idx
from graphnet.data.load import load_data
from graphnet.prepare import arrays, picture, walk
from graphnet.spec.reader import check_values

BATCH = 1_500
_SECONDS = 300
PNG_HEAD = b"\x89PNG\r\n\x1a\n"
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


def idx_bytes(array: np.ndarray[Any, Any]) -> bytes:
    """An array of bytes as an IDX file."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return head + array.tobytes()


@cache
def originals(kind: str) -> list[bytes]:
    """Sound files of a kind."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (6, 3, 3)).astype(np.uint8)
    found: Callable[[], list[bytes]] = {
        "idx": lambda: [idx_bytes(images)],
        "idx.gz": lambda: [gzip.compress(idx_bytes(images), mtime=0)],
        "labels": lambda: [idx_bytes(np.arange(6, dtype=np.uint8) % 3)],
        "csv": lambda: [_table().encode(), _table().replace(",", ", ").encode("utf-8-sig")],
        "lines": lambda: ["".join(f"{'abc'[i % 3]}\tw{i} w{i + 1}\n" for i in range(9)).encode()],
        "npz": lambda: [_npz(np.savez), _npz(np.savez_compressed)],
        "npy": lambda: [_npy(rng.normal(size=(3, 4))), _npy(np.arange(5, dtype=">i2"))],
        "png": lambda: _pngs(images[0]),
        "png chunks": lambda: _pngs(images[0]),
        "jpeg": lambda: _jpegs(images[0]),
        "onnx": lambda: [_exported("onnx")],
        "safetensors": lambda: [_exported("safetensors")],
        "plain": lambda: [_exported("npz")],
    }[kind]
    return found()


def _table() -> str:
    rows = "".join(f"{i},{i / 7},{'uv'[i % 2]},{'xyz'[i % 3]}\n" for i in range(9))
    return f"a,b,c,t\n{rows}"


def _npz(write: Callable[..., None]) -> bytes:
    memory = io.BytesIO()
    write(memory, x=np.arange(24.0).reshape(6, 4), t=np.arange(6) % 3)
    return memory.getvalue()


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    memory = io.BytesIO()
    np.save(memory, array)
    return memory.getvalue()


def _pngs(grey: np.ndarray[Any, Any]) -> list[bytes]:
    from PIL import Image

    im = Image.fromarray(grey)
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    kinds = (im, im.convert("RGBA"), im.convert("P"), im.convert("1"), deep)
    found = [_saved(one, "PNG") for one in kinds]
    head = struct.pack(">IIBBBBB", 3, 3, 8, 0, 0, 0, 1)
    # Five passes have pixels: of 1, 1, 2, twice 1, and 3.
    passes = zlib.compress(b"\0\1" + b"\0\1" + b"\0\1\2" + b"\0\1" * 2 + b"\0\1\2\3")
    found.append(png_of([(b"IHDR", head), (b"IDAT", passes), (b"IEND", b"")]))
    return found


def _jpegs(grey: np.ndarray[Any, Any]) -> list[bytes]:
    from PIL import Image

    im = Image.fromarray(grey).resize((9, 9))
    return [
        _saved(im, "JPEG"),
        _saved(im.convert("RGB"), "JPEG", progressive=True),
        _saved(im.convert("CMYK"), "JPEG"),
    ]


def _saved(im: Any, kind: str, **options: Any) -> bytes:
    memory = io.BytesIO()
    im.save(memory, kind, **options)
    return memory.getvalue()


def _exported(kind: str) -> bytes:
    from graphnet.exchange.files import export_network

    net = network_of(decode(corpus.small()["convolution"]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"m.{'json' if kind == 'npz' else kind}"
        export_network(path, net)
        return path.with_suffix(f".{kind}").read_bytes()


def png_of(chunks: list[tuple[bytes, bytes]]) -> bytes:
    """A PNG of these chunks, with their checksums right."""
    found = PNG_HEAD
    for kind, body in chunks:
        found += struct.pack(">I", len(body)) + kind + body
        found += struct.pack(">I", zlib.crc32(kind + body))
    return found


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
    with tempfile.TemporaryDirectory() as folder, without_one(job["without"]):
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


def in_batches(jobs: list[dict[str, Any]]) -> Result:
    """What children find, two at a time."""
    result = Result()

    def work(job: dict[str, Any]) -> Any:
        return in_child("campaigns.samples:batch", job, seconds=_SECONDS)

    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for job, outcome in zip(jobs, pool.map(work, jobs), strict=True):
            if outcome.value is None or outcome.peak > HOSTILE_BYTES:
                result.count("broken")
                said = f"ended with {outcome.code}, peak {outcome.peak:,}: {outcome.said[-300:]}"
                result.blame(f"{job['kind']} {job['seed']}: {said}")
                continue
            for end, number in outcome.value["ends"].items():
                result.count(end, number)
            for line in outcome.value["wrong"]:
                result.blame(line)
    return result


def mutations(cases: int, without: str | None) -> Result:
    """So many mutations, spread over all kinds."""
    share = max(1, cases // len(OPENERS))
    jobs = [
        {"kind": kind, "seed": start, "cases": min(BATCH, share - start), "systematic": False}
        for kind in OPENERS
        for start in range(0, share, BATCH)
    ]
    return in_batches([{**job, "without": without} for job in jobs])


def bytes_of_each(cases: int, without: str | None) -> Result:
    """Every byte of every kind's sound files; of many cases those that are so far apart."""
    total = sum(sum(256 + 9 for _ in data) for kind in OPENERS for data in originals(kind))
    every = max(1, total // cases)
    jobs = [{"kind": kind, "seed": 0, "systematic": True, "every": every} for kind in OPENERS]
    return in_batches([{**job, "without": without} for job in jobs])


@contextmanager
def without_one(protection: str | None) -> Iterator[None]:
    """With one protection taken out."""
    with ExitStack() as stack:
        if protection is not None:
            for target, name, other in _TAKEN_OUT[protection]:
                stack.enter_context(mock.patch.object(target, name, other))
        yield


def _walk_of_nothing(data: bytes) -> Any:
    return walk.Walked(data, 1)


_TAKEN_OUT: dict[str, list[tuple[Any, str, Any]]] = {
    "walk": [(picture, "walk_png", _walk_of_nothing), (picture, "walk_jpeg", _walk_of_nothing)],
    "bounds": [(arrays, "HEADROOM", 2**60), (idx, "HEADROOM", 2**60)],
    "errors": [(arrays, "_DAMAGE", ()), (picture, "_DAMAGE", ())],
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
