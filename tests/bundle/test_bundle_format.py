"""The bundle's bytes as other readers know them, and the rules that contents have to keep."""

import itertools
import os
import zlib

import msgpack
import numpy as np
import pytest

from graphnet.bundle import format as fmt
from graphnet.bundle import reader, writer
from graphnet.bundle.format import Contents, Tensor
from graphnet.errors import BundleLimitError, InvalidBundleError, SaveError

TINY = Contents(
    spec="{}",
    train="[1]",
    meta={"by": "me"},
    tensors={"a/W": Tensor("param", np.array([[1.0, 2.0]], np.float32))},
)
PREAMBLE = bytes.fromhex(
    "95 af 67726170686e65742e62756e646c65 01 95 ce0000007f ce c7fb2de4 cf0000000000000108"
    "ce00000002 c413 000000000000000000000000000000"
)
HEADER = (
    b"\x85\xa4spec\xa2{}\xa7prepare\xc0\xa5train\xa3[1]\xa4meta\x81\xa2by\xa2me\xa7tensors\x91"
    b"\x88\xa4name\xa3a/W\xa4role\xa5param\xa5dtype\xa3f32\xa5shape\x92\x01\x02\xa6nbytes\x08"
    b"\xa5crc32\xce\x2e\x3f\xa5\x76\xa5first\x00\xa7offsets\x91\xcd\x01\x00"
)
ELEMENTS = b"\xdd\x00\x00\x00\x02" + b"\xc4\x35" + bytes(53) + b"\xc6\x00\x00\x00\x08"
PAYLOAD = b"\x00\x00\x80\x3f\x00\x00\x00\x40"


def test_a_tiny_bundle_is_these_bytes():
    data = writer.encode(TINY)
    assert data == PREAMBLE + b"\x4a\x25\x2f\x67" + HEADER + ELEMENTS + PAYLOAD
    assert int.from_bytes(data[60:64], "big") == zlib.crc32(PREAMBLE)


def test_msgpack_alone_reads_it():
    magic, version, prelude, header, elements = msgpack.unpackb(writer.encode(TINY))
    assert (magic, version) == ("graphnet.bundle", 1)
    assert prelude[0] == len(HEADER)
    assert header["spec"] == "{}"
    assert header["prepare"] is None
    assert header["meta"] == {"by": "me"}
    row = header["tensors"][0]
    payload = elements[2 * row["first"] + 1]
    assert zlib.crc32(payload) == row["crc32"]
    assert np.frombuffer(payload, "<f4").reshape(row["shape"]).tolist() == [[1.0, 2.0]]


def test_msgpack_alone_reads_many_chunks(monkeypatch):
    monkeypatch.setattr(fmt, "CHUNK_BYTES", 64)
    array = np.arange(50, dtype=np.int32)
    tensors = {"b": Tensor("state", array), "a": Tensor("param", array[:3])}
    data = writer.encode(Contents("{}", tensors=tensors))
    *_, header, elements = msgpack.unpackb(data)
    a, b = header["tensors"]
    assert (a["first"], b["first"], len(elements)) == (0, 1, 10)
    payloads = [elements[2 * (b["first"] + i) + 1] for i in range(len(b["offsets"]))]
    assert [len(p) for p in payloads] == [64, 64, 64, 8]
    assert b"".join(payloads) == array.tobytes()
    assert b["crc32"] == zlib.crc32(array.tobytes())
    for offset, payload in zip(b["offsets"], payloads, strict=True):
        assert offset % 64 == 0
        assert data[offset : offset + len(payload)] == payload


def test_offsets_beyond_4_gib():
    full = fmt.CHUNK_BYTES
    layout = fmt.lay_out([3 * full + 5, 8], 200)
    assert (layout.n_chunks, layout.firsts) == (5, [0, 4])
    first, last = layout.offsets
    assert [b - a for a, b in itertools.pairwise(first)] == [full + 64] * 3
    assert layout.file_len == last[0] + 8
    assert layout.header_len == 200 + 2 + 4 + 8 + 8 + 8


