"""The bundle, version 1: what its reader and its writer must agree on, to the byte.

bundle = preamble (64 bytes) + header (one msgpack map) + elements (padding, chunk, padding, ...)

The functions raise InvalidBundleError and BundleLimitError without a path: whoever knows the
file puts its name in front.
"""

from __future__ import annotations

import math
import struct
import zlib
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, NamedTuple

import msgpack
import numpy as np
import numpy.typing as npt

from graphnet.errors import BundleLimitError, InvalidBundleError, quoted

MAGIC = b"\x95\xafgraphnet.bundle"
VERSION = 1
PREAMBLE_BYTES = 64
ALIGNMENT = 64
# A multiple of the alignment and of every item; below 2**31 for readers that count in an int32.
CHUNK_BYTES = 2**31 - 64

MAX_HEADER_BYTES = 16 * 2**20
MAX_SPEC_BYTES = 2 * 2**20
MAX_PREPARE_BYTES = 4 * 2**20
MAX_TRAIN_BYTES = 4 * 2**20
MAX_META_ENTRIES = 64
MAX_META_BYTES = 4 * 2**10
MAX_TENSORS = 40_000
MAX_CHUNKS = 60_000
MAX_RANK = 8
MAX_NAME = 200
MAX_FILE_BYTES = 8 * 2**30

# A text of a file only ever picks a row here: np.dtype(text) would take objects and records.
DTYPES: dict[str, np.dtype[Any]] = {
    "f64": np.dtype("<f8"),
    "f32": np.dtype("<f4"),
    "f16": np.dtype("<f2"),
    "i64": np.dtype("<i8"),
    "i32": np.dtype("<i4"),
    "i8": np.dtype("<i1"),
    "u8": np.dtype("<u1"),
}
ROLES = ("param", "state", "optimizer", "best")
HEADER_KEYS = ("spec", "prepare", "train", "meta", "tensors")

_NAME_CHARACTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-")
_DTYPE_NAMES = {(dtype.kind, dtype.itemsize): name for name, dtype in DTYPES.items()}
_PREAMBLE = struct.Struct(">17s BB BI BI BQ BI BB15s")
ELEMENTS_BYTES = 5
FRAME_BYTES = 7


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """An array and what it is in the network: one of ROLES."""

    role: str
    array: npt.NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Contents:
    """All that a bundle says: three texts, a few words about it, the tensors by name."""

    spec: str
    prepare: str | None = None
    train: str | None = None
    meta: dict[str, str] = field(default_factory=dict)
    tensors: dict[str, Tensor] = field(default_factory=dict)


class Preamble(NamedTuple):
    """The numbers of the first 64 bytes."""

    header_len: int
    header_crc32: int
    file_len: int
    n_elements: int


class Row(NamedTuple):
    """A tensor in the header's table; the fields are the keys, in the file's order."""

    name: str
    role: str
    dtype: str
    shape: tuple[int, ...]
    nbytes: int
    crc32: int
    first: int
    offsets: tuple[int, ...]


class Layout(NamedTuple):
    """Where everything lies: what follows from the tensors' sizes and the header's texts."""

    header_len: int
    firsts: list[int]
    offsets: list[tuple[int, ...]]
    n_chunks: int
    file_len: int


def dtype_name(dtype: np.dtype[Any]) -> str | None:
    """The table's name for `dtype` in either byte order, None where the table has none."""
    return _DTYPE_NAMES.get((dtype.kind, dtype.itemsize))


def encode_preamble(preamble: Preamble) -> bytes:
    """magic, version, [header_len, header_crc32, file_len, n_elements, zeros + crc32]"""
    header_len, header_crc32, file_len, n_elements = preamble
    numbers = (0xCE, header_len, 0xCE, header_crc32, 0xCF, file_len, 0xCE, n_elements)
    start = _PREAMBLE.pack(MAGIC, VERSION, 0x95, *numbers, 0xC4, 0x13, bytes(15))
    return start + zlib.crc32(start).to_bytes(4, "big")


