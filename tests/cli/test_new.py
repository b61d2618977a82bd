"""`new`, then `train`, then `infer`, as a person runs them, one after the other."""

import json

import numpy as np
import pytest
from PIL import Image
from processes import ROOT


@pytest.fixture
def shapes(tmp_path, rng):
    """Bars that lie and bars that stand, in colours and sizes of all kinds."""
    for name in ("lying", "standing"):
        place = tmp_path / "pictures" / name
        place.mkdir(parents=True)
        for i in range(30):
            width, height = (int(side) for side in rng.integers(16, 40, 2))
            ground, ink = rng.integers(150, 256, 3), rng.integers(0, 90, 3)
            pixels = np.tile(ground.astype(np.uint8), (height, width, 1))
            middle = height // 2 if name == "lying" else width // 2
            bar = slice(middle - 3, middle + 3)
            pixels[(bar, slice(2, -2)) if name == "lying" else (slice(2, -2), bar)] = ink
            Image.fromarray(pixels).save(place / f"{i}.png")
    return tmp_path / "pictures"


def last(done):
    """What the end of `train` says comes next, without the words that start it."""
    assert done.code == 0, done.err
    return done.out.splitlines()[-1]


def test_from_a_folder_of_pictures_to_a_classifier(tool, tmp_path, shapes):
    made = tool("new", "--data", "folder:pictures/", "--out", "mine.json")
    assert (made.code, made.out) == (0, "")
    assert made.err[0].startswith("mine.json: 2 classes of pictures, found in 60 files")
    assert made.err[-1].startswith("next: ")
    assert made.err[-1].endswith("train.py mine.json")
    assert json.loads((tmp_path / "mine.json").read_text())["name"] == "mine"
    trained = tool("train", "mine.json", "--set", "train.epochs=20")
    assert last(trained).endswith("infer.py mine.msgpack pictures/lying/0.png")
    answers = tool("infer", "mine.msgpack", "pictures").out.splitlines()
    right = [line for line in answers if line.split("/")[1] == line.split("\t")[1]]
    assert len(right) >= 0.9 * len(answers) == 54


def test_from_a_table_to_predictions(tool, tmp_path):
    table = (ROOT / "models" / "data" / "iris.csv").read_text()
    (tmp_path / "iris.csv").write_text(table)
    made = tool("new", "--data", "csv:iris.csv", "--out", "iris.json")
    assert made.err[0] == "the last column, 'species', is learnt: --target names another"
    trained = tool("train", "iris.json", "--set", "train.epochs=30")
    assert last(trained).endswith("infer.py iris.msgpack iris.csv")
    assert tool("infer", "iris.msgpack", "iris.csv").out.splitlines()[0] == "1\tsetosa"


def test_from_texts_to_labels(tool, tmp_path, rng):
    words = {"good": ["nice", "great", "lovely", "fine"], "bad": ["awful", "poor", "sad", "ugly"]}
    lines = [
        f"{label}\tthe film was {' and '.join(rng.choice(words[label], 2))} i say"
        for label in ("good", "bad") * 60
    ]
    (tmp_path / "texts.txt").write_text("\n".join(lines) + "\n")
    tool("new", "--data", "lines:texts.txt", "--out", "texts.json")
    trained = tool("train", "texts.json", "--set", "train.epochs=20")
    assert " --text 'the film was " in last(trained)
    assert (
        tool("infer", "texts.msgpack", "--text", "the film was nice and fine i say").out == "good\n"
    )


def test_from_arrays_and_digits_to_a_bundle(tool, tmp_path, rng):
    x = rng.normal(20, 5, (120, 3))
    np.savez(tmp_path / "arrays.npz", x=x, t=(x[:, 0] > 20).astype(int))
    for source, name in (("npz:arrays.npz", "arrays"), ("digits", "numerals")):
        tool("new", "--data", source, "--out", f"{name}.json")
        trained = tool("train", f"{name}.json", "--set", "train.epochs=2")
        assert trained.code == 0
        assert (tmp_path / f"{name}.msgpack").is_file()


def test_without_out_the_spec_goes_to_standard_output(tool):
    made = tool("new", "--data", "digits", "--name", "other")
    assert json.loads(made.out)["name"] == "other"
    assert made.err == ["to train it, write it into a file with --out"]


def test_what_a_stream_cannot_show_stays_json(tool, tmp_path):
    rows = "".join(f"{i % 7},{('größe', '大きさ')[i % 2]}\n" for i in range(20))
    (tmp_path / "t.csv").write_text("länge,art\n" + rows, encoding="utf-8")
    made = tool("new", "--data", "csv:t.csv", env={"PYTHONIOENCODING": "ascii"})
    assert made.out.isascii()
    values = json.loads(made.out)
    assert values["labels"] == ["größe", "大きさ"]
    assert list(values["inputs"]["x"]["columns"]) == ["länge"]


def test_an_existing_file_stays(tool, tmp_path):
    (tmp_path / "mine.json").write_text("{}")
    made = tool("new", "--data", "digits", "--out", "mine.json")
    assert (made.code, made.err) == (3, ["mine.json: exists already; --force replaces it"])
    assert (tmp_path / "mine.json").read_text() == "{}"
    assert tool("new", "--data", "digits", "--out", "mine.json", "--force").code == 0
    assert json.loads((tmp_path / "mine.json").read_text())["name"] == "mine"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--data", "nothing"), 2, "unknown source 'nothing'; it must be one of folder:PATH"),
        (("--data", "folder:nowhere"), 3, "nowhere: no such folder: name one that holds pictures"),
        (("--data", "digits", "--out", "x.txt"), 2, "--out 'x.txt': a spec's name ends in .json"),
        (("--data", "digits", "--out", "no/x.json"), 3, "no/x.json: there is no folder 'no'"),
        (("--data", "digits", "--name", "two words"), 2, "digits: name: a name of 1 to 64"),
    ],
)
def test_what_cannot_be(tool, words, code, said):
    done = tool("new", *words)
    assert done.code == code
    assert done.out == ""
    assert done.err[0].startswith(said)
