"""A bundle's bytes -> Contents: every step is bounded, and no byte is taken on trust.

The header is walked, not unpacked: each value is asked for by its kind. So nothing that the
format does not have is ever built, however a hostile header nests its maps and arrays.
"""

from __future__ import annotations

import io
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import msgpack
import numpy as np
import numpy.typing as npt

from graphnet.bundle import format as fmt
from graphnet.bundle.format import Contents, Preamble, Row, Tensor
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
_Texts = tuple[str, str | None, str | None, dict[str, str]]
_AGAIN = "copy or download it again"
_MAPS_AND_ARRAYS = frozenset((*range(0x80, 0xA0), *range(0xDC, 0xE0)))


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
        return _read(file, size, limit, _mapped if mmap else _loaded, verify=verify or not mmap)


def decode(data: bytes) -> Contents:
    """read_bundle for bytes in memory; its errors call them `bundle`."""
    with _errors_of("bundle"):
        return _read(io.BytesIO(data), len(data), fmt.MAX_FILE_BYTES, _loaded, verify=True)


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


def _read(
    file: _Source, size: int, limit: int, load: Callable[[_Source, int], _Bytes], *, verify: bool
) -> Contents:
    preamble = _preamble(_take(file, min(size, fmt.PREAMBLE_BYTES)), size, limit)
    header = _take(file, preamble.header_len)
    if zlib.crc32(header) != preamble.header_crc32:
        raise CorruptBundleError(f"the header's checksum does not match; {_AGAIN} (offset 64)")
    texts, rows = _Header(header).walk()
    if fmt.encode_header(*texts, rows) != header:
        raise InvalidBundleError("is not in canonical form (header)")
    fmt.check_table(rows, preamble)
    data = load(file, preamble.file_len)
    _check_elements(data, rows, preamble, verify=verify)
    return Contents(*texts, {row.name: Tensor(row.role, _array(data, row)) for row in rows})


def _take(file: _Source, count: int) -> bytes:
    data = bytearray(count)
    _fill(file, memoryview(data))
    return bytes(data)


def _fill(file: _Source, view: memoryview) -> None:
    done = 0
    while done < len(view):  # one call of the system reads 2 GiB at most
        got = file.readinto(view[done:])
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


class _Header:
    """The header's bytes as texts and rows, one value after the other, within the limits.

    Errors: InvalidBundleError for a value of another kind, BundleLimitError past a limit.
    """

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

    def walk(self) -> tuple[_Texts, list[Row]]:
        """((spec, prepare, train, meta), rows)"""
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
        rows = []
        chunks_left = fmt.MAX_CHUNKS
        for _ in range(self.array("tensors", fmt.MAX_TENSORS)):
            if self.unpacker.read_map_header() != len(Row._fields):
                self.refuse()
            name, role, dtype = (self.value(key, str) for key in ("name", "role", "dtype"))
            shape = self.integers("shape", fmt.MAX_RANK)
            nbytes, crc32, first = (self.value(key, int) for key in ("nbytes", "crc32", "first"))
            offsets = self.integers("offsets", chunks_left)
            chunks_left -= len(offsets)
            rows.append(Row(name, role, dtype, shape, nbytes, crc32, first, offsets))
        return rows

    def integers(self, key: str, limit: int) -> tuple[int, ...]:
        return tuple(self.next(int) for _ in range(self.array(key, limit)))

    def array(self, key: str, limit: int) -> int:
        self.key(key)
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


def _loaded(file: _Source, file_len: int) -> _Bytes:
    """All the file, in memory that begins at a multiple of 64 as the file's offsets do."""
    spare = np.empty(file_len + fmt.ALIGNMENT, np.uint8)
    start = -spare.__array_interface__["data"][0] % fmt.ALIGNMENT
    data = spare[start : start + file_len]
    file.seek(0)
    _fill(file, data.data)
    return data


def _mapped(file: _Source, file_len: int) -> _Bytes:
    import mmap

    try:
        memory = mmap.mmap(file.fileno(), file_len, access=mmap.ACCESS_READ)
    except ValueError:
        raise TruncatedBundleError(f"became shorter while it was read; {_AGAIN}") from None
    return np.frombuffer(memory, np.uint8)


def _check_elements(data: _Bytes, rows: list[Row], preamble: Preamble, *, verify: bool) -> None:
    """Between the payloads the format leaves no choice; the payloads have checksums."""
    start = fmt.PREAMBLE_BYTES + preamble.header_len
    pos = start + fmt.ELEMENTS_BYTES
    if data[start:pos].tobytes() != fmt.encode_elements(preamble.n_elements):
        raise InvalidBundleError(f"the array of elements has another head (offset {start})")
    for row in rows:
        crc32 = 0
        for offset, length in fmt.chunks(row):
            if data[pos:offset].tobytes() != fmt.encode_frame(pos, length):
                raise InvalidBundleError(
                    f"tensor {quoted(row.name)} has another head or padding (offset {pos})"
                )
            pos = offset + length
            if verify:
                crc32 = zlib.crc32(data[offset:pos].data, crc32)
        if verify and crc32 != row.crc32:
            raise CorruptBundleError(
                f"the checksum of tensor {quoted(row.name)} does not match; {_AGAIN} "
                f"(offset {row.offsets[0]})"
            )


def _array(data: _Bytes, row: Row) -> npt.NDArray[Any]:
    """The payload as an array; several chunks are joined, in place where we may write."""
    chunks = fmt.chunks(row)
    start = pos = row.offsets[0]
    if len(chunks) > 1 and data.flags.writeable:
        # A memoryview moves bytes that overlap; NumPy would copy a chunk on the way.
        view = data.data
        for offset, length in chunks:
            view[pos : pos + length] = view[offset : offset + length]
            pos += length
    elif len(chunks) > 1:
        data = np.concatenate([data[offset : offset + length] for offset, length in chunks])
        data.flags.writeable = False
        start = 0
    return np.ndarray(row.shape, fmt.DTYPES[row.dtype], buffer=data, offset=start)
