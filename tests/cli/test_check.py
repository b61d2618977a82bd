"""`check` as a process: the layers with their costs, or everything that is wrong."""

import json
import re

import pytest
from processes import DIGITS, ROOT


def cells(line: str) -> list[str]:
    return re.split(r"  +", line)


def test_a_spec_as_a_table_of_layers(tool):
    done = tool("check", DIGITS)
    assert (done.code, done.err) == (0, [])
    title, *table, parameters, step = done.out.splitlines()
    assert title == "digits: float32, output affine2"
    rows = [cells(line) for line in table]
    assert rows[0] == ["node", "type", "from", "shape", "parameters", "FLOPs", "bytes"]
    assert cells(table[1])[:2] == ["x", "(input)"]
    assert [row[:5] for row in rows[2:]] == [
        ["affine1", "Affine", "x", "(50,)", "3,250"],
        ["relu1", "Relu", "affine1", "(50,)", "0"],
        ["affine2", "Affine", "relu1", "(10,)", "510"],
        ["loss", "SoftmaxWithLoss", "affine2", "()", "0"],
    ]
    # Two products of 50 x 64 x 50 numbers (the first layer's dx is not wanted) and two sums.
    assert rows[2][5] == f"{50 * (2 * 2 * 64 * 50 + 2 * 50):,}"
    assert parameters == "parameters: 3,760"
    flops = sum(int(row[5].replace(",", "")) for row in rows[2:])
    assert re.fullmatch(
        rf"a training step of batch 50: {flops:,} FLOPs, [\d,]+ bytes, in 1 shard", step
    )


def test_a_bundle_shows_the_table_of_its_spec(tool, digits_bundle):
    assert tool("check", digits_bundle) == tool("check", DIGITS)


def test_a_bundle_of_any_name_is_told_by_its_content(tool, tmp_path, digits_bundle):
    (tmp_path / "model").write_bytes(digits_bundle.read_bytes())
    assert tool("check", "model").out.startswith("digits: float32, output affine2\n")


@pytest.mark.parametrize("spec", sorted((ROOT / "models").glob("*.json")), ids=lambda p: p.stem)
def test_every_spec_that_ships_is_right(tool, spec):
    done = tool("check", spec)
    assert (done.code, done.err) == (0, [])
    assert done.out.startswith(f"{spec.stem}: float")


def test_a_graph_of_scalars(tool):
    done = tool("check", ROOT / "models" / "apple.json")
    lines = done.out.splitlines()
    assert cells(lines[2])[:3] == ["apple", "(input)", "()"]
    assert cells(lines[5])[:5] == ["apple_price", "Mul", "apple, apple_num", "()", "0"]
    assert lines[-1].startswith("forward and backward of batch 1: 6 FLOPs, ")


def test_all_mistakes_at_their_places(tool, tmp_path, write_spec):
    values = json.loads(write_spec().read_text())
    values["nodes"][0]["unit"] = values["nodes"][0].pop("units")
    values["edges"] = [["x", "affin1", "relu1", "affine2"]]
    (tmp_path / "wrong.json").write_text(json.dumps(values, indent=2))
    done = tool("check", "wrong.json")
    assert (done.code, done.out) == (2, "")
    assert all(re.match(r"wrong\.json:\d+:\d+: ", line) for line in done.err)
    said = "\n".join(done.err)
    assert "did you mean 'units'" in said
    assert "did you mean 'affine1'" in said


@pytest.mark.parametrize(
    ("file", "code", "said"),
    [
        ("no.json", 2, "no.json: cannot be read: No such file or directory"),
        ("no.msgpack", 3, "no.msgpack: there is no such file"),
        ("text.json", 2, "text.json:1:1: not JSON: "),
        ("text.msgpack", 3, "text.msgpack: is not a graphnet bundle"),
        ("cut.msgpack", 3, "cut.msgpack: ends after 400 of its "),
        ("bad.msgpack", 3, "bad.msgpack: the checksum of tensor "),
        (".", 2, ".: not a regular file"),
    ],
)
def test_a_file_that_is_neither(tool, tmp_path, digits_bundle, file, code, said):
    data = bytearray(digits_bundle.read_bytes())
    (tmp_path / "text.json").write_text("hello")
    (tmp_path / "text.msgpack").write_text("hello")
    (tmp_path / "cut.msgpack").write_bytes(data[:400])
    data[-1] ^= 1
    (tmp_path / "bad.msgpack").write_bytes(data)
    done = tool("check", file)
    assert (done.code, done.out, len(done.err)) == (code, "", 1)
    assert done.err[0].startswith(said)


def test_a_spec_past_its_limit_exits_4(tool, tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100 + "]" * 100)
    done = tool("check", "deep.json")
    assert (done.code, done.out) == (4, "")
    assert done.err == ["deep.json:1:65: nested more than 64 levels deep"]
