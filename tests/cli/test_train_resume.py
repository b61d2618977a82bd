"""`train --resume`: a run that was interrupted, killed or left goes on as if it never had been."""

import os
import re
import signal
import subprocess
import time

import pytest
from processes import DIGITS, Commands

from graphnet.bundle.reader import read_bundle

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
SHORT = ("--set", "train.epochs=6", "--set", 'train.optimizer={"type": "Adam"}')


def started(tool, *options, folder):
    line = tool.line("train", DIGITS, *options)
    return subprocess.Popen(
        line, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=tool.environment()
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """The bytes of a run that is not interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    done = Commands(folder)("train", DIGITS, *SHORT)
    assert done.code == 0
    return (folder / "digits.msgpack").read_bytes()


def names(folder):
    return sorted(os.listdir(folder))


@posix
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_goes_on_after_a_signal_with_the_same_bytes(tool, tmp_path, bundle, number):
    process = started(tool, *SHORT, "--set", "train.epochs=20000", folder=tmp_path)
    process.stderr.readline()
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.decode().splitlines()[-1] == "the same command with --resume goes on from there"
    # Fewer epochs are another run, and it says so before anything is lost.
    before = (tmp_path / "digits.msgpack.checkpoint").read_bytes()
    done = tool("train", DIGITS, *SHORT, "--resume")
    said = "digits.msgpack.checkpoint: is of another run: train.epochs was 20000, is 6"
    assert (done.code, done.err) == (2, [said])
    assert (tmp_path / "digits.msgpack.checkpoint").read_bytes() == before


@posix
def test_it_goes_on_after_kill_with_the_same_bytes(tool, tmp_path, bundle, rng):
    kills = 0
    while kills < 6:
        resume = ["--resume"] if (tmp_path / "digits.msgpack.checkpoint").exists() else []
        process = started(tool, *SHORT, "--checkpoint-every", 0, *resume, folder=tmp_path)
        # The moment is somewhere in what is left to do, or before the first step.
        seen = tmp_path / "digits.msgpack.checkpoint"
        start, least = time.monotonic(), seen.stat().st_mtime_ns if resume else 0
        while process.poll() is None and time.monotonic() - start < 30:
            if seen.exists() and seen.stat().st_mtime_ns != least:
                break
            time.sleep(0.002)
        time.sleep(float(rng.uniform(0, 0.08)))
        process.kill()
        process.communicate(timeout=60)
        if process.returncode == 0:
            break
        kills += 1
    if not (tmp_path / "digits.msgpack").exists():
        done = tool("train", DIGITS, *SHORT, "--resume")
        assert done.code == 0
    assert kills > 1
    assert (tmp_path / "digits.msgpack").read_bytes() == bundle
    assert names(tmp_path) == ["digits.msgpack"]


def left(tool, folder):
    """A folder with the checkpoints of a run that was interrupted."""
    process = started(tool, *SHORT, "--set", "train.epochs=19999", folder=folder)
    process.stderr.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert names(folder) == ["digits.msgpack.checkpoint", "digits.msgpack.checkpoint.previous"]


@posix
def test_a_run_that_could_be_gone_on_with_is_not_lost_but_by_restart(tool, tmp_path, bundle):
    left(tool, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    done = tool("train", DIGITS, *SHORT)
    said = (
        "digits.msgpack.checkpoint: holds a run that has not ended: --resume goes on with it, "
        "--restart begins anew"
    )
    assert (done.code, done.err) == (3, [said])
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before
    none = tool(
        "train", DIGITS, *SHORT, "--restart", "--set", 'data={"source": "folder", "train": "none"}'
    )
    assert none.code == 3
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before
    assert tool("train", DIGITS, *SHORT, "--restart").code == 0
    assert (tmp_path / "digits.msgpack").read_bytes() == bundle
    assert names(tmp_path) == ["digits.msgpack"]


@posix
def test_a_damaged_checkpoint_is_named_and_the_one_before_it_used_when_asked_for(tool, tmp_path):
    left(tool, tmp_path)
    newest = tmp_path / "digits.msgpack.checkpoint"
    newest.write_bytes(newest.read_bytes()[:-1])
    epochs = ("--set", "train.epochs=20000")
    done = tool("train", DIGITS, *SHORT, *epochs, "--resume")
    assert done.code == 3
    assert re.fullmatch(
        r"digits\.msgpack\.checkpoint: ends after [\d,]+ of its [\d,]+ bytes; copy or download it "
        r"again \(offset \d+\); --resume=previous goes on from digits\.msgpack\.checkpoint"
        r"\.previous",
        done.err[0],
    )
    process = started(tool, *SHORT, *epochs, "--resume=previous", folder=tmp_path)
    for _ in range(3):  # the header, and a row
        first = process.stderr.readline().decode()
    process.kill()
    process.communicate()
    epoch = re.search(r'"epochs":(\d+)', read_bundle(f"{newest}.previous").train)[1]
    assert re.match(r" *\d+/20000 ", first)
    assert int(re.search(r"\d+", first)[0]) > 1 or epoch == "0"


def test_what_is_not_there_cannot_be_gone_on_from(tool, tmp_path):
    for option, name in (("--resume", ""), ("--resume=previous", ".previous")):
        done = tool("train", DIGITS, option)
        said = f"digits.msgpack.checkpoint{name}: there is no checkpoint to go on from"
        assert (done.code, done.err) == (3, [said])
    assert names(tmp_path) == []


@posix
def test_a_second_run_of_one_output_is_locked_out(tool, tmp_path):
    process = started(tool, "--set", "train.epochs=20000", folder=tmp_path)
    process.stderr.readline()
    for options in ((), ("--resume",), ("--restart",)):
        done = tool("train", DIGITS, *options)
        said = (
            rf"digits\.msgpack: another run writes it \(process {process.pid}\); wait for it, or "
            r"name another file with --out"
        )
        assert done.code == 3
        assert re.fullmatch(said, done.err[0])
    process.kill()
    process.communicate()
    assert tool("train", DIGITS, "--restart", "--set", "train.epochs=1").code == 0
    assert names(tmp_path) == ["digits.msgpack"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--resume=newest",), "ignored explicit argument 'newest'"),
        (("--resume", "--restart"), "argument --restart: not allowed with argument --resume"),
        (("--checkpoint-every", "-1"), "'-1' is no number of seconds"),
        (("--checkpoint-every", "nan"), "'nan' is no number of seconds"),
        (("--checkpoint-every", "soon"), "'soon' is no number of seconds"),
    ],
)
def test_wrong_options(tool, tmp_path, options, says):
    done = tool("train", DIGITS, *options)
    assert done.code == 2
    assert len(done.err) == 1
    assert says in done.err[0]
    assert names(tmp_path) == []


def test_the_spec_may_stand_behind_resume(tool, tmp_path):
    line = tool.line("train", "--resume", DIGITS)
    done = subprocess.run(
        line, cwd=tmp_path, capture_output=True, text=True, env=tool.environment(), check=False
    )
    said = "digits.msgpack.checkpoint: there is no checkpoint to go on from\n"
    assert (done.returncode, done.stderr) == (3, said)
