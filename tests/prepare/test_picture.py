"""Pictures from strangers: every kind that PNG and JPEG know, and every way to be broken."""

from __future__ import annotations

import io
import struct
import subprocess
import sys

import numpy as np
import pytest
from picture_files import chunk, filtered, png, saved
from PIL import Image

from graphnet.errors import ImageError
from graphnet.prepare.picture import read_picture


def test_grey_and_colour_are_read_exactly(grey, colours):
    assert np.array_equal(read_picture(saved(Image.fromarray(grey))), grey)
    assert np.array_equal(read_picture(saved(Image.fromarray(colours))), colours)


def test_one_bit_becomes_black_and_white(grey):
    im = read_picture(saved(Image.fromarray(grey > 100)))
    assert im.mode == "L"
    assert np.array_equal(im, (grey > 100) * 255)


def test_alpha_is_kept(grey, colours):
    for mode in ("LA", "RGBA"):
        whole = Image.fromarray(colours).convert(mode)
        whole.putalpha(Image.fromarray(grey))
        im = read_picture(saved(whole))
        assert im.mode == mode
        assert np.array_equal(im.getchannel("A"), grey)


def test_sixteen_bit_grey_is_scaled_not_clipped():
    values = np.array([[0, 128, 129, 257, 32767, 40000, 65406, 65407, 65535]], np.uint16)
    im = read_picture(saved(Image.fromarray(values)))
    assert im.mode == "L"
    assert np.asarray(im).tolist() == [[0, 0, 1, 1, 127, 156, 254, 255, 255]]
    assert np.array_equal(np.asarray(im), np.rint(values / 257))


def test_sixteen_bit_colour_keeps_the_upper_byte(rng):
    deep = rng.integers(0, 65536, (4, 3, 3), dtype=np.uint16)
    assert np.array_equal(read_picture(png(3, 4, 16, 2, filtered(deep))), deep >> 8)
    deep = rng.integers(0, 65536, (4, 3, 4), dtype=np.uint16)
    im = read_picture(png(3, 4, 16, 6, filtered(deep)))
    assert im.mode == "RGBA"
    assert np.array_equal(im, deep >> 8)


def test_palettes_become_colours(colours):
    paletted = Image.fromarray(colours).quantize(8)
    im = read_picture(saved(paletted))
    assert im.mode == "RGB"
    assert np.array_equal(im, paletted.convert("RGB"))


@pytest.mark.parametrize("transparency", [2, bytes([0, 128, 255, 7])])
def test_palettes_with_transparency_become_rgba(transparency, colours):
    paletted = Image.fromarray(colours).quantize(4)
    im = read_picture(saved(paletted, transparency=transparency))
    alphas = [255, 255, 0, 255] if transparency == 2 else list(transparency)
    assert im.mode == "RGBA"
    assert np.array_equal(im.getchannel("A"), np.array(alphas)[np.asarray(paletted)])


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_a_transparent_grey_of_any_depth(depth):
    white = 2**depth - 1
    row = {1: b"\x40", 2: b"\x30", 4: b"\x0f", 8: b"\x00\xff", 16: b"\x00\x00\xff\xff"}[depth]
    key = chunk(b"tRNS", struct.pack(">H", white))
    im = read_picture(png(2, 1, depth, 0, b"\0" + row, key))
    assert im.mode == "LA"
    assert np.asarray(im).tolist() == [[[0, 255], [255, 0]]]


@pytest.mark.parametrize("depth", [8, 16])
def test_a_transparent_colour(depth):
    values = np.array([[[1, 2, 3], [9, 2, 3]]], np.uint8 if depth == 8 else np.uint16)
    values = values if depth == 8 else values * 257
    key = chunk(b"tRNS", struct.pack(">3H", *map(int, values[0, 1])))
    im = read_picture(png(2, 1, depth, 2, filtered(values), key))
    assert np.asarray(im).tolist() == [[[1, 2, 3, 255], [9, 2, 3, 0]]]


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 6), (9, 8), (17, 13)])
def test_interlaced(size, rng):
    width, height = size
    values = rng.integers(0, 256, (height, width), dtype=np.uint8)
    starts = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    grids = [values[y::dy, x::dx] for x, y, dx, dy in [*starts, (0, 1, 1, 2)]]
    rows = b"".join(filtered(g) for g in grids if g.size)
    assert np.array_equal(read_picture(png(width, height, 8, 0, rows, passes=1)), values)
    with pytest.raises(ImageError, match="does not fill the picture"):
        read_picture(png(width, height, 8, 0, rows[:-1], passes=1))


