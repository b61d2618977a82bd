"""Reading: what was written comes back, and whatever else a file holds is refused by name."""

import errno
import os
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from graphnet.bundle import format as fmt
from graphnet.bundle import reader, writer
from graphnet.bundle.format import Contents, Preamble, Tensor
from graphnet.errors import (
    BundleError,
    BundleLimitError,
    CorruptBundleError,
    InvalidBundleError,
    NotABundleError,
    TruncatedBundleError,
    UnsupportedVersionError,
)

ROOT = Path(__file__).parents[2]
SMALL = Contents(
    spec='{"name": "\u00e4"}',
    train="[]",
    meta={"a": "1", "b": "2"},
    tensors={
        "a/W": Tensor("param", np.arange(6, dtype=np.float32).reshape(2, 3)),
        "a/mean": Tensor("state", np.array(7, np.int64)),
    },
)
DATA = writer.encode(SMALL)
HEADER = DATA[64 : 64 + int.from_bytes(DATA[20:24], "big")]
REST = DATA[64 + len(HEADER) :]


def header_of(data):
    return msgpack.unpackb(data)[3]


def forge(header, n_elements=4, rest=REST):
    """A bundle of this header (packed, or bytes as they are) with all checksums made right."""
    packed = header if isinstance(header, bytes) else msgpack.packb(header)
    length = 64 + len(packed) + len(rest)
    preamble = Preamble(len(packed), zlib.crc32(packed), length, n_elements)
    return fmt.encode_preamble(preamble) + packed + rest


def refused(data, error, says=""):
    with pytest.raises(error) as caught:
        reader.decode(data)
    assert type(caught.value) is error
    assert str(caught.value).startswith("bundle: ")
    assert says in str(caught.value)


def same(one, other):
    assert (one.spec, one.prepare, one.train) == (other.spec, other.prepare, other.train)
    assert one.meta == other.meta
    assert sorted(one.tensors) == list(other.tensors)
    for name, tensor in other.tensors.items():
        assert tensor.role == one.tensors[name].role
        assert tensor.array.dtype == one.tensors[name].array.dtype
        assert tensor.array.shape == one.tensors[name].array.shape
        assert tensor.array.tobytes() == one.tensors[name].array.tobytes()


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
words = st.text(max_size=50)


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


def test_every_truncation_is_refused_as_one():
    for length in range(len(DATA)):
        refused(DATA[:length], TruncatedBundleError, f"(offset {length})")


def test_every_flipped_bit_is_refused():
    for offset in range(len(DATA)):
        for bit in range(8):
            data = bytearray(DATA)
            data[offset] ^= 1 << bit
            with pytest.raises(BundleError):
                reader.decode(bytes(data))


def test_every_flipped_bit_of_a_mapped_file_is_refused(tmp_path):
    payload = header_of(DATA)["tensors"][0]["offsets"][0]
    path = tmp_path / "m"
    for offset in range(0, len(DATA), 3):
        data = bytearray(DATA)
        data[offset] ^= 1
        path.write_bytes(data)
        with pytest.raises(BundleError):
            reader.read_bundle(path, mmap=True, verify=True)
    data = bytearray(DATA)
    data[payload] ^= 1
    path.write_bytes(data)
    reader.read_bundle(path, mmap=True)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_with_a_bundle_error(data):
    for start in (b"", fmt.MAGIC, fmt.MAGIC + b"\x01"):
        with pytest.raises(BundleError):
            reader.decode(start + data)


@given(st.data())
def test_any_header_is_refused_or_canonical(data):
    # Cut, doubled and changed anywhere, with checksums that hold.
    header = bytearray(HEADER)
    start = data.draw(st.integers(0, len(header)))
    end = data.draw(st.integers(start, len(header)))
    header[start:end] = data.draw(st.binary(max_size=9) | st.just(bytes(header[start:end]) * 2))
    forged = forge(bytes(header))
    try:
        read = reader.decode(forged)
    except BundleError:
        return
    assert writer.encode(read) == forged


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | words,
        lambda part: st.lists(part, max_size=9) | st.dictionaries(words, part, max_size=9),
    )
)
def test_any_msgpack_as_a_header_is_refused(header):
    refused(forge(header), InvalidBundleError, "the header breaks the format's rules")


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", TruncatedBundleError, "ends inside its preamble"),
        (b"\x95\xafgraph", TruncatedBundleError, "ends inside its preamble"),
        (b"\x89PNG\r\n", NotABundleError, "is not a graphnet bundle"),
        (b"{}", NotABundleError, "is not a graphnet bundle"),
        (bytes(100), NotABundleError, "is not a graphnet bundle"),
        (fmt.MAGIC + b"\x02", UnsupportedVersionError, "its version is not 1"),
        (DATA[:17] + b"\x02" + DATA[18:], UnsupportedVersionError, "its version is not 1"),
        (DATA + b"\0", InvalidBundleError, "1 bytes follow its end"),
        (DATA[:30] + b"\1" + DATA[31:], CorruptBundleError, "the preamble's checksum"),
        (DATA[:70] + b"x" + DATA[71:], CorruptBundleError, "the header's checksum"),
        (DATA[:-1] + b"x", CorruptBundleError, "the checksum of tensor 'a/mean'"),
    ],
)
def test_faults_have_names(data, error, says):
    refused(data, error, says)


