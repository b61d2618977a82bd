"""A bundle's bytes -> Contents: every step is bounded, and no byte is taken on trust."""

from __future__ import annotations

import io
import os
import stat
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from graphnet.bundle import format as fmt
from graphnet.bundle.checksums import Span, checksums, combined
from graphnet.bundle.format import Contents, Preamble, Row, Tensor
from graphnet.bundle.header import decode_header
from graphnet.errors import (
    BundleError,
    BundleLimitError,
    CorruptBundleError,
    InvalidBundleError,
    NotABundleError,
    TruncatedBundleError,
    UnsupportedVersionError,
    clipped,
    quoted,
)

_Source = io.FileIO | io.BytesIO
_Bytes = npt.NDArray[np.uint8]
_ReadAt = Callable[[memoryview, int], int]
_Load = Callable[[_Source, int, list[Span]], tuple[_Bytes, list[int] | None]]
_AGAIN = "copy or download it again"


def read_bundle(
    path: str | os.PathLike[str],
    *,
    mmap: bool = False,
    verify: bool = False,
    limit: int = fmt.MAX_FILE_BYTES,
) -> Contents:
    """The contents of the bundle at `path`, every byte of it checked.

    The arrays are writable views of one buffer, each at a multiple of 64. With `mmap` they are
    read-only views of the file, nothing of them is read before it is used, and their checksums
    are left out unless `verify` asks for them (a tensor of several chunks is copied). A mapped
    file must not be shortened while it is in use: the system kills the process that then touches
    what is missing.

    Units: limit in bytes of the file.
    Errors: BundleError, or the class below it that names the fault.
    """
    with _errors_of(os.fsdecode(path)), _open(path) as file:
        size = os.fstat(file.fileno()).st_size
        return _read(file, size, limit, _loaded if not mmap else _verified if verify else _mapped)


def decode(data: bytes) -> Contents:
    """read_bundle for bytes in memory; its errors call them `bundle`."""
    with _errors_of("bundle"):
        return _read(io.BytesIO(data), len(data), fmt.MAX_FILE_BYTES, _loaded)


@contextmanager
def _errors_of(path: str) -> Iterator[None]:
    try:
        yield
    except BundleError as error:
        raise type(error)(clipped(f"{path}: {error}")) from None
    except MemoryError:
        raise BundleLimitError(clipped(f"{path}: is larger than the memory that is free")) from None
    except OSError as error:
        raise BundleError(clipped(f"{path}: cannot be read: {error.strerror or error}")) from None


