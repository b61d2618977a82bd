"""IDX, the format of MNIST's files: an array of numbers behind a short header.

    0 0 TYPE RANK  dim_1 ... dim_RANK  numbers      dims: 4 bytes each; all big-endian

Plain or inside one gzip stream, told apart by the first two bytes and not by the name.
"""

from __future__ import annotations

import math
import os
import stat
import zlib
from io import FileIO
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from graphnet.data.dataset import Array
from graphnet.errors import DatasetError
from graphnet.prepare.files import problem, shown

HEADROOM = 256 * 2**20
"""Bytes that a decoded array may be larger than its file where the caller sets no limit."""

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_DIMENSIONS = 8
_GZIP = b"\x1f\x8b"
# Between 64 KiB and 4 MiB the sizes of the pieces change nothing: 0.12 s for MNIST's 47 MB.
_PIECE_IN = 2**18
_PIECE_OUT = 2**20


def read_idx(
    path: str | os.PathLike[str], *, limit: int | None = None, md5: str | None = None
) -> Array:
    """The array of an IDX file, in the machine's byte order.

    Shapes: as the header says: 1 to 8 dimensions, none of them 0.
    Units: `limit` is in bytes of the decoded array, by default the file's size + 256 MiB; `md5`
    is the sum of the uncompressed bytes, header included.
    Errors: DatasetError for everything but a file that is exactly one such array. A gzip
    stream is never expanded by more than one byte past what its header declares.
    """
    path = Path(path)
    try:
        size = _size(path)
        with path.open("rb", buffering=0) as file:
            zipped = file.read(2) == _GZIP
            file.seek(0)
            head, array = _decode(_Gunzip(file, path) if zipped else file, path, size, limit)
    except OSError as error:
        raise problem(path, f"cannot be read: {error.strerror or error}") from error
    if md5 is not None:
        _check_md5(path, md5, head, array)
    if not array.dtype.isnative:
        array = array.byteswap(inplace=True).view(array.dtype.newbyteorder("="))
    return array


def read_pair(
    images_path: str | os.PathLike[str],
    labels_path: str | os.PathLike[str],
    *,
    limit: int | None = None,
    md5s: tuple[str | None, str | None] = (None, None),
) -> tuple[Array, Array]:
    """Pictures and the class index of each, from two IDX files.

    Shapes: images (N, H, W) or (N, H, W, 3) uint8; labels (N,) int64
    Units: pixels 0-255 as stored; labels from 0; `limit` as in `read_idx`, for each file.
    Errors: DatasetError, naming both files where they do not fit together.
    """
    labels = read_idx(labels_path, limit=limit, md5=md5s[1])
    images = read_idx(images_path, limit=limit, md5=md5s[0])
    pair = f"as images, with {shown(labels_path)} as labels"
    if (
        images.dtype != np.uint8
        or images.ndim not in (3, 4)
        or (images.ndim == 4 and images.shape[3] != 3)
    ):
        raise problem(
            images_path,
            f"holds {_said(images.shape, images.dtype)}, but pictures are N x H x W or "
            f"N x H x W x 3 uint8 ({pair}; are the two files in this order?)",
        )
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise problem(
            labels_path,
            f"holds {_said(labels.shape, labels.dtype)}, but labels are whole numbers in one "
            f"dimension (as labels of {shown(images_path)})",
        )
    if len(images) != len(labels):
        raise problem(
            images_path,
            f"{len(images)} images, but {len(labels)} labels in {shown(labels_path)}: "
            f"take two files that belong together (dimension 1 of each)",
        )
    if labels.min() < 0:
        first = int(np.argmax(labels < 0))
        raise problem(
            labels_path,
            f"label {labels[first]} is negative, but classes count from 0 (sample {first}, "
            f"as labels of {shown(images_path)})",
        )
    # Eight bytes a label could outgrow what a hostile file may cost.
    if 8 * labels.size > labels.nbytes + HEADROOM:
        raise problem(labels_path, f"{labels.size} labels are too many: split the data set")
    return images, labels.astype(np.int64)


class Header(NamedTuple):
    """What stands before the numbers of a plain IDX file, and where they begin."""

    dtype: np.dtype[np.generic]
    dims: tuple[int, ...]
    offset: int


def header_of(path: Path) -> Header:
    """The header of an IDX file that is read in place.

    Errors: DatasetError, for a gzip stream too: nothing in it can be found without all before it.
    """
    try:
        size = _size(path)
        with path.open("rb", buffering=0) as file:
            if file.read(2) == _GZIP:
                what = "is compressed with gzip, and a stream is read in places"
                raise problem(path, f"{what}: decompress it (gunzip), or leave 'stream' out")
            file.seek(0)
            head, dtype, dims = _header(file, path)
    except OSError as error:
        raise problem(path, f"cannot be read: {error.strerror or error}") from error
    expected = math.prod(dims) * dtype.itemsize
    if size - len(head) != expected:
        raise _not_as_said(path, head, dtype, dims, size)
    return Header(dtype, dims, len(head))


