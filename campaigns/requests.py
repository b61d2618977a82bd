"""Bad bodies and bad requests, sent to a server: each is told what is wrong, and none is a fault.

python -m campaigns.requests [CASES]
"""

from __future__ import annotations

import base64
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random
from typing import NamedTuple

import graphnet as gn
from campaigns.mutations import NUMBERS, VALUES, WORDS, mutated
from campaigns.table import Campaign, Result
from graphnet.serving import app
from graphnet.serving.figures import resident_bytes
from graphnet.serving.limits import Limits
from graphnet.serving.server import Server, Service, address_of, hosts_of, listen

ROOT = Path(__file__).parent.parent
MEDIA = ("image/png", "image/jpeg", "application/json")
WRONG_MEDIA = (
    *("", "text/plain", "multipart/form-data; boundary=b", "application/x-www-form-urlencoded"),
    *("image/gif", "application/json; charset=utf-16", "a" * 500, "image/png, image/jpeg", "*/*"),
)
QUERIES = (
    "",
    "",
    "",
    "?top=3",
    "?probabilities=true",
    "?top=0",
    "?top=1e3",
    "?x=%00",
    "?&&=",
    "?top",
)
PROTECTIONS = {"errors": 200}
GROWTH = 256 * 2**20
"""Bytes that the process may have more at the end."""
_TEXT = re.compile(r"(HTTP/1\.1 (\d{3}) [^\r]*\r\n.*?\r\n\r\n)", re.S)


class Sent(NamedTuple):
    """kind: how it was made; data: all bytes; raw: whether it may be no request at all."""

    kind: str
    data: bytes
    raw: bool = False


