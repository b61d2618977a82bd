"""`train` as a process: what it writes and says; the same seed, the same bytes; Ctrl-C."""

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from processes import DIGITS, EXAMPLES

import graphnet as gn
from graphnet.bundle.format import MAGIC
from graphnet.bundle.reader import read_bundle

SHORT = ("--set", "train.epochs=2")
HEADER = [
    "                    train      test",
    "epoch      loss  accuracy  accuracy  samples/s     time",
]
EPOCH = re.compile(
    r"  1/2    2\.\d{4}    0\.\d{4}    0\.\d{4}  [ \d,]{9}  [ \d.:]{3,5} m?s", re.ASCII
)
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and terminals of POSIX")


def trained(tool, folder: Path, *options: object) -> bytes:
    folder.mkdir()
    done = tool("train", DIGITS, *SHORT, *options, folder=folder)
    assert done.code == 0, done
    return (folder / "digits.msgpack").read_bytes()


def test_digits_reaches_96_percent(digits_run):
    bundle, done = digits_run
    assert done.code == 0
    said = re.match(r"digits\.msgpack: test accuracy (0\.\d{4}), 3,760 parameters, ", done.out)
    assert said
    assert float(said[1]) >= 0.96
    data = gn.load_data(gn.read_spec(DIGITS))
    net = gn.load(bundle)
    pixels = data.test.inputs["image"].reshape(-1, 64)
    accuracy = net.accuracy(pixels.astype("float32") / 255, data.test.targets)
    assert f"{accuracy:.4f}" == said[1]


def test_says_a_line_an_epoch_on_stderr_and_the_result_on_stdout(tool, tmp_path):
    done = tool("train", DIGITS, *SHORT)
    assert done.code == 0
    assert done.err[:2] == HEADER
    assert EPOCH.fullmatch(done.err[2])
    assert done.err[3].startswith("  2/2    ")
    assert len({len(line) for line in done.err[1:]}) == 1
    result, following = done.out.splitlines()
    size = (tmp_path / "digits.msgpack").stat().st_size
    assert result.startswith("digits.msgpack: test accuracy 0.")
    assert f", 3,760 parameters, {size:,} bytes, " in result
    assert following.startswith("next: ")


def test_ends_with_a_command_that_works_as_it_stands(tool, tmp_path):
    done = tool("train", DIGITS, *SHORT, "--out", "my model.msgpack")
    line = done.out.splitlines()[-1].removeprefix("next: ")
    words = shlex.split(
        line.replace("PICTURE.png", shlex.quote(str(EXAMPLES / "seven_on_paper.png")))
    )
    answer = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert answer.stdout.strip() in set("0123456789")


def test_names_the_bundle_after_the_spec_in_the_current_folder(tool, tmp_path, write_spec):
    spec = write_spec("elsewhere/some_file.json", name="named-so")
    assert tool("train", spec, *SHORT).code == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["elsewhere", "named-so.msgpack"]
    assert [p.name for p in spec.parent.iterdir()] == ["some_file.json"]


def test_out_replaces_an_old_file_and_creates_no_other(tool, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "model").write_bytes(MAGIC + b"old")
    done = tool("train", DIGITS, *SHORT, "--out", "sub/model")
    assert done.code == 0
    assert done.out.startswith("sub/model: test accuracy")
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["model"]
    assert len(gn.load(tmp_path / "sub" / "model").history) == 2


def test_set_replaces_values_of_the_spec_and_the_bundle_keeps_them(tool, tmp_path):
    settings = ["train.epochs=1", "nodes.affine1.units=7", "doc=two words", "name=small"]
    done = tool("train", DIGITS, *[word for s in settings for word in ("--set", s)])
    assert done.code == 0
    net = gn.load(tmp_path / "small.msgpack")
    assert net.params["affine1/W"].shape == (64, 7)
    assert net.spec.doc == "two words"
    assert net.spec.train.epochs == 1
    assert [epoch["epoch"] for epoch in net.history] == [1]


def test_json_prints_an_object_an_epoch_and_one_at_the_end(tool):
    done = tool("train", DIGITS, *SHORT, "--json", "--out", "a.msgpack")
    assert (done.code, done.err) == (0, [])
    *epochs, last = [json.loads(line) for line in done.out.splitlines()]
    for number, epoch in enumerate(epochs, 1):
        keys = ["epoch", "loss", "train_accuracy", "test_accuracy", "seconds"]
        assert list(epoch) == keys
        assert epoch["epoch"] == number
        assert 0 < epoch["train_accuracy"] < 1
        assert epoch["seconds"] > 0
    assert len(epochs) == 2
    assert epochs[1]["loss"] < epochs[0]["loss"]
    assert list(last) == ["bundle", "parameters", "seconds"]
    assert last["bundle"] == "a.msgpack"
    assert last["parameters"] == 3760


def test_the_same_seed_gives_the_same_bytes_in_any_folder(tool, tmp_path):
    first = trained(tool, tmp_path / "a")
    assert trained(tool, tmp_path / "another folder") == first
    assert trained(tool, tmp_path / "c", "--set", "train.seed=1") != first


