"""What a bundle is read and used with: its own file, memory, threads, and nothing else.

A hook sees all that Python does beyond computing (PEP 578); what is not on the list is refused, and
told. Everything that the library imports when it first needs it is imported before.
"""

from __future__ import annotations

import ast
import codecs
import importlib
import pkgutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import numpy as np

import graphnet
from campaigns import corpus
from campaigns.batches import Tally, gathered, outcomes
from campaigns.bundles import one_of
from campaigns.table import Campaign, Result
from graphnet.bundle import model, reader
from graphnet.network import Network

HARMLESS = {
    *("builtins.id", "time.sleep", "mmap.__new__", "array.__new__", "sys._getframe"),
    *("_thread.start_new_thread", "_thread.start_joinable_thread", "object.__getattr__"),
}
OPTIONAL = {"onnx", "safetensors", "msvcrt"}
"""What the library imports only where it is installed, and not to read a bundle."""
BATCH = 2_000


class RefusedError(Exception):
    """Something was about to be done that reading a bundle never does."""


class Watch:
    """Refuses within `with` whatever is not harmless, and keeps it in `seen`.

    files: those that may be opened. A hook stays as long as its process.
    """

    def __init__(self, files: set[str]) -> None:
        self.files = files
        self.seen: list[str] = []
        self._on = False
        sys.addaudithook(self)

    def __enter__(self) -> Watch:
        self._on = True
        return self

    def __exit__(self, *error: object) -> None:
        self._on = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on or event in HARMLESS:
            return
        # A number is a file that is open already.
        if event == "open" and (arguments[0] in self.files or isinstance(arguments[0], int)):
            return
        self.seen.append(f"{event} {str(arguments)[:100]}")
        raise RefusedError(self.seen[-1])


def import_all() -> None:
    """All of the library, and whatever any part of it imports."""
    codecs.lookup("unicode_escape")  # which Python imports when it is first used
    for found in pkgutil.walk_packages(graphnet.__path__, "graphnet."):
        if found.name.startswith("graphnet.exchange") or found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            names = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                if name.partition(".")[0] not in OPTIONAL and "exchange" not in name:
                    importlib.import_module(name)


def watched(job: Mapping[str, Any]) -> dict[str, Any]:
    """The bundles in some files, loaded in each way and used; then mutated ones.

    files: of the bundles; cases: how many mutations; tempted: the name of a temptation.
    """
    import_all()
    rng, judges = Random(f"warm {job['seed']}"), [one_of(kind) for kind in ("bytes", "structure")]
    for path in job["files"]:
        _use(path)
    for _ in range(200):  # Pydantic makes some of its parts when they are first used
        for judge in judges:
            judge(rng, b"")
    tally, watch = Tally(), Watch(set(job["files"]))
    tempt = TEMPTATIONS[job["tempted"]] if job["tempted"] else lambda: None
    with mock.patch.object(reader, "decode_header", _tempted(tempt)), watch:
        for path in job["files"]:
            try:
                _use(path)
            except RefusedError:
                break
        rng = Random(job["seed"])
        for i in range(job["cases"]):
            tally.count(judges[i % 2](rng, b""), f"{job['seed']}+{i}")
    found = tally.found()
    return {**found, "wrong": [*watch.seen[:20], *found["wrong"]], "used": len(job["files"])}


def _use(path: str) -> None:
    for options in ({}, {"mmap": True}, {"mmap": True, "verify": True}):
        _predict(model.load(path, **options))


def _predict(net: Network) -> None:
    spec = net.spec
    x = {
        name: np.zeros((2, *given.shape), given.dtype or spec.dtype)
        for name, given in spec.inputs.items()
    }
    net.predict(x)


def _tempted(tempt: Callable[[], Any]) -> Callable[[bytes], Any]:
    decode_header = reader.decode_header

    def decode_tempted(data: bytes) -> Any:
        tempt()
        return decode_header(data)

    return decode_tempted


def _network() -> None:
    import socket

    socket.socket().connect(("127.0.0.1", 9))


def _process() -> None:
    import subprocess

    subprocess.run(["true"], check=False)


TEMPTATIONS: dict[str, Callable[[], Any]] = {
    "run": lambda: eval("1"),  # noqa: S307 # what the hook is there to refuse
    "import": lambda: importlib.import_module("this"),
    "file": lambda: open(__file__).close(),
    "folder": lambda: list(Path().iterdir()),
    "network": _network,
    "process": _process,
}


def nothing_else(cases: int, without: str | None) -> Result:
    """The corpus and mutations of it, watched."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, data in corpus.small().items():
            if name != "checkpoint":
                files.append(str(Path(folder) / name))
                Path(files[-1]).write_bytes(data)
        given = {"files": files, "tempted": without}
        jobs = [
            {**given, "seed": start, "cases": min(BATCH, cases - start)}
            for start in range(0, cases, BATCH)
        ]
        return gathered(outcomes("campaigns.audit:watched", jobs, memory=None), None)


CAMPAIGNS = (
    Campaign(
        "nothing else",
        1,
        "bundles and mutations of them, read and used under a hook that refuses all else",
        20_000,
        nothing_else,
        dict.fromkeys(TEMPTATIONS, 10),
    ),
)
