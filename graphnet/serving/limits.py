"""How much a server takes from strangers at once, and how long it waits for them."""

from __future__ import annotations

from typing import NamedTuple

HEAD_BYTES = 32 * 2**10
"""Of a request's line and headers together."""
BODY_RATE = 16 * 2**10
"""Bytes a second, below which a body is too slow: each buys its sender so much more time."""
PIPELINED = 64
"""Requests of one connection that wait behind an unanswered one."""
LINGER_SECONDS = 2.0
"""For which a closed connection is still read, so that its last answer is not lost to a reset."""
IDLE_AT_STOP = 0.25
"""Seconds that a stopping server leaves a silent connection: a request may be on its way."""
WRITE_SECONDS = 30.0
"""For which a caller may leave answers unread."""


class Limits(NamedTuple):
    """What a server takes.

    Units: body and held in bytes, held of all bodies together; seconds: of silence from a caller,
    keep of a connection between two requests, grace of a stop; wait in seconds.
    """

    body: int = 16 * 2**20
    held: int = 256 * 2**20
    queue: int = 512
    """Requests that wait for their answer together; more are told to come back."""
    connections: int = 1024
    batch: int = 64
    """Requests that are handed to a thread together."""
    wait: float = 0.001
    """How long a thread waits for requests that have begun to arrive, to answer them together."""
    seconds: float = 10.0
    keep: float = 30.0
    grace: float = 30.0
    merge: bool = True
    """Whether requests that are gathered are computed as one batch: two to three times as many a
    second, and BLAS rounds the last digit of a score by the size of the batch."""