class _Stream(Protocol):
    """Where bytes come from: 0 from `readinto` is the end."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


class _Gunzip:
    """The bytes inside one gzip stream, no more of them at a time than are asked for.

    Errors: DatasetError for damage, an early end, or bytes after the stream's end.
    """

    def __init__(self, file: FileIO, path: Path) -> None:
        self._file = file
        self._path = path
        self._inflate = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)

    def readinto(self, buffer: memoryview, /) -> int:
        inflate = self._inflate
        # zlib takes a most of 0 for no bound at all.
        most = max(1, min(len(buffer), _PIECE_OUT))
        while not inflate.eof:
            piece = inflate.unconsumed_tail or self._file.read(_PIECE_IN)
            if not piece:
                raise self._problem("the gzip stream ends early: fetch it again")
            try:
                out = inflate.decompress(piece, most)
            except zlib.error as error:
                raise self._problem(f"damaged gzip stream, {error}: fetch it again") from error
            if out:
                buffer[: len(out)] = out
                return len(out)
        if inflate.unused_data or self._file.read(1):
            raise self._problem("bytes follow its gzip stream: compress the IDX file as one")
        return 0

    def _problem(self, what: str) -> DatasetError:
        inflate = self._inflate
        left = inflate.unused_data if inflate.eof else inflate.unconsumed_tail
        return problem(self._path, f"{what} (byte {self._file.tell() - len(left)})")


def _size(path: Path) -> int:
    """Bytes of the file; a regular one, because opening a FIFO would wait for ever."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise problem(path, "no such file: name an IDX file, plain or gzip") from None
    except ValueError as error:
        raise problem(path, f"no path of a file: {error}") from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise problem(path, f"is {kind}: name an IDX file, plain or gzip")
    return found.st_size


def _decode(stream: _Stream, path: Path, size: int, limit: int | None) -> tuple[bytes, Array]:
    """The header's bytes and the array behind it, still big-endian."""
    head, dtype, dims = _header(stream, path)
    expected = math.prod(dims) * dtype.itemsize
    says = f"the header says {_said(dims, dtype)}, {expected} bytes"
    where = f"(from byte {len(head)})"
    if not isinstance(stream, _Gunzip) and size - len(head) != expected:
        raise _not_as_said(path, head, dtype, dims, size)
    allowed = size + HEADROOM if limit is None else limit
    if expected > allowed:
        raise problem(
            path, f"{says}, but at most {allowed} may be decoded from it: decompress it first"
        )
    try:
        raw = np.empty(expected, np.uint8)
    except (MemoryError, ValueError) as error:
        raise problem(path, f"{says}, more than there is memory for") from error
    found = _fill(stream, raw.data)
    if found < expected:
        raise problem(path, f"{says}, but only {found} follow: fetch it again {where}")
    if _fill(stream, memoryview(bytearray(1))):
        raise problem(path, f"{says}, but more bytes follow: fetch it again {where}")
    return head, raw.view(dtype).reshape(dims)


def _not_as_said(
    path: Path, head: bytes, dtype: np.dtype[np.generic], dims: tuple[int, ...], size: int
) -> DatasetError:
    says = f"the header says {_said(dims, dtype)}, {math.prod(dims) * dtype.itemsize} bytes"
    what = f"but the file holds {size - len(head)}: fetch it again (from byte {len(head)})"
    return problem(path, f"{says}, {what}")


def _header(stream: _Stream, path: Path) -> tuple[bytes, np.dtype[np.generic], tuple[int, ...]]:
    magic = _take(stream, 4, path, "the first four bytes")
    if magic[:2] != b"\0\0" or magic[2] not in _TYPES:
        raise problem(
            path,
            f"not an IDX file: it starts with {magic.hex(' ')}, expected 00 00 and a type of "
            f"08, 09, 0b, 0c, 0d or 0e (bytes 0-3)",
        )
    rank = magic[3]
    if not 1 <= rank <= _MOST_DIMENSIONS:
        raise problem(
            path, f"{rank} dimensions, but an IDX file here has 1 to {_MOST_DIMENSIONS} (byte 3)"
        )
    sizes = _take(stream, 4 * rank, path, f"the sizes of {rank} dimensions")
    dims = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * rank, 4))
    if 0 in dims:
        axis = dims.index(0)
        raise problem(
            path,
            f"dimension {axis + 1} of {rank} is 0, so there are no samples "
            f"(bytes {4 + 4 * axis}-{7 + 4 * axis})",
        )
    return magic + sizes, np.dtype(_TYPES[magic[2]]), dims


def _take(stream: _Stream, count: int, path: Path, what: str) -> bytes:
    piece = bytearray(count)
    found = _fill(stream, memoryview(piece))
    if found < count:
        raise problem(path, f"ends inside its header: {what} take {count} bytes, {found} are there")
    return bytes(piece)


def _fill(stream: _Stream, view: memoryview) -> int:
    """Fill the view as far as the stream reaches; how many bytes that was."""
    done = 0
    while done < len(view):
        count = stream.readinto(view[done:])
        if not count:
            break
        done += count
    return done


def _said(dims: tuple[int, ...], dtype: np.dtype[np.generic]) -> str:
    return f"{' x '.join(map(str, dims))} {dtype.newbyteorder('=').name}"


def _check_md5(path: Path, md5: str, head: bytes, array: Array) -> None:
    import hashlib

    # Against damage, not against forgery: MD5 is what the publishers' sums are.
    digest = hashlib.md5(head, usedforsecurity=False)
    digest.update(array.reshape(-1).view(np.uint8).data)
    if digest.hexdigest() != md5:
        raise problem(
            path,
            f"the MD5 of its uncompressed bytes is {digest.hexdigest()}, expected {md5}: "
            f"it is not the published file; remove it and fetch it again",
        )
