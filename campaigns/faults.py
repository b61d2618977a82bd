"""Saves whose calls of the system fail, and disks that are full: the file is the old one or the new
one, the error is one of ours, and nothing is left behind."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from campaigns.batches import exit_code, forked, gathered, taken_out
from campaigns.children import ROOT, Outcome, in_child
from campaigns.saving import PROTECTIONS, contents, found_by
from campaigns.table import Campaign, Result
from graphnet.bundle import writer
from graphnet.errors import SaveError

CALLS = (
    *("open", "write", "fsync", "close", "replace", "unlink", "link", "stat", "fstat", "fchmod"),
    *("listdir", "access"),
)
CODES = (errno.ENOSPC, errno.EIO, errno.EINTR, errno.EDQUOT, errno.EROFS, errno.ENOENT)
SHORT = ("one byte", "nothing")
INTERRUPT = "interrupt"
SMALL = 1_200
"""Bytes of the tensors: the file has some 2 KB."""
STEP = 7
LEFT = ".m.0123456789abcdef.tmp"


class Fault(NamedTuple):
    """The n-th call of a function, from 0, fails; kind: a code of errno, of SHORT, INTERRUPT."""

    call: str
    number: int
    kind: int | str


def failing_calls(cases: int, without: str | None) -> Result:
    """Every fault at every call of a save, the first `cases` of them."""
    return found_by("campaigns.faults:failed", {"cases": cases, "without": without})


def file_limits(cases: int, without: str | None) -> Result:
    """Saves by a process that may write files of so many bytes, every 7 up to the whole."""
    return found_by("campaigns.faults:limited", {"cases": cases, "without": without})


def full_disks(cases: int, without: str | None) -> Result:
    """Saves to a disk of memory that has so much room and no more.

    A case is "left out" where this system lets nobody mount one.
    """
    found = on_small_disk("campaigns.faults:full", {"cases": cases, "without": without})
    if found is None:
        return Result(verdicts={"left out: no disk can be mounted here": cases})
    return gathered(iter([found]), None)


def failed(job: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a file while calls failed."""
    ends: dict[str, int] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder, taken_out(PROTECTIONS, job["without"]):
        save = _Save(Path(folder))
        for i, fault in enumerate(save.faults()):
            if i == job["cases"]:
                break
            end, said = save.ended(fault)
            ends[end] = ends.get(end, 0) + 1
            wrong += [f"{fault}: {line}" for line in said]
    return {"ends": ends, "wrong": wrong}


class _Save:
    """A new bundle over an old one, beside a temporary that somebody left."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.target = folder, folder / "m"
        self.old, self.new = contents(1.0, SMALL), contents(2.0, SMALL)

    def faults(self) -> Iterator[Fault]:
        """Every fault that a save can meet."""
        for call in CALLS:
            self._prepare()
            counted = _Failing(Fault(call, sys.maxsize, 0))
            with counted.on():
                self._save()
            for number in range(counted.calls):
                yield from (Fault(call, number, code) for code in CODES)
                yield Fault(call, number, INTERRUPT)
                if call == "write":
                    yield from (Fault(call, number, short) for short in SHORT)

    def ended(self, fault: Fault) -> tuple[str, list[str]]:
        """How the save ended, and what was wrong with it."""
        self._prepare()
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        failing, wrong = _Failing(fault), []
        try:
            with failing.on():
                self._save()
            end = "saved"
        except SaveError:
            end = "SaveError"
        except KeyboardInterrupt:
            end = INTERRUPT
        except Exception as e:  # noqa: BLE001 # told, as the fault that it is
            end = "foreign"
            wrong.append(f"{type(e).__name__}: {e}")
        found = self.target.read_bytes() if self.target.exists() else b""
        if found not in (writer.encode(self.old), writer.encode(self.new)):
            wrong.append("the file is neither the old one nor the new one")
        elif end == "saved" and found == writer.encode(self.old):
            wrong.append("it says that it has saved, and has not")
        if before and len(os.listdir("/proc/self/fd")) != before:
            wrong.append("a descriptor is left open")
        # One that cannot be removed is left for the next save.
        left = set(os.listdir(self.folder)) - {"m", "previous", LEFT}
        if left and fault.call not in ("unlink", "close"):
            wrong.append(f"left behind: {', '.join(left)}")
        self._save()
        if left := set(os.listdir(self.folder)) - {"m", "previous"}:
            wrong.append(f"the next save left {', '.join(left)}")
        return end, wrong

    def _prepare(self) -> None:
        writer.write_bundle(self.target, self.old)
        (self.folder / LEFT).write_bytes(b"left")

    def _save(self) -> None:
        writer.write_bundle(self.target, self.new)
        writer.also_at(self.target, self.folder / "previous")


class _Failing:
    """A function of `os` whose n-th call fails; `calls`: how many there were."""

    def __init__(self, fault: Fault) -> None:
        self.fault, self.calls = fault, 0
        self._real = getattr(os, fault.call)

    @contextmanager
    def on(self) -> Iterator[None]:
        with mock.patch.object(os, self.fault.call, self):
            yield

    def __call__(self, *arguments: Any, **more: Any) -> Any:
        self.calls += 1
        if self.calls != self.fault.number + 1:
            return self._real(*arguments, **more)
        if self.fault.kind == "one byte":
            return self._real(arguments[0], arguments[1][:1])
        if self.fault.kind == "nothing":
            return 0
        if self.fault.call == "close":  # the system closes it, and then says what went wrong
            self._real(*arguments)
        if self.fault.kind == INTERRUPT:
            raise KeyboardInterrupt
        raise OSError(self.fault.kind, os.strerror(int(self.fault.kind)))


def limited(job: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a file whose writer may write so many bytes of a file."""
    ends = {"SaveError": 0, "killed": 0, "saved": 0}
    wrong: list[str] = []
    old, new = contents(1.0, SMALL), contents(2.0, SMALL)
    allowed = [writer.encode(old), writer.encode(new)]
    bounds = [*range(0, len(allowed[1]), STEP), len(allowed[1])]
    with tempfile.TemporaryDirectory() as folder, taken_out(PROTECTIONS, job["without"]):
        target = Path(folder) / "m"
        writer.write_bundle(target, old)
        for i in range(min(job["cases"], 2 * len(bounds))):
            bound, killing = bounds[i // 2], bool(i % 2)
            child = forked(lambda b=bound, k=killing: _limited_save(target, new, b, k))
            code = exit_code(child)
            end = {0: "saved", 3: "SaveError", -signal.SIGXFSZ: "killed"}.get(code, str(code))
            ends[end] = ends.get(end, 0) + 1
            found = target.read_bytes()
            if found not in allowed or (end == "saved") != (found == allowed[1]):
                wrong.append(f"{bound} bytes: {end}, and the file is not what that says")
            if end not in ("SaveError", "killed" if killing else "", "saved"):
                wrong.append(f"{bound} bytes: the writer ended with {end}")
            writer.write_bundle(target, old)
            if left := set(os.listdir(folder)) - {"m"}:
                wrong.append(f"{bound} bytes: the next save left {', '.join(left)}")
    return {"ends": ends, "wrong": wrong}


def _limited_save(target: Path, new: Any, bound: int, killing: bool) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if killing else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bound, bound))
    try:
        writer.write_bundle(target, new)
    except SaveError:
        os._exit(3)


