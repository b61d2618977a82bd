"""A listening socket, its connections, and an end in which nothing that was sent is lost."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from graphnet.answering.answers import Answers
from graphnet.answering.feeding import feeding_of
from graphnet.crew import threads_here
from graphnet.errors import GraphnetError, clipped, quoted
from graphnet.network import Network
from graphnet.plan import Plan
from graphnet.prediction import WORTH_SHARING
from graphnet.serving.app import App
from graphnet.serving.connection import Connection
from graphnet.serving.desk import Desk
from graphnet.serving.figures import Figures
from graphnet.serving.limits import Limits
from graphnet.serving.reading import Reader
from graphnet.serving.wording import Wording

BACKLOG = 2048
Complain = Callable[[str], None]


class Service:
    """A network that answers over HTTP.

    path: what errors call the bundle. threads: that compute; default, the processors for a large
    model, one for a model so small that threads would wait for the interpreter most of the time.
    Errors: BundleError where what the network takes, or says, cannot be sent.
    """

    def __init__(
        self, net: Network, path: str, threads: int | None, limits: Limits, complain: Complain
    ) -> None:
        feeding = feeding_of(net, path, complain)  # refuses what takes too much memory
        self.limits = limits
        self.figures = Figures(net.spec.name)
        reader = Reader(net, path, feeding.size)
        answers = Answers(net, path)
        small = Plan(net.graph).total().forward < WORTH_SHARING
        threads = threads or (1 if small else threads_here())
        wordings = []
        for _ in range(threads):
            own = Answers(net.replica(), path)
            own.threads = 1
            wordings.append(Wording(own))
        self.desk = Desk(reader, wordings, limits, self.figures)
        self.app = App(answers, reader, self.desk, limits, self.figures)
        self.complain = complain

    def asgi(self, hosts: frozenset[str] | None) -> ASGIApp:
        """The application; its desk must be open."""
        return self.app.asgi(hosts, self.complain)


class Server(uvicorn.Server):
    """uvicorn's server; the first signal ends it gracefully, the second at once.

    Where it ends gracefully, whatever was sent whole before the signal is answered: also by
    connections that nobody has accepted yet, and by those on which a request is on its way.
    """

    def __init__(
        self, service: Service, hosts: frozenset[str] | None, ready: Callable[[], None]
    ) -> None:
        limits, figures = service.limits, service.figures

        class OwnConnection(Connection):
            pass

        OwnConnection.limits = limits
        OwnConnection.figures = figures
        config = uvicorn.Config(
            service.asgi(hosts),
            http=OwnConnection,
            ws="none",
            lifespan="off",
            loop="asyncio",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=max(1, round(limits.keep)),
            workers=1,
        )
        super().__init__(config)
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)  # what is wrong is answered
        self.service = service
        self.signal: int | None = None
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.service.desk.open()
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.service.figures.stopping = True
        found = self._accept_the_last(sockets or [])
        loop = asyncio.get_running_loop()
        for connected in found:
            await loop.connect_accepted_socket(self._connection, connected)
        # What was accepted an instant ago becomes a connection in the loop's next rounds.
        for _ in range(3):
            await asyncio.sleep(0)
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        until = loop.time() + self.service.limits.grace
        while (state.connections or state.tasks) and not self.force_exit and loop.time() < until:
            await asyncio.sleep(0.01)
        for connection in list(state.connections):
            connection.transport.abort()
        for task in list(state.tasks):
            task.cancel()
        self.service.desk.close()

    def _accept_the_last(self, listening: Sequence[socket.socket]) -> list[socket.socket]:
        """Those who have connected and were not accepted yet, whom closing would lose; it follows
        at once, before a thread that computes can take the interpreter for long."""
        found = []
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        for one in listening:
            while True:
                try:
                    connected, _ = one.accept()
                except OSError:  # nobody waits
                    break
                connected.setblocking(False)
                found.append(connected)
        for server in self.servers:
            server.close()
        sys.setswitchinterval(before)
        return found

    def _connection(self) -> asyncio.Protocol:
        kind: Any = self.config.http_protocol_class
        made: asyncio.Protocol = kind(
            config=self.config, server_state=self.server_state, app_state={}
        )
        return made

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Inside, signals end the server, and `signal` says which came. They come to a program's
        main thread alone."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        wanted = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in wanted}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
        self.signal = sig


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 takes a free one.

    Errors: GraphnetError with the reason.
    """
    where = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as e:
        raise GraphnetError(clipped(f"{quoted(host)}: no address of this machine: {e}")) from None
    family, kind, protocol, _, address = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would take a port that another one has
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError as e:
        listening.close()
        remedy = ": --port 0 takes a free one" if port and e.errno == errno.EADDRINUSE else ""
        what = f"cannot be listened on: {e.strerror or e}{remedy}"
        raise GraphnetError(clipped(f"{where}: {what}")) from None
    return listening


def address_of(listening: socket.socket) -> str:
    """`http://127.0.0.1:8000`"""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def is_local(listening: socket.socket) -> bool:
    """Whether this machine alone reaches it."""
    host: str = listening.getsockname()[0]
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def hosts_of(listening: socket.socket, host: str, allowed: Sequence[str]) -> frozenset[str] | None:
    """The names in a Host header that are answered: of a server of this machine alone its own
    ones; any, where others reach it and nothing is `allowed`."""
    more = {name.lower() for name in allowed}
    if not is_local(listening):
        return frozenset(more) or None
    return frozenset({"localhost", "127.0.0.1", "[::1]", host.lower(), f"[{host.lower()}]"} | more)


def run(
    service: Service,
    listening: socket.socket,
    hosts: frozenset[str] | None,
    ready: Callable[[], None],
) -> tuple[int | None, bool]:
    """Answer until a signal comes: which, and whether a second one ended it at once."""
    server = Server(service, hosts, ready)
    # What lives as long as the process is not looked through again and again: that takes 30 ms.
    gc.collect()
    gc.freeze()
    # Threads must not wait for the interpreter as long as it takes to answer many requests.
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        server.run(sockets=[listening])
    finally:
        sys.setswitchinterval(before)
    return server.signal, server.force_exit


SWITCH = 0.0005
"""Seconds that a thread waits for the interpreter before it asks for it."""
