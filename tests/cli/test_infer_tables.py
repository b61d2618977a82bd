"""`infer` on the rows of CSV files, and how a shipped table model is trained and used."""

import json

import pytest
from processes import ROOT
from tables import put

import graphnet as gn

IRIS = ROOT / "models" / "iris.json"
HEAD = "sepal_length,sepal_width,petal_length,petal_width\n"
SETOSA, VIRGINICA = "5.1,3.5,1.4,0.2\n", "6.5,3.0,5.8,2.2\n"


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """models/iris.json trained as it lies there."""
    from processes import Commands

    folder = tmp_path_factory.mktemp("iris")
    done = Commands(folder)("train", IRIS)
    assert done.code == 0
    accuracy = float(done.out.split("test accuracy ")[1].split(",")[0])
    assert accuracy >= 0.9
    assert done.out.splitlines()[-1].endswith("models/data/iris.csv")
    return folder / "iris.msgpack"


def test_each_row_has_its_number_and_label(tool, tmp_path, iris):
    (tmp_path / "r.csv").write_text(HEAD + SETOSA + VIRGINICA)
    assert tool("infer", iris, "r.csv") == (0, "1\tsetosa\n2\tvirginica\n", [])
    (tmp_path / "one.csv").write_text(HEAD + SETOSA)
    assert tool("infer", iris, "one.csv").out == "1\tsetosa\n"


def test_several_files_are_named(tool, tmp_path, iris):
    (tmp_path / "a.csv").write_text(HEAD + SETOSA)
    (tmp_path / "b.csv").write_text(HEAD + VIRGINICA + SETOSA)
    done = tool("infer", iris, "a.csv", "b.csv")
    assert done.out == "a.csv:1\tsetosa\nb.csv:1\tvirginica\nb.csv:2\tsetosa\n"


def test_standard_input(tool, iris):
    done = tool("infer", iris, "-", stdin=(HEAD + VIRGINICA).encode())
    assert done == (0, "1\tvirginica\n", [])


def test_columns_in_any_order_and_those_of_the_training_file(tool, tmp_path, iris):
    header = "species,petal_width,petal_length,sepal_width,sepal_length"
    (tmp_path / "r.csv").write_text(f"{header}\nunknown,0.2,1.4,3.5,5.1\n")
    assert tool("infer", iris, "r.csv") == (0, "1\tsetosa\n", [])
    whole = tool("infer", iris, ROOT / "models" / "data" / "iris.csv")
    assert (whole.code, whole.err) == (0, [])
    assert len(whole.out.splitlines()) == 150


def test_json_top_and_probabilities(tool, tmp_path, iris):
    (tmp_path / "r.csv").write_text(HEAD + SETOSA + VIRGINICA)
    done = tool("infer", iris, "r.csv", "--json")
    first, second = [json.loads(line) for line in done.out.splitlines()]
    assert list(first) == ["file", "row", "label", "index", "scores"]
    assert list(first.values())[:4] == ["r.csv", 1, "setosa", 0]
    assert second["row"] == 2
    done = tool("infer", iris, "r.csv", "--top", "2", "--probabilities")
    lines = [line.split("\t") for line in done.out.splitlines()]
    assert [line[0] for line in lines] == ["1", "1", "2", "2"]
    assert lines[0][1] == "setosa"
    assert float(lines[0][2]) > 0.9


def test_the_same_numbers_as_in_training(tool, tmp_path, iris):
    spec = gn.read_spec(IRIS)
    net = gn.load(iris)
    x = gn.load_data(spec, IRIS.parent).train.inputs["x"]
    data = (ROOT / "models" / "data" / "iris.csv").read_text().splitlines()
    done = tool("infer", iris, ROOT / "models" / "data" / "iris.csv", "--json")
    scores = {tuple(json.loads(line)["scores"]) for line in done.out.splitlines()}
    assert len(data) == 151
    for row in net.predict(x):
        assert tuple(float(str(score)) for score in row) in scores


