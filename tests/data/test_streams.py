"""Data that stay in their files: the same samples as in memory, whatever the source."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import graphnet as gn
from graphnet.data.streams.pieces import paths_of
from graphnet.data.streams.shares import Share
from graphnet.data.streams.sums import ExactSum
from graphnet.errors import DatasetError, SpecError
from graphnet.training.feed import Room, feeds

GRAPH = {
    "format": 1,
    "name": "streamed",
    "nodes": [{"id": "a", "type": "Affine", "units": 3}],
    "edges": [["x", "a"]],
    "loss": {"type": "SoftmaxWithLoss"},
    "train": {"epochs": 1, "batch_size": 7},
}
DIGIT = {"size": [6, 5], "mode": "grey", "background": "black"}


def spec_of(data, **changes):
    return gn.parse_spec(json.dumps({**GRAPH, "data": data, **changes}))


def both(folder, data, **changes):
    """The feeds of a data set in memory, and of its stream."""
    found = []
    for more in ({}, {"stream": True}):
        spec = spec_of({**data, **more}, **changes)
        loaded = gn.load_data(spec, folder)
        net = gn.build(spec)
        net.prepare = loaded.prepare
        found.append((loaded, *feeds(net, loaded)))
    return found


def same_samples(one, other):
    """Two feeds give the same bits for the same numbers, in any way they are asked."""
    rows = np.random.default_rng(1).permutation(one.samples)
    assert other.samples == one.samples
    other.order(0, 1)
    for part in (rows, rows[:3], np.asarray(other.order(3, 2))):
        (x, t), (y, u) = one.batch(part), other.batch(part)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(t, u, strict=True))
        assert {n: a.tobytes() for n, a in x.items()} == {n: a.tobytes() for n, a in y.items()}
    room = Room(other, 11)
    for start in range(0, one.samples, 11):
        at = slice(start, start + 11)
        (x, t), (y, u) = one.part(at, Room(one, 11)), other.part(at, room)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(t, u, strict=True))
        assert {n: a.tobytes() for n, a in x.items()} == {n: a.tobytes() for n, a in y.items()}


def refused(data, folder, **changes) -> str:
    with pytest.raises(DatasetError) as e:
        feeds(gn.build(spec := spec_of(data, **changes)), gn.load_data(spec, folder))
    return str(e.value).replace(f"{folder}/", "").replace(f"{folder}\\", "")


NPY = {"source": "npy", "train": {"x": "x.npy", "t": "t.npy"}}
X4 = {"inputs": {"x": {"shape": [4]}}}


def put_npy(folder, rng, samples=50, dtype=np.float64, name="{}.npy"):
    x = (rng.normal(size=(samples, 4)) * 9).astype(dtype)
    t = rng.integers(0, 3, samples).astype(np.uint8)
    np.save(folder / name.format("x"), x)
    np.save(folder / name.format("t"), t)
    return x, t


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2", "<i4", ">i2", "|b1"])
def test_npy_of_any_kind_is_that_in_memory(tmp_path, rng, dtype):
    put_npy(tmp_path, rng, dtype=dtype)
    (_, memory, _), (_, stream, _) = both(tmp_path, NPY, **X4)
    same_samples(memory, stream)


def test_npy_of_pictures_is_that_in_memory(tmp_path, rng):
    np.save(tmp_path / "x.npy", rng.integers(0, 256, (30, 6, 5), dtype=np.uint8))
    np.save(tmp_path / "t.npy", rng.integers(0, 3, 30))
    inputs = {"x": {"shape": [30], "image": DIGIT}}
    (_, memory, _), (_, stream, _) = both(tmp_path, NPY, inputs=inputs)
    same_samples(memory, stream)


def test_targets_that_are_texts_name_the_classes(tmp_path, rng):
    put_npy(tmp_path, rng)
    np.save(tmp_path / "t.npy", np.array(["b", "aa", "c"] * 17)[:50])
    (one, memory, _), (other, stream, _) = both(tmp_path, NPY, **X4)
    assert one.prepare == other.prepare
    same_samples(memory, stream)


def test_several_files_are_one_set_in_the_order_of_their_numbers(tmp_path, rng):
    parts = [
        put_npy(tmp_path, rng, n, name=f"{{}}-{i}.npy") for i, n in ((2, 13), (10, 20), (9, 5))
    ]
    (tmp_path / ".x-3.npy").write_bytes(b"")
    x, t = (np.concatenate([parts[i][k] for i in (0, 2, 1)]) for k in (0, 1))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "t.npy", t)
    _, memory, _ = both(tmp_path, NPY, **X4)[0]
    spec = spec_of({**NPY, "train": {"x": "x-*.npy", "t": "t-*.npy"}, "stream": True}, **X4)
    stream, _ = feeds(gn.build(spec), gn.load_data(spec, tmp_path))
    same_samples(memory, stream)


def test_names_are_sorted_by_the_numbers_in_them(tmp_path):
    for name in ("a10", "a2", "a02", "a1b", "b0", "a9"):
        (tmp_path / name).touch()
    found = [path.name for path in paths_of(tmp_path / "a*", "a file")]
    assert found == ["a1b", "a02", "a2", "a9", "a10"]
    with pytest.raises(DatasetError, match=r"c\*: no file has such a name"):
        paths_of(tmp_path / "c*", "a file")


def test_several_files_are_a_stream():
    with pytest.raises(
        SpecError, match=r"data.train.x: '\*' names several files.*\"stream\": true"
    ):
        spec_of({**NPY, "train": {"x": "x-*.npy", "t": "t.npy"}}, **X4)


def test_pieces_that_differ_are_refused(tmp_path, rng):
    put_npy(tmp_path, rng, 5, name="{}-1.npy")
    put_npy(tmp_path, rng, 5, dtype=np.float32, name="{}-2.npy")
    data = {**NPY, "train": {"x": "x-*.npy", "t": "t-*.npy"}, "stream": True}
    assert refused(data, tmp_path, **X4) == (
        "x-2.npy: its samples are (4,) float32, those of x-1.npy are (4,) float64: "
        "pieces of one set are alike"
    )


def test_arrays_of_unequal_lengths_are_refused(tmp_path, rng):
    put_npy(tmp_path, rng)
    np.save(tmp_path / "t.npy", np.zeros(49, int))
    text = refused({**NPY, "stream": True}, tmp_path, **X4)
    assert text == (
        "t.npy: array 't' has 49 samples, but x.npy: array 'x' has 50: give one a sample"
    )


def test_fortran_order_is_refused(tmp_path, rng):
    put_npy(tmp_path, rng)
    np.save(tmp_path / "x.npy", np.asfortranarray(rng.normal(size=(50, 4))))
    assert "x.npy: its numbers lie in Fortran order" in refused(
        {**NPY, "stream": True}, tmp_path, **X4
    )


def test_another_shape_is_refused_before_anything_is_read(tmp_path, rng):
    put_npy(tmp_path, rng)
    text = refused({**NPY, "stream": True}, tmp_path, inputs={"x": {"shape": [5]}})
    assert text == "x.npy: array 'x': shape (N, 5) is expected, found (50, 4)"


@pytest.mark.parametrize(
    ("array", "value", "text"),
    [
        ("x", math.nan, "NaN is in input 'x'"),
        ("x", 1e300, "infinity is in input 'x'"),
        ("t", 7, "target 7 is no class"),
    ],
)
def test_a_bad_sample_is_named_when_it_comes(tmp_path, rng, array, value, text):
    for i in (1, 2):
        put_npy(tmp_path, rng, 20, name=f"{{}}-{i}.npy")
    bad = np.load(tmp_path / f"{array}-2.npy")
    bad[5] = value
    np.save(tmp_path / f"{array}-2.npy", bad)
    spec = spec_of({**NPY, "train": {"x": "x-*.npy", "t": "t-*.npy"}, "stream": True}, **X4)
    net = gn.build(spec)
    with pytest.raises(DatasetError) as e:
        list(gn.fit(net, gn.load_data(spec, tmp_path)))
    assert "train part: " in str(e.value)
    assert f"x-2.npy, sample 5: {text}" in str(e.value)


def test_a_file_that_changes_is_no_longer_read(tmp_path, rng):
    put_npy(tmp_path, rng)
    spec = spec_of({**NPY, "stream": True}, **X4)
    data = gn.load_data(spec, tmp_path)
    stream, _ = feeds(gn.build(spec), data)
    with (tmp_path / "x.npy").open("r+b") as file:
        file.truncate(500)
    with pytest.raises(DatasetError, match=r"x\.npy: has changed since the run began"):
        stream.batch(np.arange(50))


IDX = {"source": "idx", "train_images": "images", "train_labels": "labels"}


def put_idx(folder, rng, samples=40):
    images = rng.integers(0, 256, (samples, 6, 5), dtype=np.uint8)
    labels = rng.integers(0, 3, samples).astype(">i4")
    head = b"\0\0\x08\x03" + np.array(images.shape, ">i4").tobytes()
    (folder / "images").write_bytes(head + images.tobytes())
    (folder / "labels").write_bytes(
        b"\0\0\x0c\x01" + np.array([samples], ">i4").tobytes() + labels.tobytes()
    )


def test_idx_is_that_in_memory(tmp_path, rng):
    put_idx(tmp_path, rng)
    inputs = {"x": {"shape": [30], "image": DIGIT}}
    (_, memory, _), (_, stream, _) = both(tmp_path, IDX, inputs=inputs)
    same_samples(memory, stream)


def test_gzip_is_no_stream(tmp_path, rng):
    import gzip

    put_idx(tmp_path, rng)
    (tmp_path / "images").write_bytes(gzip.compress((tmp_path / "images").read_bytes()))
    text = refused({**IDX, "stream": True}, tmp_path, inputs={"x": {"shape": [30], "image": DIGIT}})
    assert text == (
        "images: is compressed with gzip, and a stream is read in places: decompress it (gunzip), "
        "or leave 'stream' out"
    )


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


def test_pictures_of_folders_are_those_in_memory(tmp_path, rng):
    for name in ("cat", "dog", "cow"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for i in range(9):
            pixels = rng.integers(0, 256, (8 + i % 2, 7, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pictures" / name / f"{i}.png")
    image = {"size": [6, 5], "mode": "rgb", "fit": "contain"}
    data = {"source": "folder", "train": "pictures", "test_share": 0.2}
    inputs = {"x": {"shape": [90], "image": image}}
    (one, memory, test), (other, stream, streamed_test) = both(tmp_path, data, inputs=inputs)
    assert one.prepare == other.prepare
    assert one.train.names == other.train.names
    same_samples(memory, stream)
    same_samples(test, streamed_test)
    before = stream.fingerprint()
    Path(tmp_path / "pictures" / "cat" / "3.png").write_bytes(b"no picture")
    assert stream.fingerprint() != before or "cat/3.png" not in other.train.names
    for feed in (stream, streamed_test):
        if any(name.endswith("cat/3.png") for name in feed.part_of.names):
            with pytest.raises(DatasetError, match=r"3\.png: is neither PNG nor JPEG"):
                feed.batch(np.arange(feed.samples))


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 400), st.floats(0.01, 0.99), st.integers(0, 9))
def test_a_share_and_the_others_are_all(samples, share, seed):
    if not 0 < round(share * samples) < samples:
        with pytest.raises(DatasetError, match="leaves none for one of the two parts"):
            Share.pair(samples, share, seed, "validation")
        return
    others, apart = Share.pair(samples, share, seed, "validation")
    found = [part.numbers(np.arange(len(part))) for part in (others, apart)]
    assert len(apart) == round(share * samples)
    assert all((np.diff(part) > 0).all() for part in found)
    np.testing.assert_array_equal(np.sort(np.concatenate(found)), np.arange(samples))


def test_a_share_of_a_stream_is_taken_from_every_stretch(tmp_path, rng):
    x, t = put_npy(tmp_path, rng, 200)
    data = {**NPY, "test_share": 0.25, "stream": True}
    train = {"epochs": 1, "batch_size": 7, "validation": 0.1}
    spec = spec_of(data, **X4, train=train)
    from graphnet.training.loop import Trainer

    trainer = Trainer(gn.build(spec), gn.load_data(spec, tmp_path))
    parts = (trainer.train, trainer.validation, trainer.test)
    assert [part.samples for part in parts] == [135, 15, 50]
    numbers = [part.numbers(slice(None)) for part in parts]
    np.testing.assert_array_equal(np.sort(np.concatenate(numbers)), np.arange(200))
    assert np.histogram(numbers[2], 10, (0, 200))[0].tolist() == [5] * 10
    for part, these in zip(parts, numbers, strict=True):
        inputs, (found,) = part.batch(slice(None))
        np.testing.assert_array_equal(inputs["x"], x[these].astype(np.float32))
        np.testing.assert_array_equal(found, t[these])
        order = part.order(0, 1)
        rows = np.asarray(order)
        inputs, (found,) = part.batch(rows)
        np.testing.assert_array_equal(inputs["x"], x[these[rows]].astype(np.float32))
