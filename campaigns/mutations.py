"""Bundles changed at random: as bytes, and as one who knows the format and repairs checksums."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgpack

from graphnet.bundle import format as fmt
from graphnet.bundle.format import Preamble

NUMBERS = (
    *(0, 1, 2, 3, 7, 8, 63, 64, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1),
    *(2**32, 2**53, 2**63 - 1, 2**63, 2**64 - 1, -1, -128, -(2**63)),
)
WORDS = ("", "a", "W", "..", "/", "a/../b", "\0", "\x1b[2J", "\u00e4", "\u2028", "x" * 300, "null")
VALUES: tuple[Any, ...] = (None, True, False, 0.0, -0.0, 1e308, 1.5, [], {}, [[]], {"": {}}, b"")


def mutated(data: bytes, others: Sequence[bytes], rng: Random) -> bytes:
    """Some bytes changed, taken out or put in; up to four times."""
    found = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        rng.choice(_BYTES)(found, others, rng)
    return bytes(found)


def _place(data: bytearray, rng: Random) -> int:
    return rng.randrange(len(data) + 1)


def _flip(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _set(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    if data:
        data[rng.randrange(len(data))] = rng.randrange(256)


def _cut(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    del data[_place(data, rng) :]


def _remove(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    at = _place(data, rng)
    del data[at : at + rng.choice((1, 2, 8, 64, 500))]


def _insert(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    at = _place(data, rng)
    data[at:at] = rng.randbytes(rng.choice((1, 2, 8, 64)))


def _repeat(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    at, size = _place(data, rng), rng.choice((1, 7, 64, 300))
    data[at:at] = data[at : at + size]


def _zeros(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    at, size = _place(data, rng), rng.choice((1, 4, 64))
    data[at : at + size] = bytes(len(data[at : at + size]))


def _swap(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    size = rng.choice((1, 4, 64))
    a, b = sorted((_place(data, rng), _place(data, rng)))
    one, other = data[a : a + size], data[b : b + size]
    data[b : b + size] = one
    data[a : a + size] = other


def _splice(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    other, at = rng.choice(others), _place(data, rng)
    data[at:] = other[min(at, len(other)) :]


def _number(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    at, number = _place(data, rng), rng.choice(NUMBERS)
    size = rng.choice((1, 2, 4, 8))
    piece = (number % 2 ** (8 * size)).to_bytes(size, "big")
    data[at : at + size] = piece[: len(data[at : at + size])]


def _append(data: bytearray, others: Sequence[bytes], rng: Random) -> None:
    data += rng.choice((b"\0", b"\xc0", rng.randbytes(9), bytes(64)))


_BYTES: tuple[Callable[[bytearray, Sequence[bytes], Random], None], ...] = (
    *(_flip, _set, _cut, _remove, _insert, _repeat, _zeros, _swap, _splice, _number, _append),
)


class Parts:
    """A bundle taken apart: its header as plain values, and the payload of each tensor."""

    def __init__(self, data: bytes) -> None:
        length = int.from_bytes(data[20:24], "big")
        self.header = msgpack.unpackb(data[64 : 64 + length], strict_map_key=False)
        self.payloads = [
            data[row["offsets"][0] : row["offsets"][0] + row["nbytes"]]
            for row in self.header["tensors"]
        ]

    def bytes(self, rng: Random) -> bytes:
        """The bundle put together again, its places and checksums made right, most of them."""
        header, rows = self.header, self.header.get("tensors")
        sound = isinstance(rows, list) and len(rows) == len(self.payloads)
        sound = sound and all(isinstance(row, dict) for row in rows)
        if sound and rng.random() < 0.9:
            for row, payload in zip(rows, self.payloads, strict=True):
                row["crc32"] = zlib.crc32(payload)
        if sound and rng.random() < 0.8:
            self._place(rows)
        packed = _packed(header, rng) if rng.random() < 0.1 else _shortest(header)
        return _whole(packed, self.payloads, rng)

    def _place(self, rows: list[dict[str, Any]]) -> None:
        """Every row's first chunk and offset, as the format gives them."""
        for first, row in enumerate(rows):
            row["first"], row["offsets"] = first, [0]
        sizes = [len(payload) for payload in self.payloads]
        if all(sizes):
            layout = fmt.lay_out(sizes, len(_shortest(self.header)))
            for row, offsets in zip(rows, layout.offsets, strict=True):
                row["offsets"] = list(offsets)


