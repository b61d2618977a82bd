"""`infer --out` says what `infer` says, in every form and of all that a network takes."""

import csv
import json
import shutil

import numpy as np
import pytest

NETWORK = {"nodes": [{"id": "a", "type": "Affine", "units": 3}], "edges": [["x", "a"]]}
FORMS = ("csv", "jsonl", "parquet")


def rows_of(path):
    """The rows of an output as dicts; an empty cell is None."""
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            return [{k: v or None for k, v in row.items()} for row in csv.DictReader(file)]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text().splitlines()]
    parquet = pytest.importorskip("pyarrow.parquet", reason="the extra 'parquet' is not installed")
    return parquet.read_table(path).to_pylist()


@pytest.mark.parametrize("form", FORMS)
def test_labels_are_those_that_infer_prints(infer, bulk, save_model, pictures, tmp_path, form):
    save_model()
    expected = [line.split("\t") for line in infer("m.msgpack", "pictures").out.splitlines()]
    done = bulk("m.msgpack", "pictures", "--out", f"out.{form}")
    assert (done.code, done.out) == (0, "")
    rows = rows_of(tmp_path / f"out.{form}")
    assert [[row["image"], row["label"]] for row in rows] == expected
    assert len(rows) == 600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.msgpack", f"out.{form}", "pictures"]


def test_json_lines_with_all_scores_are_the_lines_of_infer(infer, bulk, save_model, pictures):
    save_model()
    expected = infer("m.msgpack", "pictures", "--json").out
    assert bulk("m.msgpack", "pictures", "--json", "--out", "out.jsonl").code == 0
    with open("out.jsonl", encoding="utf-8") as file:
        assert file.read() == expected
    expected = infer("m.msgpack", "pictures", "--json", "--probabilities").out
    bulk("m.msgpack", "pictures", "--json", "--probabilities", "--out", "out.jsonl")
    with open("out.jsonl", encoding="utf-8") as file:
        assert file.read() == expected


def test_scores_are_the_same_numbers_in_every_form(infer, bulk, save_model, pictures, tmp_path):
    save_model()
    lines = infer("m.msgpack", "pictures", "--json").out.splitlines()
    expected = [max(json.loads(line)["scores"]) for line in lines]
    for form in FORMS:
        bulk("m.msgpack", "pictures", "--out", f"out.{form}")
        found = [np.float32(row["score"]) for row in rows_of(tmp_path / f"out.{form}")]
        assert found == [np.float32(number) for number in expected]


def test_processes_give_the_same_bytes(infer, bulk, save_model, pictures, tmp_path):
    save_model()
    bulk("m.msgpack", "pictures", "--out", "one.csv")
    done = infer("m.msgpack", "pictures", "--out", "three.csv", "--workers", "3")
    assert done.code == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "three.csv").read_bytes()
    assert done.err[0].startswith("three.csv: 600 pictures, ")


@pytest.mark.parametrize("form", FORMS)
def test_bad_pictures_have_an_error_in_their_row(infer, bulk, save_model, pictures, tmp_path, form):
    save_model()
    (pictures / "a" / "0001b.png").write_bytes(b"no picture")
    whole = (pictures / "a" / "0002.png").read_bytes()
    (pictures / "a" / "0002.png").write_bytes(whole[:-20])
    (pictures / "empty").mkdir()
    said = infer("m.msgpack", "pictures", "empty.png", "pictures/empty").err
    words = ("m.msgpack", "pictures", "empty.png", "pictures/empty", "--out", f"out.{form}")
    done = bulk(*words)
    assert done.code == 3
    assert done.err[-1] == "4 could not be answered: the column 'error' says why"
    rows = rows_of(tmp_path / f"out.{form}")
    bad = [row for row in rows if row.get("error")]
    assert [row["error"] for row in bad] == said
    assert [row["image"] for row in bad] == [
        "pictures/a/0001b.png",
        "pictures/a/0002.png",
        "empty.png",
        "pictures/empty",
    ]
    assert all(row.get("label") is None and row.get("score") is None for row in bad)
    assert len(rows) == 603
    labels = [line.split("\t")[1] for line in infer("m.msgpack", "pictures").out.splitlines()]
    assert [row["label"] for row in rows if not row.get("error")] == labels


