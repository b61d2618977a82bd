"""Rows of CSV files as a stream: the numbers, and the errors, of rows in memory."""

import csv
import json
import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stream_feeds import GRAPH, both, refused, same_samples, spec_of

import graphnet as gn
from graphnet.data.streams import base, scan, table
from graphnet.data.streams.sums import ExactSum
from graphnet.errors import DatasetError
from graphnet.training.feed import feeds

CSV = {"source": "csv", "train": "rows.csv", "target": "kind"}
COLUMNS = {"x": {"shape": [4], "columns": {"a": "number", "b": "number", "town": "category"}}}


def put_csv(folder, rng, rows=300, *, quoted=False, name="rows.csv", end="\n"):
    with (folder / name).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator=end)
        writer.writerow(["a", "town", "b", "kind"])
        for i in range(rows):
            town = ["Köln", "Ulm"][int(rng.integers(2))]
            if quoted and i > rows // 2 and town == "Ulm":
                town = 'Ulm, "an der\nDonau"'
            kind = ["x", "y", "z"][int(rng.integers(3))]
            writer.writerow([rng.normal() * 10 ** int(rng.integers(9)), town, i, kind])


@pytest.mark.parametrize("quoted", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_is_that_in_memory(tmp_path, rng, quoted, end):
    put_csv(tmp_path, rng, quoted=quoted, end=end)
    more = {"shape": [5 if quoted else 4]}
    inputs = {"x": {**COLUMNS["x"], **more}}
    (one, memory, _), (other, stream, _) = both(tmp_path, CSV, inputs=inputs)
    assert one.prepare == other.prepare
    same_samples(memory, stream)


def test_csv_that_is_learnt_as_numbers(tmp_path, rng):
    put_csv(tmp_path, rng)
    data = {**CSV, "target": ["a", "b"], "unused": ["kind"]}
    changes = {
        "inputs": {"x": {"shape": [2], "columns": {"town": "category"}}},
        "nodes": [{"id": "a", "type": "Affine", "units": 2}],
        "loss": {"type": "MeanSquaredError"},
    }
    (_, memory, _), (_, stream, _) = both(tmp_path, data, **changes)
    same_samples(memory, stream)


def test_csv_in_several_files(tmp_path, rng):
    texts = []
    for i in (1, 2, 3):
        put_csv(tmp_path, rng, 100, quoted=i == 2, name=f"rows-{i}.csv")
        texts.append((tmp_path / f"rows-{i}.csv").read_text())
    head, _, _ = texts[0].partition("\n")
    (tmp_path / "rows.csv").write_text(head + "\n" + "".join(t.partition("\n")[2] for t in texts))
    inputs = {"x": {**COLUMNS["x"], "shape": [5]}}
    memory, _ = both(tmp_path, CSV, inputs=inputs)[0][1:]
    spec = spec_of({**CSV, "train": "rows-*.csv", "stream": True}, inputs=inputs)
    data = gn.load_data(spec, tmp_path)
    stream, _ = feeds(gn.build(spec), data)
    same_samples(memory, stream)


def test_pieces_with_other_columns_are_refused(tmp_path, rng):
    put_csv(tmp_path, rng, 5, name="rows-1.csv")
    (tmp_path / "rows-2.csv").write_text("town,a,b,kind\nUlm,1,2,x\n")
    text = refused({**CSV, "train": "rows-*.csv", "stream": True}, tmp_path, inputs=COLUMNS)
    assert text == (
        "rows-2.csv: its columns are not those of rows-1.csv, in their order: "
        "pieces of one set are alike"
    )


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ("1,Ulm,2", "rows.csv:302: 3 cells, but the header names 4 columns"),
        ("1_0,Ulm,2,x", "rows.csv:302: column 'a': a finite number is expected, found '1_0'"),
        ("nan,Ulm,2,x", "rows.csv:302: column 'a': a finite number is expected, found 'nan'"),
        ("1, ,2,x", "rows.csv:302: column 'town' is empty"),
        ('1,"Ulm', "rows.csv:302: is no CSV: the quotes that are opened here do not close"),
        ("\n1,Ulm,2,x", "rows.csv:302: an empty line: take it out"),
    ],
)
def test_a_bad_row_is_found_before_training(tmp_path, rng, row, text):
    put_csv(tmp_path, rng)
    with (tmp_path / "rows.csv").open("a", encoding="utf-8") as file:
        file.write(row)
    streamed, memory = (
        refused({**CSV, **m}, tmp_path, inputs=COLUMNS) for m in ({"stream": True}, {})
    )
    assert streamed.startswith(text)
    assert streamed == memory


