"""Reading: what was written comes back, and whatever else a file holds is refused by name."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
from forging import (
    DATA,
    ROOT,
    SMALL,
    refused,
    same,
    words,
)
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from graphnet.bundle import format as fmt
from graphnet.bundle import reader, writer
from graphnet.bundle.format import Contents, Tensor
from graphnet.errors import (
    BundleError,
    BundleLimitError,
    TruncatedBundleError,
)


def test_what_was_written_comes_back(tmp_path):
    path = tmp_path / "m.msgpack"
    writer.write_bundle(path, SMALL)
    for options in ({}, {"mmap": True}, {"mmap": True, "verify": True}):
        same(SMALL, reader.read_bundle(path, **options))
    assert writer.encode(reader.decode(DATA)) == DATA


def test_a_bundle_without_tensors_comes_back():
    data = writer.encode(Contents(""))
    assert data.endswith(b"\xdd\x00\x00\x00\x00")
    same(Contents(""), reader.decode(data))


names = st.text("abcXYZ019_./-", min_size=1, max_size=12).filter(lambda name: ".." not in name)


tensors = st.builds(
    Tensor,
    st.sampled_from(fmt.ROLES),
    st.sampled_from(list(fmt.DTYPES.values())).flatmap(
        lambda dtype: arrays.arrays(dtype, arrays.array_shapes(min_dims=0, max_side=9))
    ),
)


@given(
    st.builds(
        Contents,
        words,
        st.none() | words,
        st.none() | words,
        st.dictionaries(words, words, max_size=5),
        st.dictionaries(names, tensors, max_size=6),
    ),
    st.sampled_from([1, 64, 100, fmt.CHUNK_BYTES]),
)
def test_any_contents_come_back_from_the_same_bytes(contents, chunk_bytes):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fmt, "CHUNK_BYTES", chunk_bytes)
        data = writer.encode(contents)
        read = reader.decode(data)
        same(contents, read)
        assert writer.encode(read) == data


def test_loaded_arrays_are_writable_views_of_one_aligned_buffer():
    arrays = [tensor.array for tensor in reader.decode(DATA).tensors.values()]
    for array in arrays:
        assert array.ctypes.data % 64 == 0
        assert array.flags.writeable
        assert not array.flags.owndata
        array += 1
    start, end = (array.ctypes.data for array in arrays)
    assert end - start == 64


def test_mapped_arrays_are_read_only_and_aligned(tmp_path):
    (tmp_path / "m").write_bytes(DATA)
    for tensor in reader.read_bundle(tmp_path / "m", mmap=True).tensors.values():
        assert tensor.array.ctypes.data % 64 == 0
        assert not tensor.array.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            tensor.array += 1


@pytest.mark.parametrize("chunk_bytes", [64, 100, 128, 1000])
def test_tensors_of_several_chunks_are_joined(tmp_path, monkeypatch, chunk_bytes):
    monkeypatch.setattr(fmt, "CHUNK_BYTES", chunk_bytes)
    many = {f"t{i}": Tensor("param", np.arange(i * 11 + 1, dtype=np.float64)) for i in range(9)}
    writer.write_bundle(tmp_path / "m", Contents("", tensors=many))
    loaded = reader.read_bundle(tmp_path / "m")
    mapped = reader.read_bundle(tmp_path / "m", mmap=True)
    same(Contents("", tensors=many), loaded)
    same(Contents("", tensors=many), mapped)
    assert all(tensor.array.flags.writeable for tensor in loaded.tensors.values())
    assert not any(tensor.array.flags.writeable for tensor in mapped.tensors.values())
    assert all(tensor.array.flags.aligned for tensor in loaded.tensors.values())


def error_of(path):
    with pytest.raises(BundleError) as caught:
        reader.read_bundle(path)
    assert type(caught.value) is BundleError
    return str(caught.value).removeprefix(f"{path}: ")


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    assert error_of(tmp_path / "none") == "there is no such file"
    assert error_of(tmp_path / "no\0ne").endswith("there is no such file")
    assert error_of(tmp_path) == "is a folder; a bundle is one file"

    def denied(*arguments):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    assert error_of(tmp_path / "m") == "cannot be read: Permission denied"


@pytest.mark.skipif(os.name != "posix", reason="POSIX devices")
def test_pipes_and_devices_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero"):
        assert error_of(path) == "is a device or a pipe; a bundle is a regular file"


def test_a_disk_that_fails_is_an_error_of_the_bundle(tmp_path, monkeypatch):
    def broken(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "m").write_bytes(DATA)
    monkeypatch.setattr(reader, "_fill", broken)
    assert error_of(tmp_path / "m") == "cannot be read: Input/output error"


@pytest.mark.parametrize("mmap", [False, True])
def test_a_file_that_shrinks_meanwhile_is_truncated(tmp_path, monkeypatch, mmap):
    path = tmp_path / "m"
    path.write_bytes(DATA)
    check_table = fmt.check_table

    def shrink(rows, preamble):
        check_table(rows, preamble)
        path.write_bytes(DATA[:200])

    monkeypatch.setattr(fmt, "check_table", shrink)
    with pytest.raises(TruncatedBundleError, match="became shorter while it was read"):
        reader.read_bundle(path, mmap=mmap)


def test_a_bundle_larger_than_the_memory_is_past_a_limit(monkeypatch):
    def none_left(*arguments):
        raise MemoryError

    monkeypatch.setattr(reader, "_loaded", none_left)
    refused(DATA, BundleLimitError, "is larger than the memory that is free")


def test_reading_imports_no_writer():
    code = (
        "import sys\n"
        "import graphnet.bundle.reader\n"
        "unwanted = {'tempfile', 'secrets', 'pydantic', 'mmap', 'graphnet.bundle.writer'}\n"
        "print(sorted(unwanted & set(sys.modules)))"
    )
    run = [sys.executable, "-c", code]
    assert subprocess.run(run, cwd=ROOT, check=True, capture_output=True).stdout.strip() == b"[]"