def _open(path: str | os.PathLike[str]) -> io.FileIO:
    # Asked first, because some systems cannot open a folder and then speak of permissions.
    if os.path.isdir(path):
        raise BundleError("is a folder; a bundle is one file")
    # A FIFO would hold a blocking open until somebody writes to it.
    flags = os.O_RDONLY
    for name in ("O_NONBLOCK", "O_NOCTTY", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        descriptor = os.open(path, flags)
    # ValueError: a zero byte in the path, which then names no file.
    except (FileNotFoundError, ValueError):
        raise BundleError("there is no such file") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise BundleError("is a device or a pipe; a bundle is a regular file")
    return io.FileIO(descriptor, "rb")


def _read(file: _Source, size: int, limit: int, load: _Load) -> Contents:
    read = _reader(file)
    preamble = _preamble(_take(read, 0, min(size, fmt.PREAMBLE_BYTES)), size, limit)
    header = _take(read, fmt.PREAMBLE_BYTES, preamble.header_len)
    if zlib.crc32(header) != preamble.header_crc32:
        raise CorruptBundleError(f"the header's checksum does not match; {_AGAIN} (offset 64)")
    texts, rows = decode_header(header)
    if fmt.encode_header(*texts, rows) != header:
        raise InvalidBundleError("is not in canonical form (header)")
    fmt.check_table(rows, preamble)
    spans = [(start, start + length) for row in rows for start, length in fmt.chunks(row)]
    _check_elements(read, rows, spans, preamble)
    data, sums = load(file, preamble.file_len, spans)
    if sums is not None:
        _check_sums(rows, spans, sums)
    return Contents(*texts, {row.name: Tensor(row.role, _array(data, row, spans)) for row in rows})


def _reader(file: _Source) -> _ReadAt:
    """What reads from an offset on, for several threads at once.

    Windows, macOS before 11 and bytes in memory have no reads that name their offset: there one
    thread reads at a time, while the others sum.
    """
    if isinstance(file, io.FileIO) and hasattr(os, "preadv"):
        descriptor = file.fileno()
        return lambda view, at: os.preadv(descriptor, [view], at)
    turn = threading.Lock()

    def read(view: memoryview, at: int) -> int:
        with turn:
            file.seek(at)
            return file.readinto(view)

    return read


def _take(read: _ReadAt, at: int, count: int) -> bytes:
    data = bytearray(count)
    _fill(read, memoryview(data), at)
    return bytes(data)


def _fill(read: _ReadAt, view: memoryview, at: int) -> None:
    done = 0
    while done < len(view):  # one call of the system may read less than it was asked for
        got = read(view[done:], at + done)
        if not got:
            raise TruncatedBundleError(f"became shorter while it was read; {_AGAIN}")
        done += got


def _preamble(data: bytes, size: int, limit: int) -> Preamble:
    magic = len(fmt.MAGIC)
    if not fmt.MAGIC.startswith(data[:magic]):
        raise NotABundleError("is not a graphnet bundle (offset 0)")
    if len(data) > magic and data[magic] != fmt.VERSION:
        raise UnsupportedVersionError(
            f"its version is not {fmt.VERSION}; use the graphnet that wrote it (offset {magic})"
        )
    if len(data) < fmt.PREAMBLE_BYTES:
        raise TruncatedBundleError(f"ends inside its preamble; {_AGAIN} (offset {size})")
    if zlib.crc32(data[:-4]) != int.from_bytes(data[-4:], "big"):
        raise CorruptBundleError(f"the preamble's checksum does not match; {_AGAIN} (offset 60)")
    header_len, _, file_len, n_elements = preamble = fmt.decode_preamble(data)
    elements = fmt.PREAMBLE_BYTES + header_len + fmt.ELEMENTS_BYTES
    if n_elements % 2 or file_len < elements or fmt.encode_preamble(preamble) != data:
        raise InvalidBundleError("the preamble breaks the format's rules (offset 18)")
    fmt.check_sizes(header_len, n_elements // 2, file_len, limit)
    if size < file_len:
        ends = f"ends after {size:,} of its {file_len:,} bytes"
        raise TruncatedBundleError(f"{ends}; {_AGAIN} (offset {size})")
    if size > file_len:
        raise InvalidBundleError(f"{size - file_len:,} bytes follow its end (offset {file_len})")
    return preamble


def _loaded(file: _Source, file_len: int, spans: list[Span]) -> tuple[_Bytes, list[int]]:
    """All the file, in memory that begins at a multiple of 64 as the file's offsets do, and the
    checksums of the spans.
    """
    spare = np.empty(file_len + fmt.ALIGNMENT, np.uint8)
    start = -spare.__array_interface__["data"][0] % fmt.ALIGNMENT
    data = spare[start : start + file_len]
    return data, checksums(data.data, spans, partial(_fill, _reader(file)))


def _mapped(file: _Source, file_len: int, spans: list[Span]) -> tuple[_Bytes, None]:
    import mmap

    try:
        memory = mmap.mmap(file.fileno(), file_len, access=mmap.ACCESS_READ)
    except ValueError:
        raise TruncatedBundleError(f"became shorter while it was read; {_AGAIN}") from None
    return np.frombuffer(memory, np.uint8), None


def _verified(file: _Source, file_len: int, spans: list[Span]) -> tuple[_Bytes, list[int]]:
    data, _ = _mapped(file, file_len, spans)
    return data, checksums(data.data, spans)


def _check_elements(read: _ReadAt, rows: list[Row], spans: list[Span], preamble: Preamble) -> None:
    """Between the payloads the format leaves no choice."""
    start = fmt.PREAMBLE_BYTES + preamble.header_len
    pos = start + fmt.ELEMENTS_BYTES
    if _take(read, start, fmt.ELEMENTS_BYTES) != fmt.encode_elements(preamble.n_elements):
        raise InvalidBundleError(f"the array of elements has another head (offset {start})")
    for chunk, (begin, end) in enumerate(spans):
        if _take(read, pos, begin - pos) != fmt.encode_frame(pos, end - begin):
            name = next(row.name for row in reversed(rows) if row.first <= chunk)
            raise InvalidBundleError(
                f"tensor {quoted(name)} has another head or padding (offset {pos})"
            )
        pos = end


def _check_sums(rows: list[Row], spans: list[Span], sums: list[int]) -> None:
    for row in rows:
        crc32 = 0
        for i in range(row.first, row.first + len(row.offsets)):
            crc32 = combined(crc32, sums[i], spans[i][1] - spans[i][0])
        if crc32 != row.crc32:
            raise CorruptBundleError(
                f"the checksum of tensor {quoted(row.name)} does not match; {_AGAIN} "
                f"(offset {row.offsets[0]})"
            )


def _array(data: _Bytes, row: Row, spans: list[Span]) -> npt.NDArray[Any]:
    """The payload as an array; several chunks are joined, in place where we may write."""
    start = row.offsets[0]
    if len(row.offsets) > 1:
        chunks = spans[row.first : row.first + len(row.offsets)]
        if data.flags.writeable:
            # A memoryview moves bytes that overlap; NumPy would copy a chunk on the way.
            view, pos = data.data, start
            for begin, end in chunks:
                view[pos : pos + end - begin] = view[begin:end]
                pos += end - begin
        else:
            data = np.concatenate([data[begin:end] for begin, end in chunks])
            data.flags.writeable = False
            start = 0
    return np.ndarray(row.shape, fmt.DTYPES[row.dtype], buffer=data, offset=start)