def test_an_empty_folder_and_a_missing_file(bulk, save_model, tmp_path):
    """Nothing is written where nothing could be: an earlier output stays."""
    save_model()
    (tmp_path / "none").mkdir()
    (tmp_path / "out.csv").write_text("image,label,index,score,error\n")
    before = (tmp_path / "out.csv").read_bytes()
    for named, said in (
        (["none"], "none: no PNG or JPEG file is in this folder"),
        (["missing", "none"], "missing: no such file or folder"),
    ):
        done = bulk("m.msgpack", *named, "--out", "out.csv")
        assert (done.code, done.err) == (3, [said])
        assert (tmp_path / "out.csv").read_bytes() == before


def test_the_best_classes_and_probabilities(infer, bulk, save_model, pictures, tmp_path):
    save_model()
    lines = infer("m.msgpack", "pictures/a", "--top", 2, "--probabilities").out.splitlines()
    expected = [line.split("\t")[1:] for line in lines]
    bulk("m.msgpack", "pictures/a", "--top", 2, "--probabilities", "--out", "out.csv")
    rows = rows_of(tmp_path / "out.csv")
    found = [[row[f"label_{k}"], row[f"score_{k}"]] for row in rows for k in (1, 2)]
    assert found == expected


def test_blank_pictures_are_told_apart(bulk, save_model, tmp_path):
    from PIL import Image

    image = {"size": [6, 5], "mode": "grey", "range": [0, 1], "background": "black", "fit": "digit"}
    save_model(inputs={"x": {"shape": [6, 5, 1], "image": image}})
    Image.new("L", (20, 20), 255).save(tmp_path / "blank.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    bulk("m.msgpack", "bad.png", "--out", "out.csv")
    assert "bad.png: is neither PNG nor JPEG" in rows_of(tmp_path / "out.csv")[0]["error"]
    done = bulk("m.msgpack", "blank.png", "--out", "out.csv")
    assert done.code == 0
    assert done.err[-1] == "no ink is found in 1 of them: their labels mean nothing"
    (row,) = rows_of(tmp_path / "out.csv")
    assert row["error"] == "blank.png: no ink is found in it: its label means nothing"
    assert row["label"]


def write_table(path, rows):
    path.write_text("a,b,kind\n" + "".join(f"{row}\n" for row in rows))


@pytest.fixture
def table_model(save_model):
    columns = {
        "a": {"type": "number", "mean": 1.0, "std": 2.0},
        "b": {"type": "number", "mean": 0.0, "std": 1.0},
        "kind": {"type": "category", "values": ["x", "y"]},
    }
    return save_model(inputs={"x": {"shape": [4], "columns": columns}}, **NETWORK)


@pytest.mark.parametrize("form", FORMS)
def test_rows_of_tables(infer, bulk, table_model, tmp_path, form):
    good = [f"{i % 10},{i % 7 - 3},{'xy'[i % 2]}" for i in range(700)]
    write_table(tmp_path / "good.csv", good)
    expected = infer("m.msgpack", "good.csv").out
    assert bulk("m.msgpack", "good.csv", "--out", f"out.{form}").code == 0
    rows = rows_of(tmp_path / f"out.{form}")
    assert "".join(f"{row['row']}\t{row['label']}\n" for row in rows) == expected
    write_table(tmp_path / "bad.csv", ["1,2,x", "1,2,z", "1,two,x", "1,2", "3,4,y"])
    said = infer("m.msgpack", "bad.csv", "no.csv").err
    done = bulk("m.msgpack", "bad.csv", "no.csv", "--out", f"wrong.{form}")
    assert done.code == 3
    rows = rows_of(tmp_path / f"wrong.{form}")
    assert sorted(row["error"] for row in rows if row.get("error")) == sorted(said)
    assert [row["error"] is None if "error" in row else True for row in rows] == [
        True, False, False, False, True, False
    ]  # fmt: skip
    assert [row.get("row") and int(row["row"]) for row in rows] == [1, 2, 3, 4, 5, None]


@pytest.mark.parametrize("kind", ["npz", "npy", "packed"])
def test_rows_of_arrays(infer, bulk, save_model, tmp_path, rng, kind):
    save_model(inputs={"x": {"shape": [4]}}, **NETWORK)
    x = rng.normal(size=(600, 4))
    np.savez(tmp_path / "x.npz", x=x)
    expected = infer("m.msgpack", "x.npz", "--json").out
    name = "x.npy" if kind == "npy" else "x.npz"
    if kind == "npy":
        np.save(tmp_path / "x.npy", x)
    if kind == "packed":
        np.savez_compressed(tmp_path / "x.npz", x=np.asfortranarray(x))
    assert bulk("m.msgpack", name, "--json", "--out", "out.jsonl").code == 0
    assert (tmp_path / "out.jsonl").read_text().replace(".npy", ".npz") == expected


def test_rows_of_arrays_that_are_not_finite(bulk, save_model, tmp_path, rng):
    save_model(inputs={"x": {"shape": [4]}}, **NETWORK)
    x = rng.normal(size=(40, 4)).astype(np.float32)
    x[3, 1], x[20, 0] = np.nan, 3e38
    x[20] = 3e38
    np.save(tmp_path / "x.npy", x)
    assert bulk("m.msgpack", "x.npy", "--out", "out.csv").code == 3
    rows = rows_of(tmp_path / "out.csv")
    bad = {int(row["row"]): row["error"] for row in rows if row["error"]}
    assert bad[4] == "x.npy: array 'x', sample 4: nan is no finite float32"
    assert bad.get(21, "x.npy:21: the network's scores are not finite") == (
        "x.npy:21: the network's scores are not finite"
    )
    assert len(rows) == 40


@pytest.mark.parametrize("form", FORMS)
def test_numbers_and_several_outputs(infer, bulk, save_model, tmp_path, rng, form):
    nodes = [
        {"id": "one", "type": "Affine", "units": 1},
        {"id": "two", "type": "Affine", "units": 2},
        {"id": "kind", "type": "Affine", "units": 3},
    ]
    losses = [
        {"type": "MeanSquaredError", "on": "one"},
        {"type": "MeanSquaredError", "on": "two"},
        {"type": "SoftmaxWithLoss", "on": "kind"},
    ]
    targets = {"y1": {"shape": [1]}, "y2": {"shape": [2]}}
    del targets
    save_model(
        inputs={"x": {"shape": [4]}},
        nodes=nodes,
        edges=[["x", "one"], ["x", "two"], ["x", "kind"]],
        outputs=["one", "two", "kind"],
        labels={"kind": ["red", "green", "blue"]},
        losses=losses,
    )
    np.savez(tmp_path / "x.npz", x=rng.normal(size=(50, 4)).astype(np.float32))
    lines = infer("m.msgpack", "x.npz", "--json").out.splitlines()
    expected = [json.loads(line)["outputs"] for line in lines]
    assert bulk("m.msgpack", "x.npz", "--out", f"out.{form}").code == 0
    for row, wanted in zip(rows_of(tmp_path / f"out.{form}"), expected, strict=True):
        if form == "jsonl":
            assert row["outputs"]["kind"]["label"] == wanted["kind"]["label"]
            assert row["outputs"]["two"]["values"] == wanted["two"]["values"]
            assert [row["outputs"]["one"]["value"]] == wanted["one"]["values"]
            continue
        assert row["kind.label"] == wanted["kind"]["label"]
        assert np.float32(row["one.value"]) == np.float32(wanted["one"]["values"][0])
        both = row["two.values"] if form == "parquet" else [row["two.value_1"], row["two.value_2"]]
        assert np.float32(both).tolist() == np.float32(wanted["two"]["values"]).tolist()


def test_lines_of_text(infer, bulk, save_model, tmp_path):
    save_model(
        inputs={"x": {"shape": [8], "dtype": "int64", "text": {
            "unit": "character", "vocabulary": list("abcdef "), }}},
        nodes=[
            {"id": "e", "type": "Embedding", "vocabulary": 9, "units": 4},
            {"id": "flat", "type": "Flatten"},
            {"id": "a", "type": "Affine", "units": 3},
        ],
        edges=[["x", "e", "flat", "a"]],
    )  # fmt: skip
    (tmp_path / "t.txt").write_text("abc\nfed a\n\nabcdefabcdefabc\ncab\n")
    done = infer("m.msgpack", "t.txt")
    assert bulk("m.msgpack", "t.txt", "--out", "out.csv").code == done.code == 3
    rows = rows_of(tmp_path / "out.csv")
    answered = "".join(f"{row['row']}\t{row['label']}\n" for row in rows if not row["error"])
    assert answered == done.out
    assert [row["error"] for row in rows if row["error"]] == done.err


def test_names_that_are_no_text_are_written(bulk, save_model, tmp_path, pictures):
    import os

    if os.name == "nt":
        pytest.skip("names of files are text there")
    save_model()
    shutil.copy(pictures / "a" / "0000.png", os.fsencode(tmp_path) + b"/odd\xff,\n.png")
    path = os.fsdecode(b"odd\xff,\n.png")
    for form in FORMS:
        assert bulk("m.msgpack", path, "--out", f"out.{form}").code == 0
        (row,) = rows_of(tmp_path / f"out.{form}")
        assert row["image"] == (path if form == "jsonl" else "odd\\udcff,\n.png")


def test_parquet_without_pyarrow_names_the_extra(bulk, save_model, pictures, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    save_model()
    done = bulk("m.msgpack", "pictures", "--out", "out.parquet")
    assert done.code == 2
    assert done.err == ["Parquet files are written by pyarrow: python -m pip install pyarrow"]


@pytest.mark.parametrize("form", FORMS)
def test_all_scores_and_answers_that_may_be_several(infer, bulk, save_model, tmp_path, rng, form):
    save_model(inputs={"x": {"shape": [4]}}, loss={"type": "SigmoidWithLoss"}, **NETWORK)
    np.savez(tmp_path / "x.npz", x=rng.normal(size=(50, 4)).astype(np.float32))
    for shares in ([], ["--probabilities"]):
        lines = infer("m.msgpack", "x.npz", "--json", *shares).out.splitlines()
        expected = [json.loads(line) for line in lines]
        assert bulk("m.msgpack", "x.npz", "--json", *shares, "--out", f"out.{form}").code == 0
        for row, wanted in zip(rows_of(tmp_path / f"out.{form}"), expected, strict=True):
            if form == "csv":
                assert (row["labels"] or "") == ", ".join(wanted["labels"])
                names = ("score:red", "score:green, or blue", 'score:the "third"')
                found = [row[name] for name in names]
            else:
                assert row["labels"] == wanted["labels"]
                found = row["scores"]
            assert np.float32(found).tolist() == np.float32(wanted["scores"]).tolist()


@pytest.mark.parametrize("form", FORMS)
def test_a_single_score_says_yes_or_no(infer, bulk, save_model, tmp_path, rng, form):
    save_model(
        inputs={"x": {"shape": [4]}},
        nodes=[{"id": "a", "type": "Affine", "units": 1}],
        edges=[["x", "a"]],
        labels=["no", "yes"],
        loss={"type": "SigmoidWithLoss"},
    )
    np.savez(tmp_path / "x.npz", x=rng.normal(size=(50, 4)).astype(np.float32))
    lines = infer("m.msgpack", "x.npz", "--top", 1, "--probabilities").out.splitlines()
    expected = [line.split("\t")[1:] for line in lines]
    bulk("m.msgpack", "x.npz", "--probabilities", "--out", f"out.{form}")
    rows = rows_of(tmp_path / f"out.{form}")
    found = [[row["label"], np.float32(row["score"])] for row in rows]
    assert found == [[label, np.float32(score)] for label, score in expected]
    assert {row["label"] for row in rows} == {"no", "yes"}
