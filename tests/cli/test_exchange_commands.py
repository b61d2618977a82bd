"""`export` and `import` as processes."""

import pytest
from processes import ROOT

import graphnet
from graphnet.builder import build
from graphnet.spec.reader import read_spec


@pytest.fixture
def bundle(tmp_path):
    net = build(read_spec(ROOT / "models" / "digits.json"), seed=0)
    graphnet.save(tmp_path / "digits.msgpack", net)
    return tmp_path / "digits.msgpack"


@pytest.mark.parametrize("name", ["out.onnx", "out.safetensors", "out.json"])
def test_a_bundle_goes_out_and_comes_back_for_pictures(tool, bundle, name):
    if name != "out.json":
        pytest.importorskip(name[4:], reason="the extra 'onnx' is not installed")
    picture = ROOT / "examples" / "digits" / "five.png"
    before = tool("infer", bundle, picture, "--top", "3")
    done = tool("export", "digits.msgpack", name)
    assert (done.code, done.err) == (0, [])
    assert done.out.splitlines()[0] == name
    done = tool("import", name, "-o", "again.msgpack")
    assert (done.code, done.out, done.err) == (0, "again.msgpack\n", [])
    after = tool("infer", "again.msgpack", picture, "--top", "3")
    assert after.code == 0
    assert [line.split("\t")[0] for line in after.out.splitlines()] == [
        line.split("\t")[0] for line in before.out.splitlines()
    ]


def test_the_bundle_is_called_as_the_file_is_and_never_replaces_another(tool, bundle):
    tool("export", "digits.msgpack", "out.json")
    assert tool("import", "out.json") == (0, "out.msgpack\n", [])
    done = tool("import", "out.json")
    assert (done.code, done.err) == (
        3,
        ["out.msgpack: is there already: name the bundle with --out"],
    )
    assert tool("import", "out.json", "--out", "out.msgpack").code == 0
    done = tool("import", "out.json", "--out", "out.json")
    assert done.err == ["out.json: is what is read: name another file with --out"]


def test_a_spec_and_its_arrays_are_not_written_over(tool, bundle, tmp_path):
    (tmp_path / "mine.npz").write_bytes(b"the training data")
    done = tool("export", "digits.msgpack", "mine.json")
    assert (done.code, done.out) == (3, "")
    assert done.err == ["mine.npz: is there already: name another .json, or --force"]
    assert (tmp_path / "mine.npz").read_bytes() == b"the training data"
    assert tool("export", "digits.msgpack", "mine.json", "--force").code == 0


def test_what_onnx_does_not_hold_is_said(tool, bundle, tmp_path):
    pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
    spec = read_spec(ROOT / "models" / "iris.json")
    net = build(spec)
    net.prepare = graphnet.load_data(spec, ROOT / "models").prepare
    graphnet.save(tmp_path / "iris.msgpack", net)
    done = tool("export", "iris.msgpack", "iris.onnx")
    assert done.code == 0
    assert done.err == [
        "iris.onnx: ONNX has no place for the columns of input 'x': whoever uses it prepares the "
        "numbers; .safetensors and .json keep it"
    ]
    assert tool("export", "iris.msgpack", "iris.safetensors").err == []


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (["export", "digits.msgpack", "out.pt"], 3, "out.pt: the name must end in one of .onnx"),
        (["export", "no.msgpack", "out.json"], 3, "no.msgpack: "),
        (["import", "no.onnx"], 3, "no.onnx: "),
        (["import", "no.json"], 2, "no.json: "),
        (["import", "x.onnx", "--batch-axis", "first"], 2, "python "),
    ],
)
def test_what_is_wrong_is_one_line(tool, bundle, words, code, error):
    if any(word.endswith(".onnx") for word in words):
        pytest.importorskip("onnx", reason="the extra 'onnx' is not installed")
    done = tool(*words)
    assert (done.code, done.out, len(done.err)) == (code, "", 1)
    assert done.err[0].startswith(error)
