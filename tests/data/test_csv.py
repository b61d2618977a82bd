"""The source `csv`: rows become numbers, and what is wrong with them is named by file and line."""

import math
import statistics

import numpy as np
import pytest
from tables import ROWS, put

import graphnet as gn
from graphnet.errors import DatasetError


def loaded(folder, text=ROWS, **changes):
    path = put(folder, text, **changes)
    return gn.load_data(gn.read_spec(path), folder)


def refused(folder, text=ROWS, **changes) -> str:
    path = put(folder, text, **changes)
    spec = gn.read_spec(path)
    with pytest.raises(DatasetError) as e:
        gn.load_data(spec, folder)
    return str(e.value).replace(f"{folder}/", "").replace(f"{folder}\\", "")


def test_numbers_are_standardised_and_categories_become_one_hot(tmp_path):
    data = loaded(tmp_path)
    weights = [100, 120, 200, 220]
    mean, std = statistics.fmean(weights), statistics.pstdev(weights)
    expected = [
        [(100 - mean) / std, 1, 0, 0],
        [(120 - mean) / std, 0, 1, 0],
        [(200 - mean) / std, 0, 0, 1],
        [(220 - mean) / std, 1, 0, 0],
    ]
    np.testing.assert_array_equal(data.train.inputs["x"], expected)
    assert data.train.targets.tolist() == [0, 0, 1, 1]
    assert data.test is None
    assert data.prepare.values() == {
        "columns": {
            "x": {
                "weight": {"mean": mean, "std": std},
                "colour": {"values": ["green", "red", "yellow"]},
            }
        },
        "labels": {"scores": ["apple", "melon"]},
        "table": {"unused": ["id", "kind"]},
    }


def test_what_the_spec_gives_is_not_fitted(tmp_path):
    columns = {
        "colour": {"type": "category", "values": ["yellow", "green", "red"]},
        "weight": {"type": "number", "mean": 100, "std": 10},
    }
    data = loaded(tmp_path, inputs__x__columns=columns, labels=["melon", "apple"])
    assert data.train.inputs["x"][2].tolist() == [1, 0, 0, 10]
    assert data.train.targets.tolist() == [1, 1, 0, 0]
    assert data.prepare.values() == {"table": {"unused": ["id", "kind"]}}


def test_the_test_part_is_prepared_by_the_training_part(tmp_path):
    (tmp_path / "test.csv").write_text("weight,kind,colour,id\n160,melon,red,9\n")
    data = loaded(tmp_path, data__test="test.csv")
    assert data.test.inputs["x"].tolist() == [[0, 0, 1, 0]]
    assert data.test.targets.tolist() == [1]


def test_a_share_of_each_class_is_held_out_and_always_the_same(tmp_path):
    rows = "".join(f"{i},{i},{'abc'[i % 3]},{'yes' if i % 4 else 'no'}\n" for i in range(200))
    text = f"id,weight,colour,kind\n{rows}"
    one = loaded(tmp_path, text, data__test_share=0.2, train__seed=1)
    two = loaded(tmp_path, text, data__test_share=0.2, train__seed=2)
    assert np.bincount(one.test.targets).tolist() == [10, 30]
    assert np.bincount(one.train.targets).tolist() == [40, 120]
    np.testing.assert_array_equal(one.test.inputs["x"], two.test.inputs["x"])
    fitted = one.prepare.columns["x"]["weight"]
    weights = one.train.inputs["x"][:, 0]
    assert abs(weights.mean()) < 1e-12
    assert math.isclose(weights.std(), 1)
    # The statistics are those of the training part alone.
    assert fitted.mean != 99.5


def test_a_number_is_learnt_as_it_stands(tmp_path):
    data = loaded(
        tmp_path,
        inputs__x={"shape": [3], "columns": {"colour": "category"}},
        nodes=[{"id": "price", "type": "Affine", "units": 1}],
        edges=[["x", "price"]],
        loss={"type": "MeanSquaredError"},
        data__target="weight",
        data__unused=["id", "kind"],
    )
    assert data.train.targets.tolist() == [[100], [120], [200], [220]]


def test_categories_in_whole_numbers_are_their_places(tmp_path):
    data = loaded(
        tmp_path,
        inputs__x={"shape": [1], "dtype": "int64", "columns": {"colour": "category"}},
        nodes=[
            {"id": "rows", "type": "Embedding", "vocabulary": 3, "units": 2},
            {"id": "flat", "type": "Flatten"},
            {"id": "scores", "type": "Affine", "units": 2},
        ],
        edges=[["x", "rows", "flat", "scores"]],
        data__unused=["id", "weight"],
    )
    assert data.train.inputs["x"].tolist() == [[0], [1], [2], [0]]
    assert data.train.inputs["x"].dtype == np.int64


