"""`train` on data that it has to find, and on data that do not fit."""

import json
import re

import numpy as np
import pytest
from processes import ROOT

import graphnet as gn

MNIST = ROOT / "models" / "mnist_two_layer.json"
ONE_EPOCH = {"epochs": 1, "batch_size": 10, "seed": 0, "optimizer": {"type": "SGD", "lr": 0.1}}
FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte")


@pytest.fixture
def idx_spec(tmp_path, write_spec, write_idx, rng):
    """A spec in sub/ with pictures and labels in sub/data/, named from the spec's own folder."""

    def write(labels: np.ndarray, test: np.ndarray | None = None, size: int = 8):
        data = {"source": "idx", "train_images": "data/x", "train_labels": "data/t"}
        if test is not None:
            data |= {"test_images": "data/test_x", "test_labels": "data/test_t"}
        spec = write_spec("sub/mine.json", data=data, train=ONE_EPOCH)
        (tmp_path / "sub" / "data").mkdir()
        for start, found in (("", labels), ("test_", test)):
            if found is not None:
                pictures = rng.integers(0, 256, (len(found), size, size))
                write_idx(tmp_path / "sub" / "data" / f"{start}x", pictures)
                write_idx(tmp_path / "sub" / "data" / f"{start}t", found)
        return spec

    return write


def test_an_idx_pair_by_paths_from_the_spec_s_folder(tool, tmp_path, idx_spec):
    idx_spec(np.arange(40) % 10, test=np.arange(12) % 10)
    done = tool("train", "sub/mine.json", "--json")
    assert (done.code, done.err) == (0, [])
    epoch = json.loads(done.out.splitlines()[0])
    assert (epoch["test_accuracy"] * 12) % 1 == pytest.approx(0)
    assert len(gn.load(tmp_path / "mine.msgpack").history) == 1


def test_data_without_a_test_part_has_no_test_accuracy(tool, idx_spec):
    idx_spec(np.arange(40) % 10)
    plain = tool("train", "sub/mine.json")
    assert plain.code == 0
    assert plain.out.startswith("mine.msgpack: train accuracy 0.")
    assert "  test " not in plain.err[0]
    done = tool("train", "sub/mine.json", "--json")
    assert json.loads(done.out.splitlines()[0])["test_accuracy"] is None


def test_labels_beyond_the_classes_are_named(tool, tmp_path, idx_spec):
    idx_spec(np.array([0, 1, 10, 3]))
    done = tool("train", "sub/mine.json")
    assert (done.code, done.out, len(done.err)) == (3, "", 1)
    assert "'idx', train part" in done.err[0]
    assert "10" in done.err[0]
    assert not (tmp_path / "mine.msgpack").exists()


def test_pictures_of_another_size_are_named(tool, tmp_path, idx_spec):
    idx_spec(np.arange(40) % 10, size=9)
    done = tool("train", "sub/mine.json")
    assert (done.code, done.out, len(done.err)) == (2, "", 1)
    assert "'idx', train part" in done.err[0]
    assert "(40, 9, 9)" in done.err[0]
    assert not (tmp_path / "mine.msgpack").exists()


def test_files_that_are_missing_are_named(tool, tmp_path, idx_spec):
    idx_spec(np.arange(40) % 10)
    (tmp_path / "sub" / "data" / "t").unlink()
    done = tool("train", "sub/mine.json")
    assert (done.code, done.out) == (3, "")
    assert done.err == ["sub/data/t: no such file: name an IDX file, plain or gzip"]


def test_mnist_that_is_nowhere_says_which_files_go_where(tool, tmp_path):
    (tmp_path / "empty").mkdir()
    done = tool("train", MNIST, "--data-dir", "empty")
    assert (done.code, done.out, len(done.err)) == (3, "", 1)
    assert done.err[0].startswith("mnist: its files were not found and could not be downloaded")
    for name in (*FILES, "--data-dir"):
        assert name in done.err[0]
    assert not list(tmp_path.glob("*.msgpack"))


def test_a_data_folder_that_does_not_exist(tool):
    done = tool("train", MNIST, "--data-dir", "nowhere")
    assert (done.code, done.out, len(done.err)) == (3, "", 1)
    assert done.err[0].startswith("nowhere: no such folder")
    assert "mnist" in done.err[0]


def test_mnist_for_one_epoch(tool, tmp_path, mnist_dir):
    done = tool("train", MNIST, "--data-dir", mnist_dir, "--set", "train.epochs=1", "--json")
    assert (done.code, done.err) == (0, [])
    epoch, last = [json.loads(line) for line in done.out.splitlines()]
    assert epoch["test_accuracy"] > 0.88
    assert last["parameters"] == 39_760
    assert gn.load(tmp_path / "mnist_two_layer.msgpack").history[0]["loss"] == epoch["loss"]


def test_mnist_by_the_environment(tool, mnist_dir):
    env = {"GRAPHNET_DATA": str(mnist_dir)}
    done = tool(
        "train", MNIST, "--set", "train.epochs=1", "--set", "train.batch_size=6000", env=env
    )
    assert done.code == 0
    assert re.match(r" *1/1 +2\.[0-9]{4} ", done.err[2]), done.err
