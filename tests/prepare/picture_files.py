"""PNG and JPEG files made byte by byte."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, colour, rows: bytes, *extra: bytes, passes=0, stream=None) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, passes)
    pixels = zlib.compress(rows) if stream is None else stream
    parts = (chunk(b"IHDR", header), *extra, chunk(b"IDAT", pixels), chunk(b"IEND"))
    return SIGNATURE + b"".join(parts)


def filtered(values: np.ndarray) -> bytes:
    """Rows of big-endian samples, each after a filter byte of 0."""
    return b"".join(b"\0" + row.astype(values.dtype.newbyteorder(">")).tobytes() for row in values)


def saved(im: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    im.save(buffer, kind, **options)
    return buffer.getvalue()
