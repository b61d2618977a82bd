"""What `train` refuses before the first step: one line a problem, an exit code, nothing written."""

import json
import os
import sys

import pytest
from processes import DIGITS, ROOT


def refused(tool, code: int, *arguments: object, files: set[str] = frozenset()) -> list[str]:
    """The lines of standard error of a command that trains nothing and writes nothing."""
    done = tool("train", *arguments)
    assert (done.code, done.out) == (code, ""), done
    assert not any(line.startswith("epoch") for line in done.err)
    assert not any("Traceback" in line for line in done.err)
    assert {p.name for p in tool.folder.iterdir()} == files
    return done.err


def test_a_missing_spec(tool):
    assert refused(tool, 2, "nothing.json") == [
        "nothing.json: cannot be read: No such file or directory"
    ]


def test_all_mistakes_of_a_spec_at_their_places(tool, write_spec):
    spec = write_spec()
    values = json.loads(spec.read_text())
    values["nodes"][1]["type"] = "ReLu"
    values["train"]["batch_sise"] = values["train"].pop("batch_size")
    spec.write_text(json.dumps(values, indent=1))
    relu, size = refused(tool, 2, "mine.json", files={"mine.json"})
    assert relu.startswith("mine.json:")
    assert relu.endswith("nodes[1].type: unknown layer type 'ReLu'; did you mean 'Relu'?")
    assert "did you mean 'batch_size'" in size


@pytest.mark.parametrize("missing", ["train", "data"])
def test_a_spec_that_does_not_say_how_to_train(tool, write_spec, missing):
    write_spec(**{missing: None})
    remedy = {"train": '"train": {"epochs": 20}', "data": '"data": {"source": "digits"}'}[missing]
    assert refused(tool, 2, "mine.json", files={"mine.json"}) == [
        f"mine.json: nothing to train: the spec has no '{missing}'; add one, as {remedy}"
    ]


def test_a_graph_without_a_loss(tool):
    spec = ROOT / "models" / "apple.json"
    said = "nothing to train: the spec has no 'train'; from Python, forward() and backward()"
    assert refused(tool, 2, spec) == [f"{spec}: {said} compute any graph"]


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("train.epochs", "--set train.epochs: KEY=VALUE is expected"),
        ("=3", "--set =3: KEY=VALUE is expected"),
        ("trian.epochs=3", "the spec has no 'trian'; did you mean 'train'?"),
        ("nodes.affine3.units=3", "nodes has no 'affine3'; did you mean 'affine2'?"),
        ("nodes.7.units=3", "nodes has no '7'"),
        ("train.epoch=3", "train.epoch: unknown attribute 'epoch'"),
        ("train.epochs=two", "train.epochs: an integer is expected, found 'two'"),
        ("train.epochs=0", "train.epochs: must be at least 1, found 0"),
        ("train.epochs.more=1", "train.epochs has no 'more'"),
        ("train.optimizer.lr=NaN", "train.optimizer.lr: a number is expected, found 'NaN'"),
        ("nodes.affine2.units=9", "10 labels, but 'affine2' gives (9,): 9 classes"),
        ("data.source=mnist", "pictures of source 'mnist' have size [28, 28], not [8, 8]"),
        ("name=../up", "name:"),
    ],
)
def test_a_setting_that_cannot_be(tool, setting, said):
    assert said in "\n".join(refused(tool, 2, DIGITS, "--set", setting))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "the following arguments are required: spec"),
        ((DIGITS, "--epochs", "3"), "unrecognized arguments: --epochs 3"),
        ((DIGITS, "--js"), "unrecognized arguments: --js"),
        ((DIGITS, "--threads", "0"), "argument --threads: '0' is no number from 1 to 1024"),
        ((DIGITS, "--threads", "two"), "argument --threads: 'two' is no number from 1 to 1024"),
        ((DIGITS, "--out", ""), "argument --out: a file's name is expected"),
        ((DIGITS, "--out"), "argument --out: expected one argument"),
    ],
)
def test_a_wrong_call_is_one_line(tool, arguments, said):
    start = f"python {ROOT / 'tools' / 'train.py'}"
    assert refused(tool, 2, *arguments) == [f"{start}: {said} (--help says more)"]


