"""Saving: that a target is either its old file or the whole new one."""

import errno
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from graphnet.bundle import reader, writer
from graphnet.bundle.format import Contents, Tensor
from graphnet.errors import SaveError

ROOT = Path(__file__).parents[2]
LEFT = "." + "{}" + ".0123456789abcdef.tmp"
posix = pytest.mark.skipif(os.name != "posix", reason="POSIX modes, links and devices")


def contents(value=1.0, size=3, **texts):
    return Contents("{}", tensors={"a/W": Tensor("param", np.full(size, value))}, **texts)


def value_in(path):
    return reader.read_bundle(path).tensors["a/W"].array[0]


def test_the_file_is_what_encode_gives(tmp_path):
    path = tmp_path / "m.msgpack"
    assert writer.write_bundle(path, contents()) == path.stat().st_size
    assert path.read_bytes() == writer.encode(contents())
    assert os.listdir(tmp_path) == ["m.msgpack"]


def test_numbers_that_change_meanwhile_are_noticed(tmp_path, monkeypatch):
    path = tmp_path / "m.msgpack"
    writer.write_bundle(path, contents(1.0))
    state = contents(2.0)
    create = writer._create

    def create_and_change(*arguments):
        state.tensors["a/W"].array[0] = 3.0
        return create(*arguments)

    monkeypatch.setattr(writer, "_create", create_and_change)
    with pytest.raises(SaveError, match="tensor 'a/W' changed while it was saved"):
        writer.write_bundle(path, state)
    assert value_in(path) == 1.0
    assert os.listdir(tmp_path) == ["m.msgpack"]


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_save_that_fails_leaves_the_old_file(tmp_path, monkeypatch, call):
    path = tmp_path / "m.msgpack"
    writer.write_bundle(path, contents(1.0))
    old = path.read_bytes()

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(SaveError) as error:
            writer.write_bundle(path, contents(2.0))
    assert str(error.value) == f"{path}: cannot be saved: No space left on device"
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["m.msgpack"]


def test_a_save_that_is_interrupted_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "m.msgpack"
    writer.write_bundle(path, contents(1.0))

    def interrupted(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.write_bundle(path, contents(2.0))
    assert value_in(path) == 1.0
    assert os.listdir(tmp_path) == ["m.msgpack"]


def test_a_system_that_writes_little_at_a_time_gets_it_all(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, piece: write(descriptor, piece[:7]))
    writer.write_bundle(tmp_path / "m", contents(size=100))
    assert (tmp_path / "m").read_bytes() == writer.encode(contents(size=100))


def test_a_system_that_writes_nothing_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "write", lambda descriptor, piece: 0)
    with pytest.raises(SaveError, match="the disk takes no more bytes"):
        writer.write_bundle(tmp_path / "m", contents())