def test_a_column_of_texts_is_one_error_of_a_stream(tmp_path, rng):
    put_csv(tmp_path, rng)
    inputs = {"x": {"shape": [3], "columns": {"a": "number", "b": "number", "town": "number"}}}
    text = refused({**CSV, "stream": True}, tmp_path, inputs=inputs)
    assert text.startswith("rows.csv: column 'town' is one of numbers for the spec")


def test_a_header_alone_is_refused(tmp_path):
    (tmp_path / "rows.csv").write_text("a,town,b,kind\n")
    text = refused({**CSV, "stream": True}, tmp_path, inputs=COLUMNS)
    assert text == "rows.csv: there is no row behind the header"


def test_an_unknown_label_in_the_test_part_is_named_when_it_comes(tmp_path, rng):
    put_csv(tmp_path, rng)
    (tmp_path / "test.csv").write_text("a,town,b,kind\n1,Ulm,2,x\n1,Ulm,2,w\n")
    spec = spec_of({**CSV, "test": "test.csv", "stream": True}, inputs=COLUMNS)
    data = gn.load_data(spec, tmp_path)
    net = gn.build(spec)
    with pytest.raises(DatasetError, match=r"test\.csv:3: 'w' is no label; they are 'x', 'y', 'z'"):
        list(gn.fit(net, data))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60),
    st.integers(1, 20),
)
def test_sums_are_those_of_fsum(numbers, size):
    total = ExactSum()
    for i in range(0, len(numbers), size):
        total.add(np.array(numbers[i : i + size]))
    try:
        expected = math.fsum(numbers)
    except OverflowError:
        with pytest.raises(OverflowError):
            total.value()
        return
    assert total.value() == expected


TOWN = {"type": "category", "values": ["u", "v"]}
PIECES = [
    "1,u,x",
    " 4,v,y",
    '2.5,"u",z',
    "1,u",
    "1_0,u,x",
    '"1","u',
    'v",z',
    ",u,x",
    "é,v,y",
    "\0,u,x",
]


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(PIECES[:3] * 4 + PIECES), st.sampled_from(["\n", "\r\n", "\r", "\n\n"])
        ),
        max_size=9,
    ),
    st.sampled_from([8, 30, 2**20]),
    st.sampled_from([10, 40, 2**18]),
)
def test_any_table_is_what_it_is_in_memory_or_the_same_error(lines, chunk, block):
    graph = GRAPH | {
        "inputs": {"x": {"shape": [3], "columns": {"a": "number", "b": TOWN}}},
        "data": {"source": "csv", "train": "rows.csv", "target": "t"},
    }
    found = []
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_CHUNK", chunk)
        patch.setattr(base, "BLOCK_BYTES", block)
        text = "a,b,t\n" + "".join(map("".join, lines)) + "1,u,x\n2,v,y\n3,u,z"
        Path(folder, "rows.csv").write_bytes(text.encode())
        for more in ({}, {"stream": True}):
            spec = gn.parse_spec(json.dumps(graph | {"data": graph["data"] | more}))
            try:
                data = gn.load_data(spec, folder)
                net = gn.build(spec)
                net.prepare = data.prepare
                feed, _ = feeds(net, data)
                inputs, (t,) = feed.batch(slice(None))
                found.append((data.prepare, inputs["x"].tobytes(), t.tobytes()))
            except DatasetError as e:
                found.append(str(e))
    assert found[0] == found[1]


def test_passes_over_a_large_file_are_told_of(tmp_path, rng, monkeypatch):
    monkeypatch.setattr(table, "LITTLE", 0)
    put_csv(tmp_path, rng)
    size = (tmp_path / "rows.csv").stat().st_size
    told = []
    spec = spec_of({**CSV, "test_share": 0.2, "stream": True}, inputs=COLUMNS)
    gn.load_data(spec, tmp_path, progress=lambda *given: told.append(given))
    assert told[0] == ("rows.csv", size, size)
    assert [name for name, done, of in told] == ["rows.csv", "means", "deviations"]
    assert all(done == of for _, done, of in told)
