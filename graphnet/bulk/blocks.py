"""Blocks: as many samples as a network takes at once, as bytes that go to whoever answers them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgpack

_DIGEST = 8


@dataclass
class Block:
    """Samples in the order of the input, with what is known to be wrong with some.

    files: a path for each sample where samples are pictures, else the one file that all are from.
    rows: numbers of rows from 1 in a file of several, None for what is no row; empty for pictures.
    wrong: by a sample's index, why it cannot be answered. body: what is answered, by its kind.
    """

    files: list[str]
    rows: list[int | None] = field(default_factory=list)
    wrong: dict[int, str] = field(default_factory=dict)
    body: Any = None

    def __len__(self) -> int:
        return len(self.rows) or len(self.files)

    def packed(self) -> bytes:
        """The block as a message."""
        return packed([self.files, self.rows, self.wrong, self.body])


@dataclass(frozen=True)
class Reply:
    """What a block became. data: the rows in the form of the output; fingerprint: of what was
    answered; wanting: samples without an answer; empty: pictures in which nothing is seen."""

    samples: int
    wanting: int
    empty: int
    fingerprint: bytes
    data: bytes

    def packed(self) -> bytes:
        """The reply as a message."""
        return packed([self.samples, self.wanting, self.empty, self.fingerprint, self.data])


def block_of(message: bytes) -> Block:
    """The way back from `Block.packed`."""
    return Block(*unpacked(message))


def reply_of(message: bytes) -> Reply:
    """The way back from `Reply.packed`."""
    return Reply(*unpacked(message))


def packed(value: Any) -> bytes:
    """Lists, dicts, texts, bytes and numbers as msgpack; names of files may be any bytes."""
    found: bytes = msgpack.packb(value, unicode_errors="surrogateescape")
    return found


def unpacked(message: bytes) -> Any:
    """The way back from `packed`."""
    return msgpack.unpackb(message, unicode_errors="surrogateescape", strict_map_key=False)


def fingerprint(message: bytes, statuses: Sequence[str] = ()) -> bytes:
    """A mark that changes where a block's input does: of rows their content, of pictures the paths
    with what `status_of` says of each."""
    digest = hashlib.blake2b(message, digest_size=_DIGEST)
    digest.update("\n".join(statuses).encode())
    return digest.digest()


def statuses_of(block: Block) -> list[str]:
    """What is to be known of a block's files beside their names; nothing where rows are sent."""
    return [] if block.rows else [status_of(path) for path in block.files]


def status_of(path: str) -> str:
    """Size and time of change."""
    try:
        return status_text(os.stat(path))
    except (OSError, ValueError):
        return "none"


def status_text(status: os.stat_result) -> str:
    """Size and time of change, of a file that was asked before."""
    return f"{status.st_size} {status.st_mtime_ns}"
