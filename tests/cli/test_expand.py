"""`check --expand` as a process: the plain spec, which is the same network."""

import json

import pytest
from processes import DIGITS, ROOT

RESIDUAL = ROOT / "models" / "residual.json"


def test_the_plain_spec_trains_to_the_same_bytes(tool, tmp_path):
    done = tool("check", "--expand", RESIDUAL)
    assert (done.code, done.err) == (0, [])
    (tmp_path / "plain.json").write_text(done.out, encoding="utf-8")
    plain = json.loads(done.out)
    assert "blocks" not in plain
    assert {node["type"] for node in plain["nodes"]}.isdisjoint({"Block"})
    settings = ["--set", "train.epochs=1", "--threads", 1]
    assert tool("train", RESIDUAL, *settings, "--out", "a.msgpack").code == 0
    assert tool("train", "plain.json", *settings, "--out", "b.msgpack").code == 0
    assert (tmp_path / "a.msgpack").read_bytes() == (tmp_path / "b.msgpack").read_bytes()
    assert tool("check", RESIDUAL) == tool("check", "plain.json") == tool("check", "a.msgpack")


def test_a_spec_without_blocks_keeps_its_values(tool, tmp_path):
    done = tool("check", "--expand", DIGITS)
    assert json.loads(done.out) == json.loads(DIGITS.read_text(encoding="utf-8"))
    (tmp_path / "plain.json").write_text(done.out, encoding="utf-8")
    assert tool("check", "--expand", "plain.json").out == done.out


def test_a_bundle_shows_the_spec_inside(tool, digits_bundle):
    plain = json.loads(tool("check", "--expand", digits_bundle).out)
    assert [node["id"] for node in plain["nodes"]] == ["affine1", "relu1", "affine2"]
    assert "data" not in plain


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp1252"])
def test_every_letter_survives_every_terminal(tool, write_spec, encoding):
    spec = write_spec(doc="grün \u6f22 \U0001f600")
    done = tool("check", "--expand", spec, env={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"})
    assert json.loads(done.out)["doc"] == "grün \u6f22 \U0001f600"


def test_a_mistake_is_told_as_ever(tool, tmp_path):
    values = json.loads(RESIDUAL.read_text(encoding="utf-8"))
    values["blocks"]["residual"]["nodes"][1]["kernel"] = 0
    (tmp_path / "wrong.json").write_text(json.dumps(values, indent=1), encoding="utf-8")
    done = tool("check", "--expand", "wrong.json")
    assert (done.code, done.out) == (2, "")
    assert "blocks.residual.nodes[1].kernel" in done.err[0]
    assert done.err[0].endswith("(expanded: 'stage1/1/conv2' and 3 more)")


@pytest.mark.parametrize(
    ("setting", "parameters"),
    [
        ("blocks.conv.args.channels=8", None),
        ("nodes.stage2.repeat=1", 51_642 - 2 * (9 * 32 * 32 + 64)),
        ("nodes.stage1.args.channels=16", 51_642),
    ],
)
def test_settings_reach_into_blocks(tool, setting, parameters):
    arguments = ["--set", setting, "--set", "train.epochs=1", "--json"]
    done = tool("train", RESIDUAL, *arguments)
    if parameters is None:  # the two parts of the sum have 16 and 8 channels then
        assert done.code == 2
        assert "node 'stage1/1/add' (Add)" in done.err[0]
        return
    assert json.loads(done.out.splitlines()[-1])["parameters"] == parameters


def test_an_expanded_node_has_no_place_in_the_file(tool):
    done = tool("train", RESIDUAL, "--set", "nodes.stage1/2/conv2.kernel=5")
    assert done.err == [
        "--set nodes.stage1/2/conv2.kernel=5: nodes has no 'stage1/2/conv2'; set an argument of "
        "its block (nodes.stage1.args.NAME) or what 'blocks' says"
    ]
