"""Ranks that are killed or hang are named in one line."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.distributed.jobs import end, line, ranks
from tests.distributed.test_ranks_training import HERE, TRAIN


def test_a_rank_that_hangs_is_found_and_named(spec, tmp_path):
    out = tmp_path / "small.msgpack"
    done = ranks(3, sys.executable, HERE / "fitting.py", spec, out, "hang=1", timeout=40)
    assert done.returncode != 0
    told = r"RankLostError: rank 1 of 3 \(process \d+ on .+\) did not come within 1 s: it hangs"
    assert len(re.findall(told, done.stdout)) >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
def test_a_rank_that_is_killed_ends_the_job_with_one_line(spec, tmp_path):
    words = line(3, sys.executable, TRAIN, spec, "--distributed", "--checkpoint-every", "0")
    endless = ["--set", "train.epochs=3000", "--set", "train.early_stopping=null"]
    with (tmp_path / "err").open("w+") as err, (tmp_path / "out").open("w+") as out:
        job = subprocess.Popen(
            [*words, *endless],
            cwd=tmp_path,
            stdout=out,
            stderr=err,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + 40
            while not (tmp_path / "small.msgpack.checkpoint.previous").exists():
                assert job.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            victim = ranks_of(job.pid)[-1]
            os.kill(victim, signal.SIGKILL)
            assert job.wait(timeout=30) != 0
        finally:
            end(job)
        err.seek(0)
        told = [row for row in err.read().splitlines() if row.startswith("rank ")]
    (row,) = told
    assert re.fullmatch(
        rf"rank \d of 3 \(process {victim} on .+\) was killed by signal 9 \(SIGKILL\): the same "
        "command with --resume goes on from the last checkpoint, if there is one",
        row,
    )


def ranks_of(job):
    """The processes of ranks under a job: those that have a Python for their parent."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except OSError:  # it has ended meanwhile
            continue
        parent = int(text.rpartition(")")[2].split()[1])
        children.setdefault(parent, []).append(int(entry.parent.name))
    found, waiting = [], [job]
    while waiting:
        process = waiting.pop()
        below = children.get(process, [])
        waiting += below
        if not below:
            found.append(process)
    return sorted(found)
