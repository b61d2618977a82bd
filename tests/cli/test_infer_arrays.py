"""`infer` on .npz files: one array an input, one answer a sample; numbers and several outputs."""

import io
import json

import numpy as np
import pytest
from processes import ROOT

import graphnet as gn

TWO = {
    "format": 1,
    "name": "two",
    "inputs": {"x": {"shape": [2]}, "y": {"shape": [2]}},
    "nodes": [
        {"id": "sum", "type": "Add"},
        {"id": "product", "type": "Mul"},
    ],
    "edges": [["x", "sum"], ["y", "sum"], ["x", "product"], ["y", "product"]],
    "outputs": ["sum", "product"],
    "losses": [
        {"type": "SoftmaxWithLoss", "on": "sum"},
        {"type": "MeanSquaredError", "on": "product", "target": "p"},
    ],
    "labels": {"sum": ["left", "right"]},
}


@pytest.fixture
def two(tmp_path):
    gn.save(tmp_path / "two.msgpack", gn.build(gn.parse_spec(json.dumps(TWO))))
    x, y = np.array([[1.0, 2], [3, 1]]), np.array([[4.0, 1], [0, 1]])
    np.savez(tmp_path / "a.npz", x=x, y=y)
    return "two.msgpack"


def test_several_inputs_and_outputs(tool, tmp_path, two):
    assert tool("infer", two, "a.npz") == (0, "1\tleft\t4.0\t2.0\n2\tleft\t0.0\t1.0\n", [])
    first = json.loads(tool("infer", two, "a.npz", "--json").out.splitlines()[0])
    assert first == {
        "file": "a.npz",
        "row": 1,
        "outputs": {
            "sum": {"label": "left", "index": 0, "scores": [5.0, 3.0]},
            "product": {"values": [4.0, 2.0]},
        },
    }
    file = io.BytesIO()
    np.savez(file, x=[[1.0, 2]], y=[[4.0, 1]])
    assert tool("infer", two, "-", stdin=file.getvalue()).out == "1\tleft\t4.0\t2.0\n"


def test_targets_may_be_in_the_file(tool, tmp_path, two):
    np.savez(tmp_path / "t.npz", x=[[1.0, 2]], y=[[4.0, 1]], t=[0], p=[[1.0, 1]])
    assert tool("infer", two, "t.npz").code == 0


def test_what_is_wrong_is_named_and_the_others_answered(tool, tmp_path, two):
    np.savez(tmp_path / "x.npz", x=[[1.0, 2]])
    np.savez(tmp_path / "nan.npz", x=[[1.0, 2], [np.nan, 1]], y=[[1.0, 2], [1, 1]])
    np.savez(tmp_path / "objects.npz", x=np.array([[None, 1]]), y=[[1.0, 2]])
    (tmp_path / "p.png").write_bytes(b"\x89PNG")
    done = tool("infer", two, "x.npz", "nan.npz", "objects.npz", "p.png", "no.npz", "a.npz")
    assert done.code == 3
    assert done.out == "a.npz:1\tleft\t4.0\t2.0\na.npz:2\tleft\t0.0\t1.0\n"
    assert done.err == [
        "x.npz: no array 'y' is in it; there are 'x'",
        "nan.npz: array 'x', sample 1: nan is no finite float32",
        "objects.npz: array 'x' is of Python objects, which only a pickle holds: save numbers, as "
        "np.float32 or np.int64",
        "p.png: this model takes .npz files with the arrays 'x', 'y'; this is none",
        "no.npz: no such file: name a .npz file",
    ]


def test_top_needs_one_output_of_classes(tool, two):
    done = tool("infer", two, "a.npz", "--top", "1")
    assert done.code == 2
    assert "--top and --probabilities are for a model with one output, of classes" in done.err[0]


def test_yes_and_no(tool, tmp_path):
    spec = {
        "format": 1,
        "name": "tags",
        "inputs": {"x": {"shape": [3]}},
        "nodes": [{"id": "same", "type": "Identity"}],
        "edges": [["x", "same"]],
        "loss": {"type": "SigmoidWithLoss"},
        "labels": ["red", "round", "sweet"],
    }
    gn.save(tmp_path / "m.msgpack", gn.build(gn.parse_spec(json.dumps(spec))))
    np.savez(tmp_path / "a.npz", x=[[1.0, -1, 2], [-1, -1, -1]])
    assert tool("infer", "m.msgpack", "a.npz").out == "1\tred, sweet\n2\t\n"
    done = tool("infer", "m.msgpack", "a.npz", "--json", "--probabilities")
    first = json.loads(done.out.splitlines()[0])
    assert first["labels"] == ["red", "sweet"]
    np.testing.assert_allclose(first["scores"], 1 / (1 + np.exp([-1, 1, -2])), rtol=1e-6)


def test_two_pictures_that_go_through_the_same_layers(tool, tmp_path):
    done = tool("train", ROOT / "models" / "two_inputs.json", "--set", "train.epochs=1")
    assert done.code == 0
    assert done.out.splitlines()[-1].endswith("models/data/pairs_test.npz")
    with np.load(ROOT / "models" / "data" / "pairs_test.npz") as pairs:
        np.savez(tmp_path / "ARRAYS.npz", first=pairs["first"][:3], second=pairs["second"][:3])
    done = tool("infer", "two_inputs.msgpack", "ARRAYS.npz")
    assert (done.code, done.err) == (0, [])
    rows = [line.split("\t") for line in done.out.splitlines()]
    assert [number for number, _ in rows] == ["1", "2", "3"]
    assert {label for _, label in rows} <= {"same", "different"}
