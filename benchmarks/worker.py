"""Each family of sides in a process of its own.

So no library's threads, allocator or BLAS settings are another's, and a crash is one error.
"""

from __future__ import annotations

import importlib
import multiprocessing
import os
import time
import traceback
from contextlib import AbstractContextManager
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any

from benchmarks.cases import Case, Family
from benchmarks.side import Side, UnavailableError

PATIENCE = 600.0
"""Seconds after which a side that does not answer has failed; compiling takes most of them."""

LEAD_IN = 0.1
"""Seconds in which a side takes the caches back that the others have used: a round of 50 small
steps is over within 20 ms, and took up to twice its time right after them."""
LONGEST = 120
"""Characters of an error that the report repeats; all of it stands on stderr."""


class SideError(Exception):
    """A side failed; the text says how."""


class Worker(AbstractContextManager["Worker"]):
    """The process of one family, which does one thing at a time and sleeps between."""

    def __init__(self, family: Family, case: Case) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, family, case), daemon=True)
        self._process.start()
        theirs.close()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._pipe.close()  # the process ends when nobody can ask
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def ask(self, verb: str, variant: str = "") -> Any:
        """The answer to one request.

        Errors: UnavailableError; SideError where it failed, ended or did not answer in time.
        """
        try:
            self._pipe.send((verb, variant))
            if not self._pipe.poll(PATIENCE):
                self._process.kill()
                raise SideError(f"no answer within {PATIENCE:.0f} seconds")
            kind, value = self._pipe.recv()
        except (EOFError, OSError):
            raise SideError("its process ended") from None
        if kind == "unavailable":
            raise UnavailableError(value)
        if kind == "failed":
            raise SideError(value)
        return value


def serve(pipe: Connection, family: Family, case: Case) -> None:
    """Answer requests until the pipe is closed."""
    os.environ.update(family.environment)
    server = Server(family, case)
    while True:
        try:
            verb, variant = pipe.recv()
        except EOFError:
            return
        try:
            reply = "done", getattr(server, verb)(variant)
        except UnavailableError as e:
            reply = "unavailable", str(e)
        except Exception as e:  # noqa: BLE001 - whatever a library raises is this side's result
            traceback.print_exc()
            reply = "failed", f"{type(e).__name__}: {e}".split("\n")[0][:LONGEST]
        pipe.send(reply)


class Server:
    """What a worker can be asked."""

    def __init__(self, family: Family, case: Case) -> None:
        self.family = family
        self.case = case
        self.made: dict[str, Side] = {}

    def variants(self, _: str) -> list[str]:
        """The names of the sides."""
        self.module = importlib.import_module(self.family.module)
        self.makers = self.module.sides(self.case, self.family.name)
        return list(self.makers)

    def versions(self, _: str) -> dict[str, str]:
        """The versions of what the family uses."""
        return dict(getattr(self.module, "VERSIONS", {}))

    def answer(self, variant: str) -> Any:
        """What a side computes; this makes it."""
        self.made[variant] = self.makers[variant]()
        return self.made[variant].answer()

    def measure(self, variant: str) -> float:
        """The seconds of one round: the first that ends after the lead-in."""
        begin = time.perf_counter()
        while True:
            seconds = self.made[variant].measure()
            if time.perf_counter() - begin >= LEAD_IN:
                return seconds

    def note(self, variant: str) -> str:
        """What else is to be said of a side."""
        return self.made[variant].note
