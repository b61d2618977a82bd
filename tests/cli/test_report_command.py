"""`report`, `train --report` and `compare` as processes: the pages, and what is refused."""

import json
import os

import pytest
from page_checks import checked
from processes import DIGITS

import graphnet as gn
from graphnet.report.html import MARK

SHORT = ("--set", "train.epochs=2")


@pytest.fixture
def without_matplotlib(tmp_path, tool):
    """An environment in which matplotlib cannot be found."""
    (tmp_path / "none" / "matplotlib").mkdir(parents=True)
    text = "raise ModuleNotFoundError(\"No module named 'matplotlib'\", name='matplotlib')\n"
    (tmp_path / "none" / "matplotlib" / "__init__.py").write_text(text)
    paths = [str(tmp_path / "none"), os.environ.get("PYTHONPATH", "")]
    return tool.environment({"PYTHONPATH": os.pathsep.join(filter(None, paths))})


def test_train_and_report_write_the_same_page(tool, tmp_path):
    done = tool("train", DIGITS, *SHORT, "--report", "train.html", "--json")
    assert done.code == 0, done
    last = json.loads(done.out.splitlines()[-1])
    assert list(last) == ["bundle", "parameters", "report", "seconds"]
    assert last["report"] == "train.html"
    text = (tmp_path / "train.html").read_text(encoding="utf-8")
    checked(text)
    assert all("norms" in entry for entry in gn.load(tmp_path / "digits.msgpack").history)
    done = tool("report", "digits.msgpack", "--data", DIGITS)
    size = len(text.encode())
    assert done.out == f"digits.report.html: digits on the test part, {size:,} bytes\n"
    assert (tmp_path / "digits.report.html").read_text(encoding="utf-8") == text

    done = tool("train", DIGITS, *SHORT, "--set", "nodes.affine1.units=9", "--out", "b.msgpack")
    assert done.code == 0
    done = tool("compare", "digits.msgpack", "b.msgpack", "-o", "c.html")
    head, first, second, said = done.out.splitlines()
    assert head.split()[:3] == ["name", "parameters", "epochs"]
    assert (first.split()[0], second.split()[:2]) == ("digits.msgpack", ["b.msgpack", "685"])
    assert said.startswith("c.html: ")
    page = checked((tmp_path / "c.html").read_text(encoding="utf-8"))
    assert "nodes.affine1.units was 50, is 9" in page.text
    (entry,) = gn.load(tmp_path / "b.msgpack").history[-1:]
    cells = dict(zip(*page.table("Each network as it is in its file")[::2], strict=True))
    assert cells["test accuracy"] == f"{entry['test_accuracy']:.4f}"
    assert cells["bytes"] == f"{(tmp_path / 'b.msgpack').stat().st_size:,}"


def test_a_training_that_could_not_be_reported_does_not_begin(tool, tmp_path, without_matplotlib):
    done = tool("train", DIGITS, "--report", "r.html", env=without_matplotlib)
    assert (done.code, done.out) == (2, "")
    assert done.err == [
        "a report needs the package 'matplotlib': in the checkout, with the Python that runs "
        'this, python -m pip install --editable ".[plot]"'
    ]
    assert tool("train", DIGITS, *SHORT, env=without_matplotlib).code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["digits.msgpack", "none"]
    assert tool("compare", "digits.msgpack", "digits.msgpack", env=without_matplotlib).code == 0


def test_what_would_be_lost_is_refused(tmp_path, monkeypatch, capsys):
    from graphnet.cli.train import main as train

    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.json").write_bytes(DIGITS.read_bytes())
    (tmp_path / "notes.html").write_text("<!doctype html>\nmine")
    (tmp_path / "old.html").write_text(MARK)
    said = {
        "spec.json": "spec.json: is the spec itself; name another file",
        "digits.msgpack": "digits.msgpack: is the bundle itself; name another file",
        "digits.msgpack.checkpoint": "digits.msgpack.checkpoint: is the checkpoint itself; name "
        "another file",
        "notes.html": "notes.html: is no page or drawing of graphnet, and would be lost; name "
        "another",
        "no/r.html": f"no/r.html: there is no folder '{tmp_path / 'no'}'; create it first",
    }
    for path, line in said.items():
        assert train(["spec.json", "--report", path]) == 3
        assert capsys.readouterr() == ("", f"{line}\n")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.html", "old.html", "spec.json"]


def test_usage_is_told_in_a_line(tool, capsys):
    from graphnet.cli.compare import main as compare
    from graphnet.cli.report import main as report

    for main, words, text in (
        (report, ["a.msgpack"], "--data is missing: a bundle does not hold where its samples lie"),
        (compare, ["a.msgpack"], "two bundles or more are compared, found one"),
    ):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2
        assert text in capsys.readouterr().err
    assert report(["a.msgpack", "--data", "digits"]) == 3
    assert capsys.readouterr().err.startswith("a.msgpack: ")
