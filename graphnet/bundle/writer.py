"""Contents -> a bundle's bytes, and a file that is either the old one or the whole new one.

A save writes `.NAME.RANDOM.tmp` beside its target, holds it locked meanwhile, and renames it.
Who finds such a file and gets its lock knows that its writer is gone, and removes it.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from graphnet.bundle import format as fmt
from graphnet.bundle.checksums import checksum
from graphnet.bundle.format import Contents, Layout, Preamble, Row, Tensor
from graphnet.bundle.locks import is_at, lock
from graphnet.errors import BundleLimitError, InvalidBundleError, SaveError, clipped, quoted

_Path = str | os.PathLike[str]
_WINDOWS = sys.platform == "win32"
# A piece that a signal can stop in time, and that every system takes in one call.
_PIECE_BYTES = 64 * 2**20
# A temporary's name is some 20 bytes longer than its target's, and 255 is what a folder takes.
_LONGEST_NAME = 200
_RANDOM_BYTES = 8
_NO_SECOND_NAMES = {errno.EPERM, errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EMLINK}
_ATTEMPTS = 100
# Windows renames no open file, so a temporary is unlocked for a moment before it is renamed.
_WINDOWS_REST_SECONDS = 60


class _Plan(NamedTuple):
    """All of a bundle but its payloads."""

    rows: list[Row]
    header: bytes
    layout: Layout


def encode(contents: Contents, *, limit: int = fmt.MAX_FILE_BYTES) -> bytes:
    """The bundle's bytes in memory; the same contents give the same bytes.

    Errors: as check_contents.
    """
    with _errors_of("bundle"):
        return b"".join(_pieces(_plan(contents, limit), contents))


def check_contents(
    contents: Contents, *, path: _Path = "bundle", limit: int = fmt.MAX_FILE_BYTES
) -> None:
    """Whether contents of these texts, names, dtypes and shapes can be saved, now or once their
    numbers have changed. `path` is only what the errors call them.

    Errors: BundleLimitError past a limit, SaveError for what the format does not have.
    """
    with _errors_of(os.fsdecode(path)):
        # The header is longest where checksums are large: no later numbers need more.
        _plan(contents, limit, crc32=2**32 - 1)


def check_target(path: _Path) -> None:
    """Whether a save to `path` can work, by creating the temporary file that it would write.

    Errors: SaveError.
    """
    with _errors_of(os.fsdecode(path)):
        target, mode = _target(os.fsdecode(path))
        descriptor, temporary = _create(target, mode)
        os.close(descriptor)
        # A save that cleans up may be faster.
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def write_bundle(path: _Path, contents: Contents, *, limit: int = fmt.MAX_FILE_BYTES) -> int:
    """Save `contents` at `path` and return the file's size; a symlink's target is what changes.

    Until the whole new file is on the disk the old one stays as it is. The new one has the old
    one's mode.

    Errors: as check_contents and check_target; SaveError for a disk that is full or fails.
    """
    with _errors_of(os.fsdecode(path)):
        target, mode = _target(os.fsdecode(path))
        plan = _plan(contents, limit)
        _replace(target, mode, _pieces(plan, contents))
        return plan.layout.file_len


def write_whole(path: _Path, data: bytes) -> int:
    """Save a file of another format in the same way; its size.

    Errors: SaveError.
    """
    with _errors_of(os.fsdecode(path)):
        target, mode = _target(os.fsdecode(path))
        _replace(target, mode, [data])
        return len(data)


def also_at(path: _Path, name: _Path) -> None:
    """Let `name` lead to the file at `path`, in place of what it led to; `path` stays as it is.

    Where the file system gives no file two names, it moves, and `path` is gone.
    Errors: SaveError.
    """
    with _errors_of(os.fsdecode(name)):
        source, target = os.path.realpath(os.fsdecode(path)), os.path.realpath(os.fsdecode(name))
        _clean(target)
        temporary = _temporary(target)
        try:
            os.link(source, temporary)
        except OSError as error:
            if error.errno not in _NO_SECOND_NAMES:
                raise
            os.replace(source, target)
            return
        try:
            os.replace(temporary, target)
        finally:
            # Two names of one file: such a rename is none, and leaves the first.
            with suppress(OSError):
                os.unlink(temporary)


def _replace(target: str, mode: int | None, pieces: Iterable[bytes | memoryview]) -> None:
    """A new file in place of the old one."""
    _clean(target)
    descriptor, temporary = _create(target, mode)
    try:
        try:
            for piece in pieces:
                _write(descriptor, piece)
            _set_mode(descriptor, mode)
            os.fsync(descriptor)
            if not _WINDOWS:
                os.replace(temporary, target)
        finally:
            os.close(descriptor)
        if _WINDOWS:
            os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(os.path.dirname(target))


@contextmanager
def _errors_of(path: str) -> Iterator[None]:
    try:
        yield
    except BundleLimitError as error:
        raise BundleLimitError(clipped(f"{path}: {error}")) from None
    except (InvalidBundleError, SaveError) as error:
        raise SaveError(clipped(f"{path}: {error}")) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SaveError(clipped(f"{path}: cannot be saved: {reason}")) from error


def _plan(contents: Contents, limit: int, crc32: int | None = None) -> _Plan:
    """Every rule and limit checked; `crc32`, where given, stands for all tensors' checksums."""
    texts = (contents.spec, contents.prepare, contents.train, contents.meta)
    fmt.check_texts(*texts)
    fmt.check_count("tensors", len(contents.tensors), fmt.MAX_TENSORS)
    rows = []
    first = 0
    for name in sorted(contents.tensors):
        rows.append(_row(name, contents.tensors[name], first, crc32))
        first += len(rows[-1].offsets)
    layout = fmt.lay_out([row.nbytes for row in rows], len(fmt.encode_header(*texts, rows)))
    fmt.check_sizes(layout.header_len, layout.n_chunks, layout.file_len, limit)
    rows = [row._replace(offsets=o) for row, o in zip(rows, layout.offsets, strict=True)]
    return _Plan(rows, fmt.encode_header(*texts, rows), layout)


