"""How quick `graphnet serve` is, and whether it loses anything when it stops.

    python -m benchmarks.serving [--seconds 5] [--model mnist_cnn]

A server in a process of its own is asked by this one, over connections that each ask again when
they are answered. The load is made with plain sockets: a request is a send and a receive, and the
last column shows how much of a processor that takes.
"""

import argparse
import io
import json
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

import graphnet as gn

ROOT = Path(__file__).parent.parent
CONNECTIONS = (1, 16, 256)
STOPS = 10


class Load(NamedTuple):
    """seconds: of each answer; sent, answered: whole requests and whole answers with code 200;
    refused: whole answers with another; busy: the share of a processor that asking took."""

    seconds: np.ndarray
    sent: int
    answered: int
    refused: int
    wall: float
    busy: float

    def percentile(self, share: float) -> float:
        """Milliseconds."""
        return 1e3 * float(np.percentile(self.seconds, share))


class Caller:
    """One connection. closing: whether the server has said that no more follows."""

    def __init__(self, address: tuple[str, int], request: bytes) -> None:
        self.request = request
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.began = 0.0
        self.closing = False
        self.waiting = False

    def ask(self) -> None:
        self.began = time.perf_counter()
        self.socket.sendall(self.request)
        self.waiting = True

    def read(self) -> int | None:
        """The status of an answer that is whole now; 0 where the connection has ended."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return 0
        if not data:
            return 0
        self.data += data
        head, mark, rest = self.data.partition(b"\r\n\r\n")
        if not mark:
            return None
        at = head.index(b"content-length: ") + 16
        length = int(head[at : head.find(b"\r\n", at) if b"\r\n" in head[at:] else None])
        if len(rest) < length:
            return None
        self.data = b""
        self.waiting = False
        self.closing = b"connection: close" in head
        return int(head[9:12])


def load(
    address: tuple[str, int], request: bytes, connections: int, seconds: float, stop: object = None
) -> Load:
    """Ask for so long, over so many connections; stop: called in the middle, after which no
    answer is waited for longer than the server gives one."""
    selector = selectors.DefaultSelector()
    callers = [Caller(address, request) for _ in range(connections)]
    for caller in callers:
        selector.register(caller.socket, selectors.EVENT_READ, caller)
    taken: list[float] = []
    sent = answered = refused = 0
    began, used = time.perf_counter(), time.process_time()
    until = began + seconds
    stop_at = began + seconds / 2 if callable(stop) else float("inf")
    for caller in callers:
        caller.ask()
        sent += 1
    while selector.get_map():
        ready = selector.select(0.05)
        now = time.perf_counter()
        if now > stop_at and callable(stop):
            stop()
            stop_at = float("inf")
        if now > until + 10:
            break
        for key, _ in ready:
            caller = key.data
            status = caller.read()
            if status is None:
                continue
            if status:
                answered += status == 200
                refused += status != 200
                taken.append(time.perf_counter() - caller.began)
            ended = time.perf_counter() > until and not callable(stop)
            if not status or caller.closing or ended:
                selector.unregister(caller.socket)
                caller.socket.close()
                continue
            try:
                caller.ask()
            except ConnectionError:  # not sent whole
                selector.unregister(caller.socket)
                caller.socket.close()
                continue
            sent += 1
    wall = time.perf_counter() - began
    busy = (time.process_time() - used) / wall
    return Load(np.array(taken), sent, answered, refused, wall, busy)


def load_by_new_connections(address: tuple[str, int], request: bytes, stop: object) -> Load:
    """One request a connection, until no more connections are taken."""
    sent = answered = refused = 0
    asked = request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    began = time.perf_counter()
    taken = []
    open_ones: list[Caller] = []
    while True:
        if callable(stop) and time.perf_counter() > began + 0.5:
            stop()
            stop = None
        try:
            while len(open_ones) < 64:
                caller = Caller(address, asked)
                open_ones.append(caller)
                caller.ask()
                sent += 1
        except ConnectionRefusedError:
            break
        except ConnectionError:
            pass
        caller = open_ones.pop(0)
        answered, refused = counted(caller, answered, refused)
        taken.append(time.perf_counter() - caller.began)
    for caller in open_ones:
        answered, refused = counted(caller, answered, refused)
    return Load(np.array(taken), sent, answered, refused, time.perf_counter() - began, 0.0)


def counted(caller: Caller, answered: int, refused: int) -> tuple[int, int]:
    """The counts with this caller's answer, which is waited for."""
    while (status := caller.read()) is None:
        pass
    caller.socket.close()
    return answered + (status == 200), refused + (status not in (0, 200))