def test_several_inputs_share_a_row(tmp_path):
    data = loaded(
        tmp_path,
        inputs={
            "a": {"shape": [], "columns": {"weight": {"type": "number", "mean": 0, "std": 1}}},
            "b": {"shape": [3], "columns": {"colour": "category"}},
            "c": {"shape": [], "value": 2},
        },
        nodes=[
            {"id": "scale", "type": "Mul"},
            {"id": "left", "type": "Affine", "units": 2},
            {"id": "right", "type": "Neg"},
        ],
        edges=[["b", "left"], ["a", "scale"], ["c", "scale", "right"]],
        outputs=["left"],
    )
    assert data.train.inputs["a"].tolist() == [100, 120, 200, 220]
    assert data.train.inputs["b"].shape == (4, 3)
    assert list(data.train.inputs) == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        ROWS.replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + ROWS.encode(),
        (ROWS + "\n\r\n\n").encode(),
        ROWS.rstrip("\n").encode(),
        ROWS.replace("green", '"green"').replace(",", ", ").encode(),
        ROWS.replace("100", " 1e2 ").encode(),
    ],
)
def test_spellings_of_one_table(tmp_path, text):
    np.testing.assert_array_equal(
        loaded(tmp_path, text).train.inputs["x"], loaded(tmp_path).train.inputs["x"]
    )


def test_quotes_delimiters_and_other_scripts(tmp_path):
    text = 'id;weight;colour;kind\n1;1;"grün; ""hell""\n";사과\n2;2;red;б\n3;3;x;б\n'
    data = loaded(tmp_path, text, data__delimiter=";")
    assert data.prepare.columns["x"]["colour"].values == ('grün; "hell"\n', "red", "x")
    assert data.prepare.labels == {"scores": ("б", "사과")}
    assert data.prepare.table.delimiter == ";"


