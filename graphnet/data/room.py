"""Whether samples fit into memory, asked before they are read into it."""

from __future__ import annotations

import os

from graphnet.memory import LITTLE, machine_bytes
from graphnet.prepare.files import problem

STREAM = 'write "stream": true in the spec\'s data, and they stay in their files'


def require_room(path: str | os.PathLike[str], need: int, remedy: str = STREAM) -> None:
    """Errors: DatasetError where samples of so many bytes are more than the machine's memory."""
    there = machine_bytes() if need > LITTLE else None
    if there is not None and need > there:
        what = f"its samples take {need:,} bytes, more than the {there:,} of memory that there are"
        raise problem(path, f"{what}: {remedy}")


def bytes_of(path: str | os.PathLike[str]) -> int:
    """Bytes of a file; 0 where there is none, which whoever opens it says better."""
    try:
        return os.stat(path).st_size
    except (OSError, ValueError):
        return 0
