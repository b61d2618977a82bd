"""How a connection writes and ends, so that no answer is lost on its way."""

from __future__ import annotations

import asyncio

from graphnet.serving.limits import LINGER_SECONDS, WRITE_SECONDS

_FINAL = tuple(f"HTTP/1.1 {family}".encode() for family in range(2, 6))
"""How the head of an answer begins, that is no mere `100 Continue`."""


class Lingering:
    """A transport that sends an answer's head together with its body, and closes in two steps:
    nothing more is written, then what still comes is read.

    A socket that is closed with unread bytes in it resets the connection, and the answer that
    was written last may never be seen. A call of the system less for each answer, and a packet,
    are a tenth of what a small one takes.
    """

    def __init__(self, transport: asyncio.Transport, limit: int) -> None:
        self._transport = transport
        self._left = limit
        self._timers: list[asyncio.TimerHandle] = []
        self._head = b""
        self.closing = False
        self.ended = False
        """Whether the caller has said that it sends no more."""
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_extra_info = transport.get_extra_info
        self.abort = transport.abort

    def write(self, data: bytes) -> None:
        if data.startswith(_FINAL) and not self._head:
            self._head = data
            asyncio.get_running_loop().call_soon(self._flush)  # there may be no body
        else:
            self._transport.write(self._head + data)
            self._head = b""

    def _flush(self) -> None:
        if self._head:
            self._transport.write(self._head)
            self._head = b""

    def is_closing(self) -> bool:
        return self.closing or self._transport.is_closing()

    def close(self) -> None:
        if self.is_closing():
            return
        self._flush()
        self.closing = True
        later = asyncio.get_running_loop().call_later
        # A caller may never take its answer.
        self._timers.append(later(WRITE_SECONDS, self._transport.abort))
        if self.ended or not self._transport.can_write_eof():
            self._transport.close()
            return
        self._transport.write_eof()
        self._transport.resume_reading()
        self._timers.append(later(LINGER_SECONDS, self._transport.close))

    def close_now(self) -> None:
        """Close where nothing was written that could be lost."""
        self.closing = True
        self._transport.close()

    def lost(self) -> None:
        """The connection has ended."""
        for timer in self._timers:
            timer.cancel()

    def discard(self, count: int) -> None:
        """Bytes have come that nobody wants."""
        self._left -= count
        if self._left < 0:
            self._transport.close()