def test_jpegs_of_all_kinds(rng):
    smooth = np.asarray(Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).resize((40, 32)))
    im = Image.fromarray(smooth)
    for options in ({}, {"progressive": True}, {"subsampling": 0}, {"quality": 60}):
        read = read_picture(saved(im, "JPEG", **options))
        assert (read.mode, read.size) == ("RGB", (40, 32))
        assert np.abs(np.asarray(read, float) - smooth).mean() < 15
    read = read_picture(saved(im.convert("CMYK"), "JPEG"))
    assert read.mode == "RGB"
    assert np.abs(np.asarray(read, float) - smooth).mean() < 15
    assert read_picture(saved(im.convert("L"), "JPEG")).mode == "L"


@pytest.mark.parametrize("order", ["<", ">"])
def test_orientation_is_honoured(order):
    # The picture's left upper quarter is light; by orientation it comes to lie elsewhere.
    quarters = np.kron(np.array([[250, 0, 0], [100, 0, 0]], np.uint8), np.ones((8, 8), np.uint8))
    corners = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0)}
    corners |= {5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    for turn, corner in corners.items():
        magic = b"II*\0" if order == "<" else b"MM\0*"
        exif = magic + struct.pack(order + "IHHHIHHI", 8, 1, 274, 3, 1, turn, 0, 0)
        files = [
            saved(Image.fromarray(quarters), "JPEG", exif=b"Exif\0\0" + exif),
            saved(Image.fromarray(quarters), "PNG", exif=exif),
        ]
        for file in files:
            im = read_picture(file)
            assert im.size == ((16, 24) if turn >= 5 else (24, 16))
            assert abs(int(np.asarray(im)[corner]) - 250) < 10


def test_damaged_exif_turns_nothing():
    im = Image.new("L", (9, 8))
    for exif in (b"", b"II*\0", b"MM\0*\0\0\0\x08\xff\xff", b"II*\0\xff\xff\xff\xff", b"none"):
        assert read_picture(saved(im, "JPEG", exif=b"Exif\0\0" + exif)).size == (9, 8)


def test_the_default_picture_of_an_animation(grey):
    frames = [Image.fromarray(np.flipud(grey)), Image.fromarray(np.fliplr(grey))]
    first = Image.fromarray(grey)
    for default in (True, False):
        file = saved(first, save_all=True, append_images=frames, default_image=default)
        assert b"fdAT" in file
        assert np.array_equal(read_picture(file), grey)


def test_paths_streams_and_bytes_give_the_same(tmp_path, grey):
    file = saved(Image.fromarray(grey))
    path = tmp_path / "digit.gif"  # the content counts, not the name
    path.write_bytes(file)

    class Slow(io.BytesIO):
        def read(self, size=-1):
            return super().read(min(size, 3))

    for source in (path, str(path), file, bytearray(file), memoryview(file), Slow(file)):
        assert np.array_equal(read_picture(source), grey)
    with path.open("rb") as stream:
        assert np.array_equal(read_picture(stream), grey)


def test_bytes_after_the_end_are_no_part_of_it(grey):
    assert np.array_equal(read_picture(saved(Image.fromarray(grey)) + b"more"), grey)
    assert read_picture(saved(Image.fromarray(grey), "JPEG") + b"more").size == (5, 6)


def test_what_is_imported_is_what_is_needed(tmp_path, grey):
    path = tmp_path / "a.png"
    path.write_bytes(saved(Image.fromarray(grey)))
    program = (
        "import sys\n"
        "import graphnet.prepare, graphnet.prepare.image\n"
        "assert not [m for m in sys.modules if m.partition('.')[0] == 'PIL']\n"
        "from graphnet.prepare.picture import read_picture\n"
        "read_picture(sys.argv[1])\n"
        "print(*sorted(m for m in sys.modules if m.endswith('Plugin') or m == 'PIL.ImageOps'))\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert found.stdout == "PIL.PngImagePlugin\n"