def test_padding_ends_at_a_multiple_of_64():
    for pos in range(200):
        frame = fmt.encode_frame(pos, 7)
        assert (pos + len(frame)) % 64 == 0
        assert msgpack.unpackb(frame[: 2 + fmt.padding(pos)]) == bytes(fmt.padding(pos))


@pytest.mark.parametrize("bits", [0, 6, 7, 8, 15, 16, 31, 32, 63])
def test_uint_bytes_is_the_length_that_msgpack_takes(bits):
    for value in (2**bits - 1, 2**bits):
        assert fmt.uint_bytes(value) == len(msgpack.packb(value))


def test_offsets_in_the_header_are_those_of_the_file():
    # The header grows with its offsets, and they with it: around each step of msgpack's integers.
    for length in [*range(130), *range(64_900, 65_400, 7)]:
        data = writer.encode(Contents(length * "x", tensors=TINY.tensors))
        *_, header, _ = msgpack.unpackb(data)
        (offset,) = header["tensors"][0]["offsets"]
        assert data[offset:] == PAYLOAD


def test_the_same_contents_give_the_same_bytes_in_any_order():
    tensors = {"b": Tensor("param", np.ones(3)), "a": Tensor("param", np.zeros(2))}
    turned = dict(reversed(tensors.items()))
    one = Contents("{}", meta={"x": "1", "a": "2"}, tensors=tensors)
    other = Contents("{}", meta={"a": "2", "x": "1"}, tensors=turned)
    assert writer.encode(one) == writer.encode(other)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        *zip(("<f8", ">f4", "f2", ">i8", "i4", "i1", "u1"), fmt.DTYPES, strict=True),
        *zip(("?", "O", "c8", "u2", "M8[s]", "g"), 6 * [None], strict=True),
    ],
)
def test_dtypes_come_from_the_table_alone(text, name):
    assert fmt.dtype_name(np.dtype(text)) == name


def row(**changes):
    good = fmt.Row("a", "param", "f32", (2, 3), 24, 0, 0, (0,))
    return good._replace(**changes)


@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({"name": ""}, InvalidBundleError, "a name is letters"),
        ({"name": "a b"}, InvalidBundleError, "a name is letters"),
        ({"name": "\u00e4"}, InvalidBundleError, "a name is letters"),
        ({"name": "../a"}, InvalidBundleError, "without '..'"),
        ({"name": 201 * "a"}, BundleLimitError, "201 is more than the limit of 200"),
        ({"role": "grad"}, InvalidBundleError, "'grad' is none of param, state, optimizer, best"),
        ({"dtype": "bool"}, InvalidBundleError, "'bool' is none of f64"),
        ({"dtype": "<f4"}, InvalidBundleError, "'<f4' is none of"),
        ({"shape": (1,) * 9}, BundleLimitError, "rank: 9 is more than the limit of 8"),
        ({"shape": (0, 3), "nbytes": 0}, InvalidBundleError, "has a dimension of 0"),
        ({"nbytes": 25}, InvalidBundleError, "nbytes is 25, but its shape and dtype take 24"),
        # 2**64 + 24 bytes: in 64 bits that would be the 24 of the good row.
        ({"shape": (2**62 + 6,), "nbytes": 24}, InvalidBundleError, "take 18446744073709551640"),
    ],
)
def test_rules_of_a_row(changes, error, says):
    fmt.check_row(row())
    with pytest.raises(error, match=says.replace(".", r"\.")):
        fmt.check_row(row(**changes))


def one(array, name="a", role="param"):
    return Contents("{}", tensors={name: Tensor(role, array)})


def refused(error, bad, says, folder):
    for call in (writer.check_contents, lambda bad: writer.write_bundle(folder / "m", bad)):
        with pytest.raises(error) as caught:
            call(bad)
        assert says in str(caught.value)
    assert str(caught.value).startswith(f"{folder / 'm'}: ")
    assert os.listdir(folder) == []


