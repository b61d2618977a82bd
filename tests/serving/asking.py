"""Ask a service in this process: its application by ASGI, or its connections by sockets."""

import asyncio
import io
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
from PIL import Image

import graphnet as gn
from graphnet.network import Network
from graphnet.serving.limits import Limits
from graphnet.serving.server import Server, Service, address_of, hosts_of, listen

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples" / "digits"
PNG, JPEG, JSON = "image/png", "image/jpeg", "application/json"


def service_of(net: Network, said: list[str] | None = None, **limits: Any) -> Service:
    """A service with one thread, which computes each request by itself unless told otherwise;
    said: gathers what it complains about."""
    lines = [] if said is None else said
    return Service(net, "m.msgpack", 1, Limits(**{"merge": False, **limits}), lines.append)


class Ask(NamedTuple):
    """One request."""

    path: str = "/predict"
    body: bytes | None = None
    media: str | None = JSON
    method: str = "POST"
    headers: dict[str, str] | None = None


def ask(service: Service, *asks: Ask, hosts: frozenset[str] | None = None) -> list[httpx.Response]:
    """The answers to requests that are made at once."""

    async def all_of_them() -> list[httpx.Response]:
        service.desk.open()
        transport = httpx.ASGITransport(app=service.asgi(hosts))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await asyncio.gather(*(_one(client, one) for one in asks))

    try:
        return asyncio.run(all_of_them())
    finally:
        service.desk.close()


def _one(client: httpx.AsyncClient, one: Ask) -> Any:
    media = {} if one.media is None or one.body is None else {"Content-Type": one.media}
    headers = {**media, **(one.headers or {})}
    return client.request(one.method, one.path, content=one.body, headers=headers)


def said_by(net: Network, value: Any, path: str = "/predict", **limits: Any) -> tuple[int, Any]:
    """Code and JSON of the answer to one JSON body."""
    (answer,) = ask(service_of(net, **limits), Ask(path, json.dumps(value).encode()))
    return answer.status_code, answer.json()


def png(pixels: Any, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, np.uint8)).save(file, kind)
    return file.getvalue()


def get(path: str, **headers: str) -> Ask:
    return Ask(path, None, None, "GET", {k.replace("_", "-"): v for k, v in headers.items()})


class Served(NamedTuple):
    """A server at work in a thread. stop: as a signal does; the second one ends it at once."""

    address: tuple[str, int]
    server: Server
    stop: Callable[[], None]


@contextmanager
def served(net: Network, hosts: Sequence[str] = (), **limits: Any) -> Iterator[Served]:
    """A server on a free port, with sockets and all; it has ended afterwards."""
    limits = {"grace": 5.0, **limits}
    listening = listen("127.0.0.1", 0)
    ready = threading.Event()
    service = service_of(net, **limits)
    server = Server(service, hosts_of(listening, "127.0.0.1", hosts), ready.set)
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]), daemon=True)
    thread.start()
    try:
        assert ready.wait(30)
        host, port = address_of(listening).removeprefix("http://").split(":")
        yield Served((host, int(port)), server, lambda: server.handle_exit(15, None))
    finally:
        if not server.should_exit:
            server.handle_exit(15, None)
        thread.join(30)
        listening.close()
        assert not thread.is_alive()


def connect(address: tuple[str, int]) -> socket.socket:
    found = socket.create_connection(address, timeout=30)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return found


def request(body: bytes, media: str = JSON, more: str = "", path: str = "/predict") -> bytes:
    """The bytes of a POST."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {media}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{more}\r\n".encode() + body


def everything(connection: socket.socket) -> bytes:
    """What comes until the other side ends it."""
    parts = []
    while part := connection.recv(65536):
        parts.append(part)
    return b"".join(parts)


def codes(data: bytes) -> list[int]:
    """The status of each answer in what a connection gave."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", data)]


def digits(seed: int = 0) -> Network:
    return gn.build(gn.read_spec(ROOT / "models" / "digits.json"), seed=seed)
