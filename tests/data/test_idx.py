"""IDX files: what is read, and that everything else is one DatasetError naming the file."""

import gzip
import os
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphnet.data.idx import HEADROOM, read_idx, read_pair
from graphnet.errors import DatasetError

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}
IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
LABELS = np.array([7, 1], np.uint8)


def header(code: int, *dims: int) -> bytes:
    return bytes((0, 0, code, len(dims))) + struct.pack(f">{len(dims)}I", *dims)


def idx(array: np.ndarray) -> bytes:
    code = CODES[array.dtype.str[1:]]
    return header(code, *array.shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def refused(path: Path, **options: object) -> str:
    """The error's text: one line that begins with the file's name."""
    with pytest.raises(DatasetError) as caught:
        read_idx(path, **options)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert len(text) <= 500
    assert text.isprintable()
    return text.removeprefix(f"{path}: ")


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("kind", sorted(CODES))
def test_reads_every_type_in_the_machines_byte_order(tmp_path, kind, pack):
    array = np.array([[1, 2, 3], [100, 50, 0]], kind)
    found = read_idx(put(tmp_path / "any.name", pack(idx(array))))
    assert found.dtype == np.dtype(kind)
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, array)
    found += 1  # the caller's own, writable


def test_literal_bytes(tmp_path):
    path = put(tmp_path / "a", b"\0\0\x0b\x02\0\0\0\x01\0\0\0\x02\x01\x00\xff\xfe")
    assert read_idx(path).tolist() == [[256, -2]]


def test_gzip_is_told_by_content_and_not_by_name(tmp_path):
    assert read_idx(put(tmp_path / "plain.gz", idx(LABELS))).tolist() == [7, 1]
    assert read_idx(put(tmp_path / "zipped", gzip.compress(idx(LABELS)))).tolist() == [7, 1]


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_truncation_is_named(tmp_path, pack):
    whole = pack(idx(IMAGES))
    for length in range(len(whole)):
        refused(put(tmp_path / "cut", whole[:length]))


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_every_other_value_of_every_header_byte_is_named(tmp_path, pack):
    images, labels = idx(IMAGES), put(tmp_path / "labels", idx(LABELS))
    for place in range(16):
        for value in set(range(256)) - {images[place]}:
            damaged = bytearray(images)
            damaged[place] = value
            path = put(tmp_path / "images", pack(bytes(damaged)))
            with pytest.raises(DatasetError, match=r"images: |images as labels|of .*images"):
                read_pair(path, labels)


