"""Work done in a process of its own, whose memory and time are bounded and measured.

A hostile case can end a process, fill its memory or never return: here it can do so to a child.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from graphnet.errors import LONGEST_MESSAGE, GraphnetError

ROOT = Path(__file__).parent.parent
HOSTILE_BYTES = 256 * 2**20
"""What a hostile file may cost beside its own size."""
ACCEPTED, FOREIGN, WRONG = "accepted", "foreign", "wrong"


class Outcome(NamedTuple):
    """How a child ended. value: what its function returned, None where it did not; code: its exit
    code, below 0 for a signal; seconds: those of the function alone; peak: the most memory that the
    process had, in bytes; said: the end of its standard error."""

    value: Any
    code: int
    seconds: float
    peak: int
    said: str


class Verdict(NamedTuple):
    """How a case ended, and what it said: ACCEPTED; WRONG, accepted where it must not be; the name
    of one GraphnetError; FOREIGN for all else that was raised, a message that breaks the rules of
    messages included."""

    kind: str
    said: str


def in_child(
    function: str,
    argument: Any = None,
    *,
    memory: int | None = HOSTILE_BYTES,
    seconds: float = 60,
    env: Mapping[str, str] | None = None,
    line: Sequence[str] = (sys.executable, "-m", "campaigns.children"),
) -> Outcome:
    """What `module:name`, called with a JSON value, gives in a new process.

    line: how this module is run.

    Units: memory in bytes beyond what the process has once the function's module is imported, None
    for no limit; seconds until it is killed.
    """
    words = [*line, function, str(memory or 0)]
    # One thread: what others reserve for themselves is none of the case's.
    threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    start = time.perf_counter()
    process = subprocess.Popen(
        words,
        cwd=ROOT,
        env={**os.environ, **threads, "PYTHONPATH": str(ROOT), **(env or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = process.communicate(json.dumps(argument).encode(), timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    said = err.decode(errors="backslashreplace")[-2000:]
    found = json.loads(out) if process.returncode == 0 else {}
    spent = found.get("seconds", time.perf_counter() - start)
    return Outcome(found.get("value"), process.returncode, spent, found.get("peak", 0), said)


def verdict(work: Callable[[], Any]) -> Verdict:
    """How a case ends in this process."""
    try:
        work()
    except GraphnetError as e:
        said = str(e)
        if all(line.isprintable() and len(line) <= LONGEST_MESSAGE for line in said.split("\n")):
            return Verdict(type(e).__name__, said)
        return Verdict(FOREIGN, f"a message that breaks the rules: {said[:600]!r}")
    except Exception as e:  # noqa: BLE001 # told, as the fault that it is
        return Verdict(FOREIGN, repr(e)[:600])
    return Verdict(ACCEPTED, "")


def peak_bytes() -> int:
    """The most memory that this process has had, in bytes."""
    try:
        status = Path("/proc/self/status").read_text()
    except FileNotFoundError:
        import resource

        # macOS counts bytes.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # The system's own sum holds what the parent had, if it forked.
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def _bound(memory: int) -> None:
    """No more than so many bytes beyond those that the process has now."""
    import resource

    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except FileNotFoundError:
        return  # this system does not tell, and holds no process to such a limit
    limit = pages * resource.getpagesize() + memory
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _main(words: Sequence[str]) -> None:
    name, memory = words
    module, _, attribute = name.partition(":")
    function = getattr(importlib.import_module(module), attribute)
    argument = json.load(sys.stdin)
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the function prints is none of the answer
    if int(memory):
        _bound(int(memory))
    start = time.perf_counter()
    value = function(argument)
    seconds = time.perf_counter() - start
    with answer:
        json.dump({"value": value, "seconds": seconds, "peak": peak_bytes()}, answer)


if __name__ == "__main__":
    _main(sys.argv[1:])