def resigned(start):
    return start[:60] + zlib.crc32(start[:60]).to_bytes(4, "big") + DATA[64:]


@pytest.mark.parametrize(
    ("offset", "byte", "error"),
    [
        (18, 0x94, InvalidBundleError),
        (19, 0xD2, InvalidBundleError),
        (29, 0xD3, InvalidBundleError),
        (44, 0x12, InvalidBundleError),
        (50, 0x01, InvalidBundleError),
        (20, 0x7F, InvalidBundleError),
        (42, 0x03, InvalidBundleError),
        (42, 0x06, InvalidBundleError),
        (39, 0x01, BundleLimitError),
        (30, 0x01, BundleLimitError),
        (33, 0x01, TruncatedBundleError),
    ],
)
def test_a_preamble_that_is_signed_but_wrong(offset, byte, error):
    start = bytearray(DATA[:64])
    start[offset] = byte
    refused(resigned(bytes(start)), error)


def test_a_header_past_its_limit():
    size = fmt.MAX_HEADER_BYTES + 1
    start = fmt.encode_preamble(Preamble(size, 0, size + 100, 0))
    refused(start, BundleLimitError, "bytes of the header: 16,777,217")


def changed(**changes):
    header = header_of(DATA)
    header.update(changes)
    return forge(header)


def changed_row(**changes):
    header = header_of(DATA)
    header["tensors"][0].update(changes)
    return forge(header)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (changed(spec=1), "the header breaks the format's rules"),
        (changed(spec=None), "the header breaks the format's rules"),
        (changed(spec=b"{}"), "the header breaks the format's rules"),
        (changed(spec=["{}"]), "the header breaks the format's rules"),
        (changed(spec=msgpack.ExtType(1, b"")), "the header breaks the format's rules"),
        (changed(prepare={}), "the header breaks the format's rules"),
        (changed(more=1), "the header breaks the format's rules"),
        (changed(meta=[]), "the header breaks the format's rules"),
        (changed(meta={"a": 1}), "the header breaks the format's rules"),
        (changed(meta={"b": "", "a": ""}), "not in canonical form"),
        (changed(tensors={}), "the header breaks the format's rules"),
        (changed(tensors=[None]), "the header breaks the format's rules"),
        (changed(tensors=[]), "do not lie where the format puts them"),
        (changed(tensors=header_of(DATA)["tensors"][::-1]), "'a/W' stands behind 'a/mean'"),
        (changed(tensors=header_of(DATA)["tensors"][:1] * 2), "'a/W' stands behind 'a/W'"),
        (changed(tensors=header_of(DATA)["tensors"][:1]), "do not lie"),
        (changed_row(name=1), "the header breaks the format's rules"),
        (changed_row(name="../W"), "a name is letters"),
        (changed_row(role="grad"), "role 'grad' is none of"),
        (changed_row(dtype="O"), "dtype 'O' is none of"),
        (changed_row(shape=[2, 3.0]), "the header breaks the format's rules"),
        (changed_row(shape=[2, True]), "the header breaks the format's rules"),
        (changed_row(shape=[-2, -3]), "the header breaks the format's rules"),
        (changed_row(shape=[2, 0]), "has a dimension of 0"),
        (changed_row(shape=[2, 2]), "nbytes is 24, but its shape and dtype take 16"),
        (changed_row(shape=[2**63] * 8), "nbytes is 24"),
        (changed_row(shape=[2**40], nbytes=2**42), "larger than the file"),
        (changed_row(nbytes=-24), "the header breaks the format's rules"),
        (changed_row(first=1), "do not lie"),
        (changed_row(offsets=[]), "do not lie"),
        (changed_row(offsets=[0]), "do not lie"),
        (changed_row(offsets=[384, 448]), "do not lie"),
        (forge(b"\x85\xd9\x04spec" + HEADER[6:]), "not in canonical form"),
        (forge(HEADER + b"\xc0"), "not in canonical form"),
        (forge(HEADER[:-1]), "the header breaks the format's rules"),
        (forge(b""), "the header breaks the format's rules"),
        (forge(b"\xc1"), "the header breaks the format's rules"),
        (forge(b"\x85\xa1\xff"), "the header breaks the format's rules"),
    ],
)
def test_headers_that_are_signed_but_wrong(data, says):
    refused(data, InvalidBundleError, says)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (changed(spec="x" * (2**21 + 1)), "spec is longer than 2,097,152 bytes"),
        (changed(prepare="x" * (2**22 + 1)), "prepare is longer than"),
        (changed(train="x" * (2**22 + 1)), "train is longer than"),
        (changed(meta={f"{i:02}": "" for i in range(65)}), "meta: 65 is more than the limit of 64"),
        (changed(meta={"k": "x" * 4096}), "meta entry 'k' is longer than 4,096 bytes"),
        (changed(tensors=[None] * 40_001), "tensors: 40,001 is more than"),
        (changed_row(name="a" * 201), "characters of its name: 201"),
        (changed_row(shape=[1] * 9), "shape: 9 is more than the limit of 8"),
        (changed_row(offsets=[0] * 60_001), "offsets: 60,001 is more than"),
    ],
)
def test_limits_of_the_header(data, says):
    refused(data, BundleLimitError, says)


