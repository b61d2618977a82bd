"""Ranks of an MPI job that read one stream: each makes its rows of every batch alone."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import graphnet as gn
from tests.distributed.jobs import need_ranks, ranks

ROOT = Path(__file__).parent.parent.parent
TRAIN = ROOT / "tools" / "train.py"
SPEC = {
    "format": 1,
    "name": "streamed",
    "inputs": {"x": {"shape": [3], "columns": {"a": "number", "b": "number", "c": "number"}}},
    "nodes": [
        {"id": "affine1", "type": "Affine", "units": 8},
        {"id": "relu1", "type": "Relu"},
        {"id": "affine2", "type": "Affine", "units": 2},
    ],
    "edges": [["x", "affine1", "relu1", "affine2"]],
    "loss": {"type": "SoftmaxWithLoss", "class_weights": "balanced"},
    "data": {
        "source": "csv",
        "train": "rows-*.csv",
        "target": "kind",
        "test_share": 0.2,
        "stream": True,
    },
    # 201 rows to train on in batches of 50 leave one of a single row: fewer than ranks.
    "train": {"epochs": 2, "batch_size": 50, "shards": 3, "validation": 0.1},
}


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    need_ranks()
    folder = tmp_path_factory.mktemp("streamed")
    rng = np.random.default_rng(0)
    for name, rows in (("rows-1.csv", 100), ("rows-2.csv", 179)):
        lines = [
            f"{a:.4f},{b:.4f},{c:.4f},{'yes' if a > b else 'no'}"
            for a, b, c in rng.normal(size=(rows, 3))
        ]
        (folder / name).write_text("\n".join(["a,b,c,kind", *lines]))
    (folder / "spec.json").write_text(json.dumps(SPEC))
    return folder / "spec.json"


@pytest.mark.parametrize("count", [2, 3])
def test_any_number_of_ranks_reads_one_stream_to_the_same_bytes(spec, tmp_path, count):
    alone = tmp_path / "alone.msgpack"
    read = gn.read_spec(spec)
    list(gn.fit(gn.build(read), gn.load_data(read, spec.parent), out=alone))
    command = (sys.executable, TRAIN, spec, "--distributed", "--json")
    done = ranks(count, *command, folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "streamed.msgpack").read_bytes() == alone.read_bytes()
