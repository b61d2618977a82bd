"""`serve`: what a bundle says, over HTTP."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from graphnet.cli.common import (
    DONE,
    INTERRUPTED,
    complain,
    count,
    emit,
    memory_argument,
    nbytes,
    parser,
    run,
    seconds,
)
from graphnet.errors import GraphnetError, printable, quoted


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser(
        "serve", "Answer over HTTP what a bundle says of pictures, rows, texts or numbers."
    )
    arguments.add_argument("bundle", help="a model (.msgpack)")
    arguments.add_argument(
        "--host", default="127.0.0.1", help="where to listen; default 127.0.0.1: this machine alone"
    )
    arguments.add_argument(
        "--port", type=_port, default=8000, help="default 8000; 0 takes a free one, and says which"
    )
    arguments.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer for this name, too (in the Host header); may be given again",
    )
    arguments.add_argument(
        "--threads",
        type=count(1024),
        help="that compute; default: the processors, or 1 for a small model",
    )
    arguments.add_argument(
        "--batch", type=count(4096), default=64, help="requests that a thread takes at once (64)"
    )
    arguments.add_argument(
        "--wait",
        type=_milliseconds,
        default=0.001,
        metavar="MS",
        help="how long a thread waits for requests that are arriving (1)",
    )
    arguments.add_argument(
        "--alone",
        action="store_true",
        help="compute each request by itself: the last digit of a score then never depends on what "
        "else came, and fewer are answered a second",
    )
    arguments.add_argument(
        "--max-body", type=nbytes, default=16 * 2**20, metavar="LIMIT", help="of a request (16MiB)"
    )
    arguments.add_argument(
        "--queue", type=count(100_000), default=512, help="requests that may wait (512)"
    )
    arguments.add_argument(
        "--connections", type=count(100_000), default=1024, help="that may be open (1024)"
    )
    arguments.add_argument(
        "--timeout", type=_above_0, default=10.0, metavar="S", help="for a silent caller (10)"
    )
    arguments.add_argument(
        "--grace", type=seconds, default=30.0, metavar="S", help="of a stop, for open requests (30)"
    )
    memory_argument(arguments)
    options = arguments.parse_args(argv)
    # What another command needs stays out of it, and a missing extra is told by name.
    from graphnet.cli.infer import load_answering

    try:
        from graphnet.serving.limits import Limits
        from graphnet.serving.server import Service, address_of, hosts_of, is_local, listen
        from graphnet.serving.server import run as answer
    except ModuleNotFoundError as e:
        if e.name not in ("starlette", "uvicorn", "httptools"):
            raise
        raise GraphnetError(
            f"serve needs {e.name}: `python -m pip install -e '.[serve]'` in the checkout brings it"
        ) from None
    limits = Limits(
        body=options.max_body,
        held=max(256 * 2**20, options.max_body),
        queue=options.queue,
        connections=options.connections,
        batch=options.batch,
        wait=options.wait,
        seconds=options.timeout,
        grace=options.grace,
        merge=not options.alone,
    )
    net = load_answering(options.bundle, options.memory)
    service = Service(net, options.bundle, options.threads, limits, complain)
    listening = listen(options.host, options.port)
    with listening:
        hosts = hosts_of(listening, options.host, options.allow_host)
        where = address_of(listening)

        def ready() -> None:
            if not is_local(listening):
                complain("others reach this server, and it asks nobody who they are")
            emit(f"{printable(options.bundle)}: answers on {printable(where)}", sys.stdout)

        number, at_once = answer(service, listening, hosts, ready)
    if number == signal.SIGINT or at_once:
        complain("interrupted")
        return INTERRUPTED
    return DONE


def _port(text: str) -> int:
    """An argument that is a port."""
    if text == "0":
        return 0
    try:
        return count(65535)(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no port: 0 to 65535") from None


def _above_0(text: str) -> float:
    found = seconds(text)
    if found == 0:
        raise argparse.ArgumentTypeError("a number of seconds above 0 is expected")
    return found


def _milliseconds(text: str) -> float:
    found = seconds(text) / 1000
    if found > 1:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is more than 1000 milliseconds")
    return found
