"""`infer` on texts: labels, the next character, lines that go on; and the models of text."""

import json

import pytest
from processes import ROOT, Commands


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """models/tiny_transformer.json after two epochs."""
    folder = tmp_path_factory.mktemp("places")
    spec = ROOT / "models" / "tiny_transformer.json"
    done = Commands(folder)("train", spec, "--set", "train.epochs=3")
    assert done.code == 0
    assert float(done.out.split("test accuracy ")[1].split(",")[0]) > 0.3
    assert "infer.py tiny_transformer.msgpack --text '" in done.out.splitlines()[-1]
    return folder / "tiny_transformer.msgpack"


@pytest.fixture(scope="module")
def dates(tmp_path_factory):
    """models/char_lstm.json after three epochs."""
    folder = tmp_path_factory.mktemp("dates")
    done = Commands(folder)("train", ROOT / "models" / "char_lstm.json", "--set", "train.epochs=3")
    assert done.code == 0
    # Each position counts; before the = there is little to know.
    assert float(done.out.split("test accuracy ")[1].split(",")[0]) > 0.6
    return folder / "char_lstm.msgpack"


ASKED = "the dog is above the cat . the cow is left of the pig . where is the dog ?"
LABELS = ["above", "below", "left", "right"]


def test_one_text_prints_its_label_and_nothing_else(tool, places):
    done = tool("infer", places, "--text", ASKED)
    assert (done.code, done.err) == (0, [])
    assert done.out.rstrip("\n") in LABELS
    same = tool("infer", places, "--text", ASKED, "--json")
    answer = json.loads(same.out)
    assert list(answer) == ["text", "label", "index", "scores"]
    assert answer["text"] == ASKED
    assert answer["label"] == done.out.rstrip("\n")
    top = tool("infer", places, f"--text={ASKED}", "--top", "4", "--probabilities").out.splitlines()
    assert sorted(line.split("\t")[0] for line in top) == LABELS


def test_a_file_of_texts_and_standard_input(tool, tmp_path, places):
    (tmp_path / "asked.txt").write_text(f"{ASKED}\r\n{ASKED}\n")
    label = tool("infer", places, "--text", ASKED).out
    expected = f"1\t{label}2\t{label}"
    assert tool("infer", places, "asked.txt") == (0, expected, [])
    assert tool("infer", places, "-", stdin=ASKED.encode()) == (0, f"1\t{label}", [])
    assert tool("infer", places, "--json", "asked.txt").out.count('"row"') == 2
    both = tool("infer", places, "asked.txt", "asked.txt").out.splitlines()
    assert both[2].split("\t")[0] == "asked.txt:1"


def test_lines_that_cannot_be_answered_are_named(tool, tmp_path, places):
    (tmp_path / "asked.txt").write_text(f"\n{ASKED}\n{ASKED} {ASKED}\n")
    done = tool("infer", places, "asked.txt", "no.txt")
    assert done.code == 3
    assert done.out.split("\t")[0] == "asked.txt:2"
    assert done.err == [
        "asked.txt:1: there is no word in it",
        "asked.txt:3: 40 words, but the model has 22 positions: shorten the line, or train with "
        '"cut": true',
        "no.txt: no such file: name a text file, one text a line",
    ]
    done = tool("infer", places, "--text", "")
    assert done == (3, "", ["--text: there is no word in it"])


def test_the_next_character(tool, dates):
    done = tool("infer", dates, "--text", "3 march 1987")
    assert done == (0, " \n", [])
    answer = json.loads(tool("infer", dates, "--text", "3 march 1987", "--json").out)
    assert answer["label"] == " "
    assert len(answer["scores"]) == 40
    # An empty text is one that has not begun.
    assert tool("infer", dates, "--text", "").out.rstrip("\n") in "123"


def test_a_line_that_goes_on(tool, tmp_path, dates):
    done = tool("infer", dates, "--text", "3 march 1987 =", "--generate", "20")
    assert (done.code, done.err) == (0, [])
    assert done.out.startswith("3 march 1987 = 19")
    (tmp_path / "begun.txt").write_text("3 march\n3 march 1987 =\n")
    lines = tool("infer", dates, "begun.txt", "--generate", "2").out.splitlines()
    assert lines[0].startswith("1\t3 march ")
    assert len(lines[0]) == len("1\t3 march 1")
    assert lines[1].startswith("2\t3 march 1987 = ")
    done = tool("infer", dates, "begun.txt", "--generate", "2", "--json")
    answer = json.loads(done.out.splitlines()[0])
    assert list(answer) == ["file", "row", "line"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "files, or - for standard input, or --text are expected: give one of them"),
        (("a.txt", "--text", "b"), "files, or - for standard input, or --text are expected"),
        (("--text", "b", "--generate", "3"), "--generate is for a model that tells the next"),
        (("--text", "b", "--show-input", "o.png"), "--show-input takes one picture"),
        (("--text", "b", "--generate", "0"), "argument --generate: '0' is no number from 1 to"),
    ],
)
def test_a_wrong_call_is_one_line(tool, places, arguments, said):
    done = tool("infer", places, *arguments)
    assert (done.code, done.out, len(done.err)) == (2, "", 1)
    assert said in done.err[0]


def test_text_for_a_model_of_pictures(tool, digits_bundle):
    done = tool("infer", digits_bundle, "--text", "seven")
    assert done.code == 2
    assert "--text is for a model of text: name files" in done.err[0]


def test_a_model_that_was_never_trained(tool, tmp_path, model):
    import graphnet as gn

    gn.save(tmp_path / "m.msgpack", gn.build(model("char_lstm")))
    done = tool("infer", "m.msgpack", "--text", "x")
    said = "input 'x': its vocabulary was fitted to no data yet: train the network first"
    assert done == (3, "", [f"m.msgpack: {said}"])