def test_bad_rows_are_named_and_the_others_answered(tool, tmp_path, iris):
    rows = [SETOSA, "1,2,3\n", "1,2,x,4\n", VIRGINICA, "1,,2,3\n", "1,2,nan,3\n"]
    (tmp_path / "r.csv").write_text(HEAD + "".join(rows))
    done = tool("infer", iris, "r.csv")
    assert (done.code, done.out) == (3, "1\tsetosa\n4\tvirginica\n")
    assert done.err == [
        "r.csv:3: 3 cells, but the header names 4 columns",
        "r.csv:4: column 'petal_length': a finite number is expected, found 'x'",
        "r.csv:6: column 'sepal_width' is empty: fill it, or leave the row out",
        "r.csv:7: column 'petal_length': a finite number is expected, found 'nan'",
    ]


def test_many_rows_go_in_batches(tool, tmp_path, iris):
    rows = [SETOSA if i % 2 else VIRGINICA for i in range(700)]
    rows[300] = "bad\n"
    (tmp_path / "r.csv").write_text(HEAD + "".join(rows))
    done = tool("infer", iris, "r.csv")
    found = [line.split("\t") for line in done.out.splitlines()]
    assert [int(row) for row, _ in found] == [i + 1 for i in range(700) if i != 300]
    assert all(label == ("virginica" if int(row) % 2 else "setosa") for row, label in found)
    assert len(done.err) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "r.csv: the file is empty: its first line names the columns"),
        (HEAD, "r.csv: there is no row behind the header"),
        ("a,b\n1,2\n", "r.csv:1: no column 'sepal_length', 'sepal_width', 'petal_length', 'petal_"),
        (HEAD.replace("\n", ",price\n"), "r.csv:1: column 'price' is not known here"),
        ("\x89PNG\r\n\x1a\n\0\0", "r.csv:1: byte 0x"),
    ],
)
def test_tables_that_are_none(tool, tmp_path, iris, text, said):
    (tmp_path / "r.csv").write_bytes(text.encode("latin-1"))
    (tmp_path / "good.csv").write_text(HEAD + SETOSA)
    done = tool("infer", iris, "r.csv", "good.csv")
    assert (done.code, done.out, len(done.err)) == (3, "good.csv:1\tsetosa\n", 1)
    assert done.err[0].startswith(said)


def test_a_missing_file(tool, iris):
    said = ["no.csv: no such file: name a CSV file with a header"]
    assert tool("infer", iris, "no.csv") == (3, "", said)


def test_a_category_that_training_did_not_know(tool, tmp_path):
    spec = gn.read_spec(put(tmp_path))
    net = gn.build(spec)
    list(gn.fit(net, gn.load_data(spec, tmp_path)))
    gn.save(tmp_path / "m.msgpack", net)
    (tmp_path / "r.csv").write_text("weight,colour\n100,blue\n100,red\n")
    done = tool("infer", "m.msgpack", "r.csv")
    assert done.code == 3
    assert done.out.split("\t")[0] == "2"
    said = "column 'colour': 'blue' is no known value; known are 'green', 'red', 'yellow'"
    assert done.err == [f"r.csv:2: {said}"]


def test_a_model_that_was_never_trained(tool, tmp_path):
    gn.save(tmp_path / "m.msgpack", gn.build(gn.read_spec(put(tmp_path))))
    done = tool("infer", "m.msgpack", "fruit.csv")
    said = "input 'x': its columns were fitted to no data yet: train the network first"
    assert done == (3, "", [f"m.msgpack: {said}"])


def test_options_of_pictures(tool, tmp_path, iris):
    (tmp_path / "r.csv").write_text(HEAD + SETOSA)
    done = tool("infer", iris, "r.csv", "--show-input", "out.png")
    assert done.code == 2
    assert "--show-input takes one picture" in done.err[0]


def test_a_spec_that_is_printed_trains_anywhere(tool, tmp_path):
    printed = tool("models", "iris").out
    (tmp_path / "mine.json").write_text(printed)
    done = tool("train", "mine.json", "--set", "train.epochs=1")
    assert done.code == 0
    assert sorted(path.name for path in tmp_path.glob("iris*")) == ["iris.msgpack"]


def test_training_names_what_is_wrong_with_rows(tool, tmp_path):
    put(tmp_path, "id,weight,colour,kind\n1,x,red,apple\n1,2,red,apple,more\n")
    done = tool("train", "fruit.json")
    assert (done.code, done.out) == (3, "")
    assert done.err == [
        "fruit.csv:2: column 'weight': a finite number is expected, found 'x'",
        "fruit.csv:3: 5 cells, but the header names 4 columns",
    ]
    assert not (tmp_path / "fruit.msgpack").exists()
