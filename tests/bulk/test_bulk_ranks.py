"""Ranks of an MPI job share a run of `infer --out`; hands of several ranks, without MPI."""

import sys
import threading
from queue import SimpleQueue

import numpy as np
import pytest

from graphnet.bulk.blocks import Block, block_of
from graphnet.bulk.hands import Alone
from graphnet.bulk.ranks import Shared, answer_for, check_alike
from graphnet.bulk.run import in_order
from graphnet.errors import RankError
from tests.distributed.jobs import ranks


class Place:
    """One rank of a job of threads."""

    def __init__(self, rank, boxes):
        self.rank, self.size, self.boxes = rank, len(boxes), boxes
        self.names = [f"rank {i}" for i in range(self.size)]
        self.said = []

    def send(self, data, to):
        self.boxes[to].put((self.rank, data))

    def flush(self):
        """What was put into a box has gone."""

    def receive(self):
        return self.boxes[self.rank].get()

    def has_bytes(self):
        return not self.boxes[self.rank].empty()

    def until(self, done):
        while not done():
            pass


def answer(message):
    return b"answer to " + block_of(message).files[0].encode()


def test_blocks_are_shared_and_replies_come_in_order():
    boxes = [SimpleQueue() for _ in range(3)]
    places = [Place(i, boxes) for i in range(3)]
    others = [
        threading.Thread(target=answer_for, args=(place, Alone(answer))) for place in places[1:]
    ]
    for thread in others:
        thread.start()
    shared = Shared(places[0], Alone(answer), [2, 2])
    blocks = (Block([str(i)]) for i in range(200))
    found = list(in_order(blocks, shared))
    shared.close()
    for thread in others:
        thread.join()
    assert found == [f"answer to {i}".encode() for i in range(200)]
    assert shared.open == 0


class Told(Place):
    """A rank whose job says something else."""

    def gather(self, data):
        return [data, data.replace(b'"abc"', b'"abd"')]


class Run:
    """What is compared of a run."""

    def __init__(self):
        self.partial = self
        self.about = {"model": "abc"}


def test_ranks_with_another_model_are_told_apart():
    with pytest.raises(RankError, match="rank 1: its model is 'abd', that of rank 0 'abc'"):
        check_alike(Told(0, [None, None]), Run(), 1)


def test_ranks_write_the_same_bytes_as_one_process(bulk, save_model, pictures, tmp_path):
    save_model()
    assert bulk("m.msgpack", "pictures", "--out", "one.csv").code == 0
    words = ["-m", "graphnet", "infer", "m.msgpack", "pictures", "--out", "three.csv"]
    done = ranks(3, sys.executable, *words, "--distributed", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("three.csv: 600 pictures, ")
    assert (tmp_path / "three.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    done = ranks(2, sys.executable, *words, folder=tmp_path)
    assert done.returncode == 2
    assert "mpiexec started 2 processes, and each would do all of it" in done.stderr


def test_replies_of_any_size_are_under_way_at_once(bulk, save_model, tmp_path, rng):
    """Messages past some kilobytes wait for their receiver, who may be sending one."""
    nodes = [{"id": "a", "type": "Affine", "units": 40}]
    save_model(inputs={"x": {"shape": [4]}}, nodes=nodes, edges=[["x", "a"]], labels=None)
    np.savez(tmp_path / "x.npz", x=rng.normal(size=(6000, 4)))
    words = ["m.msgpack", "x.npz", "--json", "--out"]
    assert bulk(*words, "one.jsonl").code == 0
    command = [sys.executable, "-m", "graphnet", "infer", *words, "two.jsonl", "--distributed"]
    done = ranks(2, *command, folder=tmp_path, timeout=40)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "two.jsonl").read_bytes() == (tmp_path / "one.jsonl").read_bytes()
