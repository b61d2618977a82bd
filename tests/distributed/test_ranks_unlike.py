"""Ranks that differ, are late, or fail alone, where `fit` is called from Python."""

import json
import platform
import sys
from pathlib import Path

import pytest

from tests.distributed.jobs import finished, is_open_mpi, line, need_ranks, ranks

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
TRAIN = ROOT / "tools" / "train.py"
DIGITS = ROOT / "models" / "digits.json"


@pytest.fixture(scope="module", autouse=True)
def _mpi():
    need_ranks()


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    values = json.loads(DIGITS.read_text())
    values["train"] |= {"epochs": 2, "shards": 4}
    path = tmp_path_factory.mktemp("unlike") / "digits.json"
    path.write_text(json.dumps(values))
    return path


def unlike(case, spec, folder, count=2):
    done = ranks(count, sys.executable, HERE / "unlike.py", case, spec, folder=folder, timeout=40)
    return sorted(done.stdout.splitlines())


def test_a_rank_that_was_late_and_came_is_forgiven():
    done = ranks(2, sys.executable, HERE / "late.py", timeout=40)
    assert sorted(done.stdout.splitlines()) == ["0 is done", "1 is done"], done.stderr


@pytest.mark.parametrize("case", ["no test", "test"])
def test_a_part_that_one_rank_alone_has_is_named(case, spec, tmp_path):
    said = unlike(case, spec, tmp_path)
    assert len(said) == 2
    for row in said:
        assert row.startswith("RankError: rank 1 of 2 (process ")
        assert "its test data is " in row
        assert row.endswith("ranks must be alike")


def test_ways_of_adding_that_differ_are_named(spec, tmp_path):
    said = unlike("reduce", spec, tmp_path)
    assert len(said) == 2
    assert all(
        "its way of adding (--reduce) is 'fast', that of rank 0 'tree'" in row for row in said
    )


def test_all_ranks_begin_with_the_weights_of_rank_0_wherever_they_lie(spec, tmp_path):
    said = unlike("loaded", spec, tmp_path)
    assert len(said) == 2
    assert said[0] == said[1]
    assert said[0].startswith("2 epochs, ")


def test_ranks_train_again_after_they_were_stopped(spec, tmp_path):
    said = unlike("again", spec, tmp_path)
    assert [row.split(",")[0] for row in said] == ["2 epochs"] * 2


def test_what_rank_0_cannot_do_is_told_to_all(spec, tmp_path):
    said = unlike("fault", spec, tmp_path)
    assert len(said) == 2
    assert said[0].startswith("RankError: rank 0 of 2 (process ")
    assert said[1].startswith("SaveError: own.msgpack.checkpoint: holds a run")


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="two kernels of x86's BLAS"
)
def test_processors_that_round_otherwise_clip_alike(spec, tmp_path):
    if is_open_mpi():
        pytest.skip("its mpiexec sets no variable for one rank alone")
    command = [sys.executable, TRAIN, spec, "--distributed", "--set", 'train.clip={"norm": 0.1}']
    first, second = line(1, *command), line(1, *command)
    first[1:1] = ["-env", "OPENBLAS_CORETYPE", "Haswell"]
    second[1:1] = ["-env", "OPENBLAS_CORETYPE", "Nehalem"]
    done = finished([*first, ":", *second[1:]], timeout=40, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "digits.msgpack").exists()


@pytest.mark.parametrize("timeout", ["0", "-1", "nan"])
def test_a_time_out_is_above_0(timeout, tmp_path):
    command = (sys.executable, TRAIN, DIGITS, "--distributed", "--timeout", timeout)
    done = ranks(1, *command, folder=tmp_path)
    assert done.returncode == 2
    assert "argument --timeout" in done.stderr
