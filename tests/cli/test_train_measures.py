"""`train` with a validation part, early stopping, metrics, augmentation and tables of classes."""

import json
import re

import numpy as np
import pytest
from processes import DIGITS

import graphnet as gn


def setting(**train):
    """The options that put values into the recipe."""
    words = []
    for key, value in train.items():
        words += ["--set", f"train.{key}={json.dumps(value)}"]
    return words


STOPPING = {"monitor": "validation_accuracy", "patience": 2, "min_delta": 0.5}


def test_lines_tell_every_part_and_the_best_epoch(tool, tmp_path):
    done = tool("train", DIGITS, *setting(epochs=9, validation=0.2, early_stopping=STOPPING))
    assert done.code == 0
    heads, titles, *epochs, last = done.err
    assert heads.split() == ["train", "validation", "test"]
    assert titles.split() == [
        "epoch",
        "loss",
        "accuracy",
        "accuracy",
        "loss",
        "accuracy",
        "samples/s",
        "time",
    ]
    figure = r" +\d\.\d{4}"
    line = re.compile(rf" +\d/9(?:{figure}){{5}}  [ \d,]{{9}}  [ \d.]+ m?s(  best)?")
    assert [bool(line.fullmatch(text)) for text in epochs] == [True] * len(epochs)
    net = gn.load(tmp_path / "digits.msgpack")
    (best,) = (entry for entry in net.history if entry.get("best"))
    assert last == (
        f"stopped after epoch {len(epochs)}: no better for 2 epochs; the network is that of epoch "
        f"{best['epoch']}, validation_accuracy {best['validation_accuracy']:.4f}"
    )
    said = f"digits.msgpack: test accuracy {best['test_accuracy']:.4f} (epoch {best['epoch']}), "
    assert done.out.startswith(said)
    found = gn.evaluate(net, gn.load_data(gn.read_spec(DIGITS)).test)
    assert found.accuracy == best["test_accuracy"]


def test_json_tells_the_same_an_object_a_line(tool):
    recipe = setting(epochs=3, validation=0.2, metrics=["F1"], early_stopping={"patience": 9})
    done = tool("train", DIGITS, *recipe, "--json", "--classes")
    assert (done.code, done.err) == (0, [])
    *epochs, last = map(json.loads, done.out.splitlines())
    keys = ["epoch", "loss", "train_accuracy", "test_accuracy", "validation_loss"]
    keys += ["validation_accuracy", "metrics", "best_epoch", "seconds"]
    assert [list(epoch) for epoch in epochs] == [keys] * 3
    assert list(epochs[0]["metrics"]) == ["train_f1", "validation_f1", "test_f1"]
    assert list(last) == ["bundle", "parameters", "best_epoch", "classes", "seconds"]
    best = epochs[last["best_epoch"] - 1]
    assert last["classes"]["part"] == "test"
    assert last["classes"]["accuracy"] == best["test_accuracy"]
    classes = last["classes"]["outputs"]["affine2"]
    assert np.sum(classes["confusion"]) == 360
    assert np.mean(classes["f1"]) == pytest.approx(best["metrics"]["test_f1"])


def test_with_classes_it_ends_in_a_table_of_them_and_of_confusions(tool):
    done = tool("train", DIGITS, *setting(epochs=5), "--classes")
    lines = done.out.splitlines()
    assert re.fullmatch(r"test part: loss \d\.\d{4}, accuracy 0\.\d{4}", lines[0])
    assert lines[1].split() == ["class", "precision", "recall", "f1", "samples"]
    rows = [line.split() for line in lines[2:12]]
    assert [row[0] for row in rows] == list("0123456789")
    assert {row[-1] for row in rows} == {"36"}
    assert lines[12].split()[0] == "mean"
    assert lines[13].startswith("confusion (a row: the class that it is")
    matrix = np.array([[int(n) for n in line.split()[1:]] for line in lines[15:25]])
    assert matrix.sum(axis=1).tolist() == [36] * 10
    accuracy = np.trace(matrix) / 360
    assert lines[25].startswith(f"digits.msgpack: test accuracy {accuracy:.4f}, ")


def test_the_same_bytes_for_any_threads_with_everything_on(tool, tmp_path):
    recipe = setting(
        epochs=3,
        batch_size=400,
        validation=0.1,
        early_stopping={"patience": 1},
        metrics=["Precision", {"type": "TopK", "k": 2}],
        augment=[
            {"type": "Shift", "pixels": 1},
            {"type": "Rotate", "degrees": 10},
            {"type": "Noise", "std": 0.05},
        ],
    )
    wide = ("--set", "nodes.affine1.units=2000")
    found = set()
    for threads in (1, 2, 3):
        folder = tmp_path / str(threads)
        folder.mkdir()
        done = tool("train", DIGITS, *recipe, *wide, "--threads", threads, folder=folder)
        assert done.code == 0, done
        found.add((folder / "digits.msgpack").read_bytes())
    assert len(found) == 1


def test_a_better_epoch_than_the_last_is_named(tool):
    text = "the network is that of the last: early_stopping keeps the best"
    done = tool("train", DIGITS, "--set", "train.epochs=60")
    history = gn.load(tool.folder / "digits.msgpack").history
    figures = [entry["test_accuracy"] for entry in history]
    best = max(figures)
    said = f"the best epoch was {figures.index(best) + 1}, test accuracy {best:.4f}; {text}"
    assert (said in done.err) == (best > figures[-1])
    done = tool("train", DIGITS, "--set", "train.epochs=1")
    assert not any(text in line for line in done.err)