def test_big_endian_and_strided_arrays_are_written_in_the_tables_form():
    array = np.arange(24, dtype=np.float32).reshape(4, 6)
    want = writer.encode(one(array))
    assert writer.encode(one(array.astype(">f4"))) == want
    assert writer.encode(one(np.asfortranarray(array))) == want
    assert writer.encode(one(np.repeat(array, 2, axis=1)[:, ::2])) == want
    array.flags.writeable = False
    assert writer.encode(one(array)) == want


def test_a_scalar_stays_a_scalar():
    data = writer.encode(one(np.array(2.5)))
    array = reader.decode(data).tensors["a"].array
    assert array.shape == ()
    assert array == 2.5


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (one(np.array([True])), "tensor 'a': dtype 'bool' is none of f64, f32, f16"),
        (one(np.array([None])), "dtype 'object' is none of"),
        (one(np.zeros(2, "c8")), "dtype 'complex64' is none of"),
        (one(np.zeros((2, 0))), "shape (2, 0) has a dimension of 0"),
        (one(np.zeros(2), role="grad"), "role 'grad' is none of param"),
        (one(np.zeros(2), name="a b"), "tensor 'a b': a name is letters"),
        (one(np.zeros(2), name="a..b"), "without '..'"),
        (Contents("\ud800"), "surrogates not allowed"),
    ],
)
def test_what_the_format_does_not_have_is_refused(tmp_path, bad, says):
    refused(SaveError, bad, says, tmp_path)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (Contents("x" * (2**21 + 1)), "spec is longer than 2,097,152 bytes"),
        (Contents("\u00e4" * (2**20 + 1)), "spec is longer than 2,097,152 bytes"),
        (Contents("", prepare="x" * (2**22 + 1)), "prepare is longer than 4,194,304 bytes"),
        (Contents("", train="x" * (2**22 + 1)), "train is longer than 4,194,304 bytes"),
        (Contents("", meta={str(i): "" for i in range(65)}), "meta: 65 is more than the limit"),
        (Contents("", meta={"k": "x" * 4096}), "meta entry 'k' is longer than 4,096 bytes"),
        (one(np.zeros((1,) * 9)), "tensor 'a': rank: 9 is more than the limit of 8"),
        (one(np.zeros(2), name="a" * 201), "201 is more than the limit of 200"),
    ],
)
def test_limits_are_refused(tmp_path, bad, says):
    refused(BundleLimitError, bad, says, tmp_path)


def test_the_limits_themselves_are_allowed():
    full = Contents(
        "x" * 2**21,
        prepare="x" * 2**22,
        train="x" * 2**22,
        meta={f"{i:02}": "x" * 4094 for i in range(64)},
        tensors={"a" * 200: Tensor("best", np.zeros((1,) * 8))},
    )
    data = writer.encode(full)
    assert writer.encode(reader.decode(data)) == data


def test_counts_and_sizes_have_limits(monkeypatch):
    many = Contents("", tensors={str(i): Tensor("param", np.zeros(9)) for i in range(4)})
    size = len(writer.encode(many))
    writer.check_contents(many, limit=size + 4)
    with pytest.raises(BundleLimitError, match="bytes of the file"):
        writer.encode(many, limit=size - 1)
    for name, value in [("MAX_HEADER_BYTES", 99), ("MAX_TENSORS", 3), ("MAX_CHUNKS", 3)]:
        with monkeypatch.context() as patch:
            patch.setattr(fmt, name, value)
            with pytest.raises(BundleLimitError, match="is more than the limit of"):
                writer.check_contents(many)


def test_checked_contents_can_be_saved_whatever_their_numbers_become():
    array = np.zeros(2)
    state = one(array)
    limit = len(writer.encode(state)) + 64
    writer.check_contents(state, limit=limit)
    for value in range(50):
        array[:] = value
        assert len(writer.encode(state, limit=limit)) <= limit