def _row(name: str, tensor: Tensor, first: int, crc32: int | None) -> Row:
    """The tensor's row, its offsets still 0."""
    array = tensor.array
    dtype = fmt.dtype_name(array.dtype) or str(array.dtype)
    offsets = (0,) * len(fmt.chunk_lengths(array.nbytes))
    row = Row(name, tensor.role, dtype, array.shape, array.nbytes, 0, first, offsets)
    fmt.check_row(row)
    return row._replace(crc32=checksum(_payload(tensor).data) if crc32 is None else crc32)


def _payload(tensor: Tensor) -> npt.NDArray[np.uint8]:
    """The array's bytes, little-endian and in C order; a copy only where it lies otherwise."""
    dtype = fmt.DTYPES[str(fmt.dtype_name(tensor.array.dtype))]
    return np.asarray(tensor.array, dtype, order="C").reshape(-1).view(np.uint8)


def _pieces(plan: _Plan, contents: Contents) -> Iterator[bytes | memoryview]:
    header, layout = plan.header, plan.layout
    n_elements = 2 * layout.n_chunks
    preamble = Preamble(len(header), zlib.crc32(header), layout.file_len, n_elements)
    yield fmt.encode_preamble(preamble) + header
    yield fmt.encode_elements(n_elements)
    pos = fmt.PREAMBLE_BYTES + len(header) + fmt.ELEMENTS_BYTES
    for row in plan.rows:
        payload = _payload(contents.tensors[row.name])
        if checksum(payload.data) != row.crc32:
            raise SaveError(f"tensor {quoted(row.name)} changed while it was saved; save again")
        start = 0
        for offset, length in fmt.chunks(row):
            yield fmt.encode_frame(pos, length)
            yield payload[start : start + length].data
            start += length
            pos = offset + length


