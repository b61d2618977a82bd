"""Sound data files of every kind, to be damaged."""

from __future__ import annotations

import gzip
import io
import struct
import tempfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from campaigns import corpus
from graphnet.bundle.model import network_of
from graphnet.bundle.reader import decode

PNG_HEAD = b"\x89PNG\r\n\x1a\n"


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
