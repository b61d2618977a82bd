"""Runs of `infer --out` that were left: by an error, a signal, a full disk; and what is refused."""

import errno
import os
import shutil
import signal
import subprocess
import sys
from itertools import count

import pytest

from graphnet.bulk import partial
from graphnet.bulk.blocks import Block, block_of
from graphnet.bulk.hands import Alone, Workers
from graphnet.bulk.run import BLOCKS_AHEAD, in_order
from graphnet.errors import WorkerError

FORMS = ("csv", "jsonl", "parquet")
WORDS = ("m.msgpack", "pictures", "--out")


@pytest.fixture
def left(bulk, save_model, pictures, monkeypatch, tmp_path):
    """Leave a run after so many writes with an error; what the whole run would have written."""

    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def leave(form, writes, error=full):
        pytest.importorskip("pyarrow" if form == "parquet" else "csv")
        save_model()
        assert bulk(*WORDS, f"whole.{form}").code == 0
        write, numbers = partial.Partial._write, count()

        def fails(self, file, data):
            if next(numbers) >= writes:
                write(self, file, data[: len(data) // 2])
                raise error
            write(self, file, data)

        with monkeypatch.context() as patch:
            patch.setattr(partial.Partial, "_write", fails)
            done = bulk(*WORDS, f"out.{form}")
        return done, (tmp_path / f"whole.{form}").read_bytes()

    return leave


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("writes", [2, 3, 4, 5])
def test_a_full_disk_is_told_and_the_run_gone_on_with(bulk, left, tmp_path, form, writes):
    done, whole = left(form, writes)
    assert done.code == 3
    assert done.err == [
        f"out.{form}.partial: cannot be written: No space left on device",
        f"out.{form}.partial holds the answers so far: --resume goes on with them",
    ]
    assert not (tmp_path / f"out.{form}").exists()
    done = bulk(*WORDS, f"out.{form}", "--resume")
    assert done.code == 0
    assert (tmp_path / f"out.{form}").read_bytes() == whole
    assert not list(tmp_path.glob("*.partial*"))


def test_ctrl_c_is_told_with_the_way_to_go_on(bulk, left, tmp_path):
    done, whole = left("csv", 4, KeyboardInterrupt())
    assert done.code == 130
    assert done.err == [
        "interrupted",
        "out.csv.partial holds the answers so far: --resume goes on with them",
    ]
    assert bulk(*WORDS, "out.csv", "--resume").code == 0
    assert (tmp_path / "out.csv").read_bytes() == whole


@pytest.mark.parametrize("form", FORMS)
def test_however_the_files_are_cut_the_end_is_the_same(bulk, left, tmp_path, form):
    _, whole = left(form, 6)
    kept = tmp_path / "kept"
    kept.mkdir()
    names = (f"out.{form}.partial", f"out.{form}.partial.journal")
    for name in names:
        shutil.copy(tmp_path / name, kept)
    first = (kept / names[1]).read_bytes().index(b"\n") + 1
    for which in (0, 1):
        size = (kept / names[which]).stat().st_size
        for cut in (size - 1, first + 5, first) if which else (size - 1, size // 2, 45):
            for name in names:
                shutil.copy(kept / name, tmp_path)
            with open(tmp_path / names[which], "r+b") as file:
                file.truncate(cut)
            assert bulk(*WORDS, f"out.{form}", "--resume").code == 0, (which, cut)
            assert (tmp_path / f"out.{form}").read_bytes() == whole
            (tmp_path / f"out.{form}").unlink()


def test_a_block_whose_bytes_have_changed_is_answered_again(bulk, left, tmp_path):
    _, whole = left("csv", 6)
    path = tmp_path / "out.csv.partial"
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    assert bulk(*WORDS, "out.csv", "--resume").code == 0
    assert (tmp_path / "out.csv").read_bytes() == whole


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--probabilities"], "is of another run: options was "),
        (["more"], "is of another run: files was "),
    ],
)
def test_another_call_does_not_go_on(bulk, left, change, said):
    left("csv", 6)
    done = bulk(*WORDS, "out.csv", "--resume", *change)
    assert done.code == 2
    assert said in done.err[0]
    assert done.err[0].endswith("; --restart begins anew")


def test_another_model_or_another_picture_does_not_go_on(bulk, left, save_model, pictures):
    left("csv", 6)
    os.utime(pictures / "a" / "0005.png", ns=(0, 0))
    done = bulk(*WORDS, "out.csv", "--resume")
    assert (done.code, len(done.err)) == (2, 1)
    what = "what is read has changed among the 256 from number 1 on (pictures/a/0000.png)"
    assert what in done.err[0]
    save_model(seed=1)
    done = bulk(*WORDS, "out.csv", "--resume")
    assert done.code == 2
    assert "is of another run: model was " in done.err[0]
    assert bulk(*WORDS, "out.csv", "--restart").code == 0


def test_a_run_that_was_left_is_not_lost(bulk, left):
    left("csv", 6)
    done = bulk(*WORDS, "out.csv")
    assert done.code == 3
    what = "holds a run that has not ended: --resume goes on with it, --restart begins anew"
    assert done.err == [f"out.csv.partial: {what}"]


def test_there_is_nothing_to_go_on_with(bulk, save_model, pictures):
    save_model()
    done = bulk(*WORDS, "out.csv", "--resume")
    assert (done.code, done.err) == (3, ["out.csv.partial: there is no run to go on with"])


def test_what_is_no_journal_is_no_run(bulk, save_model, pictures, tmp_path):
    save_model()
    for text in (b"", b"[]\n", b"{}\n", b"\xff\n", b'{"model": 1}\n'):
        (tmp_path / "out.csv.partial").write_bytes(b"image,label\n")
        (tmp_path / "out.csv.partial.journal").write_bytes(text)
        done = bulk(*WORDS, "out.csv", "--resume")
        assert (done.code, len(done.err)) == (2, 1)
        assert done.err[0].startswith("out.csv.partial: ")


@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_another_kind_is_not_lost(bulk, save_model, pictures, tmp_path, form):
    pytest.importorskip("pyarrow" if form == "parquet" else "csv")
    save_model()
    (tmp_path / f"out.{form}").write_text("name,age\nAda,36\n")
    done = bulk(*WORDS, f"out.{form}")
    assert done.code == 3
    assert done.err == [
        f"out.{form}: is no .{form} of such answers, and would be lost; name another with --out"
    ]
    (tmp_path / f"out.{form}").unlink()
    assert bulk(*WORDS, f"out.{form}").code == 0
    assert bulk(*WORDS, f"out.{form}").code == 0  # its own kind is replaced


def test_an_output_that_is_read_or_no_file_is_refused(bulk, save_model, pictures, tmp_path):
    save_model()
    for words, said in (
        (("m.msgpack", "m.msgpack", "--out", "m.msgpack"), "is the model; name another"),
        (("m.msgpack", "pictures", "--out", "out.txt"), "the name says no form"),
        (("m.msgpack", "pictures", "--out", "no/out.csv"), "there is no folder"),
    ):
        done = bulk(*words)
        assert (done.code in (2, 3), len(done.err)) == (True, 1)
        assert said in done.err[0]
    (tmp_path / "t.csv").write_text("a\n1\n")
    done = bulk("m.msgpack", "t.csv", "--out", "t.csv")
    assert "t.csv: is one of the files that are read" in done.err[0]


def test_two_runs_do_not_write_one_output(bulk, save_model, pictures, tmp_path):
    from graphnet.training.keeping import RunLock

    save_model()
    lock = RunLock(str(tmp_path / "out.csv"))
    # Another process: locks are of open files, so that a second one here would do.
    lock.take()
    done = bulk(*WORDS, "out.csv")
    lock.release()
    assert done.code == 3
    assert "another run writes it" in done.err[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["pictures", "--resume"],
            "--resume, --restart, --workers and --distributed go with --out",
        ),
        (["pictures", "--workers", "2"], "--resume, --restart, --workers and --distributed go"),
        (["--out", "o.csv"], "files or folders, or - for standard input, are expected"),
        (["--text", "a", "--out", "o.csv"], "--text is for a call without --out"),
        (["p", "--generate", "3", "--out", "o.csv"], "--generate is for a call without --out"),
        (["p", "--show-input", "s.png", "--out", "o.csv"], "--show-input is for a call without"),
        (["p", "--out", "o.csv", "--resume", "--restart"], "--restart: not allowed with"),
        (["p", "--out", ""], "argument --out: a file's name is expected"),
    ],
)
def test_options_that_do_not_go_together(infer, save_model, capsys, words, said):
    save_model()
    with pytest.raises(SystemExit) as e:
        infer("m.msgpack", *words)
    assert e.value.code == 2
    assert said in capsys.readouterr().err


