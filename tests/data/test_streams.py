"""Data that stay in their files: the same samples as in memory, whatever the source."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from stream_feeds import DIGIT, both, refused, same_samples, spec_of

import graphnet as gn
from graphnet.data.streams.pieces import paths_of
from graphnet.data.streams.shares import Share
from graphnet.errors import DatasetError, SpecError
from graphnet.training.feed import feeds

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