def structured(data: bytes, rng: Random) -> bytes:
    """A bundle that says something else, up to three times, with its checksums repaired; data that
    cannot be taken apart is changed as bytes."""
    try:
        parts = Parts(data)
    except (ValueError, LookupError, TypeError, AttributeError):
        return mutated(data, [data], rng)
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice(_PARTS)(parts, rng)
    return parts.bytes(rng)


def _text(parts: Parts, rng: Random) -> None:
    """A value somewhere in one of the three JSON texts."""
    key = rng.choice(("spec", "spec", "spec", "prepare", "train"))
    text = parts.header.get(key)
    if not isinstance(text, str):
        parts.header[key] = rng.choice(("{}", "[]", "null", '{"history":[]}', "1", None, "{"))
        return
    if rng.random() < 0.3:
        letters = bytearray(text.encode(errors="surrogatepass"))
        rng.choice(_BYTES)(letters, [bytes(letters)], rng)
        parts.header[key] = letters.decode(errors="replace")
        return
    try:
        values = json.loads(text)
    except ValueError:
        return
    _change(values, rng)
    parts.header[key] = json.dumps(
        values,
        ensure_ascii=rng.random() < 0.1,
        separators=(",", ":") if rng.random() < 0.95 else None,
        sort_keys=key != "spec",
    )


def _change(values: Any, rng: Random) -> None:
    """One entry somewhere in a tree of values."""
    while isinstance(values, (dict, list)) and values:
        keys = list(values) if isinstance(values, dict) else list(range(len(values)))
        key = rng.choice(keys)
        inner = values[key]
        if isinstance(inner, (dict, list)) and inner and rng.random() < 0.8:
            values = inner
            continue
        what = rng.random()
        if what < 0.15:
            del values[key]
        elif what < 0.25 and isinstance(values, list):
            values.insert(key, inner)
        elif what < 0.35 and isinstance(values, dict):
            values[rng.choice((*WORDS, *map(str, keys)))] = inner
        else:
            values[key] = _another(inner, rng)
        return


def _another(value: Any, rng: Random) -> Any:
    what = rng.random()
    if isinstance(value, str) and what < 0.5:
        letters = list(value) or ["a"]
        letters[rng.randrange(len(letters))] = rng.choice("ab/._-\u00e4\x00\u202e1")
        return "".join(letters)
    if isinstance(value, (int, float)) and what < 0.5:
        return rng.choice((value + 1, value - 1, value * 2, -value, float(value)))
    return rng.choice((*NUMBERS, *WORDS, *(v for v in VALUES if v != b"")))


def _cell(parts: Parts, rng: Random) -> None:
    """One cell of one row of the table."""
    rows = parts.header.get("tensors")
    if not isinstance(rows, list) or not rows or not isinstance(row := rng.choice(rows), dict):
        return
    key = rng.choice(fmt.Row._fields)
    if key == "shape" and rng.random() < 0.5:
        row[key] = rng.choice(([], [1], [rng.choice(NUMBERS)], [2] * 9, [2**32, 2**32], [0]))
    elif key == "dtype" and rng.random() < 0.7:
        row[key] = rng.choice((*fmt.DTYPES, "O", "U8", "f4"))
    elif key == "role" and rng.random() < 0.7:
        row[key] = rng.choice((*fmt.ROLES, "grad"))
    else:
        row[key] = rng.choice((*NUMBERS, *WORDS, *VALUES))


def _row(parts: Parts, rng: Random) -> None:
    """A row more, or less, or in another's place."""
    rows = parts.header.get("tensors")
    if not isinstance(rows, list) or not rows or len(rows) != len(parts.payloads):
        return
    at, to = rng.randrange(len(rows)), rng.randrange(len(rows))
    what = rng.random()
    if what < 0.35:
        del rows[at], parts.payloads[at]
    elif what < 0.7:
        row = dict(rows[at]) if isinstance(rows[at], dict) else rows[at]
        if isinstance(row, dict) and rng.random() < 0.7:
            row["name"] = f"{row.get('name')}2"
        rows.insert(at + 1, row)
        parts.payloads.insert(at + 1, parts.payloads[at])
    else:
        rows[at], rows[to] = rows[to], rows[at]
        parts.payloads[at], parts.payloads[to] = parts.payloads[to], parts.payloads[at]


