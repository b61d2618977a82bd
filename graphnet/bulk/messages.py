"""Messages between processes: bytes with their length before them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import IO

from graphnet.bulk.blocks import packed
from graphnet.errors import GraphnetError

_LENGTH = struct.Struct("<I")


def send(stream: IO[bytes], message: bytes) -> None:
    """A message with its length before it."""
    stream.write(_LENGTH.pack(len(message)))
    stream.write(message)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """The next message; None where the other end has gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (size,) = _LENGTH.unpack(head)
    message = stream.read(size)
    return message if len(message) == size else None


def guarded(answer: Callable[[bytes], bytes], block: bytes) -> bytes:
    """The reply to a block, or what is wrong, as a message."""
    try:
        return b"\0" + answer(block)
    except GraphnetError as e:
        return b"\1" + packed([type(e).__name__, str(e)])
    except MemoryError:
        return b"\1" + packed(["BundleLimitError", "not enough memory for a block of samples"])
