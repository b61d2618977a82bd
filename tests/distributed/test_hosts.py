"""Several hosts on one machine: network namespaces, between which messages cross a network."""

import contextlib
import functools
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.distributed.jobs import end, finished, is_open_mpi, need_ranks

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "scripts" / "hosts.py"
TRAFFIC = re.compile(r"host (\w): ([\d,]+) bytes sent, ([\d,]+) received")
MEGABYTES = """
import sys
import numpy as np
from mpi4py import MPI
mine, all = np.full(250_000, MPI.COMM_WORLD.rank, np.float32), np.empty(250_000, np.float32)
MPI.COMM_WORLD.Allreduce(mine, all)
sys.stdout.write(f"{MPI.COMM_WORLD.rank} {MPI.Get_processor_name()} {all.mean():g}\\n")
"""


TRAIN = ROOT / "tools" / "train.py"
DIGITS = ROOT / "models" / "digits.json"


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


def test_three_hosts_train_the_bundle_of_one_process(mpiexec, tmp_path):
    recipe = ("--set", "train.epochs=2", "--set", "train.shards=4")
    words = [sys.executable, str(TRAIN), str(DIGITS), *recipe]
    alone = finished([*words, "--out", "one.msgpack"], timeout=60, folder=tmp_path)
    assert alone.returncode == 0, alone.stderr
    done = on_hosts(*mpiexec, *words, "--distributed", "--out", "three.msgpack", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "three.msgpack").read_bytes() == (tmp_path / "one.msgpack").read_bytes()
    counted = traffic(done.stderr)
    assert set(counted) == {"a", "b", "c"}
    # 58 steps with some 4/3 of 15 KB of gradients each way.
    assert all(sent > 500_000 and back > 500_000 for sent, back in counted.values())


def test_a_rank_that_is_killed_on_one_host_ends_the_job_with_its_name(mpiexec, tmp_path):
    out = tmp_path / "killed.msgpack"
    recipe = ("--set", "train.epochs=10000", "--set", "train.shards=4")
    words = [*mpiexec, sys.executable, TRAIN, DIGITS, *recipe, "--distributed", "--timeout", "5"]
    command = [sys.executable, str(SCRIPT), *map(str, words), "--json", "--out", str(out)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as job:
        try:
            assert job.stdout is not None
            assert job.stdout.readline().startswith('{"epoch": 1,')
            os.kill(process_of_rank(1, str(out)), signal.SIGKILL)
            _, said = job.communicate(timeout=20)
        finally:
            end(job)
    assert job.returncode != 0
    line, *others = [line for line in said.splitlines() if re.match(r"rank \d+ of 3 \(", line)]
    assert re.match(r"rank 1 of 3 \(process \d+ on b\) was killed by signal 9 \(SIGKILL\)", line)
    # Where mpiexec is slow to end the others, they find out by themselves.
    assert all(re.match(r"rank 1 of 3 .* did not come within 5 s", other) for other in others)
    assert "--resume" in line
    assert set(traffic(said)) == {"a", "b", "c"}


def process_of_rank(number: int, word: str) -> int:
    """The process of a rank that has this word in its command: the child of the one that watches
    it, both of them that rank's by what mpiexec told them."""
    told = {f"PMI_RANK={number}".encode(), f"OMPI_COMM_WORLD_RANK={number}".encode()}
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if word.encode() not in (folder / "cmdline").read_bytes().split(b"\0"):
                continue
            if told & set((folder / "environ").read_bytes().split(b"\0")):
                parent = re.search(r"^PPid:\s+(\d+)$", (folder / "status").read_text(), re.M)
                assert parent is not None
                found[int(folder.name)] = int(parent[1])
    (process,) = [process for process, parent in found.items() if parent in found]
    return process


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
