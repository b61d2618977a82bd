"""The data that ship beside the specs: made by scripts, and read whole."""

import subprocess
import sys

import pytest
from checkout import ROOT

import graphnet as gn

DATA = ROOT / "models" / "data"


@pytest.mark.parametrize("script", ["make_iris.py", "make_lines.py"])
def test_the_files_are_those_that_the_script_writes(script):
    if script == "make_iris.py":
        pytest.importorskip("sklearn", reason="scikit-learn carries the table")
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, "--check"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "counts"),
    [("iris", (120, 30)), ("char_lstm", (1800, 200)), ("tiny_transformer", (3600, 400))],
)
def test_parts_of_every_model(model, name, counts):
    data = gn.load_data(model(name), ROOT / "models")
    assert (len(data.train), len(data.test)) == counts


def test_every_date_is_right_and_none_is_there_twice():
    from datetime import date

    lines = (DATA / "dates.txt").read_text().splitlines()
    months = "january february march april may june july august september october november december"
    assert len(set(lines)) == len(lines) == 2000
    for line in lines:
        words, iso = line.split(" = ")
        day, month, year = words.split()
        assert iso == str(date(int(year), months.split().index(month) + 1, int(day)))


def test_every_answer_is_right_and_no_question_is_there_twice():
    opposite = {"above": "below", "below": "above", "left": "right", "right": "left"}
    lines = (DATA / "places.txt").read_text().splitlines()
    assert len({line.split("\t")[1] for line in lines}) == len(lines) == 4000
    for line in lines:
        answer, text = line.split("\t")
        *told, question = text.split(" . ")
        asked = question.removeprefix("where is the ").removesuffix(" ?")
        (found,) = (sentence for sentence in told if f"the {asked}" in sentence)
        a, rest = found.removeprefix("the ").split(" is ")
        word, b = rest.replace(" of", "").split(" the ")
        assert asked in (a, b)
        assert answer == (word if asked == a else opposite[word])
