"""Bundles, and what stands in the place of one, that ask for far more than they are."""

from __future__ import annotations

import json
import os
import socket
import zlib
from pathlib import Path
from typing import Any

import msgpack
import numpy as np

from campaigns.bomb_specs import Bomb
from campaigns.limits import spec_of
from graphnet.bundle import format as fmt
from graphnet.bundle.format import Contents, Preamble, Tensor
from graphnet.bundle.writer import encode
from graphnet.spec.canonical import canonical_text
from graphnet.spec.reader import parse_spec


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


BUNDLES: dict[str, Bomb] = {
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
