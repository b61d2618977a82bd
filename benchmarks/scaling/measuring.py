"""Everything that the page of scaling stands on, measured job by job."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import machine
from benchmarks.scaling import nets

ROOT = Path(__file__).parents[2]
LINKS = ("shared memory", "network")
"""Between two ranks: of one host, or of two that scripts/hosts.py makes."""
REDUCES = ("tree", "fast")
SIZES = (1_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
SHARDS = (1, 2, 4, 8, 16, 32, 64, 128)
RANKS = (8, 64, 512)
LARGE = 16_384
"""A batch that has 32 samples for each of 512 ranks."""
CLOCKED = ("exchange", "share")
"""Jobs whose figures are by the clock; those of the others are seconds of a core."""
QUIET = 0.03
"""The most that other programs may take of the processors during those, as a share."""
TRIES = 4
Measured = dict[str, Any]
Say = Callable[[str], None]


class Run(NamedTuple):
    """What a job printed, and the share of all processors that other programs took meanwhile."""

    found: Any
    others: float


class JobError(Exception):
    """A job did not end well; its last words."""


def measured(say: Say, tries: int = TRIES, only: Sequence[str] = nets.NAMES) -> Measured:
    """All figures. Jobs by the clock that others disturb are repeated; the quietest run counts."""
    worst = dict.fromkeys(("clock", "core"), 0.0)

    def job(link: str | None, work: str, **options: Any) -> Any:
        runs = [run(words(link, {"job": work, **options}))]
        while work in CLOCKED and runs[-1].others > QUIET and len(runs) < tries:
            runs.append(run(words(link, {"job": work, **options})))
        best = min(runs, key=lambda one: one.others)
        kind = "clock" if work in CLOCKED else "core"
        worst[kind] = max(worst[kind], best.others)
        told = " ".join(str(value) for value in options.values())
        say(f"{work} {told} {link or ''}: {json.dumps(best.found)}")
        return best.found | {"others": best.others}

    missing = why_no_network()
    links = LINKS[:1] if missing else LINKS
    found: Measured = {
        "processor": machine.processor(),
        "versions": machine.versions() | mpi_versions(),
        "missing": missing,
        "whole": {name: job(None, "whole", name=name) for name in only},
    }
    found["shard"] = {
        name: {n: job(None, "shard", name=name, samples=n)["step"] for n in SHARDS} for name in only
    }
    found["rank"] = {name: ranks_of(name, found["whole"][name], job) for name in only}
    found["exchange"] = {
        link: {how: job(link, "exchange", sizes=SIZES, reduce=how)["times"] for how in REDUCES}
        for link in links
    }
    shards = {name: max(2, found["whole"][name]["shards"]) for name in only}
    found["busy"] = {
        name: job(LINKS[0], "busy", name=name, shards=shards[name], size=2)["step"] for name in only
    }
    found["share"] = {
        link: {
            name: {
                how: job(link, "share", name=name, shards=shards[name], reduce=how)
                for how in REDUCES
            }
            for name in only
        }
        for link in links
    }
    found["others"] = worst
    # Keys are texts from here on, as they are when it is read from a file.
    return json.loads(json.dumps(found))


def ranks_of(name: str, whole: Measured, job: Callable[..., Any]) -> Measured:
    """What one rank of several computes, by batch and ranks: of the spec's own batch, and of a
    large one."""
    own, shards = whole["batch"], whole["shards"]
    found: Measured = {own: {}, LARGE: {}}
    for size in (1, 2, *RANKS):
        if size <= own:
            cut = max(size, shards) if size > 1 else None
            found[own][size] = job(None, "rank", name=name, batch=None, shards=cut, size=size)
        if size in RANKS:
            cut = max(8, size)
            found[LARGE][size] = job(None, "rank", name=name, batch=LARGE, shards=cut, size=size)
    return found


def run(command: Sequence[str]) -> Run:
    """Errors: JobError."""
    before, begin = _busy(), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    elapsed = time.perf_counter() - begin
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise JobError(f"{' '.join(command)}: exit {done.returncode}: {' | '.join(last[-5:])}")
    processors = os.cpu_count() or 1
    others = max(0.0, (_busy() - before) / (elapsed * processors))
    return Run(json.loads(done.stdout.splitlines()[-1]), others)


def words(link: str | None, job: Measured) -> list[str]:
    """The command of a job: alone, or as two ranks."""
    python = [sys.executable, "-m", "benchmarks.scaling.jobs", json.dumps(job)]
    if link is None:
        return python
    mpiexec, is_open = launcher()
    two = ["-n", "2", *python]
    if is_open:
        two = ["--allow-run-as-root", "--bind-to", "none", *two]
    if link == LINKS[0]:
        return [mpiexec, *two]
    return [*hosts(), mpiexec, "--host" if is_open else "-hosts", "a,b", *two]


def launcher() -> tuple[str, bool]:
    """mpiexec, and whether it is that of Open MPI.

    Errors: JobError where there is none.
    """
    beside = str(Path(sys.executable).parent)
    found = shutil.which("mpiexec", path=beside) or shutil.which("mpiexec")
    if found is None:
        raise JobError("there is no mpiexec: pip install mpi4py mpich")
    said = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
    return found, "Open MPI" in said


def hosts() -> list[str]:
    return [sys.executable, str(ROOT / "scripts" / "hosts.py"), "--hosts", "2"]


def why_no_network() -> str:
    """Why two hosts cannot be made here; empty where they can."""
    tried = subprocess.run([*hosts(), "true"], capture_output=True, text=True)
    return tried.stderr.strip() if tried.returncode else ""


def mpi_versions() -> dict[str, str]:
    """mpi4py, and the library under it."""
    import mpi4py
    from mpi4py import MPI

    library = MPI.Get_library_version().splitlines()[0]
    return {"mpi4py": mpi4py.__version__, "MPI": " ".join(library.split()).rstrip("\0")}


def _busy() -> float:
    """Seconds that the processors have worked for others than this process and what it started.
    0 where the system does not say."""
    file = Path("/proc/stat")
    if not file.exists():
        return 0.0
    user, nice, system = map(int, file.read_text().split(maxsplit=4)[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - sum(os.times()[:4])
