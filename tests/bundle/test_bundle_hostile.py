"""Bytes that no writer wrote: each is refused by the error that names its fault."""

import tracemalloc
import zlib

import msgpack
import pytest
from forging import DATA, HEADER, SMALL, changed, changed_row, forge, header_of, refused, words
from hypothesis import given
from hypothesis import strategies as st

from graphnet.bundle import format as fmt
from graphnet.bundle import reader, writer
from graphnet.bundle.format import Contents, Preamble
from graphnet.errors import (
    BundleError,
    BundleLimitError,
    CorruptBundleError,
    InvalidBundleError,
    NotABundleError,
    TruncatedBundleError,
    UnsupportedVersionError,
)


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


def test_a_strangers_path_and_texts_are_escaped(tmp_path):
    path = tmp_path / "a\nb\x1b"
    with pytest.raises(BundleError) as caught:
        reader.read_bundle(path)
    assert str(caught.value).isprintable()
    refused(changed_row(role="\n" * 1000), InvalidBundleError, r"\n")
