"""Several hosts on one machine: network namespaces, between which messages cross a network."""

import functools
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.distributed.jobs import finished, is_open_mpi, need_ranks

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "scripts" / "hosts.py"
TRAFFIC = re.compile(r"^host (\w): ([\d,]+) bytes sent, ([\d,]+) received$", re.MULTILINE)
MEGABYTES = """
import sys
import numpy as np
from mpi4py import MPI
mine, all = np.full(250_000, MPI.COMM_WORLD.rank, np.float32), np.empty(250_000, np.float32)
MPI.COMM_WORLD.Allreduce(mine, all)
sys.stdout.write(f"{MPI.COMM_WORLD.rank} {MPI.Get_processor_name()} {all.mean():g}\\n")
"""


@functools.cache
def why_not() -> str:
    """Why there are no hosts here, in the script's own words; empty where there are."""
    tried = subprocess.run([sys.executable, SCRIPT, "true"], capture_output=True, text=True)
    return tried.stderr.strip() if tried.returncode else ""


@pytest.fixture
def mpiexec() -> list[str]:
    """The words that run one rank on each of three hosts; the test is skipped without them."""
    if why_not():
        pytest.skip(why_not())
    return [need_ranks(), "--host" if is_open_mpi() else "-hosts", "a,b,c", "-n", "3"]


def on_hosts(*words: object, folder: Path | None = None) -> CompletedProcess[str]:
    """What a command left that ran on host a of three."""
    command = [sys.executable, str(SCRIPT), *map(str, words)]
    return finished(command, timeout=60, folder=folder)


def traffic(said: str) -> dict[str, tuple[int, int]]:
    """The bytes that each host sent and received."""
    found = TRAFFIC.findall(said)
    return {
        host: (int(sent.replace(",", "")), int(back.replace(",", ""))) for host, sent, back in found
    }


def test_each_rank_has_a_host_and_what_they_tell_each_other_crosses_the_network(mpiexec):
    done = on_hosts(*mpiexec, sys.executable, "-c", MEGABYTES)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["0 a 3", "1 b 3", "2 c 3"]
    counted = traffic(done.stderr)
    assert set(counted) == {"a", "b", "c"}
    # What each has, 1 MB, is needed by the others, whichever way it goes.
    assert all(sent > 600_000 and back > 600_000 for sent, back in counted.values())


def test_nothing_is_left_of_the_hosts_and_their_command_has_its_say(mpiexec):
    before = subprocess.run(["ip", "link"], capture_output=True).stdout
    done = on_hosts("sh", "-c", "hostname; exit 7")
    assert (done.returncode, done.stdout) == (7, "a\n")
    assert subprocess.run(["ip", "link"], capture_output=True).stdout == before
    listed = subprocess.run(["ip", "netns"], capture_output=True, text=True).stdout
    assert not {"a", "b", "c"} & {line.split()[0] for line in listed.splitlines()}


def test_an_interrupted_command_ends_and_the_hosts_with_it(mpiexec):
    command = [sys.executable, str(SCRIPT), "sh", "-c", "echo begun; exec cat"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "begun\n"
        job.send_signal(signal.SIGINT)
        assert job.wait(timeout=20) == 130
        assert job.stderr is not None
        assert set(traffic(job.stderr.read())) == {"a", "b", "c"}


@pytest.mark.skipif(sys.platform != "linux", reason="it is about Linux")
def test_who_is_not_root_is_told():
    if os.geteuid() == 0:
        user = ["setpriv", "--reuid=65534", "--clear-groups"]
        if subprocess.run([*user, sys.executable, "-c", "0"], capture_output=True).returncode:
            pytest.skip("another user cannot run this Python")
    else:
        user = []
    done = subprocess.run([*user, sys.executable, SCRIPT, "true"], capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("hosts.py: ")