def test_targets_that_cannot_be(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for path, says in {
        tmp_path / "folder": "is a folder; add a file's name to it",
        f"{tmp_path}{os.sep}new{os.sep}": "is a folder's name; add a file's name to it",
        tmp_path / "no" / "m": "there is no folder",
        tmp_path / "file" / "m": "there is no folder",
        "": "is a folder",
        "m\0": "cannot be saved",
    }.items():
        for refused in (writer.check_target, lambda path: writer.write_bundle(path, contents())):
            with pytest.raises(SaveError) as error:
                refused(path)
            assert says in str(error.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder"]


@posix
def test_a_pipe_is_no_target(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/null"):
        with pytest.raises(SaveError, match="is a device or a pipe"):
            writer.check_target(path)


def test_a_protected_file_is_no_target(tmp_path, monkeypatch):
    (tmp_path / "m").write_text("old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SaveError, match="is write-protected"):
        writer.write_bundle(tmp_path / "m", contents())


def test_a_good_target_is_left_as_it_was(tmp_path):
    (tmp_path / "old").write_text("old")
    for name in ("old", "new"):
        writer.check_target(tmp_path / name)
    assert os.listdir(tmp_path) == ["old"]
    assert (tmp_path / "old").read_text() == "old"


@posix
def test_a_name_as_long_as_a_folder_takes(tmp_path):
    path = tmp_path / ("m" * 255)
    writer.check_target(path)
    writer.write_bundle(path, contents(1.0))
    assert value_in(path) == 1.0


@posix
def test_a_link_is_written_through(tmp_path):
    (tmp_path / "models").mkdir()
    link = tmp_path / "m"
    link.symlink_to("models/real")
    writer.write_bundle(link, contents(1.0))
    writer.write_bundle(link, contents(2.0))
    assert link.is_symlink()
    assert value_in(tmp_path / "models" / "real") == 2.0
    assert os.listdir(tmp_path / "models") == ["real"]
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    with pytest.raises(SaveError, match="cannot be saved"):
        writer.write_bundle(loop, contents())


@posix
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o640])
def test_the_mode_is_the_old_ones_or_what_the_umask_gives(tmp_path, mode):
    path = tmp_path / "m"
    before = os.umask(0o027)
    try:
        writer.write_bundle(path, contents())
        assert path.stat().st_mode & 0o777 == 0o640
        path.chmod(mode)
        writer.write_bundle(path, contents())
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == mode


def leave(path):
    path.write_text("left")
    os.utime(path, (0, 0))
    return path


def test_temporaries_of_killed_saves_are_removed(tmp_path):
    left = leave(tmp_path / LEFT.format("m"))
    others = [leave(tmp_path / LEFT.format("other")), leave(tmp_path / ".m.notes.tmp")]
    others += [leave(tmp_path / LEFT.format("m.1")), leave(tmp_path / "m.0123456789abcdef.tmp")]
    writer.write_bundle(tmp_path / "m", contents())
    assert not left.exists()
    assert all(other.exists() for other in others)


@posix
def test_a_link_or_a_pipe_that_looks_like_a_temporary_stays(tmp_path):
    (tmp_path / "precious").write_text("")
    link = tmp_path / LEFT.format("m")
    link.symlink_to("precious")
    pipe = tmp_path / ".m.fedcba9876543210.tmp"
    os.mkfifo(pipe)
    writer.write_bundle(tmp_path / "m", contents())
    assert (tmp_path / "precious").exists()
    assert link.is_symlink()
    assert pipe.exists()


def test_a_temporary_that_a_save_holds_stays(tmp_path):
    target = os.path.realpath(tmp_path / "m")
    descriptor, temporary = writer._create(target, None)
    try:
        writer.write_bundle(target, contents())
        assert os.path.exists(temporary)
    finally:
        os.close(descriptor)
    os.utime(temporary, (0, 0))
    writer.write_bundle(target, contents())
    assert os.listdir(tmp_path) == ["m"]


@posix
@pytest.mark.parametrize("moment", ["before the lock", "while the cleaner holds it"])
def test_a_temporary_that_another_save_finds_unlocked_is_made_anew(tmp_path, monkeypatch, moment):
    target = os.path.realpath(tmp_path / "m")
    lock = writer.lock
    held = []

    def find_first(descriptor):
        monkeypatch.setattr(writer, "lock", lock)
        if moment == "before the lock":
            writer._clean(target)
            assert os.listdir(tmp_path) == []
        else:
            (name,) = os.listdir(tmp_path)
            held.append(os.open(tmp_path / name, os.O_RDWR))
            assert lock(held[0])
        return lock(descriptor)

    monkeypatch.setattr(writer, "lock", find_first)
    writer.write_bundle(target, contents(2.0))
    for descriptor in held:
        os.close(descriptor)
    assert value_in(target) == 2.0
    assert os.listdir(tmp_path) == ["m"]


@posix
def test_a_file_system_without_locks_saves_and_removes_nothing(tmp_path, monkeypatch):
    import fcntl

    def without(descriptor, how):
        raise OSError(errno.ENOLCK, "No locks available")

    left = leave(tmp_path / LEFT.format("m"))
    monkeypatch.setattr(fcntl, "flock", without)
    writer.write_bundle(tmp_path / "m", contents(2.0))
    assert value_in(tmp_path / "m") == 2.0
    assert left.exists()


def test_a_killed_save_leaves_the_old_file_and_the_next_cleans_up(tmp_path):
    path = tmp_path / "m"
    writer.write_bundle(path, contents(1.0))
    code = (
        "import os, sys, numpy as np\n"
        "from graphnet.bundle import writer\n"
        "from graphnet.bundle.format import Contents, Tensor\n"
        "os.fsync = lambda descriptor: os._exit(9)\n"
        "writer.write_bundle(sys.argv[1], Contents('', tensors={'a': Tensor('param', np.ones(3))}))"
    )
    killed = subprocess.run([sys.executable, "-c", code, path], cwd=ROOT, check=False)
    assert killed.returncode == 9
    assert value_in(path) == 1.0
    (left,) = set(os.listdir(tmp_path)) - {"m"}
    os.utime(tmp_path / left, (0, 0))
    writer.write_bundle(path, contents(2.0))
    assert os.listdir(tmp_path) == ["m"]


@posix
def test_many_saves_at_once_give_one_of_them_whole(tmp_path):
    path = tmp_path / "m"
    faults = []

    def save(value):
        try:
            for _ in range(15):
                writer.write_bundle(path, contents(value, size=5000))
                array = reader.read_bundle(path).tensors["a/W"].array
                assert (array == array[0]).all()
        except BaseException as fault:  # noqa: BLE001
            faults.append(fault)

    threads = [threading.Thread(target=save, args=(float(i),)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert value_in(path) in range(8)
    assert os.listdir(tmp_path) == ["m"]


@pytest.mark.skipif(os.name == "nt", reason="this system flushes no folders")
def test_the_folder_is_flushed_after_the_rename(tmp_path, monkeypatch):
    flushed, fsync, replace = [], os.fsync, os.replace

    def note(descriptor):
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        flushed.append(kind)
        fsync(descriptor)

    def rename(*paths):
        flushed.append("rename")
        replace(*paths)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(os, "replace", rename)
    writer.write_bundle(tmp_path / "m", Contents("{}"))
    assert flushed == ["file", "rename", "folder"]
