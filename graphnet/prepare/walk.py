"""PNG and JPEG files walked part by part, before any decoder sees them.

What comes out holds the pixels alone: a decoder that gets it meets no text, profile, thumbnail
or animation, and no size that was not checked.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from graphnet.errors import ImageError, ImageTooLargeError, quoted

MAX_PIXELS = 16_000_000
"""Of one picture; 64 MB when decoded."""
MAX_PARTS = 100_000
"""PNG chunks or JPEG segments: 128 MB of empty ones take long to walk."""
MAX_SCANS = 100
"""Of a progressive JPEG, which has some ten: a scan of 30 bytes can cost a pass over all pixels."""

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"
AGAIN = "copy or save the picture again"

_SCAN = re.compile(b"\xff\xda")
"""In 44 KB of pixels, where 0xff is frequent, this takes 10 us, and `bytes.count` 38."""

# Bits a pixel by (bit depth, colour type).
_BITS = {(d, 0): d for d in (1, 2, 4, 8, 16)} | {(d, 3): d for d in (1, 2, 4, 8)}
_BITS |= {(d, colour): d * n for d in (8, 16) for colour, n in ((2, 3), (4, 2), (6, 4))}
# First column and row, and the steps to the next, of each pass over a PNG.
_STRAIGHT = [(0, 0, 1, 1)]
_ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
_ADAM7 += [(0, 1, 1, 2)]


class Walked(NamedTuple):
    """A file of the pixels alone, and what else a reader needs of the first one."""

    data: bytes
    turn: int
    """The Exif orientation, 1 (upright) to 8."""
    key: int | tuple[int, ...] | None = None
    """The grey or colour that is transparent, in the units in which the pixels are decoded."""


def walk_png(data: bytes) -> Walked:
    """The chunks that hold pixels, each with its checksum checked, the pixels counted.

    Errors: ImageError unless the file is whole; ImageTooLargeError past the limits.
    Source: PNG specification, third edition, 5.3 (chunks), 7.2 (pixels), 8.1 (passes).
    """
    view = memoryview(data)
    kept, pixels = [view[: len(PNG)]], list[memoryview]()
    found: dict[bytes, memoryview] = {}
    at = len(PNG)
    for _ in range(MAX_PARTS):
        if at + 12 > len(data):
            raise ImageError(f"the file ends early (byte {len(data)}); {AGAIN}")
        length, kind = struct.unpack_from(">I4s", data, at)
        where, end = f"chunk {quoted(kind)[1:]} at byte {at}", at + 12 + length
        if end > len(data):
            raise ImageError(f"the file ends early ({where}); {AGAIN}")
        if zlib.crc32(view[at + 4 : end - 4]) != int.from_bytes(view[end - 4 : end]):
            raise ImageError(f"a checksum does not match ({where}); {AGAIN}")
        body = view[at + 8 : end - 4]
        if (kind == b"IHDR") != (at == len(PNG)) or (kind == b"IHDR" and length != 13):
            raise ImageError(f"the header is not where it belongs ({where}); {AGAIN}")
        if kind in (b"PLTE", b"tRNS") and (kind in found or pixels):
            raise ImageError(f"a chunk is not where it belongs ({where}); {AGAIN}")
        if kind == b"IHDR":
            _check_size(*struct.unpack_from(">II", body))
        if kind == b"IDAT":
            pixels.append(body)
        if kind in (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"):
            kept.append(view[at:end])
        elif kind[0] & 0x20 == 0:
            raise ImageError(f"a needed chunk is of no known kind ({where}); {AGAIN}")
        if kind == b"IEND":
            break
        found[kind] = body
        at = end
    else:
        raise ImageTooLargeError(f"has more than {MAX_PARTS:,} chunks; {AGAIN}")

    width, height, depth, colour, packing, filters, passes = struct.unpack(
        ">IIBBBBB", found[b"IHDR"]
    )
    bits = _BITS.get((depth, colour))
    if bits is None or packing or filters or passes > 1:
        raise ImageError(f"the header names no kind of PNG (byte {len(PNG)}); {AGAIN}")
    if colour == 3 and not found.get(b"PLTE"):
        raise ImageError(f"the palette is missing (byte {len(PNG)}); {AGAIN}")
    expected = 0
    for column, row, right, down in _ADAM7 if passes else _STRAIGHT:
        columns, rows = -((column - width) // right), -((row - height) // down)
        expected += rows * (1 + -(-columns * bits // 8)) if columns > 0 and rows > 0 else 0
    _check_pixels(pixels, expected)
    return Walked(
        b"".join(kept),
        _orientation(bytes(found.get(b"eXIf", b""))),
        _transparent(bytes(found.get(b"tRNS", b"")), depth, colour),
    )


def walk_jpeg(data: bytes) -> Walked:
    """The segments that hold pixels.

    Errors: ImageError unless the file has a frame, a scan and an end; ImageTooLargeError past
        the limits.
    Source: ITU-T T.81, B.1 (markers), B.2.2 (frame header).
    """
    view = memoryview(data)
    kept = [view[:2]]
    turn, at, framed = 1, 2, False
    for _ in range(MAX_PARTS):
        # Some cameras leave bytes between segments; every decoder skips them.
        at = data.find(b"\xff", at)
        while 0 <= at < len(data) - 1 and data[at + 1] == 0xFF:
            at += 1
        if at < 0 or at + 4 > len(data):
            raise ImageError(f"the file ends before its pixels (byte {len(data)}); {AGAIN}")
        marker, length = struct.unpack_from(">xBH", data, at)
        where, end = f"segment FF{marker:02X} at byte {at}", at + 2 + length
        if marker in (0x00, 0x01) or 0xD0 <= marker <= 0xD8:
            at += 2
            continue
        if marker == 0xD9:
            raise ImageError(f"the file ends before its pixels ({where}); {AGAIN}")
        if length < 2 or end > len(data):
            raise ImageError(f"the file ends early ({where}); {AGAIN}")
        if marker == 0xDA:
            break
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if framed or length < 8:
                raise ImageError(f"the frame header is broken ({where}); {AGAIN}")
            height, width = struct.unpack_from(">HH", data, at + 5)
            _check_size(width, height)
            framed = True
        if marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\0\0":
            turn = _orientation(data[at + 10 : end])
        # Of the application segments, JFIF's and Adobe's alone say how colours are stored.
        if marker in (0xE0, 0xEE) or not (0xE0 <= marker <= 0xEF or marker == 0xFE):
            kept.append(view[at:end])
        at = end
    else:
        raise ImageTooLargeError(f"has more than {MAX_PARTS:,} segments; {AGAIN}")
    if not framed:
        raise ImageError(f"its pixels come before its size ({where}); {AGAIN}")
    if len(_SCAN.findall(data, at)) > MAX_SCANS:
        raise ImageTooLargeError(
            f"has more than {MAX_SCANS} scans ({where}); save it as a plain JPEG"
        )
    if data.rfind(b"\xff\xd9", end) < 0:  # as a rule the last two bytes
        raise ImageError(f"the file ends within its pixels (byte {len(data)}); {AGAIN}")
    return Walked(b"".join([*kept, view[at:]]), turn)


def _check_size(width: int, height: int) -> None:
    if not width or not height:
        raise ImageError(f"has no pixels ({width}x{height}); {AGAIN}")
    if width * height > MAX_PIXELS:
        raise ImageTooLargeError(
            f"has {width * height:,} pixels, but {MAX_PIXELS:,} are read at most "
            f"({width}x{height}); scale it down"
        )


def _check_pixels(parts: Iterable[memoryview], expected: int) -> None:
    """Count the bytes that the pixels' stream unpacks to, keeping none of them.

    A decoder takes a stream that ends early, although its checksums hold, for black pixels.
    """
    stream, count = zlib.decompressobj(), 0
    pieces = (part[i : i + 2**16] for part in parts for i in range(0, len(part), 2**16))
    try:
        for piece in pieces:
            rest: memoryview | bytes = piece
            while rest and not stream.eof and count <= expected:
                count += len(stream.decompress(rest, 2**20))
                rest = stream.unconsumed_tail
    except zlib.error as error:
        raise ImageError(f"the pixels are damaged ({error}); {AGAIN}") from error
    if count != expected or not stream.eof:
        found = f"more than {expected:,}" if count > expected else f"{count:,}"
        raise ImageError(
            f"the pixels' stream does not fill the picture ({found} bytes, "
            f"expected {expected:,}); {AGAIN}"
        )


def _transparent(chunk: bytes, depth: int, colour: int) -> int | tuple[int, ...] | None:
    if colour not in (0, 2) or not chunk:
        return None
    if len(chunk) != (2 if colour == 0 else 6):
        raise ImageError(f"the transparent colour is damaged (chunk 'tRNS'); {AGAIN}")
    values: tuple[int, ...] = struct.unpack(f">{len(chunk) // 2}H", chunk)
    if colour == 0:
        return values[0] * 255 // (2**depth - 1) if depth < 8 else values[0]
    # Of 16-bit colours the decoder keeps the upper byte.
    return tuple(v >> 8 for v in values) if depth == 16 else values


def _orientation(exif: bytes) -> int:
    """Tag 274 of the first directory; 1 where there is none, or none that can be read.

    Source: TIFF 6.0, section 2; Exif 2.32, 4.6.4.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, at)
        for entry in range(at + 2, at + 2 + 12 * entries, 12):
            tag, kind, count, value = struct.unpack_from(order + "HHIH", exif, entry)
            if (tag, kind, count) == (274, 3, 1):
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1
