"""Where a save goes: links, folders that are gone or closed, one's own mapped file."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import graphnet as gn
from graphnet.bundle import reader, writer
from graphnet.bundle.format import Contents, Tensor
from graphnet.errors import SaveError

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX links, users and open files")
NOBODY = 65534


def contents(value=1.0, size=300):
    return Contents("{}", tensors={"a/W": Tensor("param", np.full(size, value))})


def value_in(path):
    array = reader.read_bundle(path).tensors["a/W"].array
    assert (array == array[0]).all()
    return array[0]


@posix
@pytest.mark.parametrize("kind", ["relative", "absolute", "of a link", "dangling"])
def test_what_a_link_leads_to_is_replaced_and_the_link_stays(tmp_path, kind):
    (tmp_path / "models").mkdir()
    real, link = tmp_path / "models" / "real", tmp_path / "link"
    if kind != "dangling":
        writer.write_bundle(real, contents(1.0))
    link.symlink_to("models/real" if kind != "absolute" else real)
    if kind == "of a link":
        link.rename(tmp_path / "first")
        link.symlink_to("first")
    where = os.readlink(link)
    writer.write_bundle(link, contents(2.0))
    assert os.readlink(link) == where
    assert value_in(real) == 2.0
    assert os.listdir(tmp_path / "models") == ["real"]


@posix
def test_a_link_into_a_folder_that_is_gone(tmp_path):
    (tmp_path / "link").symlink_to("gone/real")
    with pytest.raises(SaveError, match="there is no folder"):
        writer.write_bundle(tmp_path / "link", contents())
    assert os.listdir(tmp_path) == ["link"]


@posix
@pytest.mark.parametrize("there", [False, True])
def test_a_folder_that_goes_while_it_is_saved_to(tmp_path, monkeypatch, there):
    folder, fsync = tmp_path / "models", os.fsync
    folder.mkdir()
    if there:
        writer.write_bundle(folder / "m", contents(1.0))

    def gone(descriptor):
        shutil.rmtree(folder, ignore_errors=True)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", gone)
    with pytest.raises(SaveError, match="cannot be saved: No such file or directory"):
        writer.write_bundle(folder / "m", contents(2.0))
    assert os.listdir(tmp_path) == []


def test_a_folder_that_takes_the_targets_place_meanwhile(tmp_path, monkeypatch):
    target, fsync = tmp_path / "m", os.fsync

    def replaced(descriptor):
        target.mkdir()
        (target / "precious").write_text("precious")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", replaced)
        with pytest.raises(SaveError, match="cannot be saved"):
            writer.write_bundle(target, contents())
    assert os.listdir(tmp_path) == ["m"]
    assert (target / "precious").read_text() == "precious"


@posix
@pytest.mark.parametrize("place", ["/dev/full", "/dev/null", "/dev/zero"])
def test_a_device_is_no_target(place):
    with pytest.raises(SaveError, match="is a device or a pipe"):
        writer.write_bundle(place, contents())


def as_a_plain_user(work):
    """What a process without rights over others' files says: "" or the error's text."""
    out, into = os.pipe()
    child = os.fork()
    if not child:
        said = b"it ended early"
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            try:
                work()
                said = b""
            except SaveError as e:
                said = str(e).encode()
        finally:
            os.write(into, said)
            os._exit(0)
    os.close(into)
    with open(out, "rb") as file:
        said = file.read().decode()
    os.waitpid(child, 0)
    return said


@posix
def test_a_folder_that_this_user_may_not_write_to(tmp_path_factory):
    # In no folder above it that a plain user may not enter, as pytest's own are.
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writer.write_bundle(folder / "m", contents(1.0))
        folder.chmod(0o555)
        (folder / "m").chmod(0o666)
        for file in ("m", "new"):
            said = as_a_plain_user(lambda f=file: writer.write_bundle(folder / f, contents(2.0)))
            assert said == f"{folder / file}: cannot be saved: Permission denied"
        (folder / "m").chmod(0o444)
        said = as_a_plain_user(lambda: writer.write_bundle(folder / "m", contents(2.0)))
        assert said.startswith(f"{folder / 'm'}: is write-protected")
        assert value_in(folder / "m") == 1.0
        assert os.listdir(folder) == ["m"]
        folder.chmod(0o755)


@posix
def test_names_that_are_no_text_and_names_that_begin_alike(tmp_path):
    odd = os.path.join(os.fsencode(tmp_path), b"m\xff\xfe")
    names = [os.fsdecode(odd), tmp_path / "m", tmp_path / "m.m", tmp_path / ".m"]
    for value, name in enumerate(names):
        writer.write_bundle(name, contents(float(value)))
    assert [value_in(name) for name in names] == [0.0, 1.0, 2.0, 3.0]
    assert len(os.listdir(tmp_path)) == 4


@posix
def test_a_temporary_of_one_target_is_not_anothers(tmp_path):
    held, temporary = writer._create(os.path.realpath(tmp_path / "m.m"), None)
    os.close(held)
    writer.write_bundle(tmp_path / "m", contents())
    assert os.path.exists(temporary)
    writer.write_bundle(tmp_path / "m.m", contents())
    assert sorted(os.listdir(tmp_path)) == ["m", "m.m"]


@posix
def test_a_network_is_saved_over_the_file_that_it_maps(tmp_path, network):
    nodes = [{"id": "affine", "type": "Affine", "units": 500}]
    net = network(nodes, [["x", "affine"]])
    path = tmp_path / "m.msgpack"
    gn.save(path, net)
    before = path.read_bytes()
    mapped = gn.load(path, mmap=True)
    gn.save(path, mapped)
    assert path.read_bytes() == before
    other = network(nodes, [["x", "affine"]], seed=1)
    gn.save(path, other)
    # What is mapped is the old file, whole, for as long as it is used.
    for name, array in mapped.params.items():
        np.testing.assert_array_equal(array, net.params[name])
    np.testing.assert_array_equal(gn.load(path).params["affine/W"], other.params["affine/W"])


def test_a_second_name_leads_to_the_file_and_the_first_stays(tmp_path):
    newest, previous = tmp_path / "m", tmp_path / "m.previous"
    for value in (1.0, 2.0, 3.0):
        writer.write_bundle(newest, contents(value))
        writer.also_at(newest, previous)
        writer.also_at(newest, previous)
        assert value_in(newest) == value_in(previous) == value
    writer.write_bundle(newest, contents(4.0))
    assert (value_in(newest), value_in(previous)) == (4.0, 3.0)
    assert sorted(os.listdir(tmp_path)) == ["m", "m.previous"]
    with pytest.raises(SaveError, match="cannot be saved: No such file"):
        writer.also_at(tmp_path / "none", previous)
    assert value_in(previous) == 3.0
