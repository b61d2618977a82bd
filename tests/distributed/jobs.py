"""Commands run by several ranks, under the mpiexec that belongs to this Python."""

import contextlib
import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired
from typing import IO

import pytest

GRACE = 10.0
"""Seconds that mpiexec has to end its ranks before it is killed itself."""


def mpiexec() -> str | None:
    """The one beside this Python, where `pip install mpich` puts it; else the one on PATH."""
    beside = str(Path(sys.executable).parent)
    return shutil.which("mpiexec", path=beside) or shutil.which("mpiexec")


@functools.cache
def is_open_mpi() -> bool:
    """Whether mpiexec is that of Open MPI; else its options are those of MPICH."""
    said = subprocess.run([need_ranks(), "--version"], capture_output=True, text=True).stdout
    return "Open MPI" in said or "OpenRTE" in said


def need_ranks() -> str:
    """mpiexec; the test is skipped where there is none, or no mpi4py."""
    if importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed: it is in the extra `mpi`")
    found = mpiexec()
    if found is None:
        pytest.skip("there is no mpiexec: the extra `mpi` brings one")
    return found


def line(count: int, *command: object) -> list[str]:
    """The words that run `command` as `count` ranks here, by any user, on however few cores."""
    words = [need_ranks()]
    if is_open_mpi():
        words += ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"]
    return [*words, "-n", str(count), *map(str, command)]


def ranks(
    count: int,
    *command: object,
    timeout: float = 60,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> CompletedProcess[str]:
    """What `count` ranks of a command left: exit code, standard output and standard error.

    env: beside this process's environment.
    Errors: subprocess.TimeoutExpired, with what was said until then; no rank runs on.
    """
    return finished(line(count, *command), timeout, env, folder)


def finished(
    words: list[str],
    timeout: float,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> CompletedProcess[str]:
    """What a command that starts others left; at the time-out all of them are ended."""
    # Files, not pipes: a rank that outlived mpiexec would hold a pipe open.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        job = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=folder,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        try:
            code = job.wait(timeout)
        except TimeoutExpired as late:
            raise TimeoutExpired(words, timeout, _text(out), _text(err)) from late
        finally:
            end(job)
        return CompletedProcess(words, code, _text(out), _text(err))


def end(job: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    """End a job that runs: by mpiexec, which ends ranks wherever they are; else by force."""
    if job.poll() is not None:
        return
    job.terminate()
    try:
        job.wait(GRACE)
    except TimeoutExpired:
        if os.name == "posix":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGKILL)
        job.kill()
        job.wait()


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
