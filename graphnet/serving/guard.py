"""What stands before the application: the Host header, counting, and faults that are one line."""

from __future__ import annotations

import json
import re
import time
import traceback
from collections.abc import Callable, Mapping

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from graphnet.errors import clipped, quoted
from graphnet.serving.figures import Figures

_HOST = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]/?#@\s]+)(?::\d{0,5})?")
_ALWAYS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


def error(
    status: int, what: str, headers: Mapping[str, str] | None = None, close: bool = False
) -> Response:
    """`{"error": "..."}`; close: the connection ends with it, as its body was not read."""
    more = dict(headers or {})
    if status == 503:
        more["retry-after"] = "1"
    if close:
        more["connection"] = "close"
    body = json.dumps({"error": clipped(what)})
    return Response(body, status, more, media_type="application/json")


def fault() -> Response:
    """What a caller sees of a fault of the server itself."""
    return error(500, "internal error: the server says more")


class Guard:
    """Lets through what asks this server, and counts it.

    A page of another site can make a browser ask its own name's new address, 127.0.0.1: the Host
    header still has that name. hosts: those that are answered, None for all.
    """

    def __init__(
        self,
        app: ASGIApp,
        figures: Figures,
        hosts: frozenset[str] | None,
        complain: Callable[[str], None],
    ) -> None:
        self.app = app
        self.figures = figures
        self.hosts = hosts
        self.complain = complain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        began = time.perf_counter()
        figures = self.figures
        started = complete = False

        async def counted(message: Message) -> None:
            nonlocal started, complete
            if message["type"] == "http.response.start":
                started = True
                figures.answered(message["status"])
                message["headers"] = [*message.get("headers", ()), *_ALWAYS]
            await send(message)
            complete = started and not message.get("more_body", message["type"][-5:] == "start")

        figures.in_flight += 1
        try:
            refusal = self._refusal(scope)
            if refusal is not None:
                await refusal(scope, receive, counted)
            else:
                await self.app(scope, receive, counted)
        except Exception as e:  # noqa: BLE001 - of this server: its caller must not see it
            self.complain(clipped(f"internal error: {_told(e)}"))
            if not started:
                await fault()(scope, receive, counted)
            elif not complete:
                raise ConnectionAbortedError from None
        finally:
            figures.in_flight -= 1
            figures.latency.add(time.perf_counter() - began)

    def _refusal(self, scope: Scope) -> Response | None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 and (hosts or scope["http_version"] != "1.0"):
            return error(400, "one Host header is expected", close=True)
        host = hosts[0].decode("latin-1") if hosts else ""
        if self.hosts is None or not hosts:
            return None
        match = _HOST.fullmatch(host)
        if match is not None and match[1].lower().rstrip(".") in self.hosts:
            return None
        what = f"this server does not answer for {quoted(host, 60)}: --allow-host lets it"
        return error(421, what, close=True)


def _told(e: Exception) -> str:
    """What went wrong, and where in the code."""
    frames = traceback.extract_tb(e.__traceback__)
    where = f" ({frames[-1].name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(e).__name__}: {e}{where}"