def _payload(parts: Parts, rng: Random) -> None:
    """A number in a tensor: any other, NaN or infinite."""
    if not parts.payloads:
        return
    at = rng.randrange(len(parts.payloads))
    data = bytearray(parts.payloads[at])
    if not data:
        return
    if rng.random() < 0.2:
        data += data[: rng.choice((1, 4))]
    elif rng.random() < 0.5:
        data[:4] = struct.pack("<f", rng.choice((float("nan"), float("inf"), 1e38, -0.0)))
    else:
        data[rng.randrange(len(data))] = rng.randrange(256)
    parts.payloads[at] = bytes(data)


def _meta(parts: Parts, rng: Random) -> None:
    """An entry of the notes."""
    meta = parts.header.get("meta")
    if not isinstance(meta, dict) or rng.random() < 0.1:
        parts.header["meta"] = rng.choice(([], None, {"b": "", "a": ""}, {1: "a"}, {"a": 1}))
        return
    meta[rng.choice(WORDS)] = rng.choice((*WORDS, 1, None))
    if rng.random() < 0.8:
        ordered = sorted(meta.items(), key=lambda pair: str(pair[0]))
        parts.header["meta"] = dict(ordered)


def _key(parts: Parts, rng: Random) -> None:
    """A key of the header: gone, new, or in another place."""
    keys = list(parts.header)
    key = rng.choice(keys)
    what = rng.random()
    if what < 0.3:
        value = parts.header.pop(key)
        parts.header[rng.choice((key, "more", key.upper()))] = value
    elif what < 0.5 and len(keys) > 1:
        del parts.header[key]
    else:
        parts.header[rng.choice(("more", *keys))] = rng.choice((*WORDS, *VALUES, *NUMBERS))


_PARTS: tuple[Callable[[Parts, Random], None], ...] = (
    *(_text, _text, _text, _cell, _cell, _row, _payload, _meta, _key),
)


def _shortest(value: Any) -> bytes:
    packed: bytes = msgpack.packb(value, unicode_errors="surrogatepass")
    return packed


def _packed(value: Any, rng: Random) -> bytes:
    """Msgpack with longer forms than are needed, here and there."""
    long = rng.random() < 0.3
    if isinstance(value, dict):
        inner = b"".join(_packed(k, rng) + _packed(v, rng) for k, v in value.items())
        return b"\xdf" + len(value).to_bytes(4, "big") + inner
    if isinstance(value, list):
        inner = b"".join(_packed(item, rng) for item in value)
        return b"\xdd" + len(value).to_bytes(4, "big") + inner
    if long and isinstance(value, str):
        data = value.encode(errors="surrogatepass")
        return b"\xdb" + len(data).to_bytes(4, "big") + data
    if long and type(value) is int and value >= 0:
        return b"\xcf" + value.to_bytes(8, "big")
    return _shortest(value)


def _whole(packed: bytes, payloads: Sequence[bytes], rng: Random) -> bytes:
    """Preamble, header and elements, with the checksums of both right."""
    count = 2 * len(payloads)
    elements = fmt.encode_elements(count)
    pos = fmt.PREAMBLE_BYTES + len(packed) + len(elements)
    pieces = [packed, elements]
    for payload in payloads:
        frame = bytearray(fmt.encode_frame(pos, len(payload)))
        if rng.random() < 0.01:
            frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
        pieces += [bytes(frame), payload]
        pos += len(frame) + len(payload)
    if rng.random() < 0.05:
        pos, count = pos + rng.choice((-1, 1, 64)), count + rng.choice((-2, 0, 2))
    crc32 = zlib.crc32(packed)
    preamble = Preamble(len(packed), crc32, max(pos, 0), max(count, 0))
    return fmt.encode_preamble(preamble) + b"".join(pieces)