class Backwards(Alone):
    """Hands that give back the last block first, and count what they have."""

    room = 4

    def __init__(self, answer):
        super().__init__(answer)
        self.most = 0

    def give(self, number, block):
        super().give(number, block)
        self.most = max(self.most, len(self._given))

    def take(self):
        self._given.rotate(1)
        return super().take()


def test_replies_come_in_order_and_few_blocks_are_read_ahead():
    read = []

    def blocks():
        for i in count():
            read.append(i)
            yield Block([str(i)])

    hands = Backwards(lambda message: block_of(message).files[0].encode())
    replies = in_order(blocks(), hands)
    found = [next(replies) for _ in range(100)]
    assert found == [str(i).encode() for i in range(100)]
    assert hands.most == hands.room
    assert len(read) - 100 <= BLOCKS_AHEAD * hands.room


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are ended otherwise there")
def test_a_worker_that_is_killed_is_named(save_model, tmp_path):
    path = save_model()
    workers = Workers([str(path), None, "out.csv", [None, False, False]], 1)
    try:
        workers.give(0, Block(["a.png"], wrong={0: "bad"}).packed())
        assert workers.take()[0] == 0
        process = workers._workers[0].process
        os.kill(process.pid, signal.SIGKILL)
        workers.give(1, Block(["a.png"]).packed())
        with pytest.raises(WorkerError) as e:
            workers.take()
        assert str(e.value) == f"worker 1 (process {process.pid}) was ended by signal 9"
    finally:
        workers.close()


def test_a_model_that_is_gone_is_told_by_the_worker(save_model, tmp_path):
    path = save_model()
    workers = Workers([str(path) + "x", None, "out.csv", [None, False, False]], 2)
    workers.give(0, Block(["a.png"]).packed())
    with pytest.raises(Exception, match="there is no such file"):
        workers.take()
    workers.close()


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are ended otherwise there")
def test_a_killed_run_goes_on_to_the_same_bytes(bulk, infer, save_model, pictures, tmp_path):
    """The process is killed once its journal holds a block; its workers end with it."""
    save_model()
    assert bulk(*WORDS, "whole.csv").code == 0
    words = [sys.executable, "-m", "graphnet", "infer", "m.msgpack", "pictures", "--out", "out.csv"]
    process = subprocess.Popen([*words, "--workers", "2"], cwd=tmp_path, stderr=subprocess.PIPE)
    journal = tmp_path / "out.csv.partial.journal"
    while process.poll() is None and not (
        journal.exists() and journal.read_bytes().count(b"\n") > 1
    ):
        pass
    process.kill()
    process.communicate()
    if (tmp_path / "out.csv.partial").exists():
        assert infer(*WORDS, "out.csv", "--resume", "--workers", "1").code == 0
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