def decode_preamble(data: bytes) -> Preamble:
    """The numbers of 64 bytes that begin with the magic; whether all the rest is right is for
    `encode_preamble(preamble) == data` to say.
    """
    fields = _PREAMBLE.unpack_from(data)
    return Preamble(fields[4], fields[6], fields[8], fields[10])


def encode_header(
    spec: str, prepare: str | None, train: str | None, meta: dict[str, str], rows: Sequence[Row]
) -> bytes:
    """{spec, prepare, train, meta, tensors} in canonical msgpack: shortest forms, meta sorted."""
    values = (spec, prepare, train, dict(sorted(meta.items())), [row._asdict() for row in rows])
    packed: bytes = msgpack.packb(dict(zip(HEADER_KEYS, values, strict=True)))
    return packed


def encode_elements(n_elements: int) -> bytes:
    """The head of the array behind the header."""
    return b"\xdd" + n_elements.to_bytes(4, "big")


def encode_frame(pos: int, length: int) -> bytes:
    """What stands between offset `pos` and the payload: the padding element, the chunk's head."""
    k = padding(pos)
    return b"\xc4" + bytes((k,)) + bytes(k) + b"\xc6" + length.to_bytes(4, "big")


def padding(pos: int) -> int:
    """k = -(pos + 7) mod 64: the zeros after which a payload is aligned."""
    return -(pos + FRAME_BYTES) % ALIGNMENT


def chunk_lengths(nbytes: int) -> list[int]:
    """All chunks of a tensor are full but the last."""
    full, rest = divmod(nbytes, CHUNK_BYTES)
    return [CHUNK_BYTES] * full + ([rest] if rest else [])


def chunks(row: Row) -> list[tuple[int, int]]:
    """(offset, length) of each chunk; only for a row whose offsets are checked."""
    return list(zip(row.offsets, chunk_lengths(row.nbytes), strict=True))


def uint_bytes(value: int) -> int:
    """The length of msgpack's shortest form of an unsigned integer."""
    return (1, 2, 3, 5, 9)[bisect_right((2**7, 2**8, 2**16, 2**32), value)]


def lay_out(sizes: Sequence[int], bare_len: int) -> Layout:
    """The layout of tensors of `sizes` bytes; `bare_len`: the header with every offset one byte.

    Offsets stand in the header and so move themselves. The search comes from below and ends at
    the shortest header that fits: there may be a longer one, and canonical is only one.
    """
    lengths = [chunk_lengths(size) for size in sizes]
    *firsts, n_chunks = accumulate(map(len, lengths), initial=0)
    header_len = bare_len
    while True:
        offsets, file_len = _place(lengths, PREAMBLE_BYTES + header_len + ELEMENTS_BYTES)
        wanted = bare_len + extra_bytes(offsets)
        if wanted == header_len:
            return Layout(header_len, firsts, offsets, n_chunks, file_len)
        header_len = wanted


def extra_bytes(offsets: Sequence[tuple[int, ...]]) -> int:
    """What the offsets take in the header beyond one byte each."""
    return sum(uint_bytes(offset) - 1 for placed in offsets for offset in placed)


def _place(tensors: Sequence[Sequence[int]], pos: int) -> tuple[list[tuple[int, ...]], int]:
    placed = []
    for lengths in tensors:
        offsets = []
        for length in lengths:
            pos += FRAME_BYTES + padding(pos)
            offsets.append(pos)
            pos += length
        placed.append(tuple(offsets))
    return placed, pos


def check_text(key: str, text: str, limit: int) -> None:
    """Errors: BundleLimitError where UTF-8 takes more than `limit` bytes."""
    # The first test spares a copy of what is hopelessly long.
    if len(text) > limit or len(text.encode()) > limit:
        raise BundleLimitError(f"{key} is longer than {limit:,} bytes (header)")