def bad_requests(cases: int, without: str | None) -> Result:
    """So many requests over a server's own connections."""
    result = Result()
    rng = Random(0)
    before = dict(app.STATUS)
    if without == "errors":
        app.STATUS.clear()
    try:
        with served() as address:
            start = resident_bytes()
            with one_after_another(address) as ask:
                for sent in made(cases, rng):
                    ask(sent, result)
            if b'"ok"' not in whole(address, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"):
                result.blame("at the end, the server is not well")
            end = resident_bytes()
            if start is not None and end is not None and end - start > GROWTH:
                result.blame(f"memory has grown by {end - start:,} bytes")
    finally:
        app.STATUS.update(before)
    return result


@contextmanager
def served() -> Iterator[tuple[str, int]]:
    """The address of a server in this process."""
    net = gn.build(gn.read_spec(ROOT / "models" / "digits.json"), seed=0)
    service = Service(net, "digits", 1, Limits(), lambda line: None)
    listening = listen("127.0.0.1", 0)
    ready = threading.Event()
    server = Server(service, hosts_of(listening, "127.0.0.1", ()), ready.set)
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
    thread.start()
    ready.wait()
    host, port = address_of(listening).removeprefix("http://").split(":")
    try:
        yield host, int(port)
    finally:
        server.handle_exit(15, None)
        thread.join()
        listening.close()


def made(cases: int, rng: Random) -> Iterator[Sent]:
    """Requests, most of them wrong."""
    pictures = [path.read_bytes() for path in sorted((ROOT / "examples" / "digits").iterdir())]
    pngs = [data for data in pictures if data.startswith(b"\x89PNG")]
    jpegs = [data for data in pictures if data.startswith(b"\xff\xd8")]
    documents = [json.dumps(value).encode() for value in _documents(pngs)]
    for i in range(cases):
        kind = ("png", "jpeg", "json", "values", "json", "multipart", "media", "raw")[i % 8]
        if kind in ("png", "jpeg"):
            body = mutated(rng.choice(pngs if kind == "png" else jpegs), pictures, rng)
            yield Sent(kind, _request(body, f"image/{kind}", rng))
        elif kind == "json":
            yield Sent(
                kind, _request(mutated(rng.choice(documents), documents, rng), MEDIA[2], rng)
            )
        elif kind == "values":
            body = json.dumps(_value(rng, 4)).encode()
            yield Sent(kind, _request(body, MEDIA[2], rng))
        elif kind == "multipart":
            part = b'--b\r\nContent-Disposition: form-data; name="x"; filename="a.png"\r\n\r\n'
            body = mutated(part + rng.choice(pngs) + b"\r\n--b--\r\n", pictures, rng)
            media = rng.choice(("multipart/form-data; boundary=b", *MEDIA))
            yield Sent(kind, _request(body, media, rng))
        elif kind == "media":
            body = rng.choice([*pictures, *documents])
            media = rng.choice((*WRONG_MEDIA, *MEDIA))
            yield Sent(kind, _request(body, media, rng))
        else:
            whole_one = _request(rng.choice([*pngs, *documents]), rng.choice(MEDIA), rng)
            at = whole_one.index(b"\r\n\r\n") + 4
            head = mutated(whole_one[:at], documents, rng)
            yield Sent(kind, head + whole_one[at:], raw=True)


def _documents(pngs: list[bytes]) -> list[object]:
    pixels = [[(i * j) % 256 for i in range(8)] for j in range(8)]
    encoded = base64.b64encode(pngs[0]).decode()
    return [{"x": pixels}, {"x": [pixels] * 3}, {"x": encoded}, {"x": [encoded] * 2}, {"x": [0.5]}]


def _value(rng: Random, depth: int) -> object:
    """Any JSON value, a NaN or infinity among them, often an object with the key x."""
    kind = rng.randrange(6) if depth else rng.randrange(3)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return rng.choice(WORDS)
    if kind == 2:
        plain = [value for value in VALUES if not isinstance(value, bytes)]
        return rng.choice([*plain, float("nan"), float("inf"), 10**400, -(10**30)])
    if kind == 3:
        return [_value(rng, depth - 1) for _ in range(rng.choice((0, 1, 8)))]
    return {
        rng.choice(("x", "x", *WORDS)): _value(rng, depth - 1) for _ in range(rng.choice((1, 2)))
    }


def _request(body: bytes, media: str, rng: Random) -> bytes:
    lines = [
        f"POST /predict{rng.choice(QUERIES)} HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {media}",
        f"Content-Length: {len(body)}",
    ]
    if rng.randrange(20) == 0:
        lines.append(f"Content-Encoding: {rng.choice(('gzip', 'br', 'identity', 'x'))}")
    return "\r\n".join([*lines, "", ""]).encode() + body


@contextmanager
def one_after_another(address: tuple[str, int]):  # type: ignore[no-untyped-def]
    """What sends a request and judges its answer: over one connection as long as it stays."""
    held: list[socket.socket] = []

    def ask(sent: Sent, result: Result) -> None:
        if sent.raw:
            _judge(sent, whole(address, sent.data), result)
            return
        if not held:
            held.append(socket.create_connection(address, timeout=60))
        (connection,) = held
        with suppress(ConnectionError):  # it may be answered before it has all come
            connection.sendall(sent.data)
        data = _answer(connection)
        if b"connection: close" in data or not data:
            held.pop().close()
        _judge(sent, data, result)

    try:
        yield ask
    finally:
        for connection in held:
            connection.close()


def _answer(connection: socket.socket) -> bytes:
    data = b""
    while True:
        head, mark, body = data.partition(b"\r\n\r\n")
        if mark:
            length = int(re.findall(rb"content-length: (\d+)", head)[0])
            if len(body) >= length:
                return data
        part = connection.recv(65536)
        if not part:
            return data
        data += part


def whole(address: tuple[str, int], data: bytes) -> bytes:
    """All that is answered to these bytes, and no more of them."""
    with socket.create_connection(address, timeout=60) as connection:
        found = b""
        with suppress(ConnectionError):
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65536):
                found += part
        return found


def _judge(sent: Sent, data: bytes, result: Result) -> None:
    text = data.decode("utf-8", "replace")
    codes = [int(code) for _, code in _TEXT.findall(text)]
    end = ", ".join(map(str, codes[:1])) or "nothing"
    result.count(f"{sent.kind} {end}" if end == "nothing" else end)
    if (not codes and not sent.raw) or any(code >= 500 or code < 200 for code in codes):
        result.blame(f"{sent.kind}: {end}: {sent.data[:300]!r}")
        return
    for part in _TEXT.split(text)[3::3]:
        said = part.partition("HTTP/1.1 ")[0]
        if said.startswith('{"error": '):
            what = json.loads(said)["error"]
            if not what.isprintable() or len(what) > 500:
                result.blame(f"{sent.kind}: its error is no clear line: {said[:300]!r}")


CAMPAIGNS = (
    Campaign(
        "bad requests",
        10,
        "mutated PNG, JPEG, JSON and multipart bodies, wrong types and heads, sent to a server",
        10_000,
        bad_requests,
        PROTECTIONS,
    ),
)


def main() -> int:
    """Run them all, and say how they ended."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else CAMPAIGNS[0].cases
    began = time.perf_counter()
    result = bad_requests(cases, None)
    for end, count in sorted(result.verdicts.items()):
        print(f"{end}: {count:,}")
    for line in result.wrong:
        print(line)
    seconds = time.perf_counter() - began
    print(f"{result.cases:,} cases, {result.faults:,} wrong, {seconds:.0f} s")
    return min(result.faults, 1)


if __name__ == "__main__":
    sys.exit(main())