@contextmanager
def served(bundle: Path, *options: str) -> Iterator[tuple[tuple[str, int], subprocess.Popen[str]]]:
    """The address of a server for a bundle, and its process."""
    line = [sys.executable, "-m", "graphnet", "serve", str(bundle), "--port", "0", *options]
    server = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().rsplit("//", 1)[1].strip()
        host, port = address.rsplit(":", 1)
        yield (host, int(port)), server
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        server.wait(60)


def requests_for(net: gn.Network) -> dict[str, bytes]:
    """A picture of the size that the network takes, as a PNG and as the JSON of its pixels."""
    (name,) = net.spec.inputs
    image = net.spec.inputs[name].image
    assert image is not None
    pixels = np.random.default_rng(0).integers(0, 256, image.shapes[0], np.uint8)
    pixels = pixels[:, :, 0] if image.mode == "grey" else pixels
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    bodies = {
        "image/png": file.getvalue(),
        "application/json": json.dumps({name: pixels.tolist()}).encode(),
    }
    return {media: request_of(media, body) for media, body in bodies.items()}


def request_of(media: str, body: bytes) -> bytes:
    lines = [
        "POST /predict HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {media}",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--model", default="mnist_cnn", help="a spec of models/")
    arguments.add_argument("--seconds", type=float, default=5.0, help="for each row")
    arguments.add_argument("--connections", type=int, nargs="*", default=CONNECTIONS)
    arguments.add_argument("--stops", type=int, default=STOPS)
    arguments.add_argument("options", nargs="*", help="of the server, after --")
    options = arguments.parse_args()
    net = gn.build(gn.read_spec(ROOT / "models" / f"{options.model}.json"), seed=0)
    requests = requests_for(net)
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "served.msgpack"
        gn.save(bundle, net)
        speeds(bundle, requests, options)
        stops(bundle, requests["image/png"], options)


def processor_seconds(address: tuple[str, int]) -> float:
    """Of the server, so far."""
    with urllib.request.urlopen(f"http://{address[0]}:{address[1]}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("process_cpu_seconds_total "):
                return float(line.split()[1])
    raise LookupError("process_cpu_seconds_total")


def speeds(bundle: Path, requests: dict[str, bytes], options: argparse.Namespace) -> None:
    columns = ("body", "connections", "p50 ms", "p99 ms", "requests/s", "not 200")
    print("|", " | ".join([*columns, "server's us a request", "asker's processor"]), "|")
    print("| --- " * 8 + "|")
    with served(bundle, *options.options) as (address, _):
        for media, request in requests.items():
            alone = 0.0
            for connections in options.connections:
                load(address, request, connections, 0.5)
                used = processor_seconds(address)
                found = load(address, request, connections, options.seconds)
                used = (processor_seconds(address) - used) / len(found.seconds)
                p50, p99 = found.percentile(50), found.percentile(99)
                rate = len(found.seconds) / found.wall
                print(
                    f"| {media} | {connections} | {p50:.2f} | {p99:.2f} | {rate:,.0f} "
                    f"| {found.refused} | {1e6 * used:.0f} | {found.busy:.0%} |",
                    flush=True,
                )
                alone = p50 if connections == 1 else alone
                if connections == 16 and alone:
                    print(f"    p99 at 16 is {p99 / alone:.1f} times the p50 at 1", flush=True)


def stops(bundle: Path, request: bytes, options: argparse.Namespace) -> None:
    print("\n| stopped under load | stops | sent whole | answered | lost | exit codes |")
    print("| --- | --- | --- | --- | --- | --- |")
    for what in ("64 connections", "64 new connections at a time"):
        sent = answered = 0
        codes = set()
        for _ in range(options.stops):
            with served(bundle, *options.options) as (address, server):

                def stop(server: subprocess.Popen[str] = server) -> None:
                    server.send_signal(signal.SIGTERM)

                if what.startswith("64 new"):
                    found = load_by_new_connections(address, request, stop)
                else:
                    found = load(address, request, 64, 1.0, stop)
                codes.add(server.wait(60))
            sent += found.sent
            answered += found.answered + found.refused
        lost = sent - answered
        print(f"| {what} | {options.stops} | {sent:,} | {answered:,} | {lost} | {sorted(codes)} |")


if __name__ == "__main__":
    main()
