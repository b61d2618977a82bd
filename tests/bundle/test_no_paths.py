"""A bundle names no path, whatever its spec said about where the data lie."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphnet.builder import build
from graphnet.bundle.model import contents_of
from graphnet.bundle.writer import encode
from graphnet.spec.reader import check_values, read_spec

MODELS = sorted((Path(__file__).parents[2] / "models").glob("*.json"))
SECRET = "/home/someone/secret/data.csv"
DATA = {
    "csv": {"train": SECRET, "test": SECRET, "target": "y"},
    "npz": {"train": SECRET, "test": SECRET},
    "folder": {"train": SECRET, "test": SECRET},
    "idx": {"train_images": SECRET, "train_labels": SECRET},
    "lines": {"train": SECRET, "target": "label"},
}


def spec(source, data):
    given = {"shape": [4]}
    if source == "csv":
        given = {"shape": [1], "columns": {"a": "number"}}
    if source in ("folder", "idx"):
        given = {"shape": [2, 2, 1], "image": {"size": [2, 2], "mode": "grey"}}
    if source == "lines":
        given = {"shape": [4], "dtype": "int64", "text": {"unit": "character", "size": 9}}
    first = {"id": "flat", "type": "Flatten"}
    if source == "lines":
        first = {"id": "flat", "type": "Embedding", "vocabulary": 9, "units": 2}
    return {
        "$schema": SECRET,
        "format": 1,
        "name": "m",
        "inputs": {"x": given},
        "nodes": [first, {"id": "f", "type": "Flatten"}, {"id": "a", "type": "Affine", "units": 2}],
        "edges": [["x", "flat", "f", "a"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "data": {"source": source, **data},
        "train": {"epochs": 1},
    }


@pytest.mark.parametrize("source", DATA)
def test_where_the_data_lie_stays_behind(source):
    found = encode(contents_of(build(check_values(spec(source, DATA[source])).spec)))
    assert b"secret" not in found
    assert b"$schema" not in found


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=80))
def test_whatever_it_is_called(path):
    values = spec("csv", {"train": f"qq{path}", "target": "y"})
    contents = contents_of(build(check_values(values).spec))
    assert "data" not in json.loads(contents.spec)
    assert "qq" not in contents.spec


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_no_model_that_ships_names_a_path(path):
    contents = contents_of(build(read_spec(path)))
    for text in (contents.spec, contents.prepare or "", contents.train or ""):
        for word in (".csv", ".npz", ".txt", "data/", "../", "/home", "schema"):
            assert word not in text