def _target(path: str) -> tuple[str, int | None]:
    """The file that a save to `path` replaces, and its mode; None where there is none yet."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    try:
        found = os.stat(target)
    except (FileNotFoundError, NotADirectoryError):
        if not os.path.isdir(folder):
            raise SaveError(f"there is no folder {quoted(folder)}; create it first") from None
        if not os.path.basename(path):
            raise SaveError("is a folder's name; add a file's name to it") from None
        return target, None
    if stat.S_ISDIR(found.st_mode):
        raise SaveError("is a folder; add a file's name to it")
    if not stat.S_ISREG(found.st_mode):
        raise SaveError("is a device or a pipe; save to a regular file")
    if not os.access(target, os.W_OK):
        raise SaveError("is write-protected; allow writing to it, or save elsewhere")
    return target, stat.S_IMODE(found.st_mode) & 0o777


def _create(target: str, mode: int | None) -> tuple[int, str]:
    """A new temporary file of `target`, locked: its descriptor and its path."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    for _ in range(_ATTEMPTS):
        temporary = _temporary(target)
        descriptor = os.open(temporary, flags, 0o666 if mode is None else mode)
        ours = False
        try:
            # A save that cleans up may find the file before its lock is on it, and remove it.
            ours = lock(descriptor) is not False and is_at(descriptor, temporary)
            if ours:
                return descriptor, temporary
        finally:
            if not ours:
                _give_up(descriptor, temporary)
    raise SaveError("other saves keep removing its temporary file; save again")


def _give_up(descriptor: int, temporary: str) -> None:
    try:
        os.close(descriptor)
    finally:
        with suppress(OSError):
            os.unlink(temporary)


def _temporary(target: str) -> str:
    """A new name for a temporary file of `target`."""
    return f"{_prefix(target)}{os.urandom(_RANDOM_BYTES).hex()}.tmp"


def _prefix(target: str) -> str:
    folder, name = os.path.split(target)
    while len(os.fsencode(name)) > _LONGEST_NAME:
        name = name[:-1]
    return os.path.join(folder, f".{name}.")


def _clean(target: str) -> None:
    """Remove the target's temporaries that nobody holds locked: their writers were killed."""
    prefix = _prefix(target)
    folder, start = os.path.split(prefix)
    with suppress(OSError):
        for name in os.listdir(folder):
            random = name.removeprefix(start).removesuffix(".tmp")
            if name == f"{start}{random}.tmp" and len(random) == 2 * _RANDOM_BYTES:
                _remove_if_left(f"{prefix}{random}.tmp")


def _remove_if_left(path: str) -> None:
    flags = os.O_RDWR | sum(getattr(os, f, 0) for f in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    with suppress(OSError):
        descriptor = os.open(path, flags)
        try:
            found = os.fstat(descriptor)
            left = stat.S_ISREG(found.st_mode) and lock(descriptor) is True
            # While the lock is ours, the writer of a new file cannot take this one for its own.
            if left and not _WINDOWS:
                os.unlink(path)
        finally:
            os.close(descriptor)
        # An open file cannot be removed there either, so no writer can lose one that it holds.
        if left and _WINDOWS and time.time() - found.st_mtime > _WINDOWS_REST_SECONDS:
            os.unlink(path)


def _write(descriptor: int, piece: bytes | memoryview) -> None:
    """All of `piece`; Python itself goes on after a signal."""
    view = memoryview(piece)
    while view:
        written = os.write(descriptor, view[:_PIECE_BYTES])
        if not written:
            raise OSError(errno.EIO, "the disk takes no more bytes")
        view = view[written:]


def _set_mode(descriptor: int, mode: int | None) -> None:
    if mode is not None and hasattr(os, "fchmod"):
        # A file system without modes refuses.
        with suppress(OSError):
            os.fchmod(descriptor, mode)


def _sync_folder(folder: str) -> None:
    # Some systems cannot open a folder, some file systems cannot sync one; the file is whole.
    if hasattr(os, "O_DIRECTORY"):
        with suppress(OSError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