def test_the_shortest_of_two_layouts_is_the_only_one():
    # Around offset 256 a longer offset moves the payload, so that a longer header fits as well.
    for length in range(130):
        data = writer.encode(Contents(length * "x", tensors={"a": SMALL.tensors["a/mean"]}))
        header = header_of(data)
        if header["tensors"][0]["offsets"] == [192]:
            last = header
    last["tensors"][0]["offsets"] = [256]
    packed = msgpack.packb(last)
    pos = 64 + len(packed) + 5
    rest = (
        fmt.encode_elements(2) + fmt.encode_frame(pos, 8) + SMALL.tensors["a/mean"].array.tobytes()
    )
    data = forge(packed, 2, rest)
    assert data[256:] == SMALL.tensors["a/mean"].array.tobytes()
    refused(data, InvalidBundleError, "do not lie where the format puts them")


def test_padding_and_heads_are_checked():
    start = 64 + len(HEADER)
    first, second = (row["offsets"][0] for row in header_of(DATA)["tensors"])
    between = [*range(start, first), *range(first + 24, second)]
    for offset in between:
        data = bytearray(DATA)
        data[offset] ^= 0x40
        refused(bytes(data), InvalidBundleError, "(offset ")


def test_the_file_limit_is_the_callers(tmp_path):
    path = tmp_path / "m"
    path.write_bytes(DATA)
    with pytest.raises(BundleLimitError, match="bytes of the file"):
        reader.read_bundle(path, limit=len(DATA) - 1)
    reader.read_bundle(path, limit=len(DATA))


def test_a_hostile_header_costs_little_memory():
    size = 2**20
    start = b"\x85\xa4spec"
    for bomb in (
        b"\xdd\x00\x0f\xff\x00" + b"\x90" * size,
        b"\xdd\x00\x00\xea\x60" * (size // 5),
        b"\xdf\x00\x00\xea\x60" * (size // 5),
        b"\x91" * size,
        b"\x81\xa0" * size,
    ):
        data = forge(start + bomb)
        tracemalloc.start()
        refused(data, InvalidBundleError, "the header breaks the format's rules")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 5 * len(data)


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


def test_a_strangers_path_and_texts_are_escaped(tmp_path):
    path = tmp_path / "a\nb\x1b"
    with pytest.raises(BundleError) as caught:
        reader.read_bundle(path)
    assert str(caught.value).isprintable()
    refused(changed_row(role="\n" * 1000), InvalidBundleError, r"\n")


def test_reading_imports_no_writer():
    code = (
        "import sys\n"
        "import graphnet.bundle.reader\n"
        "unwanted = {'tempfile', 'secrets', 'pydantic', 'mmap', 'graphnet.bundle.writer'}\n"
        "print(sorted(unwanted & set(sys.modules)))"
    )
    run = [sys.executable, "-c", code]
    assert subprocess.run(run, cwd=ROOT, check=True, capture_output=True).stdout.strip() == b"[]"
