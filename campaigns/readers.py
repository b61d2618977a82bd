"""Other programs' readers of msgpack: the whole file at once, and the same tensors as ours."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from campaigns import corpus
from campaigns.table import Campaign, Result
from graphnet.bundle import format as fmt
from graphnet.bundle.format import Contents, Tensor
from graphnet.bundle.reader import decode
from graphnet.bundle.writer import encode

READERS: dict[str, tuple[str, Callable[[Any, bytes], Any]]] = {
    "msgspec": ("msgspec.msgpack", lambda library, data: library.decode(data)),
    "ormsgpack": ("ormsgpack", lambda library, data: library.unpackb(data)),
    "u-msgpack-python": ("umsgpack", lambda library, data: library.unpackb(data)),
}
"""In C, in Rust, in Python: the module, and how it reads."""
DTYPES = {
    "f64": "<f8",
    "f32": "<f4",
    "f16": "<f2",
    "i64": "<i8",
    "i32": "<i4",
    "i8": "<i1",
    "u8": "<u1",
}


def read_by(name: str, data: bytes) -> dict[str, Any]:
    """A bundle's header, with each tensor's array, by one who knows the format's one page."""
    module, read = READERS[name]
    magic, version, prelude, header, elements = read(importlib.import_module(module), data)
    assert (magic, version, len(prelude)) == ("graphnet.bundle", 1, 5)
    arrays = {}
    for row in header["tensors"]:
        chunks = range(len(row["offsets"]))
        payload = b"".join(elements[2 * (row["first"] + i) + 1] for i in chunks)
        array = np.frombuffer(payload, DTYPES[row["dtype"]]).reshape(row["shape"])
        arrays[row["name"]] = (row["role"], array)
    return {**header, "tensors": arrays}


def differences(name: str, data: bytes, other: bytes | None = None) -> list[str]:
    """In what a reader's answer is not ours; other: what it reads in place of `data`."""
    ours, theirs = decode(data), read_by(name, data if other is None else other)
    found = [
        f"{name}: another {key}"
        for key in ("spec", "prepare", "train", "meta")
        if getattr(ours, key) != theirs[key]
    ]
    if list(ours.tensors) != list(theirs["tensors"]):
        found.append(f"{name}: other tensors")
    for tensor, (role, array) in theirs["tensors"].items():
        mine = ours.tensors[tensor]
        alike = (mine.role, mine.array.shape, mine.array.dtype) == (role, array.shape, array.dtype)
        if not alike or mine.array.tobytes() != array.tobytes():
            found.append(f"{name}: another tensor {tensor}")
    return found


def any_contents(rng: random.Random) -> Contents:
    """Contents of any texts and tensors."""

    def text(most: int) -> str:
        return "".join(
            chr(rng.choice((rng.randrange(32, 127), 228, 0x4E2D, 0x1F600, 0)))
            for _ in range(rng.randrange(most))
        )

    tensors = {}
    for _ in range(rng.choice((0, 1, 2, 5, 20, 70))):
        shape = tuple(rng.randrange(1, 5) for _ in range(rng.randrange(5)))
        dtype = rng.choice(list(fmt.DTYPES.values()))
        size = int(np.prod(shape, dtype=int))
        array = np.frombuffer(rng.randbytes(size * dtype.itemsize), dtype).reshape(shape)
        name = "".join(rng.choice("abW_./-") for _ in range(rng.randrange(1, 40))).replace(
            "..", "_"
        )
        tensors[name] = Tensor(rng.choice(fmt.ROLES), array)
    return Contents(
        text(400),
        rng.choice((None, text(40))),
        rng.choice((None, text(40))),
        {text(9): text(99) for _ in range(rng.randrange(20))},
        tensors,
    )


def one_reading(cases: int, without: str | None) -> Result:
    """Bundles of the corpus and of any contents, by each of the other readers."""
    result, rng = Result(), random.Random(0)
    known = [*corpus.small().values(), *corpus.large().values()]
    for i in range(cases):
        data = known[i] if i < len(known) else encode(any_contents(rng))
        other = data
        if without and decode(data).tensors:  # whose last byte is the file's
            other = data[:-1] + bytes([data[-1] ^ 1])
        wrong = [line for name in READERS for line in differences(name, data, other)]
        result.count("the same" if not wrong else "other")
        for line in wrong:
            result.blame(f"bundle {i}: {line}")
    with corpus.short_chunks():
        for name in READERS:
            for line in differences(name, corpus.cut()):
                result.blame(f"chunks: {line}")
    return result


CAMPAIGNS = (
    Campaign(
        "one reading",
        3,
        f"{', '.join(READERS)} read the same tensors",
        3_000,
        one_reading,
        {"the same bytes": 20},
    ),
)
