"""The source `lines`: text as whole numbers, labels or what follows as targets."""

import json

import numpy as np
import pytest

import graphnet as gn
from graphnet.errors import DatasetError, ShapeError, SpecError
from graphnet.prepare.generate import go_on
from graphnet.prepare.text import preparation_of

LABELLED = {
    "format": 1,
    "name": "mood",
    "inputs": {"x": {"shape": [5], "dtype": "int64", "text": {"unit": "word", "size": 8}}},
    "nodes": [
        {"id": "words", "type": "Embedding", "vocabulary": 8, "units": 3},
        {"id": "flat", "type": "Flatten"},
        {"id": "scores", "type": "Affine", "units": 2},
    ],
    "edges": [["x", "words", "flat", "scores"]],
    "loss": {"type": "SoftmaxWithLoss"},
    "data": {"source": "lines", "train": "t.txt", "target": "label"},
    "train": {"epochs": 1, "batch_size": 2},
}
NEXT = {
    **LABELLED,
    "inputs": {"x": {"shape": [5], "dtype": "int64", "text": {"size": 8}}},
    "nodes": [
        {"id": "letters", "type": "Embedding", "vocabulary": 8, "units": 3},
        {"id": "scores", "type": "Affine", "units": 8, "axis": -1},
    ],
    "edges": [["x", "letters", "scores"]],
    "loss": {"type": "SoftmaxWithLoss", "ignore": 0},
    "data": {"source": "lines", "train": "t.txt", "target": "next"},
}
MOODS = "good\tI like it!\nbad\tI do not like it\ngood\tI do\n"


def with_text(spec, data=None, **text):
    values = json.loads(json.dumps(spec))
    values["inputs"]["x"]["text"] |= text
    values["data"] |= data or {}
    return values


