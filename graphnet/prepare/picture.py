"""A person's PNG or JPEG, decoded safely to 8 bits a channel."""

from __future__ import annotations

import io
import os
import stat
import struct
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, TypeVar

import numpy as np
from PIL import Image

from graphnet.errors import ImageError, ImageTooLargeError, clipped, quoted
from graphnet.prepare.walk import AGAIN, JPEG, PNG, walk_jpeg, walk_png

MAX_BYTES = 128 * 2**20
"""Of one file: 16 megapixels of 16-bit RGBA that nothing compresses."""

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_CLOSEST = {"La": "LA", "PA": "RGBA", "RGBa": "RGBA"}

# What the decoders, and what they call, raise over damaged files.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_Read = TypeVar("_Read", bytes, tuple[bytes, os.stat_result])
_FLAGS = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    _FLAGS |= getattr(os, _flag, 0)
_BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def read_picture(
    source: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO,
    name: str | None = None,
) -> Image.Image:
    """The picture of a PNG or JPEG file, upright, in one of the modes L, LA, RGB, RGBA.

    `source` is a path, a file's bytes or a binary stream; `name` is what errors call it. The
    content says which format it is, not the name. Of an animation, the default picture is taken.

    Units: 0-255; of 16-bit values, grey v becomes round(v / 257), a colour its upper byte.
    Errors: ImageError for what is no whole PNG or JPEG; ImageTooLargeError past the limits.
    """
    try:
        return _decoded(_content(source))
    except (ImageError, ImageTooLargeError) as error:
        if name is None:
            name = os.fspath(source) if isinstance(source, str | os.PathLike) else "picture"
        raise type(error)(clipped(f"{name}: {error}")) from error.__cause__


def file_content(path: str) -> tuple[bytes, os.stat_result]:
    """The bytes of a picture's file, for `read_picture`, and its status.

    Errors: ImageError, ImageTooLargeError.
    """
    try:
        return _read(_file, path)
    except (ImageError, ImageTooLargeError) as error:
        raise type(error)(clipped(f"{path}: {error}")) from error.__cause__


def plain(im: Image.Image) -> Image.Image:
    """The same picture in one of the modes L, LA, RGB, RGBA.

    Units: 0-255; 16-bit grey v becomes round(v / 257).
    Errors: ImageError for mode F, which does not say its range.
    """
    key = im.info.get("transparency")
    if im.mode == "F":
        raise ImageError("mode F does not say which grey is white; convert the picture to mode L")
    if im.mode in ("1", "L"):
        grey = im.convert("L") if im.mode == "1" else im
        if key is None:
            return grey
        return Image.merge("LA", (grey, grey.point([255 * (v != key) for v in range(256)])))
    if im.mode == "I" or im.mode.startswith("I;16"):
        deep = np.clip(np.asarray(im), 0, 65535).astype(np.uint16)
        grey = Image.fromarray((deep // 257 + (deep % 257 > 128)).astype(np.uint8))
        if key is None:
            return grey
        return Image.merge("LA", (grey, Image.fromarray((deep != key).astype(np.uint8) * 255)))
    if im.mode in ("LA", "RGBA") or (im.mode == "RGB" and key is None):
        return im
    return im.convert("RGBA" if key is not None else _CLOSEST.get(im.mode, "RGB"))


def _decoded(data: bytes) -> Image.Image:
    # Each decoder is imported by itself: Image.open would import those of five formats.
    if data.startswith(PNG):
        from PIL.PngImagePlugin import PngImageFile as Decoder

        walk = walk_png
    elif data.startswith(JPEG):
        from PIL.JpegImagePlugin import JpegImageFile as Decoder  # type: ignore[assignment]

        walk = walk_jpeg
    elif data:
        raise ImageError(
            f"is neither PNG nor JPEG (it starts with {quoted(data[:8])}); save it as one of them"
        )
    else:
        raise ImageError(f"the file is empty (0 bytes); {AGAIN}")
    try:
        walked = walk(data)
        im = Decoder(io.BytesIO(walked.data))
        im.load()
        if walked.key is not None:
            im.info["transparency"] = walked.key
        upright = plain(im)
        return upright.transpose(_TURNS[walked.turn]) if walked.turn in _TURNS else upright
    except _BOMB as error:
        raise ImageTooLargeError(f"has too many pixels ({error}); scale it down") from error
    except _DAMAGE as error:
        what = str(error) or type(error).__name__
        raise ImageError(f"the pixels cannot be decoded ({what}); {AGAIN}") from error


def _content(source: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO) -> bytes:
    if isinstance(source, bytes | bytearray | memoryview):
        return _read(bytes, source)
    if isinstance(source, str | os.PathLike):
        return _read(_file, source)[0]
    return _read(_stream, source)


def _read(how: Callable[[Any], _Read], source: Any) -> _Read:
    try:
        found = how(source)
    except OSError as error:
        what = error.strerror or type(error).__name__
        raise ImageError(f"cannot be read ({what}); check the path") from error
    except (ValueError, MemoryError) as error:
        what = str(error) or type(error).__name__
        raise ImageError(f"cannot be read ({what}); check the path") from error
    if len(found if isinstance(found, bytes) else found[0]) > MAX_BYTES:
        raise _too_large()
    return found


def _file(path: str | os.PathLike[str]) -> tuple[bytes, os.stat_result]:
    # Asked before it is opened, too: to open a device can already do something.
    _check_regular(os.stat(path))
    descriptor = os.open(path, _FLAGS)
    try:
        status = os.fstat(descriptor)
        _check_regular(status)
        # One call more than bytes need: the file may have grown. Python's own files take 4 us.
        data = os.read(descriptor, status.st_size + 1)
        if len(data) == status.st_size:
            return data, status
        with open(descriptor, "rb", closefd=False) as file:
            return data + file.read(status.st_size + 1 - len(data)), status
    finally:
        os.close(descriptor)


def _check_regular(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise ImageError("is a folder, not a picture; name a PNG or JPEG file")
    if not stat.S_ISREG(status.st_mode):
        raise ImageError("is a pipe, device or socket, not a file; name a PNG or JPEG file")
    if status.st_size > MAX_BYTES:
        raise _too_large()


def _too_large() -> ImageTooLargeError:
    return ImageTooLargeError(
        f"the file is larger than {MAX_BYTES // 2**20} MB, the most that is read; scale it down"
    )


def _stream(source: BinaryIO) -> bytes:
    parts: list[bytes] = []
    left = MAX_BYTES + 1
    while left > 0 and (part := source.read(min(left, 2**20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
