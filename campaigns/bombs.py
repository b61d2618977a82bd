"""Files and specs that ask for far more than they are: each ends soon, in one error of ours, with
little memory; or is a good one that is merely large.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import msgpack
import numpy as np

from campaigns.children import ACCEPTED, HOSTILE_BYTES, in_child, verdict
from campaigns.limits import RECIPE, SECONDS, spec_of, without_one
from campaigns.table import Campaign, Result
from graphnet.builder import build
from graphnet.bundle import format as fmt
from graphnet.bundle.format import Contents, Preamble, Tensor
from graphnet.bundle.model import load
from graphnet.bundle.writer import encode
from graphnet.plan import Plan
from graphnet.spec.canonical import canonical_text
from graphnet.spec.reader import parse_spec, resolve

MANY = 10_000
"""Nodes that a spec may have."""
_TIMES = 3
"""How often a case may be tried that took too long: others use the machine too."""


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


def _bundle(folder: Path, spec: str = "{}", **tensors: Any) -> Path:
    path = folder / "m.msgpack"
    given = {name: Tensor("param", array) for name, array in tensors.items()}
    path.write_bytes(encode(Contents(spec, tensors=given)))
    return path


def _claiming(folder: Path, **claims: int) -> Path:
    """A small file whose table or preamble says that it is large."""
    path = _bundle(folder, W=np.ones(3, np.float32))
    data = path.read_bytes()
    length = int.from_bytes(data[20:24], "big")
    header = msgpack.unpackb(data[64 : 64 + length])
    row = header["tensors"][0]
    row.update({key: value for key, value in claims.items() if key in row})
    if "size" in claims:
        row.update(shape=[claims["size"]], nbytes=4 * claims["size"])
    packed = msgpack.packb(header)
    rest = data[64 + length :]
    file_len = claims.get("file_len", 64 + len(packed) + len(rest))
    preamble = Preamble(
        claims.get("header_len", len(packed)), zlib.crc32(packed), file_len, claims.get("n", 2)
    )
    path.write_bytes(fmt.encode_preamble(preamble) + packed + rest)
    return path


def _header_of(folder: Path, packed: bytes) -> Path:
    path = folder / "m.msgpack"
    packed = packed[: fmt.MAX_HEADER_BYTES]
    size = 64 + len(packed) + 5
    preamble = Preamble(len(packed), zlib.crc32(packed), size, 0)
    path.write_bytes(fmt.encode_preamble(preamble) + packed + fmt.encode_elements(0))
    return path


def _tiny_tensors(folder: Path) -> Path:
    return _bundle(folder, **{f"t{i}/W": np.ones(1, np.uint8) for i in range(fmt.MAX_TENSORS)})


def _sparse(folder: Path, start: bytes) -> Path:
    path = folder / "m.msgpack"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(2**40)
    return path


def _fifo(folder: Path) -> Path:
    os.mkfifo(folder / "m.msgpack")
    return folder / "m.msgpack"


def _folder(folder: Path) -> Path:
    (folder / "m.msgpack").mkdir()
    return folder / "m.msgpack"


def _loop(folder: Path) -> Path:
    (folder / "m.msgpack").symlink_to("m.msgpack")
    return folder / "m.msgpack"


def _socket(folder: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as file:
        file.bind(str(folder / "m.msgpack"))
    return folder / "m.msgpack"


def _heavy_bundle(folder: Path) -> Path:
    """A good bundle of a few hundred bytes whose network would compute in gigabytes."""
    nodes = [{"id": "wide", "type": "Broadcast", "to": [1000, 1000, 1000]}]
    nodes += [{"id": f"n{i}", "type": "Sigmoid"} for i in range(2)]
    nodes += [{"id": "sum", "type": "Add"}]
    edges = [["x", "wide", "n0", "sum"], ["wide", "n1", "sum"]]
    values = spec_of(nodes, edges, {"x": {"shape": [1, 1, 1]}})
    return _bundle(folder, canonical_text(parse_spec(json.dumps(values))))


_LIMIT, _SPEC, _SHAPE = ("SpecLimitError",), ("SpecError",), ("ShapeError",)
_ANY = (*_LIMIT, *_SPEC, *_SHAPE)
_BIG = 2**63 - 1
BOMBS: dict[str, Bomb] = {
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
    "a table that claims 4 GB": Bomb(lambda f: _claiming(f, size=10**9), ("InvalidBundleError",)),
    "a table that claims exabytes": Bomb(
        lambda f: _claiming(f, size=2**60), ("InvalidBundleError",)
    ),
    "a header that claims 4 GB": Bomb(
        lambda f: _claiming(f, header_len=2**32 - 1),
        ("BundleLimitError", "InvalidBundleError", "TruncatedBundleError"),
    ),
    "a file that claims 8 GB": Bomb(
        lambda f: _claiming(f, file_len=8 * 2**30), ("TruncatedBundleError",)
    ),
    "a file that claims exabytes": Bomb(
        lambda f: _claiming(f, file_len=2**62), ("BundleLimitError",)
    ),
    "elements without end": Bomb(
        lambda f: _claiming(f, n=2**32 - 2), ("BundleLimitError", "InvalidBundleError")
    ),
    **{
        f"16 MiB of {what}": Bomb(
            lambda f, piece=piece: _header_of(f, b"\x85\xa4spec" + piece * (2**24 // len(piece))),
            ("InvalidBundleError", "BundleLimitError"),
        )
        for what, piece in {
            "empty arrays": b"\x90",
            "arrays in arrays": b"\x91",
            "empty texts": b"\xa0",
            "numbers": b"\x01",
            "arrays that claim millions": b"\xdd\x00\xff\xff\xff",
            "maps that claim millions": b"\xdf\x00\xff\xff\xff",
            "texts that claim gigabytes": b"\xdb\xff\xff\xff\xff",
        }.items()
    },
    "40,000 tensors of a byte": Bomb(_tiny_tensors, ("InvalidBundleError", "BundleMismatchError")),
    "a terabyte of nothing": Bomb(lambda f: _sparse(f, b""), ("NotABundleError",)),
    "a terabyte behind a preamble": Bomb(
        lambda f: _sparse(f, fmt.encode_preamble(Preamble(2**20, 0, 2**40, 2))),
        ("BundleLimitError",),
    ),
    "a terabyte that claims a gigabyte": Bomb(
        lambda f: _sparse(f, fmt.encode_preamble(Preamble(2**20, 0, 2**30, 2))),
        ("InvalidBundleError", "CorruptBundleError"),
    ),
    "a pipe": Bomb(_fifo, ("BundleError",)),
    "a folder": Bomb(_folder, ("BundleError",)),
    "a link to itself": Bomb(_loop, ("BundleError",)),
    "a socket": Bomb(_socket, ("BundleError",)),
    "/dev/zero": Bomb(lambda f: Path("/dev/zero"), ("BundleError",)),
    "/dev/null": Bomb(lambda f: Path("/dev/null"), ("BundleError",)),
    "a spec inside of a million brackets": Bomb(
        lambda f: _bundle(f, "[" * 10**6), ("InvalidBundleError",)
    ),
    "gigabytes behind a small bundle": Bomb(_heavy_bundle, ("BundleLimitError",)),
}


def _text_of_many(count: int) -> str:
    nodes = ",".join(['{"id":"n","type":"Relu"}'] * count)
    return (
        f'{{"format":1,"name":"t","inputs":{{"x":{{"shape":[4]}}}},"nodes":[{nodes}],"edges":[]}}'
    )


def tried(job: Mapping[str, Any]) -> dict[str, Any]:
    """How one bomb ended in this process."""
    import time

    given = job["path"] or job["text"]
    with without_one(job["without"]):
        start = time.perf_counter()
        end = verdict(lambda: _opened(given, is_path=job["path"] is not None, mapped=job["mapped"]))
        return {"kind": end.kind, "said": end.said, "seconds": time.perf_counter() - start}


def _opened(given: str, *, is_path: bool, mapped: bool) -> None:
    if is_path:
        load(given, mmap=mapped, verify=mapped)
        return
    spec = parse_spec(given)
    plan = Plan(resolve(spec))
    if spec.train is not None:
        from graphnet.training.loop import check_memory

        check_memory(plan.graph, spec.train.batch_size)
    build(spec)


def set_off(cases: int, without: str | None) -> Result:
    """The first so many bombs, or all; those that are files, read and mapped."""
    result = Result()
    jobs = [(name, mapped) for name in BOMBS for mapped in (False, True)][: 2 * cases]
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for name, said, kind in pool.map(lambda job: _set_off(*job, without), jobs):
            if kind is not None:
                result.count(kind)
            if said:
                result.blame(f"{name}: {said}")
    return result


def _set_off(name: str, mapped: bool, without: str | None) -> tuple[str, str, str | None]:
    with tempfile.TemporaryDirectory() as folder:
        made, size = BOMBS[name].make(Path(folder)), 0
        if isinstance(made, Path):
            job = {"path": str(made), "text": None, "mapped": mapped}
            size = made.stat().st_blocks * 512 if made.is_file() else 0
        elif mapped:
            return name, "", None
        else:
            text = made if isinstance(made, str) else json.dumps(made)
            job, size = {"path": None, "text": text, "mapped": False}, len(text)
        for _ in range(_TIMES):
            allowed = HOSTILE_BYTES + size
            outcome = in_child(
                "campaigns.bombs:tried", {**job, "without": without}, memory=allowed, seconds=30
            )
            found = outcome.value
            if found is None or found["seconds"] <= SECONDS:
                break
    if found is None:
        return name, f"ended with {outcome.code}: {outcome.said[-200:]}", "broken"
    wrong = []
    if found["kind"] not in BOMBS[name].ends:
        wrong.append(f"ended as {found['kind']}: {found['said'][:300]}")
    if found["seconds"] > SECONDS:
        wrong.append(f"took {found['seconds']:.1f} s")
    if outcome.peak > allowed:
        wrong.append(f"took {outcome.peak:,} bytes")
    return name, "; ".join(wrong), found["kind"]


CAMPAIGNS = (
    Campaign(
        "bombs",
        4,
        "files and specs that ask for far more than they are, a child each",
        len(BOMBS),
        set_off,
        {"plan": len(BOMBS), "sizes": len(BOMBS)},
    ),
)
