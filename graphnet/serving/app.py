"""The application: paths, bodies, and what a model answers, as Starlette runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from graphnet.answering.answers import Answers
from graphnet.errors import (
    DatasetError,
    GraphnetError,
    ImageError,
    ImageTooLargeError,
    ShapeError,
    SpecError,
    SpecLimitError,
    clipped,
    quoted,
)
from graphnet.serving.bodies import TooLargeError
from graphnet.serving.connection import GONE
from graphnet.serving.description import MOST_TOP, Description
from graphnet.serving.desk import Desk
from graphnet.serving.figures import Figures
from graphnet.serving.guard import Guard, error, fault
from graphnet.serving.limits import Limits
from graphnet.serving.reading import JSON, Reader
from graphnet.serving.wording import Asked

STATUS: dict[type[GraphnetError], int] = {
    SpecError: 400,  # a body that is no JSON
    SpecLimitError: 400,  # one that is nested too deep
    TooLargeError: 413,
    ImageError: 400,
    ImageTooLargeError: 413,
    DatasetError: 422,
    ShapeError: 422,
}
"""What cannot be read at all is a 400; what can, and does not fit the model, a 422."""
_HOW = {
    "image/png": "a PNG as image/png",
    "image/jpeg": "a JPEG as image/jpeg",
    JSON: f"JSON as {JSON}",
}


class RefusedError(Exception):
    """A request that is answered by an error. unread: whether its body has not been read."""

    def __init__(self, status: int, what: str, unread: bool = False) -> None:
        super().__init__(what)
        self.status = status
        self.unread = unread


class App:
    """What a model answers, by path.

    desk: where predictions are made. complain: takes one line about a fault of the server itself.
    """

    def __init__(
        self,
        answers: Answers,
        reader: Reader,
        desk: Desk,
        limits: Limits,
        figures: Figures,
    ) -> None:
        self.answers = answers
        self.reader = reader
        self.desk = desk
        self.limits = limits
        self.figures = figures
        description = Description(answers, reader)
        self._summary = json.dumps(description.summary(), indent=1).encode()
        self._openapi = json.dumps(description.openapi()).encode()

    def asgi(self, hosts: frozenset[str] | None, complain: Callable[[str], None]) -> ASGIApp:
        """The application; hosts: the names in a Host header that it answers to, None for any."""
        routes = [
            Route("/", self.summary, methods=["GET"]),
            Route("/predict", self.predict, methods=["POST"]),
            Route("/healthz", self.health, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
            Route("/openapi.json", self.openapi, methods=["GET"]),
        ]
        found = Starlette(
            routes=routes,
            exception_handlers={
                HTTPException: _http_error,
                RefusedError: _refused,
                Exception: _fault,
            },
        )
        found.router.redirect_slashes = False
        return Guard(found, self.figures, hosts, complain)

    async def summary(self, request: Request) -> Response:
        return Response(self._summary, media_type=JSON)

    async def openapi(self, request: Request) -> Response:
        return Response(self._openapi, media_type=JSON)

    async def metrics(self, request: Request) -> Response:
        return Response(self.figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def health(self, request: Request) -> Response:
        stopping = self.figures.stopping
        body = {"status": "stopping" if stopping else "ok", "model": self.answers.net.spec.name}
        return Response(json.dumps(body), 503 if stopping else 200, media_type=JSON)

    async def predict(self, request: Request) -> Response:
        """Read the body, ask, and answer.

        Errors: RefusedError.
        """
        media = self._media(request)
        asked = self._asked(request)
        if self.desk.full:
            what = f"more than {self.limits.queue:,} requests wait: come back a second later"
            raise RefusedError(503, what, unread=True)
        # Until it is handed over, a thread may wait for it, to answer it with others.
        self.desk.expected += 1
        expected = True
        held = 0
        try:
            parts: list[bytes] = []
            more = True
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    return Response(status_code=400)  # which nobody reads
                part = message.get("body", b"")
                more = message.get("more_body", False)
                held += len(part)
                self.figures.held += len(part)
                self._check_size(held, more)
                parts.append(part)
            self.desk.expected -= 1
            expected = False
            gone = request.scope.get(GONE, _here)
            reply = await self.desk.answer(b"".join(parts), media, asked, gone)
        finally:
            self.figures.held -= held
            if expected:
                self.desk.expected -= 1
        if reply.error is not None:
            if type(reply.error) not in STATUS:
                raise reply.error
            return error(STATUS[type(reply.error)], str(reply.error))
        return Response(reply.body, media_type=JSON)

    def _check_size(self, size: int, more: bool) -> None:
        if size > self.limits.body:
            raise RefusedError(413, self._too_large(), unread=more)
        if self.figures.held > self.limits.held:
            what = "the bodies that wait take too much memory: come back a second later"
            raise RefusedError(503, what, unread=more)

    def _too_large(self) -> str:
        return f"the body is larger than the limit of {self.limits.body:,} bytes"

    def _media(self, request: Request) -> str:
        """The content type of a request, where it is one that the model takes.

        Errors: RefusedError, also for one whose length is over the limit.
        """
        given = request.headers.getlist("content-type")
        media, _, parameters = (given[0] if given else "").partition(";")
        media = media.strip().lower()
        charset = parameters.strip().lower().replace('"', "")
        if media not in self.reader.media or len(given) > 1:
            how = " or ".join(_HOW[one] for one in self.reader.media)
            what = f"the content type {quoted(media, 60)} is not taken: send {how}"
            raise RefusedError(415, what, unread=True)
        if charset not in ("", "charset=utf-8"):
            what = f"the content type's {quoted(charset, 60)} is not taken: send UTF-8"
            raise RefusedError(415, what, unread=True)
        encoding = request.headers.get("content-encoding", "identity")
        if encoding.strip().lower() != "identity":
            what = f"the content encoding {quoted(encoding, 60)} is not taken: send it as it is"
            raise RefusedError(415, what, unread=True)
        length = request.headers.get("content-length", "")
        if re.fullmatch(r"\d{1,18}", length, re.ASCII) and int(length) > self.limits.body:
            raise RefusedError(413, self._too_large(), unread=True)
        return media

    def _asked(self, request: Request) -> Asked:
        """How the answer is wanted.

        Errors: RefusedError.
        """
        raw = request.scope.get("query_string", b"")
        if not raw:
            return Asked()
        try:
            pairs = parse_qsl(
                raw.decode("ascii"), True, True, errors="strict", max_num_fields=8, separator="&"
            )
        except ValueError:
            raise RefusedError(
                400, "the query is not of the form name=value", unread=True
            ) from None
        found: dict[str, str] = {}
        for name, value in pairs:
            if name not in ("top", "probabilities"):
                what = f"there is no parameter {quoted(name, 60)}: there are top, probabilities"
                raise RefusedError(400, what, unread=True)
            if name in found:
                raise RefusedError(400, f"the parameter {name} is given twice", unread=True)
            found[name] = value
        if found and self.answers.only is None:
            what = "top and probabilities are for a model with one output, of classes"
            raise RefusedError(400, what, unread=True)
        shares = found.get("probabilities", "false")
        if shares not in ("true", "false"):
            what = f"probabilities: true or false is expected, found {quoted(shares, 60)}"
            raise RefusedError(400, what, unread=True)
        top = found.get("top")
        if top is not None and not (re.fullmatch(r"[0-9]{1,5}", top) and 1 <= int(top) <= MOST_TOP):
            what = f"top: a number from 1 to {MOST_TOP} is expected, found {quoted(top, 60)}"
            raise RefusedError(400, what, unread=True)
        return Asked(shares == "true", None if top is None else int(top))


def _here() -> bool:
    return False


async def _refused(request: Request, refused: Exception) -> Response:
    assert isinstance(refused, RefusedError)
    return error(refused.status, str(refused), close=refused.unread)


async def _fault(request: Request, found: Exception) -> Response:
    return fault()  # Starlette raises it again, and the guard says what it was


async def _http_error(request: Request, found: Exception) -> Response:
    assert isinstance(found, HTTPException)
    headers = dict(found.headers or {})
    path = clipped(request.url.path)[:100]
    if found.status_code == 404:
        what = f"there is nothing at {quoted(path)}: POST /predict asks the model, / tells more"
    elif found.status_code == 405:
        what = f"{quoted(path)} does not take {quoted(request.method, 40)}"
    else:
        what = str(found.detail)
    return error(found.status_code, what, headers, close=request.method not in ("GET", "HEAD"))