def check_texts(spec: str, prepare: str | None, train: str | None, meta: dict[str, str]) -> None:
    """Errors: BundleLimitError where a text or the meta entries are past their limits."""
    check_text("spec", spec, MAX_SPEC_BYTES)
    check_text("prepare", prepare or "", MAX_PREPARE_BYTES)
    check_text("train", train or "", MAX_TRAIN_BYTES)
    check_count("meta", len(meta), MAX_META_ENTRIES)
    for key, value in meta.items():
        check_text(f"meta entry {quoted(key)}", key + value, MAX_META_BYTES)


def check_count(what: str, count: int, limit: int, where: str = "header") -> None:
    """Errors: BundleLimitError where there are more than `limit`."""
    if count > limit:
        raise BundleLimitError(f"{what}: {count:,} is more than the limit of {limit:,} ({where})")


def check_row(row: Row) -> None:
    """Whether one tensor keeps the rules that need no other: name, role, dtype, shape, nbytes.

    Errors: BundleLimitError for a name or a rank past its limit, InvalidBundleError for the rest.
    """
    if len(row.name) > MAX_NAME:
        check_count(f"{_called(row)}: characters of its name", len(row.name), MAX_NAME)
    if not row.name or ".." in row.name or not _NAME_CHARACTERS.issuperset(row.name):
        raise InvalidBundleError(
            f"{_called(row)}: a name is letters, digits and _ . / - without '..' (header)"
        )
    if row.role not in ROLES:
        raise InvalidBundleError(
            f"{_called(row)}: role {quoted(row.role)} is none of {', '.join(ROLES)} (header)"
        )
    if row.dtype not in DTYPES:
        raise InvalidBundleError(
            f"{_called(row)}: dtype {quoted(row.dtype)} is none of {', '.join(DTYPES)} (header)"
        )
    if len(row.shape) > MAX_RANK:
        check_count(f"{_called(row)}: rank", len(row.shape), MAX_RANK)
    if 0 in row.shape:
        raise InvalidBundleError(f"{_called(row)}: shape {row.shape} has a dimension of 0 (header)")
    # Python's integers: a product of NumPy's would wrap around and look small.
    nbytes = math.prod(row.shape) * DTYPES[row.dtype].itemsize
    if row.nbytes != nbytes:
        raise InvalidBundleError(
            f"{_called(row)}: nbytes is {row.nbytes}, but its shape and dtype take {nbytes} "
            "(header)"
        )


def _called(row: Row) -> str:
    return f"tensor {quoted(row.name)}"


def check_sizes(header_len: int, n_chunks: int, file_len: int, limit: int) -> None:
    """Errors: BundleLimitError where the header, the chunks or the file are past their limits."""
    check_count("bytes of the header", header_len, MAX_HEADER_BYTES, "preamble")
    check_count("chunks", n_chunks, MAX_CHUNKS, "preamble")
    check_count("bytes of the file", file_len, limit, "preamble; the caller may raise it")


def check_table(rows: Sequence[Row], preamble: Preamble) -> None:
    """Each row's rules, the names' order, and all offsets as the format gives them.

    Errors: as check_row; InvalidBundleError for the rest.
    """
    previous = ""
    for row in rows:
        check_row(row)
        if row.name <= previous:
            raise InvalidBundleError(
                f"tensor {quoted(row.name)} stands behind {quoted(previous)}, "
                "but names are sorted and unique (header)"
            )
        previous = row.name
    sizes = [row.nbytes for row in rows]
    # What the file cannot hold must not be laid out: its chunks alone could fill the memory.
    if sum(sizes) > preamble.file_len:
        raise InvalidBundleError("the tensors are larger than the file (header)")
    firsts, offsets = [row.first for row in rows], [row.offsets for row in rows]
    n_chunks = preamble.n_elements // 2
    found = Layout(preamble.header_len, firsts, offsets, n_chunks, preamble.file_len)
    if found != lay_out(sizes, preamble.header_len - extra_bytes(offsets)):
        raise InvalidBundleError("the tensors do not lie where the format puts them (header)")
