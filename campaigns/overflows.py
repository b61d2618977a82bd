"""Data files that ask for far more than they are, or are made to be slow: a child each, bounded."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from campaigns.batches import alone, taken_out
from campaigns.children import ACCEPTED, verdict
from campaigns.originals import idx_bytes, originals, png_of
from campaigns.samples import OPENERS, PROTECTIONS
from campaigns.table import Campaign, Result

SECONDS = 5.0
"""What a file may take that is no larger than some megabytes."""
_MEGABYTE = 2**20


class Overflow(NamedTuple):
    """kind: whose opener reads it; make(): its bytes; ends: the verdicts that are right."""

    kind: str
    make: Callable[[], bytes]
    ends: tuple[str, ...]


_DATA, _IMAGE, _LARGE = ("DatasetError",), ("ImageError",), ("ImageTooLargeError",)
_EXCHANGE = ("ExchangeError",)


def _gzip_of_zeros(head: bytes, megabytes: int) -> bytes:
    memory = io.BytesIO()
    with gzip.GzipFile(fileobj=memory, mode="wb", mtime=0) as file:
        file.write(head)
        for _ in range(megabytes):
            file.write(bytes(_MEGABYTE))
    return memory.getvalue()


def _idx_head(*dims: int) -> bytes:
    return bytes([0, 0, 8, len(dims)]) + b"".join(n.to_bytes(4, "big") for n in dims)


def _npy_head(shape: str, descr: str = "<f8") -> bytes:
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY\1\0" + len(text).to_bytes(2, "little") + text


def _zip_of(name: str, start: bytes, megabytes: int, **lies: int) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open(name, "w", force_zip64=True) as file:
            file.write(start)
            for _ in range(megabytes):
                file.write(bytes(_MEGABYTE))
        archive.writestr("t.npy", _npy_head("(1,)") + bytes(8))
    data = bytearray(memory.getvalue())
    if "file_size" in lies:  # of the first entry, in the archive's directory
        at = data.index(b"PK\1\2") + 24
        data[at : at + 4] = lies["file_size"].to_bytes(4, "little")
    return bytes(data)


def _png(width: int, height: int, rows: bytes, *more: tuple[bytes, bytes], depth: int = 8) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)
    return png_of([(b"IHDR", head), *more, (b"IDAT", rows), (b"IEND", b"")])


def _zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj()
    return b"".join(packer.compress(bytes(_MEGABYTE)) for _ in range(megabytes)) + packer.flush()


def _jpeg_of_scans(count: int) -> bytes:
    data = originals("jpeg")[1]
    at = data.index(b"\xff\xda")
    return data[:at] + data[at:-2] * count + data[-2:]


def _jpeg_of_size(height: int, width: int) -> bytes:
    data = originals("jpeg")[0]
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def _object_array() -> bytes:
    memory = io.BytesIO()
    np.save(memory, np.array([{"a": 1}, None], object), allow_pickle=True)
    return memory.getvalue()


OVERFLOWS: dict[str, Overflow] = {
    "a gigabyte of zeros in gzip": Overflow(
        "idx.gz", lambda: _gzip_of_zeros(_idx_head(6, 3, 3), 1024), _DATA
    ),
    "gzip that declares a gigabyte": Overflow(
        "idx.gz", lambda: _gzip_of_zeros(_idx_head(6, 2**14, 2**14), 1024), _DATA
    ),
    "an IDX of exabytes": Overflow("idx", lambda: _idx_head(*[2**32 - 1] * 8), _DATA),
    "an IDX of 4 GB": Overflow("idx", lambda: _idx_head(2**32 - 1), _DATA),
    "80 bytes of .npy that ask for 32 GiB": Overflow(
        "npy", lambda: _npy_head("(4294967296,)")[:80], _DATA
    ),
    "a .npy of 2**63": Overflow("npy", lambda: _npy_head("(9223372036854775808,)"), _DATA),
    "a .npy of 2**64": Overflow("npy", lambda: _npy_head("(4294967296, 4294967296)"), _DATA),
    "a .npy of no shape": Overflow("npy", lambda: _npy_head("(-1,)"), _DATA),
    "a .npy of brackets": Overflow("npy", lambda: _npy_head("(" * 9000 + ")" * 900), _DATA),
    "a .npy of objects": Overflow("npy", _object_array, _DATA),
    "a .npy of records": Overflow("npy", lambda: _npy_head("(2,)", "|V8") + bytes(16), _DATA),
    "a .npz of a gigabyte": Overflow(
        "npz", lambda: _zip_of("x.npy", _npy_head("(134217728,)"), 1024), _DATA
    ),
    "a .npz that lies about its size": Overflow(
        "npz", lambda: _zip_of("x.npy", _npy_head("(6, 4)"), 1024, file_size=320), _DATA
    ),
    "a plain model of a gigabyte": Overflow(
        "plain", lambda: _zip_of("conv/W.npy", _npy_head("(134217728,)"), 1024), _EXCHANGE
    ),
    "a line of 100 MB": Overflow("csv", lambda: b"a" * (100 * _MEGABYTE), _DATA),
    "a million columns": Overflow(
        "csv", lambda: ",".join(f"c{i}" for i in range(10**6)).encode() + b"\n", _DATA
    ),
    "a quote that never closes": Overflow("csv", lambda: b'a,b,c,t\n"' + b"1,2\n" * 10**6, _DATA),
    "a number of a million digits": Overflow(
        "csv", lambda: b"a,b,c,t\n" + b"9" * 10**6 + b",1,u,x\n", _DATA
    ),
    "100,000 bad rows": Overflow("csv", lambda: b"a,b,c,t\n" + b"x,1,u,x\n" * 100_000, _DATA),
    "a text of one line": Overflow("lines", lambda: b"a\t" + b"w " * (50 * _MEGABYTE), _DATA),
    "pixels of a gigabyte": Overflow("png", lambda: _png(3, 3, _zeros(1024)), _IMAGE),
    "a picture of exabytes": Overflow("png", lambda: _png(2**31 - 1, 2**31 - 1, b""), _LARGE),
    "a stream that ends early": Overflow(
        "png", lambda: _png(4000, 4000, zlib.compress(bytes(4001 * 3999))), _IMAGE
    ),
    "16 megapixels": Overflow(
        "png", lambda: _png(4000, 4000, zlib.compress(bytes(4001 * 4000))), (ACCEPTED,)
    ),
    "gigabytes of text": Overflow(
        "png",
        lambda: _png(3, 3, zlib.compress(bytes(12)), *[(b"zTXt", b"a\0\0" + _zeros(1024))] * 3),
        (ACCEPTED,),
    ),
    "a profile of a gigabyte": Overflow(
        "png",
        lambda: _png(3, 3, zlib.compress(bytes(12)), (b"iCCP", b"a\0\0" + _zeros(1024))),
        (ACCEPTED,),
    ),
    "100,001 chunks": Overflow(
        "png", lambda: _png(3, 3, zlib.compress(bytes(12)), *[(b"teXt", b"")] * 100_001), _LARGE
    ),
    "a JPEG of gigapixels": Overflow("jpeg", lambda: _jpeg_of_size(65535, 65535), _LARGE),
    "a JPEG of 16 megapixels that has none": Overflow(
        "jpeg", lambda: _jpeg_of_size(4000, 4000), (*_IMAGE, ACCEPTED)
    ),
    "5,000 scans": Overflow("jpeg", lambda: _jpeg_of_scans(5_000), _LARGE),
    "an empty file": Overflow("png", lambda: b"", _IMAGE),
    "safetensors that claims gigabytes": Overflow(
        "safetensors", lambda: (2**40).to_bytes(8, "little") + b"{}", _EXCHANGE
    ),
    "an ONNX of brackets": Overflow("onnx", lambda: b"\x3a\x80\x01" * 100_000, _EXCHANGE),
    "an IDX of a byte too many": Overflow(
        "idx", lambda: idx_bytes(np.zeros((6, 3, 3), np.uint8)) + b"\0", _DATA
    ),
}


def tried(job: Mapping[str, Any]) -> dict[str, Any]:
    """How one file was read in this process."""
    with taken_out(PROTECTIONS, job["without"]):
        start = time.perf_counter()
        end = verdict(lambda: OPENERS[job["kind"]][1](Path(job["path"])))
        return {"kind": end.kind, "said": end.said, "seconds": time.perf_counter() - start}


def overflowed(cases: int, without: str | None) -> Result:
    """The first so many of them."""
    result = Result()
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        names = list(OVERFLOWS)[:cases]
        for name, kind, said in pool.map(lambda name: _overflowed(name, without), names):
            result.count(kind)
            if said:
                result.blame(f"{name}: {said}")
    return result


def _overflowed(name: str, without: str | None) -> tuple[str, str, str]:
    kind, make, ends = OVERFLOWS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / OPENERS[kind][0]
        path.write_bytes(make())
        job = {"kind": kind, "path": str(path), "without": without}
        size = path.stat().st_size
        return name, *alone("campaigns.overflows:tried", job, size, SECONDS, ends)


CAMPAIGNS = (
    Campaign(
        "data that overflow",
        8,
        "data files that ask for far more than they are, or are made to be slow, a child each",
        len(OVERFLOWS),
        overflowed,
        {"walk": len(OVERFLOWS), "bounds": len(OVERFLOWS)},
    ),
)