def loaded(folder, text, values):
    (folder / "t.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    return gn.load_data(gn.parse_spec(json.dumps(values)), folder)


def refused(folder, text, values) -> str:
    with pytest.raises(DatasetError) as e:
        loaded(folder, text, values)
    return str(e.value).replace(f"{folder}/", "").replace(f"{folder}\\", "")


def test_words_and_labels(tmp_path):
    data = loaded(tmp_path, MOODS, LABELLED)
    # The six most frequent, ties by their text: "not" is left out.
    assert data.prepare.values() == {
        "vocabulary": {"x": ["!", "I", "do", "it", "like", "not"]},
        "labels": {"scores": ["bad", "good"]},
    }
    assert data.train.inputs["x"].tolist() == [[3, 6, 5, 2, 0], [3, 4, 7, 6, 5], [3, 4, 0, 0, 0]]
    assert data.train.inputs["x"].dtype == np.int64
    assert data.train.targets.tolist() == [1, 0, 1]


def test_what_is_too_rare_is_unknown(tmp_path):
    values = with_text(LABELLED, size=4, pad="start", lower=True)
    data = loaded(tmp_path, MOODS, values)
    assert data.prepare.vocabulary == {"x": ("do", "i")}
    assert data.train.inputs["x"].tolist() == [[0, 3, 1, 1, 1], [3, 2, 1, 1, 1], [0, 0, 0, 3, 2]]


def test_a_vocabulary_of_the_spec(tmp_path):
    values = with_text(LABELLED, size=None, vocabulary=["it", "I"])
    del values["inputs"]["x"]["text"]["size"]
    data = loaded(tmp_path, MOODS, {**values, "labels": ["good", "bad"]})
    assert data.prepare.values() == {}
    assert data.train.inputs["x"].tolist()[0] == [3, 1, 2, 1, 0]
    assert data.train.targets.tolist() == [0, 1, 0]


def test_labels_that_are_numbers(tmp_path):
    values = {**LABELLED, "loss": {"type": "MeanSquaredError"}}
    values["nodes"] = [*LABELLED["nodes"][:2], {"id": "scores", "type": "Affine", "units": 1}]
    data = loaded(tmp_path, "1.5\tgood\n-2\tbad\n", values)
    assert data.train.targets.tolist() == [[1.5], [-2]]
    assert refused(tmp_path, "1\ta\nx\tb\n", values) == (
        "t.txt:2: a finite number is expected before the tab, found 'x'"
    )


def test_what_follows_in_lines(tmp_path):
    data = loaded(tmp_path, "abc\nba\n", NEXT)
    assert data.prepare.vocabulary == {"x": ("\n", "a", "b", "c")}
    assert data.train.inputs["x"].tolist() == [[2, 3, 4, 5, 0], [2, 4, 3, 0, 0]]
    assert data.train.targets.tolist() == [[3, 4, 5, 2, 0], [4, 3, 2, 0, 0]]
    started = loaded(tmp_path, "abc\nba\n", with_text(NEXT, pad="start"))
    assert started.train.inputs["x"].tolist() == [[0, 2, 3, 4, 5], [0, 0, 2, 4, 3]]
    assert started.train.targets.tolist() == [[0, 3, 4, 5, 2], [0, 0, 4, 3, 2]]
    cut = loaded(tmp_path, "abcabc\n", with_text(NEXT, cut=True))
    assert cut.train.inputs["x"].tolist() == [[2, 3, 4, 5, 3]]
    assert cut.train.targets.tolist() == [[3, 4, 5, 3, 4]]


def test_what_follows_in_a_text_that_goes_on(tmp_path):
    values = with_text(NEXT, {"joined": True})
    data = loaded(tmp_path, "abc\n\nba\r\nccc\n", values)
    # \n a b c \n | \n b a \n c | c c \n: the rest fills no window.
    assert data.train.inputs["x"].tolist() == [[2, 3, 4, 5, 2], [2, 4, 3, 2, 5]]
    assert data.train.targets.tolist() == [[3, 4, 5, 2, 2], [4, 3, 2, 5, 5]]
    said = refused(tmp_path, "ab\n", values)
    assert (
        said
        == "t.txt: 4 characters, line ends among them, fill no window of 5 and the one behind it"
    )


def test_a_share_of_the_lines_is_held_out(tmp_path):
    lines = "".join(f"{'good' if i % 4 else 'bad'}\tw{i % 5}\n" for i in range(80))
    data = loaded(tmp_path, lines, with_text(LABELLED, {"test_share": 0.25}))
    assert np.bincount(data.test.targets).tolist() == [5, 15]
    assert len(data.train) == 60


@pytest.mark.parametrize(
    ("values", "text", "said"),
    [
        (LABELLED, b"", "t.txt: there is no line in it"),
        (LABELLED, "good\n", "t.txt:1: a label, a tab and a text are expected, found 'good'"),
        (LABELLED, MOODS + "\n", "t.txt:4: a label, a tab and a text are expected, found ''"),
        (LABELLED, "\tI\n", "t.txt:1: a label of 1 to 200 characters is expected, found ''"),
        (LABELLED, "a\tb\tc\n", "t.txt:1: a second tab stands in it: a text has none"),
        (LABELLED, "good\tI\nbad\t  \n", "t.txt:2: there is no word in it"),
        (
            LABELLED,
            "good\ta b c d e f\nbad\ta\n",
            "t.txt:1: 6 words, but the model has 5 positions: shorten the line, or",
        ),
        (LABELLED, "a\tb\n", "t.txt: 1 classes are found ('a'), but 'scores' gives (2,)"),
        (NEXT, "abc\n\nb\n", "t.txt:2: an empty line: take it out"),
        (
            NEXT,
            "abcde\n",
            "t.txt:1: 6 characters, but the model has 5 positions: shorten the line",
        ),
        (NEXT, b"ab\xff\n", "t.txt:1: byte 0xff is not UTF-8: save the file in that encoding"),
        (NEXT, b"ab\0\n", "t.txt:1: a zero byte stands in it"),
        (NEXT, "ab\n".encode("utf-16"), "t.txt:1: is UTF-16: save it as UTF-8"),
        (NEXT, b"x" * (16 * 2**20 + 1), "t.txt:1: a line of more than 16,777,216 bytes"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, values, text, said):
    assert refused(tmp_path, text, values).startswith(said)


def test_ten_lines_are_named_together(tmp_path):
    assert len(refused(tmp_path, "x\n" * 30, LABELLED).splitlines()) == 10 + 1


def test_test_lines_may_hold_what_training_did_not_know(tmp_path):
    (tmp_path / "test.txt").write_text("good\tthey like it\n")
    data = loaded(tmp_path, MOODS, with_text(LABELLED, {"test": "test.txt"}))
    assert data.test.inputs["x"].tolist() == [[1, 6, 5, 0, 0]]
    (tmp_path / "test.txt").write_text("goood\tthey\n")
    assert refused(tmp_path, MOODS, with_text(LABELLED, {"test": "test.txt"})) == (
        "test.txt:1: 'goood' is no label; did you mean 'good'?"
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (with_text(LABELLED, {"joined": True}), 'data.joined: belongs to "target": "next"'),
        (with_text(LABELLED, {"target": "previous"}), "data.target: 'label' or 'next' is expected"),
        (
            with_text(LABELLED, size=9),
            "node 'words' (Embedding): 8 rows, but the text of 'x' has 9",
        ),
        (with_text(LABELLED, size=2), "inputs.x.text.size: must be at least 3, found 2"),
        (with_text(LABELLED, vocabulary=["a"]), "inputs.x.text: takes 'size', or 'vocabulary' in"),
        (with_text(LABELLED, padd="end"), "inputs.x.text.padd: unknown attribute 'padd'; did you"),
        (
            {**LABELLED, "inputs": {"x": {"shape": [5], "text": {"size": 8}}}},
            'inputs.x.text: text becomes whole numbers: write "dtype": "int64" beside it',
        ),
        (
            {**LABELLED, "inputs": {"x": {"shape": [5], "dtype": "int64"}}},
            "inputs.x: source 'lines' gives text: this input needs 'text'",
        ),
        (
            {**NEXT, "loss": {"type": "SoftmaxWithLoss"}},
            'loss: the padding behind short lines would count as an answer: write "ignore": 0',
        ),
        ({**NEXT, "loss": {"type": "MeanSquaredError"}}, "loss.type: what follows is one of the"),
        (
            {
                **NEXT,
                "data": LABELLED["data"] | {"target": "next"},
                "nodes": [
                    NEXT["nodes"][0],
                    {"id": "scores", "type": "Affine", "units": 7, "axis": -1},
                ],
            },
            "loss: 'scores' gives (5, 7), but what follows at each position needs (5, 8)",
        ),
    ],
)
def test_mistakes_in_the_spec(values, said):
    with pytest.raises((SpecError, ShapeError)) as e:
        gn.parse_spec(json.dumps(values))
    assert said in str(e.value)


def test_vocabularies_that_do_not_belong_to_the_spec(tmp_path):
    from dataclasses import replace

    from graphnet.bundle.model import contents_of, network_of
    from graphnet.errors import InvalidBundleError

    net = gn.build(gn.parse_spec(json.dumps(NEXT)))
    net.prepare = loaded(tmp_path, "abc\n", NEXT).prepare
    contents = contents_of(net)
    assert contents.prepare == '{"vocabulary":{"x":["\\n","a","b","c"]}}'
    assert network_of(contents).prepare == net.prepare
    for wrong in ('["a","b","c","d","e","f","g"]', '["a","a"]', "[]", '[""]', '"ab"'):
        with pytest.raises(InvalidBundleError):
            network_of(replace(contents, prepare=f'{{"vocabulary":{{"x":{wrong}}}}}'))


def test_text_goes_on_to_the_line_s_end(tmp_path):
    """A table of which letter follows which, in place of a trained network."""
    net = gn.build(gn.parse_spec(json.dumps(NEXT)))
    net.prepare = loaded(tmp_path, "abc\n", NEXT).prepare
    follows = {2: 3, 3: 4, 4: 5, 5: 2}  # "\n" a b c "\n"
    net.params["letters/W"][...] = 0
    net.params["scores/W"][...] = 0
    net.params["scores/b"][...] = 0
    net.params["scores/b"][:2] = 9  # padding and unknown are never written
    for code, (x, y) in zip(follows, ((1, 0), (0, 1), (-1, 0), (0, -1)), strict=True):
        net.params["letters/W"][code, :2] = x, y
        net.params["scores/W"][:2, follows[code]] = x, y
    preparation = preparation_of(net, "x")
    lines = [[], ["a"], list("abcabcab"), list("abc")]
    found = ["".join(units) for units in go_on(net, preparation, lines, 10)]
    assert found == ["abc", "bc", "c", ""]
    assert ["".join(units) for units in go_on(net, preparation, lines, 1)] == ["a", "b", "c", ""]
