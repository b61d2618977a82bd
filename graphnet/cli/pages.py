"""Where a page may be written, and writing it."""

from __future__ import annotations

import os

from graphnet.bundle.writer import check_target, write_whole
from graphnet.errors import SaveError, clipped
from graphnet.report.html import MARK


def check_page(path: str, **others: str) -> None:
    """Whether a page can be written where it will be, and nothing else is lost by it.

    others: files that it must not be, by what they are called: `spec=...`.
    Errors: SaveError.
    """
    for what, other in others.items():
        same = os.path.realpath(path) == os.path.realpath(other)
        if same or (
            os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other)
        ):
            raise SaveError(
                clipped(f"{path}: is the {what.replace('_', ' ')} itself; name another file")
            )
    if os.path.isfile(path) and not _is_page(path):
        raise SaveError(clipped(f"{path}: is no page of graphnet, and would be lost; name another"))
    check_target(path)


def write_page(path: str, text: str) -> int:
    """The page, whole or not at all; its size in bytes.

    Errors: SaveError.
    """
    return write_whole(path, text.encode())


def _is_page(path: str) -> bool:
    with open(path, "rb") as file:
        return file.read(len(MARK)) == MARK.encode()