def test_any_number_of_threads_gives_the_same_bytes(tool, tmp_path):
    # Batches this large are cut into shards, so that the threads have something to share.
    wide = ("--set", "nodes.affine1.units=2000", "--set", "train.batch_size=400")
    found = {trained(tool, tmp_path / str(n), *wide, "--threads", n) for n in (1, 2, 3)}
    assert len(found) == 1


def test_a_reader_that_leaves_early_does_not_stop_the_run(tool, tmp_path):
    line = tool.line("train", DIGITS, "--json", "--set", "train.epochs=30")
    process = subprocess.Popen(
        line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=tool.environment()
    )
    process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        assert process.stderr.read() == b""
    assert process.wait(60) == 0
    assert len(gn.load(tmp_path / "digits.msgpack").history) == 30


@posix
def test_a_terminal_shows_a_table_and_a_bar(tool, tmp_path):
    import os
    import pty

    terminal, end = pty.openpty()
    env = tool.environment({"TERM": "xterm", "COLUMNS": "120"})
    env.pop("NO_COLOR", None)
    line = tool.line("train", DIGITS, "--set", "train.epochs=40")
    process = subprocess.Popen(
        line, cwd=tmp_path, stdin=end, stdout=subprocess.DEVNULL, stderr=end, env=env
    )
    os.close(end)
    seen = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:  # Linux says so at the end
            break
        if not piece:
            break
        seen += piece
    os.close(terminal)
    assert process.wait(60) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode())
    bars = re.findall(r"epoch \d+/40 .*?loss \d\.\d{4}  [\d,]+/s \d+:\d\d:\d\d", text)
    assert bars
    last = gn.load(tmp_path / "digits.msgpack").history[-1]
    assert bars[-1].startswith("epoch 40/40 ")
    rows = [line.strip() for line in text.replace("\r", "\n").splitlines() if "/40  " in line]
    rows = [line for line in rows if not line.startswith("epoch")]
    assert len(rows) == 40
    shown = f"{last['train_accuracy']:.4f}    {last['test_accuracy']:.4f}"
    assert shown in rows[-1]


def interrupted(tool, *options: object) -> tuple[int, list[str]]:
    """A long run that gets Ctrl-C after its first epoch: exit code and lines of stderr."""
    line = tool.line("train", DIGITS, "--set", "train.epochs=20000", *options)
    process = subprocess.Popen(
        line, cwd=tool.folder, stderr=subprocess.PIPE, text=True, env=tool.environment()
    )
    with process.stderr:
        first = "".join(process.stderr.readline() for _ in range(3))  # the header, and a row
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    return process.wait(60), (first + rest).splitlines()


@posix
def test_ctrl_c_saves_a_checkpoint_and_leaves_the_old_bundle(tool, tmp_path, digits_bundle):
    old = digits_bundle.read_bytes()
    (tmp_path / "digits.msgpack").write_bytes(old)
    code, err = interrupted(tool)
    assert code == 130
    _, _, *epochs, last, way = err
    assert way == "the same command with --resume goes on from there"
    assert epochs
    assert all(re.match(r" *\d+/20000 ", line) for line in epochs)
    said = re.fullmatch(
        r"interrupted after epoch (\d+), step (\d+): digits\.msgpack\.checkpoint holds the run",
        last,
    )
    assert said
    assert (tmp_path / "digits.msgpack").read_bytes() == old
    names = sorted(p.name for p in tmp_path.iterdir())
    kept = ["digits.msgpack", "digits.msgpack.checkpoint", "digits.msgpack.checkpoint.previous"]
    assert names == kept
    contents = read_bundle(tmp_path / "digits.msgpack.checkpoint")
    run = json.loads(contents.train)
    assert (run["epoch"], run["step"]) == (int(said[1]), int(said[2]))
    assert 1 <= run["step"] <= 29  # 1,437 digits in batches of 50
    assert len(run["history"]) in (run["epoch"], run["epoch"] - 1)
    assert contents.tensors["affine1/W"].role == "param"
    assert json.loads(contents.spec)["train"]["epochs"] == 20000


@posix
def test_ctrl_c_in_a_first_run_leaves_no_bundle(tool, tmp_path):
    code, err = interrupted(tool, "--out", "new.msgpack")
    assert code == 130
    assert err[-2].endswith("new.msgpack.checkpoint holds the run")
    kept = ["new.msgpack.checkpoint", "new.msgpack.checkpoint.previous"]
    assert sorted(p.name for p in tmp_path.iterdir()) == kept


def test_divergence_names_epoch_step_and_tensor_and_leaves_the_old_bundle(tool, tmp_path):
    (tmp_path / "digits.msgpack").write_bytes(b"the last good one")
    done = tool("train", DIGITS, "--set", "train.optimizer.lr=1e30")
    assert done.code == 5
    assert done.out == ""
    assert len(done.err) == 1
    said = r"diverged: infinity is in the output of 'affine2' \(epoch 1, step 2\)"
    assert re.search(said, done.err[0])
    assert (tmp_path / "digits.msgpack").read_bytes() == b"the last good one"
    assert [p.name for p in tmp_path.iterdir()] == ["digits.msgpack"]
