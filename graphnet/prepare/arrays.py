"""Arrays in .npy and .npz files, read without trust, and what inputs ask of them.

A .npy file is a header that says dtype, order and shape, and the numbers; a .npz file is a zip
archive of them. Sizes are compared before anything is allocated; nothing is ever unpickled.
"""

from __future__ import annotations

import math
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphnet.declaration import did_you_mean
from graphnet.errors import DatasetError, quoted
from graphnet.inputs import dtype_of
from graphnet.prepare.files import open_file, problem, shown
from graphnet.prepare.image import ImagePreparation
from graphnet.spec.graph import GraphSpec

Array = NDArray[Any]
HEADROOM = 256 * 2**20
"""Bytes that the arrays of a file may be larger than the file."""
WANTED = "a .npz file"
MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000
_VALUE = r"('[^'\n]*'|True|False|\([0-9, ]*\)|\[.*\])"
_FIELD = re.compile(rf"'(descr|fortran_order|shape)'\s*:\s*{_VALUE}\s*(?:,\s*)?")
_NUMBERS = re.compile(r"[<>=|](f[248]|[iu][1248]|b1|U[0-9]{1,6})")
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
    OSError,
    struct.error,
)
"""What reading a damaged or foreign archive raises."""


def read_npz(
    file: BinaryIO, path: str | os.PathLike[str], wanted: Sequence[str], unused: Sequence[str] = ()
) -> dict[str, Array]:
    """The wanted arrays of a .npz file, in the machine's byte order.

    unused: names that may be there besides; any others are an error.
    Errors: DatasetError. Of the decoded arrays together, no more than the file's size + 256 MiB is
    ever allocated.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            members = members_of(archive, path, wanted, unused)
            left = size + HEADROOM
            found = {}
            for name, member in members.items():
                where = f"array {quoted(name, 60)}"
                if member.file_size > left:
                    what = f"takes {member.file_size:,} bytes, but {left:,} may be decoded"
                    raise problem(path, f"{where} {what}: save it uncompressed, or split the data")
                left -= member.file_size
                with archive.open(member) as stream:
                    found[name] = _read(stream, member.file_size, f"{shown(path)}: {where}")
            return found
    except DAMAGE as e:
        raise problem(path, f"is no whole .npz file: {str(e) or type(e).__name__}") from e


def read_npy(path: str | os.PathLike[str]) -> Array:
    """The array of a .npy file, in the machine's byte order.

    Errors: DatasetError.
    """
    with open_file(path, "a .npy file") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        try:
            return _read(file, size, shown(path))
        except OSError as e:
            raise problem(path, f"cannot be read: {e.strerror or e}") from e


def members_of(
    archive: zipfile.ZipFile,
    path: str | os.PathLike[str],
    wanted: Sequence[str],
    unused: Sequence[str],
) -> dict[str, zipfile.ZipInfo]:
    """The archive's member of each wanted array.

    Errors: DatasetError.
    """
    members: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        name = member.filename.removesuffix(".npy")
        if name in members:
            raise problem(path, f"array {quoted(name)} is there twice")
        if not member.filename.endswith(".npy"):
            raise problem(path, f"{quoted(member.filename)} in it is no array (NAME.npy)")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise problem(path, f"array {quoted(name)} is packed in a way that np.savez never does")
        members[name] = member
    _check_names(path, wanted, members, unused)
    return {name: members[name] for name in wanted}


def _check_names(
    path: str | os.PathLike[str],
    wanted: Sequence[str],
    found: Mapping[str, object],
    unused: Sequence[str],
) -> None:
    names = ", ".join(quoted(name, 40) for name in list(found)[:8]) or "none"
    for name in wanted:
        if name not in found:
            hint = did_you_mean(name, [n for n in found if n not in wanted])
            raise problem(path, f"no array '{name}' is in it{hint or f'; there are {names}'}")
    known = {*wanted, *unused}
    for name in found:
        if name not in known:
            what = f"array {quoted(name)} is neither an input nor a target"
            remedy = "leave it out, or name it in 'unused' of the spec's data"
            raise problem(path, f"{what}: {remedy}")


class Begun(NamedTuple):
    """What the header of a .npy says; its numbers come next in the stream."""

    dtype: np.dtype[Any]
    fortran: bool
    shape: tuple[int, ...]
    nbytes: int


def begin_array(stream: IO[bytes], size: int, where: str) -> Begun:
    """The header of one .npy of `size` bytes, read from its stream.

    Errors: DatasetError.
    """
    start = stream.read(10)
    if not start.startswith(MAGIC):
        raise DatasetError(f"{where} is no .npy file (it starts with {quoted(start[:8])})")
    version, length = start[6:8], start[8:10]
    if version == b"\2\0":
        length += stream.read(2)
    elif version != b"\1\0":
        raise DatasetError(f"{where} is of .npy version {list(version)}: 1.0 and 2.0 are read")
    header_length = int.from_bytes(length, "little")
    if header_length > _LONGEST_HEADER:
        raise DatasetError(f"{where} has a header of {header_length:,} bytes: is it of numbers?")
    dtype, fortran, shape = _header(stream.read(header_length), where)
    expected = math.prod(shape) * dtype.itemsize
    there = size - 8 - len(length) - header_length
    if expected != there:
        what = f"holds {'x'.join(map(str, shape))} {dtype}, {expected:,} bytes, but {there:,} are"
        raise DatasetError(f"{where} {what} there: save it again")
    return Begun(dtype, fortran, shape, expected)


def _read(stream: IO[bytes], size: int, where: str) -> Array:
    """One .npy of `size` bytes."""
    return rest_of(stream, begin_array(stream, size, where), where)


def rest_of(stream: IO[bytes], begun: Begun, where: str) -> Array:
    """All numbers behind a header, in the machine's byte order.

    Errors: DatasetError.
    """
    dtype, fortran, shape, expected = begun
    raw = np.empty(expected, np.uint8)
    view, done = raw.data, 0
    while done < expected:
        piece = stream.read(min(expected - done, 2**22))
        if not piece:
            raise DatasetError(f"{where} ends early, after {done:,} of {expected:,} bytes")
        view[done : done + len(piece)] = piece
        done += len(piece)
    stream.read(1)  # the end, where an archive compares its checksum
    array = raw.view(dtype).reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), order="C", copy=False)


def _header(data: bytes, where: str) -> tuple[np.dtype[Any], bool, tuple[int, ...]]:
    text = data.decode("latin-1").strip()
    body = text.removeprefix("{").removesuffix("}").strip()
    fields = dict(_FIELD.findall(body))
    braces = text.startswith("{") and text.endswith("}")
    if _FIELD.sub("", body) or len(fields) != 3 or not braces:
        raise DatasetError(f"{where} has a header that cannot be read: {quoted(text)}")
    descr = fields["descr"].strip("'")
    if not _NUMBERS.fullmatch(descr):
        what = "Python objects, which only a pickle holds" if "O" in descr else quoted(descr, 40)
        raise DatasetError(f"{where} is of {what}: save numbers, as np.float32 or np.int64")
    sizes = [part.strip() for part in fields["shape"].strip("()").split(",")]
    if not fields["shape"].startswith("(") or fields["fortran_order"] not in ("True", "False"):
        raise DatasetError(f"{where} has a header that cannot be read: {quoted(text)}")
    shape = tuple(int(part) for part in sizes if part and len(part) < 20)
    if len(shape) > 32 or 0 in shape:
        raise DatasetError(f"{where} has shape {shape}: one without a 0 is expected")
    return np.dtype(descr), fields["fortran_order"] == "True", shape


def check_input(spec: GraphSpec, name: str, array: Array, where: str) -> None:
    """Whether the samples of an array fit an input: numbers, or bytes of pictures.

    Errors: DatasetError with the sample that does not.
    """
    what = f"{where}: array '{name}'"
    check_form(spec, name, array.shape, array.dtype, what)
    if spec.inputs[name].image is None or array.dtype != np.uint8:
        check_finite(array, what, dtype_of(spec, name))


def check_form(
    spec: GraphSpec, name: str, found: tuple[int, ...], kind: np.dtype[Any], what: str
) -> None:
    """Whether samples of this shape and type fit an input.

    Errors: DatasetError.
    """
    given = spec.inputs[name]
    if given.image is not None and kind == np.uint8:
        pictures = [given.image.shapes[0]]
        if given.image.mode == "grey":
            pictures.append(given.image.size)
        if found[1:] not in pictures:
            wanted = " or ".join(f"(N, {', '.join(map(str, shape))})" for shape in pictures)
            raise DatasetError(f"{what}: pictures of shape {wanted} are expected, found {found}")
        return
    dtype = dtype_of(spec, name)
    if kind.kind not in ("iub" if dtype.kind == "i" else "fiub"):
        numbers = "whole numbers" if dtype.kind == "i" else "numbers"
        raise DatasetError(f"{what}: {numbers} are expected, found {kind}")
    if not found or found[1:] != given.shape:
        wanted = ", ".join(["N", *map(str, given.shape)])
        raise DatasetError(f"{what}: shape ({wanted}) is expected, found {found}")


def check_finite(array: Array, what: str, dtype: np.dtype[Any]) -> None:
    """Errors: DatasetError with the first sample that has NaN, infinity or too large a number."""
    if array.dtype.kind != "f":
        return
    with np.errstate(over="ignore"):
        # A piece at a time: a copy of all of them in another type may not fit.
        for start in range(0, len(array), 4096):
            piece = array[start : start + 4096]
            good = np.isfinite(piece.astype(dtype, copy=False)).reshape(len(piece), -1).all(axis=1)
            if not good.all():
                i = int(np.argmin(good))
                bad = piece[i].ravel()
                with np.errstate(over="ignore"):
                    value = bad[~np.isfinite(bad.astype(dtype))][0]
                raise DatasetError(f"{what}, sample {start + i}: {value} is no finite {dtype}")


def numbers_of(spec: GraphSpec, name: str, array: Array) -> Array:
    """The numbers of an array that `check_input` found good: pictures prepared, others as given."""
    given = spec.inputs[name]
    if given.image is None or array.dtype != np.uint8:
        return array
    preparation = ImagePreparation(given.image, given.shape, spec.dtype)
    return preparation.numbers(preparation.orient(array))


def same_lengths(arrays: Mapping[str, Array], where: str) -> int:
    """How many samples there are.

    Errors: DatasetError where arrays have different lengths, or none.
    """
    (first, array), *others = arrays.items()
    for name, other in ((first, array), *others):
        if other.ndim == 0:
            raise DatasetError(f"{where}: array '{name}' is a single number: samples are expected")
        if len(other) != len(array):
            what = f"array '{name}' has {len(other)} samples, but '{first}' has {len(array)}"
            raise DatasetError(f"{where}: {what}")
    return len(array)


def array_names(path: Path) -> list[str]:
    """The names of all arrays of a .npz file.

    Errors: DatasetError.
    """
    with open_file(path, WANTED) as file:
        try:
            with zipfile.ZipFile(file) as archive:
                names = [info.filename.removesuffix(".npy") for info in archive.infolist()]
        except DAMAGE as e:
            raise problem(path, f"is no whole .npz file: {str(e) or type(e).__name__}") from e
    if not names:
        raise problem(path, "no array is in it")
    return names


def read_arrays(path: Path, wanted: Sequence[str], unused: Sequence[str] = ()) -> dict[str, Array]:
    """The wanted arrays of a .npz file.

    Errors: DatasetError.
    """
    with open_file(path, WANTED) as file:
        return read_npz(file, path, wanted, unused)