def test_every_flipped_bit_of_a_gzip_file_is_found_or_harmless(tmp_path):
    whole = gzip.compress(idx(IMAGES), mtime=0)
    accepted = set()
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        try:
            found = read_idx(put(tmp_path / "flipped", bytes(damaged)))
        except DatasetError:
            continue
        np.testing.assert_array_equal(found, IMAGES)
        accepted.add(bit // 8)
    # In gzip's own header the text flag, time, level and system say nothing about the data,
    # nor do the bits that fill up the last byte before its sums.
    assert accepted <= {3, 4, 5, 6, 7, 8, 9, len(whole) - 9}


@given(st.binary(max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_an_array_or_a_dataset_error(tmp_path_factory, content):
    path = put(tmp_path_factory.getbasetemp() / "any", b"\0\0" + content)
    try:
        found = read_idx(path)
    except DatasetError:
        return
    assert idx(found) == b"\0\0" + content or np.isnan(found).any()


def test_says_what_where_and_what_to_do(tmp_path):
    path = tmp_path / "images"
    assert refused(put(path, b"PNG picture")) == (
        "not an IDX file: it starts with 50 4e 47 20, expected 00 00 and a type of "
        "08, 09, 0b, 0c, 0d or 0e (bytes 0-3)"
    )
    assert refused(put(path, b"")) == (
        "ends inside its header: the first four bytes take 4 bytes, 0 are there"
    )
    assert refused(put(path, header(8, 2, 3)[:9])) == (
        "ends inside its header: the sizes of 2 dimensions take 8 bytes, 5 are there"
    )
    assert refused(put(path, header(8, 2, 0, 4))) == (
        "dimension 2 of 3 is 0, so there are no samples (bytes 8-11)"
    )
    assert refused(put(path, header(8, *[1] * 9) + b"\0")) == (
        "9 dimensions, but an IDX file here has 1 to 8 (byte 3)"
    )
    assert refused(put(path, bytes(4)))[:13] == "not an IDX fi"
    assert refused(put(path, idx(IMAGES)[:-1])) == (
        "the header says 2 x 3 x 4 uint8, 24 bytes, but the file holds 23: "
        "fetch it again (from byte 16)"
    )


def test_trailing_bytes_are_named(tmp_path):
    path = tmp_path / "long"
    assert "the file holds 25" in refused(put(path, idx(IMAGES) + b"\0"))
    assert "but more bytes follow" in refused(put(path, gzip.compress(idx(IMAGES) + b"\0")))
    whole = gzip.compress(idx(IMAGES))
    assert refused(put(path, whole + b"\0")) == (
        f"bytes follow its gzip stream: compress the IDX file as one (byte {len(whole)})"
    )
    assert "bytes follow its gzip stream" in refused(put(path, whole + whole))
    # The second member arrives in a piece of its own.
    noise = np.random.default_rng(0).integers(0, 256, (1, 2**18), dtype=np.uint8)
    whole = gzip.compress(idx(noise))
    assert "bytes follow its gzip stream" in refused(put(path, whole + b"\0" * 2**18))


def test_huge_dimensions_are_counted_exactly(tmp_path):
    most = 2**32 - 1
    content = header(14, *[most] * 8) + bytes(8)
    for packed in (content, gzip.compress(content)):
        assert f"{8 * most**8} bytes, but" in refused(put(tmp_path / "huge", packed))


def test_a_bomb_is_expanded_by_one_byte_past_its_header(tmp_path):
    path = put(tmp_path / "bomb", gzip.compress(idx(IMAGES) + bytes(64 * 2**20), 1))
    tracemalloc.start()
    try:
        assert "2 x 3 x 4 uint8, 24 bytes, but more bytes follow" in refused(path)
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


def test_a_header_that_declares_a_bomb_is_refused_before_memory_is_taken(tmp_path):
    content = gzip.compress(header(8, 2**20, 28, 28) + bytes(100))
    path = put(tmp_path / "bomb", content)
    allowed = len(content) + HEADROOM
    tracemalloc.start()
    try:
        assert refused(path) == (
            "the header says 1048576 x 28 x 28 uint8, 822083584 bytes, but at most "
            f"{allowed} may be decoded from it: decompress it first"
        )
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


def test_the_limit_is_the_callers_to_set(tmp_path):
    path = put(tmp_path / "images", idx(IMAGES))
    assert len(read_idx(path, limit=24)) == 2
    assert "at most 23 may be decoded" in refused(path, limit=23)


def test_more_than_memory_is_a_dataset_error(tmp_path):
    path = put(tmp_path / "huge", gzip.compress(header(8, *[2**31 - 1] * 2)))
    assert "more than there is memory for" in refused(path, limit=2**80)


def test_md5_is_of_the_uncompressed_bytes(tmp_path):
    import hashlib

    md5 = hashlib.md5(idx(IMAGES), usedforsecurity=False).hexdigest()
    for pack in (bytes, gzip.compress):
        path = put(tmp_path / "images", pack(idx(IMAGES)))
        np.testing.assert_array_equal(read_idx(path, md5=md5), IMAGES)
        assert refused(path, md5="0" * 32) == (
            f"the MD5 of its uncompressed bytes is {md5}, expected {'0' * 32}: "
            "it is not the published file; remove it and fetch it again"
        )


def test_what_is_no_file_is_named(tmp_path):
    assert refused(tmp_path / "none") == "no such file: name an IDX file, plain or gzip"
    assert refused(tmp_path) == "is a folder: name an IDX file, plain or gzip"
    assert "cannot be read" in refused(put(tmp_path / "file", b"") / "below") or os.name == "nt"
    with pytest.raises(DatasetError, match=r"^a\\x00b: no path of a file: .*embedded null"):
        read_idx("a\0b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_fifo_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert refused(tmp_path / "fifo") == "is no regular file: name an IDX file, plain or gzip"


def test_a_long_or_wild_path_leaves_room_for_the_message():
    with pytest.raises(DatasetError) as caught:
        read_idx("x/" * 400 + "\x1b[31mred")
    text = str(caught.value)
    assert text.startswith("...")
    assert r"\x1b[31mred: " in text
    assert text.isprintable()


def test_pair_gives_pictures_and_int64_labels(tmp_path):
    images, labels = read_pair(
        put(tmp_path / "i", idx(IMAGES)), put(tmp_path / "l", gzip.compress(idx(LABELS)))
    )
    np.testing.assert_array_equal(images, IMAGES)
    assert images.dtype == np.uint8
    assert labels.tolist() == [7, 1]
    assert labels.dtype == np.int64


def test_pair_takes_colour_and_any_whole_labels(tmp_path):
    colour = np.zeros((2, 3, 4, 3), np.uint8)
    wide = np.array([7, 40000], np.int32)
    images, labels = read_pair(put(tmp_path / "i", idx(colour)), put(tmp_path / "l", idx(wide)))
    assert images.shape == (2, 3, 4, 3)
    assert labels.tolist() == [7, 40000]


@pytest.mark.parametrize(
    ("images", "labels", "said"),
    [
        (IMAGES[0], LABELS, "{i}: holds 3 x 4 uint8, but pictures are N x H x W or"),
        (IMAGES.astype(np.float32), LABELS, "{i}: holds 2 x 3 x 4 float32, but pictures"),
        (IMAGES.astype(np.int8), LABELS, "{i}: holds 2 x 3 x 4 int8, but pictures"),
        (IMAGES[..., None], LABELS, "{i}: holds 2 x 3 x 4 x 1 uint8, but pictures"),
        (LABELS, IMAGES, "{i}: holds 2 uint8, but pictures"),
        (IMAGES, LABELS[:, None], "{l}: holds 2 x 1 uint8, but labels are whole numbers"),
        (IMAGES, LABELS.astype(np.float64), "{l}: holds 2 float64, but labels are whole"),
        (IMAGES, LABELS[:1], "{i}: 2 images, but 1 labels in {l}: take two files that belong"),
        (IMAGES, np.array([3, -1], np.int8), "{l}: label -1 is negative, but classes count"),
    ],
)
def test_pair_names_both_files(tmp_path, images, labels, said):
    i, l = put(tmp_path / "i", idx(images)), put(tmp_path / "l", idx(labels))  # noqa: E741
    with pytest.raises(DatasetError) as caught:
        read_pair(i, l)
    text = str(caught.value)
    assert text.startswith(said.format(i=i, l=l))
    assert str(i) in text
    assert str(l) in text
