"""One connection of a caller: HTTP/1.1 in order, with bounds on bytes, requests and time."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from graphnet.serving.figures import Figures
from graphnet.serving.limits import (
    BODY_RATE,
    HEAD_BYTES,
    IDLE_AT_STOP,
    PIPELINED,
    WRITE_SECONDS,
    Limits,
)
from graphnet.serving.lingering import Lingering

GONE = "graphnet.gone"
"""In a request's scope: whether its caller has left."""


_LONG_HEAD = f"the head of the request is longer than {HEAD_BYTES:,} bytes"


class Connection(HttpToolsProtocol):
    """uvicorn's connection, with what it leaves open.

    Heads are bounded in bytes and time, bodies in time, answers in the time they lie unread,
    pipelined requests in number. What cannot be understood is refused in its turn, behind the
    answers to what came before, as JSON. A caller that has sent all it will (a half-closed
    connection) is answered. Where the server stops, a request that has come is answered, and says
    that it was the last.
    """

    limits: Limits
    figures: Figures
    """Set in the subclass that a server makes."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._reading: RequestResponseCycle | None = None
        """The request whose body is coming."""
        self._current: RequestResponseCycle | None = None
        """The request that is being answered."""
        self._in_head = False
        self._head = self._raw = self._body = 0
        self._began = 0.0
        self._refusal: tuple[int, str] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._lingering: Lingering = None  # type: ignore[assignment]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._lingering = Lingering(transport, 4 * self.limits.body)  # type: ignore[arg-type]
        super().connection_made(self._lingering)  # type: ignore[arg-type]
        self.figures.connections = len(self.connections)
        if len(self.connections) > self.limits.connections:
            self._refuse(503, f"more than {self.limits.connections:,} connections are open")
            return
        self._wait(self.limits.seconds)
        if self.figures.stopping:
            self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._timer, self._unread):
            if timer is not None:
                timer.cancel()
        for cycle, _ in self.pipeline:
            cycle.disconnected = True
        self.pipeline.clear()
        if self._current is not None:
            self._current.disconnected = True
        self._refusal = None
        self._lingering.lost()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()
        self.figures.connections = len(self.connections)

    def data_received(self, data: bytes) -> None:
        if self._lingering.is_closing() or self._refusal is not None:
            self._lingering.discard(len(data))
            return
        in_head = self._in_head
        super().data_received(data)
        if in_head and self._in_head and self._refusal is None:
            self._raw += len(data)
            if self._raw > HEAD_BYTES:
                self._refuse(431, _LONG_HEAD)
        if self._timer is None and not self._busy() and not self._lingering.is_closing():
            self._wait(self.limits.keep)

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Whether the connection stays, for answers."""
        if self._lingering.closing or self._reading is not None:
            return None
        if self._in_head or not self._busy():
            return None
        self._lingering.ended = True
        self.cycle.keep_alive = False
        return True

    # The parser's callbacks.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head = self._raw = self._body = 0
        self._began = self.loop.time()
        self._wait(self.limits.seconds)

    def on_url(self, url: bytes) -> None:
        self._count_head(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(name, value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= PIPELINED:
            self._because(429, f"more than {PIPELINED} requests wait on this connection")
        self._in_head = False
        super().on_headers_complete()
        cycle = self._reading = self.cycle
        self.scope[GONE] = lambda: cycle.disconnected  # type: ignore[literal-required]
        if self.figures.stopping:
            cycle.keep_alive = False
        self._began = self.loop.time()

    def on_body(self, body: bytes) -> None:
        self._body += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._reading = None
        self._stop_waiting()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._current = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._refusal is not None and not self._busy():
            self._say_refusal()

    # What a connection refuses.

    def send_400_response(self, msg: str) -> None:
        """Called where the parser, or a callback of it, gave up."""
        if self._refusal is None:
            self._refuse(400, "this is no HTTP request")
        else:
            self._refuse(*self._refusal)

    def _because(self, status: int, what: str) -> None:
        """Stop the parser; it then asks for `send_400_response`."""
        self._refusal = status, what
        raise ValueError(what)

    def _unsupported_upgrade_warning(self) -> None:
        """The parser reads nothing behind a wish for another protocol."""
        self.cycle.keep_alive = False

    def _count_head(self, *parts: bytes) -> None:
        """Trailers behind a body count, too."""
        self._head += sum(map(len, parts))
        if self._head > HEAD_BYTES:
            self._because(431, _LONG_HEAD)

    def _refuse(self, status: int, what: str) -> None:
        """Say no more than this, in its turn."""
        self._refusal = status, what
        self._stop_waiting()
        if self._reading is not None and self._reading.response_complete:
            self._lingering.close()  # it has its answer
            return
        if self._reading is not None and not self._reading.response_started:
            self._abandon(self._reading)
        if not self._busy():
            self._say_refusal()

    def _abandon(self, cycle: RequestResponseCycle) -> None:
        """A request that never arrives whole: the refusal is its answer."""
        self._reading = None
        cycle.disconnected = cycle.response_complete = True
        cycle.message_event.set()
        self.pipeline = type(self.pipeline)(item for item in self.pipeline if item[0] is not cycle)

    def _busy(self) -> bool:
        """Whether an answer is still to be given."""
        waiting = self._current is not None and not self._current.response_complete
        return bool(self.pipeline) or waiting

    def _say_refusal(self) -> None:
        assert self._refusal is not None
        if self._lingering.is_closing():
            return
        status, what = self._refusal
        body = json.dumps({"error": what}).encode()
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            *(["retry-after: 1"] if status == 503 else []),
            "connection: close",
        ]
        self.figures.answered(status)
        self._lingering.write("\r\n".join([*lines, "", ""]).encode() + body)
        self._lingering.close()

    # Time.

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(seconds, self._look)

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Whether a head or a body is too slow; a body may take as long as its bytes are worth."""
        if self._lingering.is_closing():
            return
        if self._reading is None and not self._in_head:
            self._lingering.close_now()  # nothing was ever asked
            return
        left = self._began + self.limits.seconds + self._body / BODY_RATE - self.loop.time()
        if self.flow.read_paused:  # it is we who make it wait
            self._began = self.loop.time()
            left = self.limits.seconds
        if left > 0:
            self._wait(left)
        else:
            part = "body" if self._reading is not None else "head"
            self._refuse(408, f"the {part} of the request came too slowly")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(WRITE_SECONDS, self._lingering.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def shutdown(self) -> None:
        """The server stops: this connection ends with what it has been asked."""
        if self._busy():
            self.cycle.keep_alive = False
        elif not self._in_head:
            self.loop.call_later(IDLE_AT_STOP, self._end_idle)

    def _end_idle(self) -> None:
        if not (self._busy() or self._in_head or self._lingering.is_closing()):
            self._lingering.close_now()
