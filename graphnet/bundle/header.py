"""The header's bytes -> its texts and the rows of its table.

The header is walked, not unpacked: each value is asked for by its kind. So nothing that the
format does not have is ever built, however a hostile header nests its maps and arrays.
"""

from __future__ import annotations

from typing import Any, NoReturn

import msgpack

from graphnet.bundle import format as fmt
from graphnet.bundle.format import Row
from graphnet.errors import InvalidBundleError

Texts = tuple[str, str | None, str | None, dict[str, str]]
_MAPS_AND_ARRAYS = frozenset((*range(0x80, 0xA0), *range(0xDC, 0xE0)))
_KINDS = (str, str, str, tuple, int, int, int, tuple)
# Keys are compared as they stand in the file: unpacked one by one they took a third of a walk.
_CELLS = [(key, msgpack.packb(key), kind) for key, kind in zip(Row._fields, _KINDS, strict=True)]


def decode_header(data: bytes) -> tuple[Texts, list[Row]]:
    """((spec, prepare, train, meta), rows); whether every byte is canonical is for
    `encode_header(*texts, rows) == data` to say.

    Errors: InvalidBundleError for a value of another kind, BundleLimitError past a limit.
    """
    return _Walk(data).header()


class _Walk:
    """One value after the other, within the limits."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        # A text may be as long as the header here: whose limit it breaks is said further down.
        self.unpacker = msgpack.Unpacker(
            raw=False,
            strict_map_key=True,
            max_buffer_size=max(len(data), 1),
            max_str_len=len(data),
            max_bin_len=0,
            max_array_len=max(fmt.MAX_TENSORS, fmt.MAX_CHUNKS),
            max_map_len=max(fmt.MAX_META_ENTRIES, len(Row._fields)),
            max_ext_len=0,
        )
        self.unpacker.feed(data)

    def header(self) -> tuple[Texts, list[Row]]:
        try:
            if self.unpacker.read_map_header() != len(fmt.HEADER_KEYS):
                self.refuse()
            spec = self.value("spec", str)
            prepare = self.value("prepare", str, type(None))
            train = self.value("train", str, type(None))
            self.key("meta")
            count = self.unpacker.read_map_header()
            fmt.check_count("meta", count, fmt.MAX_META_ENTRIES)
            meta = {self.next(str): self.next(str) for _ in range(count)}
            rows = self.rows()
        # msgpack raises many kinds for bytes that are not what it was asked for.
        except (ValueError, OverflowError, IndexError, msgpack.UnpackException):
            self.refuse()
        fmt.check_texts(spec, prepare, train, meta)
        return (spec, prepare, train, meta), rows

    def rows(self) -> list[Row]:
        self.key("tensors")
        rows = []
        chunks_left = fmt.MAX_CHUNKS
        for _ in range(self.array("tensors", fmt.MAX_TENSORS)):
            if self.unpacker.read_map_header() != len(Row._fields):
                self.refuse()
            cells: list[Any] = []
            for key, packed_key, kind in _CELLS:
                if self.unpacker.read_bytes(len(packed_key)) != packed_key:
                    self.refuse()
                if kind is tuple:
                    count = self.array(key, fmt.MAX_RANK if key == "shape" else chunks_left)
                    cells.append(tuple([self.next(int) for _ in range(count)]))
                else:
                    cells.append(self.next(kind))
            rows.append(Row(*cells))
            chunks_left -= len(rows[-1].offsets)
        return rows

    def array(self, key: str, limit: int) -> int:
        count: int = self.unpacker.read_array_header()
        fmt.check_count(key, count, limit)
        return count

    def value(self, key: str, *kinds: type) -> Any:
        self.key(key)
        return self.next(*kinds)

    def key(self, key: str) -> None:
        if self.next(str) != key:
            self.refuse()

    def next(self, *kinds: type) -> Any:
        # The unpacker would build a whole tree of maps and arrays before it could be refused.
        if self.data[self.unpacker.tell()] in _MAPS_AND_ARRAYS:
            self.refuse()
        value = self.unpacker.unpack()
        if type(value) not in kinds or (type(value) is int and value < 0):
            self.refuse()
        return value

    def refuse(self) -> NoReturn:
        offset = fmt.PREAMBLE_BYTES + self.unpacker.tell()
        raise InvalidBundleError(f"the header breaks the format's rules (offset {offset})")
