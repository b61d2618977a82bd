"""Ranks of tests: they are as many as asked, and none outlives its test."""

import os
import select
import subprocess
import sys

import pytest

from tests.distributed.jobs import ranks

# One write a line: lines of two ranks then stay whole.
SIZE = """
import sys
from mpi4py import MPI
sys.stdout.write(f"rank {MPI.COMM_WORLD.rank} of {MPI.COMM_WORLD.size}\\n")
"""
WAITS = """
import os, signal, sys
from mpi4py import MPI
os.write(os.open(sys.argv[1], os.O_WRONLY), b"waits\\n")
signal.pause()
"""


def test_a_job_has_as_many_ranks_as_asked():
    done = ranks(3, sys.executable, "-c", SIZE)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [f"rank {i} of 3" for i in range(3)]


def test_a_job_hands_on_the_exit_code_and_the_environment():
    code = "import os; raise SystemExit(int(os.environ['ASKED']))"
    assert ranks(1, sys.executable, "-c", code, env={"ASKED": "5"}).returncode == 5


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFOs and no signal.pause")
def test_no_rank_outlives_a_job_that_is_late(tmp_path):
    os.mkfifo(tmp_path / "ranks")
    reader = os.open(tmp_path / "ranks", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(subprocess.TimeoutExpired):
        ranks(2, sys.executable, "-c", WAITS, tmp_path / "ranks", timeout=3)
    said = b""
    # Its end comes when the last rank is gone.
    while select.select([reader], [], [], 10)[0] and (some := os.read(reader, 100)):
        said += some
    os.close(reader)
    assert (said, some) == (2 * b"waits\n", b"")
