"""Files that a person hands in: opened without harm, read line by line, named in what is wrong."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from itertools import islice
from typing import BinaryIO

from graphnet.errors import DatasetError, clipped, quoted

MAX_LINE = 16 * 2**20
"""Bytes of one line: a file without line ends must not fill the memory."""
_WIDE = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


def problem(path: str | os.PathLike[str], what: str) -> DatasetError:
    """DatasetError `<path>: <what>` in one line of at most 500 characters."""
    return DatasetError(clipped(f"{shown(path)}: {what}"))


def shown(path: str | os.PathLike[str]) -> str:
    """The path, or the end of a long one: the rest of the message must fit beside it."""
    text = os.fspath(path)
    return text if len(text) <= 150 else "..." + text[-147:]


def open_file(path: str | os.PathLike[str], wanted: str) -> BinaryIO:
    """A regular file, open to be read; `wanted` says in errors what should be there.

    Errors: DatasetError for one that is missing, a folder, a pipe or a device, or that cannot be
    opened.
    """
    try:
        # Asked before it is opened, too: to open a device can already do something.
        _check_regular(path, os.stat(path), wanted)
        flags = os.O_RDONLY
        for flag in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
            flags |= getattr(os, flag, 0)
        file = open(os.open(path, flags), "rb")  # noqa: SIM115
        try:
            _check_regular(path, os.fstat(file.fileno()), wanted)
        except DatasetError:
            file.close()
            raise
        return file
    except FileNotFoundError:
        hint = beside(path) or f": name {wanted}"
        raise problem(path, f"no such file{hint}") from None
    except OSError as error:
        raise problem(path, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise problem(path, f"no path of a file: {error}") from error


def beside(path: str | os.PathLike[str]) -> str:
    """`; did you mean 'flowers.csv'?` where the folder holds a name that is close."""
    folder, name = os.path.split(os.fspath(path))
    try:
        with os.scandir(folder or ".") as entries:
            names = [entry.name for entry in islice(entries, 1000)]
    except (OSError, ValueError):
        return ""
    import difflib  # for mistakes alone

    close = difflib.get_close_matches(name, names, n=1, cutoff=0.8)
    return f"; did you mean {quoted(close[0])}?" if close else ""


def _check_regular(path: str | os.PathLike[str], status: os.stat_result, wanted: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
        raise problem(path, f"is {kind}: name {wanted}")


def text_lines(file: BinaryIO, name: str | os.PathLike[str], after: int = 0) -> Iterator[str]:
    """The lines of a UTF-8 file, each with its end, a byte order mark taken off.

    after: how many lines of the file there are, which this one has not, behind its first.
    Errors: DatasetError with the number of the line.
    """
    number = 0
    while True:
        number += 1 if number != 1 else 1 + after
        try:
            raw = file.readline(MAX_LINE + 1)
        except OSError as error:
            raise problem(name, f"cannot be read: {error.strerror or error}") from error
        if not raw:
            return
        if len(raw) > MAX_LINE:
            what = f"a line of more than {MAX_LINE:,} bytes: is it a text file?"
            raise problem(f"{shown(name)}:{number}", what)
        if number == 1:
            if raw[:2] in _WIDE:
                raise problem(f"{shown(name)}:1", "is UTF-16: save it as UTF-8")
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as e:
            what = f"byte 0x{raw[e.start]:02x} is not UTF-8: save the file in that encoding"
            raise problem(
                f"{shown(name)}:{number}", f"{what} (byte {e.start + 1} of the line)"
            ) from None
        if "\0" in text:
            what = f"a zero byte stands in it: is it a text file? ({quoted(text, 40)})"
            raise problem(f"{shown(name)}:{number}", what)
        yield text
