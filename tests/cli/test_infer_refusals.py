"""What `infer` cannot answer: pictures and bundles that are broken, and networks of other kinds."""

import json
import shlex
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from processes import DIGITS, EXAMPLES, ROOT

import graphnet as gn
from graphnet.bundle.model import contents_of
from graphnet.bundle.writer import write_bundle
from graphnet.training.checkpoint import save_checkpoint
from graphnet.training.loop import Trainer

SEVEN = EXAMPLES / "seven_on_paper.png"


@pytest.fixture
def bundle(tmp_path, network):
    """Save a network that gives the scores `b` for every picture where all its weights are 0."""

    def make(b: list[float], image: bool = True, weights: float = 0, **more: Any) -> str:
        picture = {"image": {"size": [2, 2], "background": "black"}} if image else {}
        inputs = {"x": {"shape": [4], **picture}}
        nodes = [{"id": "affine", "type": "Affine", "units": len(b)}]
        net = network(nodes, [["x", "affine"]], **{"inputs": inputs, **more})
        net.params["affine/W"][...] = weights
        net.params["affine/b"][...] = b
        # `save` would refuse what is not finite.
        write_bundle(tmp_path / "m.msgpack", contents_of(net))
        return "m.msgpack"

    return make


def test_broken_pictures_are_named_and_the_others_answered(tool, tmp_path, digits_bundle):
    whole = SEVEN.read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty.jpg").touch()
    names = ["cut.png", "text.png", "empty.jpg", "missing.png"]
    done = tool("infer", digits_bundle, names[0], SEVEN, *names[1:], EXAMPLES / "two.png")
    assert done.code == 3
    assert done.out == f"{SEVEN}\t7\n{EXAMPLES / 'two.png'}\t2\n"
    assert [line.split(": ")[0] for line in done.err] == names
    assert done.err[3] == "missing.png: cannot be read (No such file or directory); check the path"