def test_a_bundle_in_place_of_the_spec(tool, digits_bundle):
    assert refused(tool, 2, digits_bundle) == [
        f"{digits_bundle}: is a bundle; train takes a spec (.json)"
    ]


def test_an_output_folder_that_is_missing(tool, tmp_path):
    (line,) = refused(tool, 3, DIGITS, "--out", "no/digits.msgpack")
    folder = tmp_path / "no"
    assert line == f"no/digits.msgpack: there is no folder '{folder}'; create it first"


def test_an_output_that_is_a_folder(tool, tmp_path):
    (tmp_path / "models").mkdir()
    said = "models: is a folder; add a file's name to it"
    assert refused(tool, 3, DIGITS, "--out", "models", files={"models"}) == [said]


def test_a_checkpoint_that_could_not_be_written(tool, tmp_path):
    (tmp_path / "a.checkpoint").mkdir()
    said = "a.checkpoint: is a folder; add a file's name to it"
    assert refused(tool, 3, DIGITS, "--out", "a", files={"a.checkpoint"}) == [said]


def test_the_spec_itself_as_output(tool, write_spec):
    before = write_spec().read_bytes()
    said = "mine.json: is the spec itself; name another file with --out"
    arguments = ("mine.json", "--out", "mine.json")
    assert refused(tool, 3, *arguments, files={"mine.json"}) == [said]
    assert (tool.folder / "mine.json").read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no modes")
def test_an_output_folder_that_is_write_protected(tool, tmp_path):
    folder = tmp_path / "kept"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        pytest.skip("this user may write everywhere")
    (line,) = refused(tool, 3, DIGITS, "--out", "kept/a.msgpack", files={"kept"})
    assert line == "kept/a.msgpack: cannot be saved: Permission denied"


def test_an_old_bundle_that_is_write_protected(tool, tmp_path):
    old = tmp_path / "old.msgpack"
    old.write_bytes(b"kept")
    old.chmod(0o400)
    if os.access(old, os.W_OK):
        pytest.skip("this user may write everything")
    (line,) = refused(tool, 3, DIGITS, "--out", "old.msgpack", files={"old.msgpack"})
    assert line.startswith("old.msgpack: is write-protected")
    assert old.read_bytes() == b"kept"


def test_a_spec_that_no_bundle_holds_is_refused_before_the_first_step(tool, write_spec):
    values = json.loads(DIGITS.read_text())
    # 600,000 ones: 1.8 MB as written here, 2.4 MB as the 1.0 of the canonical text.
    constant = {"shape": [600_000], "value": [1] * 600_000}
    write_spec(
        inputs={**values["inputs"], "c": constant},
        nodes=[*values["nodes"], {"id": "side", "type": "Neg"}],
        edges=[*values["edges"], ["c", "side"]],
    )
    (line,) = refused(tool, 4, "mine.json", files={"mine.json"})
    assert "spec" in line
    assert "2,097,152" in line


def test_a_file_that_is_no_bundle_is_not_written_over(tool, tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n")
    done = tool("train", ROOT / "models" / "iris.json", "--out", "rows.csv")
    assert (done.code, done.out) == (3, "")
    assert done.err == ["rows.csv: is no bundle, and would be lost; name another with --out"]
    assert (tmp_path / "rows.csv").read_text() == "a,b\n"


def test_a_softmax_before_the_loss_that_has_one_is_told(tool, tmp_path):
    values = json.loads((ROOT / "models" / "iris.json").read_text())
    values["nodes"].append({"id": "softmax", "type": "Softmax"})
    values["edges"][0].append("softmax")
    values["outputs"] = ["softmax"]
    values["data"]["train"] = str(ROOT / "models" / "data" / "iris.csv")
    (tmp_path / "iris.json").write_text(json.dumps(values))
    done = tool("train", "iris.json", "--set", "train.epochs=1")
    assert done.code == 0
    assert done.err[0] == (
        "iris.json: 'softmax' is a Softmax, and SoftmaxWithLoss has one of its own: leave the node "
        "out"
    )
    (tmp_path / "row.csv").write_text(
        "sepal_length,sepal_width,petal_length,petal_width\n5,3,2,1\n"
    )
    answers = [
        json.loads(tool("infer", "iris.msgpack", "row.csv", "--json", *more).out)["scores"]
        for more in ((), ("--probabilities",))
    ]
    assert answers[0] == answers[1]
