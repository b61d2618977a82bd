"""Ranks of an MPI job train one network, and end with the bytes of one process."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

import graphnet as gn
from tests.distributed.jobs import finished, line, ranks
from tests.distributed.small import SPEC

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
TRAIN = ROOT / "tools" / "train.py"
DIGITS = ROOT / "models" / "digits.json"


@pytest.fixture(scope="module")
def alone(spec):
    """The bundle of one process."""
    out = spec.parent / "alone.msgpack"
    net = gn.build(gn.read_spec(spec))
    assert len(list(gn.fit(net, gn.load_data(net.spec), out=out))) == 3
    return out.read_bytes()


def train(count, spec, folder, *words, timeout=60):
    return ranks(
        count, sys.executable, TRAIN, spec, "--distributed", *words, folder=folder, timeout=timeout
    )


def said(done):
    """The lines of the commands themselves, without what the starter of ranks says."""
    return [one for one in done.stderr.splitlines() if one.strip()]


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_any_number_of_ranks_ends_with_the_same_bytes(spec, alone, tmp_path, count):
    done = train(count, spec, tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "small.msgpack").read_bytes() == alone
    assert [path.name for path in tmp_path.iterdir()] == ["small.msgpack"]
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    assert [row.get("epoch") for row in rows] == [1, 2, 3, None]  # rank 0 alone prints


@pytest.mark.parametrize("count", [2, 3, 4])
def test_sums_over_ranks_are_those_of_the_tree_whatever_the_shards(count):
    done = ranks(count, sys.executable, HERE / "summing.py", DIGITS)
    assert done.returncode == 0, done.stderr
    numbers = [1, 2, 3, 4, 5, 6, 7, 8, 12, 16]
    assert sorted(done.stdout.splitlines()) == [f"{i} {numbers}" for i in range(count)]


def test_a_run_that_is_stopped_goes_on_with_other_numbers_of_ranks(spec, alone, tmp_path):
    out = tmp_path / "small.msgpack"
    fit = (sys.executable, HERE / "fitting.py", spec, out)
    first = ranks(2, *fit, "stop=1:2")
    assert first.returncode == 0, first.stderr
    assert first.stdout == ""
    assert not out.exists()
    second = ranks(3, *fit, "resume", "stop=0:5")
    assert second.returncode == 0, second.stderr
    assert len(second.stdout.splitlines()) == 3  # each rank has the result of one more epoch
    third = train(4, spec, tmp_path, "--resume")
    assert third.returncode == 0, third.stderr
    assert out.read_bytes() == alone


def test_a_stream_has_one_order_whoever_reads_it(tmp_path):
    rng = np.random.default_rng(0)
    for part, samples in enumerate((300, 401)):
        x = rng.normal(size=(samples, 6)).astype(np.float32)
        np.save(tmp_path / f"x-{part}.npy", x)
        np.save(tmp_path / f"t-{part}.npy", (x.sum(axis=1) > 0).astype(np.int64))
    spec = tmp_path / "streamed.json"
    values = {
        "format": 1,
        "name": "streamed",
        "inputs": {"x": {"shape": [6]}},
        "nodes": [{"id": "a", "type": "Affine", "units": 2}],
        "edges": [["x", "a"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "data": {
            "source": "npy",
            "train": {"x": "x-*.npy", "t": "t-*.npy"},
            "test_share": 0.1,
            "stream": True,
        },
        "train": {"epochs": 2, "batch_size": 64, "shards": 5, "validation": 0.1},
    }
    spec.write_text(json.dumps(values))
    net = gn.build(gn.read_spec(spec))
    list(gn.fit(net, gn.load_data(net.spec, tmp_path), out=tmp_path / "alone.msgpack"))
    done = train(3, spec, tmp_path)
    assert done.returncode == 0, done.stderr
    alone = (tmp_path / "alone.msgpack").read_bytes()
    assert (tmp_path / "streamed.msgpack").read_bytes() == alone


def test_results_are_the_same_on_every_rank(spec, tmp_path):
    done = ranks(3, sys.executable, HERE / "fitting.py", spec, tmp_path / "small.msgpack")
    rows = sorted(row.split(" ", 1) for row in done.stdout.splitlines())
    told = [[text for rank, text in rows if rank == str(i)] for i in range(3)]
    assert len(told[0]) == 3
    assert told[0] == told[1] == told[2]


def test_fast_sums_differ_in_the_last_digits_alone(tmp_path):
    few = ("--set", "train.epochs=2", "--set", "train.shards=4")
    done = train(3, DIGITS, tmp_path, *few, "--reduce", "fast", "--out", "fast.msgpack")
    assert done.returncode == 0, done.stderr
    done = train(2, DIGITS, tmp_path, *few, "--out", "tree.msgpack")
    assert done.returncode == 0, done.stderr
    fast, tree = (gn.load(tmp_path / f"{name}.msgpack") for name in ("fast", "tree"))
    for name, array in tree.params.items():
        np.testing.assert_allclose(fast.params[name], array, rtol=1e-5, atol=1e-5)


def test_more_ranks_than_shards_are_told_how_to_get_more(tmp_path):
    done = train(3, DIGITS, tmp_path, "--set", "train.shards=2")
    assert done.returncode == 2
    assert said(done)[0] == (
        "digits: 3 ranks, but a batch of 50 has 2 shards: run at most 2, or write more shards into "
        "the spec, as --set train.shards=3"
    )
    assert done.stderr.count("3 ranks") == 1


def two_specs(first, second, folder):
    """What a job left whose two ranks were given a spec each."""
    one, other = (line(1, sys.executable, TRAIN, spec, "--distributed") for spec in (first, second))
    more = [word for word in other[1:] if word != "--allow-run-as-root"]
    return finished([*one, ":", *more], timeout=60, folder=folder)


def test_ranks_with_another_spec_are_named_before_the_first_step(spec, tmp_path):
    other = tmp_path / "other.json"
    other.write_text(json.dumps({**SPEC, "train": {**SPEC["train"], "seed": 1}}))
    done = two_specs(spec, other, tmp_path)
    assert done.returncode == 3
    told = (
        r"rank 1 of 2 \(process \d+ on .+\): its spec is another than that of rank 0: train.seed "
    )
    assert re.match(told + "was at its default, is 1$", said(done)[0])
    assert not (tmp_path / "small.msgpack").exists()


def test_a_fault_of_one_rank_ends_the_job_and_is_told_with_its_name(spec, tmp_path):
    missing = tmp_path / "missing.json"
    done = two_specs(spec, missing, tmp_path)
    assert done.returncode != 0
    assert re.match(
        r"rank 1 of 2 \(process \d+ on .+\): .*missing\.json: cannot be read: No such file",
        said(done)[0],
    )


def test_a_fault_of_all_ranks_is_told_once(tmp_path):
    done = train(3, "missing.json", tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("No such file") == 1


def test_copies_that_are_no_ranks_are_refused(tmp_path):
    done = ranks(2, sys.executable, TRAIN, DIGITS, folder=tmp_path)
    assert done.returncode == 2
    assert (
        "mpiexec started 2 processes, and each would do all of it: add --distributed" in done.stderr
    )
    assert list(tmp_path.iterdir()) == []


def test_options_of_ranks_need_ranks(tmp_path):
    done = ranks(1, sys.executable, TRAIN, DIGITS, "--reduce", "fast", folder=tmp_path)
    assert done.returncode == 2
    assert "argument --reduce: only allowed with argument --distributed" in done.stderr
