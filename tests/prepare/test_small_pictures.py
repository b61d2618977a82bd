"""Small PNGs decoded together have the pixels that each has alone."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from graphnet.errors import GraphnetError
from graphnet.prepare.picture import read_picture
from graphnet.prepare.small import pixels_of, rows_of

SIZES = st.tuples(st.integers(1, 12), st.integers(1, 12))


def png_of(pixels, **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", **options)
    return file.getvalue()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(rows, width, height, colour=0, depth=8, passes=0):
    """A PNG with these rows, filters and all."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, passes)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(1, 6), st.sampled_from([1, 3]), st.integers(0, 2**32 - 1))
def test_pixels_are_those_of_each_alone(size, count, channels, seed):
    rng = np.random.default_rng(seed)
    width, height = size
    stride = 1 + width * channels
    files = []
    for _ in range(count):
        rows = rng.integers(0, 256, (height, stride), dtype=np.uint8)
        rows[:, 0] = rng.integers(0, 5, height)  # all five filters, also in the first row
        files.append(png_with(rows.tobytes(), width, height, 0 if channels == 1 else 2))
    found = pixels_of([rows_of(file) for file in files])
    assert found.shape == (count, height, width, channels)
    for file, pixels in zip(files, found, strict=True):
        alone = np.asarray(read_picture(file))
        assert np.array_equal(alone.reshape(pixels.shape), pixels)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.data())
def test_damage_is_found_as_it_is_by_the_whole_reader(seed, data):
    rng = np.random.default_rng(seed)
    file = bytearray(png_of(rng.integers(0, 256, (5, 6), dtype=np.uint8)))
    at = data.draw(st.integers(0, len(file) - 1))
    file[at] ^= data.draw(st.integers(1, 255))
    if rows_of(bytes(file)) is not None:
        read_picture(bytes(file))  # whatever is taken here is whole
    cut = bytes(file[: data.draw(st.integers(0, len(file) - 1))])
    assert rows_of(cut) is None


@pytest.mark.parametrize(
    "file",
    [
        b"",
        png_of(np.zeros((5, 6), np.uint8) > 0),
        png_of(np.zeros((5, 6, 4), np.uint8)),
        png_of(np.zeros((500, 600), np.uint8)),
        png_of(np.zeros((5, 6), np.uint16)),
        png_of(np.zeros((5, 6), np.uint8), dpi=(72, 72)),
        png_with(b"\0" * 30, 6, 5),
        png_with(b"\0" * 36, 6, 5),
        png_with(b"\5" + b"\0" * 34, 6, 5),
        png_with(b"\0" * 35, 6, 5, passes=1),
        png_with(b"", 0, 5),
        png_of(np.zeros((5, 6), np.uint8)) + b"more",
    ],
    ids=lambda file: str(len(file)),
)
def test_others_are_left_to_the_whole_reader(file):
    assert rows_of(file) is None


def test_one_with_too_many_bytes_costs_no_memory():
    file = png_with(b"\0" * 10_000_000, 6, 5)
    assert rows_of(file) is None
    with pytest.raises(GraphnetError, match="more than 35 bytes"):
        read_picture(file)