def full(job: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a file on a disk with more and more room; the folder at hand is that disk."""
    ends = {"SaveError": 0, "saved": 0}
    wrong: list[str] = []
    size = 100_000
    old, new = contents(1.0, size // 2), contents(2.0, size)
    allowed = [writer.encode(old), writer.encode(new)]
    target, filler = Path("m"), Path("filler")
    with taken_out(PROTECTIONS, job["without"]):
        for i in range(job["cases"]):
            filler.unlink(missing_ok=True)
            writer.write_bundle(target, old)
            room = os.statvfs(".").f_bavail * os.statvfs(".").f_frsize
            spare = i * 2 * size // job["cases"]
            filler.write_bytes(bytes(max(0, room - spare)))
            try:
                writer.write_bundle(target, new)
                end = "saved"
            except SaveError:
                end = "SaveError"
            ends[end] += 1
            found = target.read_bytes()
            if found not in allowed or (end == "saved") != (found == allowed[1]):
                wrong.append(f"{spare} bytes of room: {end}, and the file is not what that says")
            if left := set(os.listdir(".")) - {"m", "filler"}:
                wrong.append(f"{spare} bytes of room: left behind {', '.join(left)}")
    return {"ends": ends, "wrong": wrong}


def on_small_disk(function: str, job: Mapping[str, Any]) -> Outcome | None:
    """A function called in a folder that is a disk of 1 MB; None where none can be mounted."""
    with tempfile.TemporaryDirectory() as folder:
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]
        alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "-rm"]
        try:
            tried = subprocess.run([*alone, *mount], capture_output=True, check=False)
        except FileNotFoundError:  # no such command on this system
            return None
        if tried.returncode:
            return None
        script = f'{" ".join(mount)} && cd {folder} && exec "$@"'
        line = [*alone, "sh", "-c", script, "sh", sys.executable, "-m", "campaigns.children"]
        with mock.patch.dict(os.environ, {"PYTHONPATH": str(ROOT)}):
            return in_child(function, job, memory=None, seconds=120, line=line)


CAMPAIGNS = (
    Campaign(
        "failing calls",
        5,
        "each call of the system in a save fails in each way, or is interrupted",
        100_000,
        failing_calls,
        {"rename": 1000, "clean": 1000},
    ),
    Campaign(
        "file limits",
        5,
        f"a limit on the size of files at every {STEP} bytes, told or by signal",
        100_000,
        file_limits,
        {"rename": 100},
    ),
    Campaign("full disks", 5, "a disk of memory that is full", 200, full_disks, {"rename": 50}),
)
