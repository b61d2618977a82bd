"""Where a page or a drawing may be written, and writing it."""

from __future__ import annotations

import os

from graphnet.bundle.writer import check_target, write_whole
from graphnet.draw.page import MARK as PAGE
from graphnet.draw.svg import MARK as DRAWING
from graphnet.errors import SaveError, clipped


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
    if os.path.isfile(path) and not _is_ours(path):
        what = "is no page or drawing of graphnet, and would be lost; name another"
        raise SaveError(clipped(f"{path}: {what}"))
    check_target(path)


def write_page(path: str, text: str) -> int:
    """The page, whole or not at all; its size in bytes.

    Errors: SaveError.
    """
    return write_whole(path, text.encode())


def _is_ours(path: str) -> bool:
    begins = (PAGE.encode(), DRAWING.encode())
    with open(path, "rb") as file:
        return file.read(max(map(len, begins))).startswith(begins)
