"""Pieces and threads: the checksums are zlib's, and nothing tells how many there were."""

import errno
import os
import zlib

import numpy as np
import pytest
from forging import refused, same
from hypothesis import given
from hypothesis import strategies as st

from graphnet.bundle import checksums, reader, writer
from graphnet.bundle.checksums import combined
from graphnet.bundle.format import Contents, Tensor
from graphnet.errors import BundleError, CorruptBundleError, TruncatedBundleError

THREADS = [1, 2, 3, 8]
PIECE = 100

crcs = st.integers(0, 2**32 - 1)
lengths = st.integers(0, 2**40)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_combined_is_the_checksum_of_both(a, b):
    assert combined(zlib.crc32(a), zlib.crc32(b), len(b)) == zlib.crc32(a + b)


@given(crcs, crcs, crcs, lengths, lengths)
def test_combined_does_not_depend_on_where_it_begins(a, b, c, b_len, c_len):
    forwards = combined(combined(a, b, b_len), c, c_len)
    assert forwards == combined(a, combined(b, c, c_len), b_len + c_len)


def test_combined_of_a_whole_piece():
    zeros = bytes(checksums.PIECE_BYTES)
    assert combined(zlib.crc32(b"a"), zlib.crc32(zeros), len(zeros)) == zlib.crc32(b"a" + zeros)


@given(st.data(), st.binary(max_size=300), st.integers(1, 50), st.sampled_from(THREADS))
def test_any_spans_have_the_checksums_of_zlib(data, content, piece, threads):
    ends = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=12)))
    spans = list(zip(ends[::2], ends[1::2], strict=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checksums, "PIECE_BYTES", piece)
        found = checksums.checksums(memoryview(content), spans, threads=threads)
        assert checksums.checksum(memoryview(content)) == zlib.crc32(content)
    assert found == [zlib.crc32(content[start:end]) for start, end in spans]


@pytest.fixture(params=THREADS)
def threads(request, monkeypatch):
    """So many threads, and pieces so small that each has its share."""
    monkeypatch.setattr(checksums, "_processors", lambda: request.param)
    monkeypatch.setattr(checksums, "PIECE_BYTES", PIECE)
    return request.param


SEVERAL = Contents(
    "{}",
    tensors={
        "a": Tensor("param", np.arange(150, dtype=np.float64)),
        "b": Tensor("param", np.arange(3, dtype=np.int8)),
        "c": Tensor("state", np.arange(90, dtype=np.float32)),
    },
)
BYTES = writer.encode(SEVERAL)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(BYTES)
    return path


def test_the_threads_change_no_byte(threads, path):
    assert writer.encode(SEVERAL) == BYTES
    same(SEVERAL, reader.decode(BYTES))
    for options in ({}, {"mmap": True, "verify": True}):
        same(SEVERAL, reader.read_bundle(path, **options))


def test_a_flipped_byte_is_found_in_every_piece(threads, path):
    for name, tensor in SEVERAL.tensors.items():
        payload = tensor.array.tobytes()
        start = BYTES.index(payload)
        for at in range(start, start + len(payload), 7):
            data = bytearray(BYTES)
            data[at] ^= 0x10
            says = f"the checksum of tensor '{name}' does not match"
            refused(bytes(data), CorruptBundleError, says)
            path.write_bytes(data)
            for options in ({}, {"mmap": True, "verify": True}):
                with pytest.raises(CorruptBundleError, match=says):
                    reader.read_bundle(path, **options)


def test_of_several_faults_the_first_tensor_s_is_named(threads):
    data = bytearray(BYTES)
    for tensor in SEVERAL.tensors.values():
        data[BYTES.index(tensor.array.tobytes())] ^= 1
    refused(bytes(data), CorruptBundleError, "the checksum of tensor 'a'")


def test_a_system_without_reads_at_an_offset(threads, path, monkeypatch):
    monkeypatch.delattr(os, "preadv", raising=False)
    same(SEVERAL, reader.read_bundle(path))


needs_preadv = pytest.mark.skipif(not hasattr(os, "preadv"), reason="needs os.preadv")


@needs_preadv
def test_reads_that_stop_early_go_on(threads, path, monkeypatch):
    preadv = os.preadv
    monkeypatch.setattr(os, "preadv", lambda file, views, at: preadv(file, [views[0][:7]], at))
    same(SEVERAL, reader.read_bundle(path))


@needs_preadv
def test_a_file_that_shrinks_between_two_pieces_is_truncated(threads, path, monkeypatch):
    preadv = os.preadv

    def shrinking(file, views, at):
        if at >= 5 * PIECE:
            os.truncate(path, 5 * PIECE)
        return preadv(file, views, at)

    monkeypatch.setattr(reader, "_check_elements", lambda *arguments: None)
    monkeypatch.setattr(os, "preadv", shrinking)
    with pytest.raises(TruncatedBundleError) as caught:
        reader.read_bundle(path)
    assert str(caught.value).startswith(f"{path}: became shorter while it was read")


@needs_preadv
def test_a_disk_that_fails_in_a_thread_is_an_error_of_the_bundle(threads, path, monkeypatch):
    preadv = os.preadv

    def failing(file, views, at):
        if at >= 5 * PIECE:
            raise OSError(errno.EIO, f"Input/output error at {at}")
        return preadv(file, views, at)

    monkeypatch.setattr(reader, "_check_elements", lambda *arguments: None)
    monkeypatch.setattr(os, "preadv", failing)
    with pytest.raises(BundleError) as caught:
        reader.read_bundle(path)
    assert str(caught.value) == f"{path}: cannot be read: Input/output error at {5 * PIECE}"