HEAD = "id,weight,colour,kind\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "fruit.csv: the file is empty: its first line names the columns"),
        (HEAD, "fruit.csv: there is no row behind the header"),
        (
            "id,wieght,colour,kind\n",
            "fruit.csv:1: no column 'weight'; did you mean 'wieght'?",
        ),
        (
            "weight,kind\n",
            "fruit.csv:1: no column 'colour'; its first line names 'weight', 'kind'",
        ),
        ("id,id,weight,colour,kind\n", "fruit.csv:1: column 'id' is named twice"),
        (
            "id,weight,colour,kind,price\n",
            "fruit.csv:1: column 'price' is not known here: leave it out, or name it in 'unused' "
            "of the spec's data",
        ),
        (
            HEAD + "1,2,red,apple\n1,2,red\n",
            "fruit.csv:3: 3 cells, but the header names 4 columns",
        ),
        (
            HEAD + "1,heavy,red,apple\n",
            "fruit.csv:2: column 'weight': a finite number is expected, found 'heavy'",
        ),
        (
            HEAD + "1, ,red,apple\n",
            "fruit.csv:2: column 'weight' is empty: fill it, or leave the row out",
        ),
        (
            HEAD + '1,2,"",apple\n',
            "fruit.csv:2: column 'colour' is empty: fill it, or leave the row out",
        ),
        (HEAD + "1,2,red,apple\n\n1,2,red,apple\n", "fruit.csv:3: an empty line: take it out"),
        (HEAD + '1,2,"red,apple\n', "fruit.csv:2: is no CSV: the quotes that are opened here do"),
        (HEAD + '1,2,"red"x,apple\n', "fruit.csv:2: is no CSV: ',' expected after '\"'"),
        (
            "a\rb\rc",
            "fruit.csv:1: is no CSV: a line ends with \\r alone: save it with \\n or \\r\\n",
        ),
        (HEAD.encode("utf-16"), "fruit.csv:1: is UTF-16: save it as UTF-8"),
        (
            HEAD.encode() + b"1,2,gr\xfcn,apple\n",
            "fruit.csv:2: byte 0xfc is not UTF-8: save the file in that encoding (byte 7 of the",
        ),
        (HEAD.encode() + b"1,\0,red,apple\n", "fruit.csv:2: a zero byte stands in it"),
        (bytes(range(128, 256)) * 100, "fruit.csv:1: byte 0x80 is not UTF-8"),
        (
            ROWS.replace("melon", "apple"),
            "fruit.csv: column 'kind': 1 classes are found ('apple'), but 'scores' gives (2,)",
        ),
        (
            HEAD + "1,5,red,a\n1,5,green,b\n1,5,blue,b\n",
            "fruit.csv: column 'weight' is 5.0 in every row of the training part, so its std is 0",
        ),
        (
            ROWS + "5,1e308,red,apple\n6,-1e308,red,apple\n",
            "fruit.csv: column 'weight': its numbers are too large for a mean",
        ),
        (
            ROWS + "5,2,blue,apple\n",
            "fruit.csv: the columns become 5 numbers (values found in 'colour' 4), but the input",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    assert refused(tmp_path, text).startswith(said)


@pytest.mark.parametrize("cell", ["nan", "inf", "-Infinity", "1e999", "1_000", "٣", "0x10", "1,5"])
def test_no_number(tmp_path, cell):
    said = refused(tmp_path, f'{HEAD}1,"{cell}",red,apple\n')
    assert said == f"fruit.csv:2: column 'weight': a finite number is expected, found {cell!r}"


def test_ten_bad_rows_are_named_together(tmp_path):
    text = HEAD + "1,2,red,apple\n" + "1,x,red,apple\n" * 20
    said = refused(tmp_path, text).splitlines()
    assert [line.split(": ")[0] for line in said[:-1]] == [f"fruit.csv:{i}" for i in range(3, 13)]
    assert said[-1] == "and perhaps more: the first 10 are shown"


def test_a_column_of_texts_in_place_of_numbers_is_one_mistake(tmp_path):
    assert refused(tmp_path, HEAD + "1,x,red,apple\n" * 20) == (
        "fruit.csv: column 'weight' is one of numbers for the spec, but its rows hold texts: "
        "write \"category\" for it, or name it in 'unused' of the data"
    )


def test_a_label_that_the_spec_does_not_name(tmp_path):
    said = refused(tmp_path, labels=["apple", "melone"])
    assert said.splitlines() == [
        "fruit.csv:4: 'melon' is no label; did you mean 'melone'?",
    ]


def test_what_the_training_part_does_not_know(tmp_path):
    (tmp_path / "test.csv").write_text(f"{HEAD}1,2,blue,apple\n1,2,red,pear\n")
    assert refused(tmp_path, data__test="test.csv") == (
        "test.csv:2: column 'colour': 'blue' is no known value; known are 'green', 'red', 'yellow'"
    )
    (tmp_path / "test.csv").write_text(f"{HEAD}1,2,red,pear\n")
    assert refused(tmp_path, data__test="test.csv") == (
        "test.csv:2: 'pear' is no label; they are 'apple', 'melon'"
    )


def test_a_number_too_large_for_the_graph(tmp_path):
    columns = {"weight": {"type": "number", "mean": 0, "std": 1}, "colour": "category"}
    text = ROWS + "5,1e39,red,apple\n"
    said = refused(tmp_path, text, dtype="float32", inputs__x__columns=columns)
    assert said == "fruit.csv:6: column 'weight': 1e+39 is too large for float32"


def test_files_that_are_none(tmp_path):
    assert refused(tmp_path, data__train="no.csv") == (
        "no.csv: no such file: name a CSV file with a header"
    )
    (tmp_path / "folder").mkdir()
    assert refused(tmp_path, data__train="folder").startswith("folder: is a folder: name a CSV")
    assert "no path of a file" in refused(tmp_path, data__train="a\0b")


def test_a_million_columns_and_endless_lines(tmp_path):
    header = ",".join(f"c{i}" for i in range(1_000_000))
    said = refused(tmp_path, f"{header}\n1\n")
    assert said.startswith(
        "fruit.csv:1: no column 'weight', 'colour', 'kind'; its first line names"
    )
    assert len(said) <= 500
    said = refused(tmp_path, b"x" * (16 * 2**20 + 1))
    assert said == "fruit.csv:1: a line of more than 16,777,216 bytes: is it a text file?"
    said = refused(tmp_path, HEAD + '1,2,"' + "x" * 200_000)
    assert said.startswith("fruit.csv:2: is no CSV: a cell of more than 131,072 characters")


def test_too_few_rows_for_a_test_part(tmp_path):
    text = f"{HEAD}1,1,red,apple\n2,3,green,melon\n"
    said = refused(tmp_path, text, data__test_share=0.5)
    assert said == "2 samples are too few for a test part of 0.5"


def test_training_keeps_what_was_fitted(tmp_path):
    spec = gn.read_spec(put(tmp_path))
    data = gn.load_data(spec, tmp_path)
    net = gn.build(spec)
    list(gn.fit(net, data))
    assert net.prepare is data.prepare
    assert net.labels("scores") == ("apple", "melon")
    # Another table: other statistics, which would not suit the weights.
    put(tmp_path, ROWS.replace("220", "400"))
    other = gn.load_data(spec, tmp_path)
    with pytest.raises(DatasetError, match="the network was fitted to other data"):
        list(gn.fit(net, other))
    same = gn.load_data(spec, tmp_path, prepare=net.prepare)
    assert same.prepare is net.prepare
    assert same.train.inputs["x"][0].tolist() == data.train.inputs["x"][0].tolist()
    list(gn.fit(net, same))
