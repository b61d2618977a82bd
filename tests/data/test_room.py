"""A data set that memory cannot hold is refused before it is read, with what to do."""

import json

import numpy as np
import pytest

import graphnet as gn
from graphnet.data import room
from graphnet.errors import DatasetError

SPEC = {
    "format": 1,
    "name": "large",
    "inputs": {"x": {"shape": [2]}},
    "nodes": [{"id": "a", "type": "Affine", "units": 3}],
    "edges": [["x", "a"]],
    "loss": {"type": "SoftmaxWithLoss"},
    "train": {"epochs": 1, "batch_size": 2},
}
IMAGE = {"x": {"shape": [4], "image": {"size": [2, 2], "mode": "grey"}}}
COLUMNS = {"x": {"shape": [2], "columns": {"a": "number", "b": "number"}}}
CASES = {
    "npy": ({"train": {"x": "x.npy", "t": "t.npy"}}, "x.npy", SPEC["inputs"]),
    "csv": ({"train": "rows.csv", "target": "t"}, "rows.csv", COLUMNS),
    "idx": ({"train_images": "images", "train_labels": "labels"}, "images", IMAGE),
    "npz": ({"train": "x.npz"}, "x.npz", SPEC["inputs"]),
}


@pytest.mark.parametrize("source", CASES)
def test_a_file_larger_than_memory(tmp_path, monkeypatch, source):
    more, name, inputs = CASES[source]
    monkeypatch.setattr(room, "machine_bytes", lambda: 2**30)
    with (tmp_path / name).open("wb") as file:
        file.truncate(2**30 + 1)
    spec = gn.parse_spec(json.dumps({**SPEC, "inputs": inputs, "data": {"source": source, **more}}))
    with pytest.raises(DatasetError) as e:
        gn.load_data(spec, tmp_path)
    text = f"{name}: its samples take 1,073,741,825 bytes, more than the 1,073,741,824 of memory"
    assert text in str(e.value)
    remedy = "the source npy reads" if source == "npz" else 'write "stream": true in the spec\'s'
    assert remedy in str(e.value)


def test_a_table_that_is_too_large_to_be_looked_at(tmp_path, monkeypatch):
    from graphnet.starting.begin import starting_spec

    monkeypatch.setattr(room, "machine_bytes", lambda: 2**30)
    with (tmp_path / "rows.csv").open("wb") as file:
        file.truncate(2**30 + 1)
    with pytest.raises(DatasetError, match=r"rows\.csv: .*show its first rows alone"):
        starting_spec(f"csv:{tmp_path / 'rows.csv'}")


def test_pictures_that_memory_does_not_hold(tmp_path, monkeypatch):
    from PIL import Image

    monkeypatch.setattr(room, "LITTLE", 0)
    monkeypatch.setattr(room, "machine_bytes", lambda: 11)
    for name in "abc":
        (tmp_path / "pictures" / name).mkdir(parents=True)
        Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "pictures" / name / "1.png")
    data = {"source": "folder", "train": "pictures"}
    spec = gn.parse_spec(json.dumps({**SPEC, "inputs": IMAGE, "data": data}))
    with pytest.raises(DatasetError, match="pictures: its samples take 12 bytes, more than the 11"):
        gn.load_data(spec, tmp_path)
    streamed = gn.parse_spec(
        json.dumps({**SPEC, "inputs": IMAGE, "data": {**data, "stream": True}})
    )
    assert len(gn.load_data(streamed, tmp_path).train) == 3