def bomb() -> bytes:
    """A PNG of a few bytes that says 65,000 x 65,000."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    head = struct.pack(">IIBBBBB", 65_000, 65_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_a_picture_over_the_limit_exits_4(tool, tmp_path, digits_bundle):
    (tmp_path / "bomb.png").write_bytes(bomb())
    done = tool("infer", digits_bundle, "bomb.png", SEVEN)
    assert (done.code, done.out) == (4, f"{SEVEN}\t7\n")
    assert len(done.err) == 1
    assert done.err[0].startswith("bomb.png: has 4,225,000,000 pixels, but 16,000,000 are read")
    # With a broken one beside it, the call is one of broken files.
    assert tool("infer", digits_bundle, "bomb.png", "missing.png").code == 3


def test_an_empty_folder_is_named_and_the_others_answered(tool, tmp_path, digits_bundle):
    (tmp_path / "empty").mkdir()
    said = ["empty: no PNG or JPEG file is in this folder"]
    assert tool("infer", digits_bundle, "empty") == (3, "", said)
    assert tool("infer", digits_bundle, "empty", SEVEN) == (3, f"{SEVEN}\t7\n", said)


def test_names_with_control_characters_are_escaped(tool, tmp_path, digits_bundle):
    try:
        (tmp_path / "a\tb\n\x1b[31m.png").write_bytes(SEVEN.read_bytes())
    except OSError:
        pytest.skip("this system has no such file names")
    done = tool("infer", digits_bundle, "a\tb\n\x1b[31m.png", "no\nfile.png")
    assert done.out == "a\\tb\\n\\x1b[31m.png\t7\n"
    assert len(done.err) == 1
    assert done.err[0].startswith("no\\nfile.png: ")


def test_a_missing_bundle(tool):
    assert tool("infer", "no.msgpack", SEVEN) == (3, "", ["no.msgpack: there is no such file"])


@pytest.mark.parametrize("at", [20, 200, -10])
def test_a_damaged_bundle(tool, tmp_path, digits_bundle, at):
    data = bytearray(digits_bundle.read_bytes())
    data[at] ^= 1
    (tmp_path / "bad.msgpack").write_bytes(data)
    done = tool("infer", "bad.msgpack", SEVEN)
    assert (done.code, done.out, len(done.err)) == (3, "", 1)
    assert done.err[0].startswith("bad.msgpack: ")


def test_a_bundle_that_is_cut_short(tool, tmp_path, digits_bundle):
    (tmp_path / "cut.msgpack").write_bytes(digits_bundle.read_bytes()[:5000])
    done = tool("infer", "cut.msgpack", SEVEN)
    assert (done.code, done.out, len(done.err)) == (3, "", 1)
    assert done.err[0].startswith("cut.msgpack: ends after 5,000 of its ")


def test_a_spec_in_place_of_the_bundle(tool):
    done = tool("infer", DIGITS, SEVEN)
    assert (done.code, done.out, len(done.err)) == (3, "", 1)
    assert "is a spec, not a bundle; train it first: " in done.err[0]
    assert done.err[0].endswith(f"train.py {DIGITS}")


def test_a_checkpoint_in_place_of_the_bundle(tool, tmp_path):
    spec = gn.read_spec(DIGITS)
    trainer = Trainer(gn.build(spec), gn.load_data(spec))
    save_checkpoint(tmp_path / "run.msgpack", trainer)
    done = tool("infer", "run.msgpack", SEVEN)
    assert (done.code, done.out, len(done.err)) == (3, "", 1)
    assert "this is a checkpoint" in done.err[0]


def test_without_labels_the_index_is_printed(tool, bundle):
    assert tool("infer", bundle([0, 1, 5, 2]), SEVEN) == (0, "2\n", [])


def test_labels_with_control_characters_are_escaped(tool, bundle):
    path = bundle([1, 0], labels=["bell\a\ttab\x1b[31m", "é"])
    assert tool("infer", path, SEVEN).out == "bell\\x07\\ttab\\x1b[31m\n"


@pytest.mark.parametrize(("score", "label", "index"), [(2.0, "yes", 1), (-2.0, "no", 0)])
def test_a_single_score_is_a_binary_one(tool, bundle, score, label, index):
    path = bundle([score], labels=["no", "yes"])
    assert tool("infer", path, SEVEN).out == f"{label}\n"
    assert f'"index": {index}, "scores": [{score}]}}' in tool("infer", path, SEVEN, "--json").out
    top = tool("infer", path, SEVEN, "--top", "2", "--probabilities").out.splitlines()
    assert top[0] == f"{label}\t{1 / (1 + np.exp(-2.0))!s}"
    assert sum(float(line.split("\t")[1]) for line in top) == pytest.approx(1)


def test_an_input_that_is_no_picture(tool, bundle):
    done = tool("infer", bundle([0, 1], image=False), SEVEN)
    said = f"{SEVEN}: this model takes .npz files with the arrays 'x'; this is none"
    assert done == (3, "", [said])


def test_an_output_that_gives_no_scores(tool, tmp_path, network):
    inputs = {"x": {"shape": [2, 2, 1], "image": {"size": [2, 2]}}}
    net = network([{"id": "same", "type": "Identity"}], [["x", "same"]], inputs=inputs)
    gn.save(tmp_path / "m.msgpack", net)
    said = "m.msgpack: 'same' gives (2, 2, 1), not one score for each class"
    assert tool("infer", "m.msgpack", SEVEN) == (3, "", [said])


def test_scores_that_are_not_finite(tool, bundle):
    done = tool("infer", bundle([1.7e308, 1], weights=1.7e308), SEVEN)
    assert done == (5, "", ["m.msgpack: the network's scores are not finite"])


def test_a_network_that_is_not_finite(tool, bundle):
    done = tool("infer", bundle([np.nan, 1]), SEVEN)
    what = "NaN is in parameter 'affine/b': what it answers would mean nothing"
    assert done == (3, "", [f"m.msgpack: {what}"])


def test_pictures_of_many_batches(tool, tmp_path, bundle):
    (tmp_path / "many").mkdir()
    Image.new("L", (2, 2)).save(tmp_path / "many" / "000.png")
    data = (tmp_path / "many" / "000.png").read_bytes()
    for i in range(1, 600):
        (tmp_path / "many" / f"{i:03}.png").write_bytes(data if i != 300 else b"")
    done = tool("infer", bundle([0, 1]), "many")
    assert (done.code, len(done.err)) == (3, 1)
    assert "300.png: the file is empty" in done.err[0]
    answered = [f"{i:03}.png\t1" for i in range(600) if i != 300]
    assert [line[len("many/") :] for line in done.out.splitlines()] == answered


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--top", "0"), "argument --top: '0' is no number from 1 to 10000"),
        (("--top", "2", "--json"), "argument --json: not allowed with argument --top"),
        (("--labels", "x"), "unrecognized arguments: --labels x"),
    ],
)
def test_a_wrong_call_is_one_line(tool, arguments, said):
    done = tool("infer", "m.msgpack", SEVEN, *arguments)
    start = f"python {ROOT / 'tools' / 'infer.py'}"
    assert done == (2, "", [f"{start}: {said} (--help says more)"])


def test_a_reader_that_leaves_early_is_no_error(tool, tmp_path, digits_bundle):
    process = subprocess.Popen(
        tool.line("infer", digits_bundle, *[EXAMPLES] * 5),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=tool.environment(),
    )
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(60) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell closes the streams")
@pytest.mark.parametrize(
    ("closed", "code", "err"),
    [
        ("<&-", 3, ["standard input: the file is empty (0 bytes); copy or save the picture again"]),
        (">&-", 3, ["standard input: the file is empty (0 bytes); copy or save the picture again"]),
        ("2>&-", 3, []),
    ],
)
def test_streams_that_are_closed(tool, digits_bundle, closed, code, err):
    line = f"{shlex.join(tool.line('infer', digits_bundle, '-'))} {closed}"
    done = subprocess.run(
        ["sh", "-c", line], input=b"", capture_output=True, env=tool.environment(), check=False
    )
    assert (done.returncode, done.stdout) == (code, b"")
    assert done.stderr.decode().splitlines() == err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_under_the_results_is_said(tool, digits_bundle):
    with open("/dev/full", "wb") as full:
        line = tool.line("infer", digits_bundle, SEVEN)
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, env=tool.environment())
    assert (done.returncode, done.stderr) == (3, b"output: No space left on device\n")


def test_a_picture_without_ink_is_named(tool, digits_bundle, tmp_path):
    Image.new("L", (40, 30), 255).save(tmp_path / "blank.png")
    done = tool("infer", digits_bundle, "blank.png")
    assert done.code == 0
    assert done.err == ["blank.png: no ink is found in it: its label means nothing"]


def test_the_bundle_comes_first(tool, digits_bundle):
    done = tool("infer", SEVEN, digits_bundle)
    said = "is no bundle but, by its name, a picture: the bundle comes first"
    assert (done.code, done.err) == (3, [f"{SEVEN}: {said}"])


def test_what_the_network_saw_is_a_png(tool, digits_bundle):
    done = tool("infer", digits_bundle, SEVEN, "--show-input", "seen.jpg")
    assert done.code == 2
    assert done.err[-1].endswith(": --show-input writes a PNG: name it OUT.png (--help says more)")


def test_probabilities_alone_show_nothing(tool, digits_bundle):
    done = tool("infer", digits_bundle, SEVEN, "--probabilities")
    assert done.code == 2
    assert "--probabilities goes with --top or --json" in done.err[-1]


def test_a_small_model_of_huge_pictures_takes_no_memory(tool, tmp_path):
    side = 4000
    values = {
        "format": 1,
        "name": "huge",
        "inputs": {"x": {"shape": [side, side, 1], "image": {"size": [side, side]}}},
        "nodes": [{"id": f"n{i}", "type": "Neg"} for i in range(3)]
        + [{"id": "flat", "type": "Flatten"}],
        "edges": [["x", "n0", "n1", "n2", "flat"]],
    }
    gn.save(tmp_path / "huge.msgpack", gn.build(gn.parse_spec(json.dumps(values))))
    done = tool("infer", "huge.msgpack", SEVEN)
    assert (done.code, done.out) == (4, "")
    assert " bytes of memory; the limit is 167,772,160" in done.err[0]


def test_a_misspelt_option_is_one_line_without_control_characters(tool, digits_bundle):
    done = tool("infer", digits_bundle, "--bad\x1b[31mopt", "x.png")
    assert (done.code, len(done.err)) == (2, 1)
    assert "\x1b" not in done.err[0]
    assert done.err[0].endswith("(--help says more)")


def test_the_picture_itself_is_not_written_over(tool, digits_bundle, tmp_path):
    (tmp_path / "p.png").write_bytes(SEVEN.read_bytes())
    done = tool("infer", digits_bundle, "p.png", "--show-input", "p.png")
    assert done.code == 2
    assert (tmp_path / "p.png").read_bytes() == SEVEN.read_bytes()
