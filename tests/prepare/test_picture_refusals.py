"""Files that are no whole picture: each is refused, and none costs more than its size."""

from __future__ import annotations

import io
import os
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from picture_files import SIGNATURE, chunk, filtered, png, saved
from PIL import Image

from graphnet.errors import ImageError, ImageTooLargeError
from graphnet.prepare import picture as picture_module
from graphnet.prepare.picture import MAX_BYTES, read_picture
from graphnet.prepare.walk import MAX_PARTS


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "PPM"])
def test_other_formats_are_refused(kind):
    with pytest.raises(ImageError, match=r"^a\.png: is neither PNG nor JPEG \(it starts with b'"):
        read_picture(saved(Image.new("L", (4, 4)), kind), "a.png")


def test_an_empty_file():
    with pytest.raises(ImageError) as error:
        read_picture(b"", "a.png")
    assert str(error.value) == "a.png: the file is empty (0 bytes); copy or save the picture again"


def test_what_is_no_file(tmp_path):
    with pytest.raises(ImageError, match=r"cannot be read \(No such file or directory\)"):
        read_picture(tmp_path / "none.png")
    with pytest.raises(ImageError, match="is a folder, not a picture"):
        read_picture(tmp_path)
    with pytest.raises(ImageError, match="cannot be read"):
        read_picture("a\0b.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_a_pipe_or_device_never_hangs(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", "/dev/zero"):
        with pytest.raises(ImageError, match="is a pipe, device or socket"):
            read_picture(path)


def test_names_cannot_drive_the_terminal():
    with pytest.raises(ImageError) as error:
        read_picture(b"x", "a\x1b[31m\n" + "b" * 600)
    assert str(error.value).startswith(r"a\x1b[31m\nbbb")
    assert len(str(error.value)) == 500


def test_files_too_large(tmp_path, monkeypatch):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ImageTooLargeError, match=r"larger than 128 MB, the most that is read"):
        read_picture(path)
    monkeypatch.setattr(picture_module, "MAX_BYTES", 10)
    for source in (b"x" * 11, io.BytesIO(b"x" * 11)):
        with pytest.raises(ImageTooLargeError) as error:
            read_picture(source)
    assert error.value.exit_code == 4


def test_pixels_too_many_are_refused_from_the_header():
    largest = read_picture(png(4000, 4000, 1, 0, bytes(501 * 4000)))
    assert largest.size == (4000, 4000)
    with pytest.raises(ImageTooLargeError) as error:
        read_picture(png(4000, 4001, 1, 0, b""), "a.png")
    assert str(error.value) == (
        "a.png: has 16,004,000 pixels, but 16,000,000 are read at most (4000x4001); scale it down"
    )
    file = saved(Image.new("L", (8, 8)), "JPEG")
    at = file.index(b"\xff\xc0") + 5
    with pytest.raises(ImageTooLargeError, match="has 4,294,836,225 pixels"):
        read_picture(file[:at] + b"\xff\xff\xff\xff" + file[at + 4 :])


def test_pillows_own_limit_ends_in_our_error(monkeypatch, grey):
    def bomb(*_):
        raise Image.DecompressionBombError("too many")

    monkeypatch.setattr(picture_module, "plain", bomb)
    with pytest.raises(ImageTooLargeError, match=r"has too many pixels \(too many\)"):
        read_picture(saved(Image.fromarray(grey)))


def test_a_picture_without_pixels():
    for size in ((0, 4), (4, 0)):
        with pytest.raises(ImageError, match="has no pixels"):
            read_picture(png(*size, 8, 0, b""))


def test_a_stream_that_ends_early_although_its_checksums_hold(grey):
    rows = filtered(grey)
    for count in range(len(rows)):
        with pytest.raises(ImageError, match=rf"\({count} bytes, expected 36\)"):
            read_picture(png(5, 6, 8, 0, rows[:count]))
    whole = zlib.compress(rows)
    for count in range(len(whole)):
        with pytest.raises(ImageError, match="does not fill the picture"):
            read_picture(png(5, 6, 8, 0, b"", stream=whole[:count]))


def test_a_stream_of_too_many_pixels_is_not_unpacked():
    with pytest.raises(ImageError, match=r"\(more than 20 bytes, expected 20\)"):
        read_picture(png(4, 4, 8, 0, bytes(50_000_000)))


def test_text_and_profile_bombs_are_never_unpacked(grey):
    bomb = zlib.compress(bytes(50_000_000))
    extra = [chunk(b"zTXt", b"a\0\0" + bomb), chunk(b"iCCP", b"a\0\0" + bomb)]
    extra += [chunk(b"iTXt", b"a\0\x01\0\0\0" + bomb)] * 80
    assert np.array_equal(read_picture(png(5, 6, 8, 0, filtered(grey), *extra)), grey)


def test_a_file_of_too_many_parts(grey):
    rows = filtered(grey)
    with pytest.raises(ImageTooLargeError, match="has more than 100,000 chunks"):
        read_picture(png(5, 6, 8, 0, rows, chunk(b"abCd") * MAX_PARTS))
    with pytest.raises(ImageTooLargeError, match="has more than 100,000 segments"):
        read_picture(b"\xff\xd8" + b"\xff\xfe\0\2" * MAX_PARTS)
    file = saved(Image.fromarray(grey), "JPEG")
    at = file.index(b"\xff\xda")
    with pytest.raises(ImageTooLargeError, match="has more than 100 scans"):
        read_picture(file[:at] + file[at:-2] * 101 + file[-2:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.replace(chunk(b"IEND"), b""), r"the file ends early \(byte \d+\)"),
        (lambda f: f.replace(b"IEND", b"IENE"), r"a checksum does not match \(chunk 'IENE' at"),
        (lambda f: f[:8] + chunk(b"teXt") + f[8:], r"the header .* belongs \(chunk 'teXt' at"),
        (lambda f: f[:33] + f[8:], "the header is not where it belongs"),
        (lambda f: f[:33] + chunk(b"CgBI") + f[33:], "a needed chunk is of no known kind"),
        (lambda f: f[:33] + chunk(b"tRNS", b"a") + f[33:], "the transparent colour is damaged"),
        (lambda f: f[:33] + chunk(b"tRNS", b"ab") * 2 + f[33:], r"\(chunk 'tRNS' at byte 47\)"),
    ],
)
def test_a_png_with_chunks_that_make_no_sense(change, message):
    file = png(1, 1, 8, 0, b"\0\7")
    assert read_picture(file).getpixel((0, 0)) == 7
    with pytest.raises(ImageError, match=message):
        read_picture(change(file))


def test_headers_of_no_known_kind():
    for depth, colour, passes in ((3, 0, 0), (16, 3, 0), (8, 5, 0), (1, 2, 0), (8, 0, 2)):
        with pytest.raises(ImageError, match="names no kind of PNG"):
            read_picture(png(1, 1, depth, colour, bytes(9), passes=passes))
    with pytest.raises(ImageError, match="the palette is missing"):
        read_picture(png(1, 1, 8, 3, bytes(2)))


def test_every_truncation_is_an_error(grey):
    for kind, options in (("PNG", {}), ("JPEG", {}), ("JPEG", {"progressive": True})):
        file = saved(Image.fromarray(grey), kind, **options)
        assert read_picture(file).size == (5, 6)
        for length in range(len(file)):
            with pytest.raises(ImageError):
                read_picture(file[:length])


def test_every_flipped_bit_of_a_png_is_an_error(grey):
    file = saved(Image.fromarray(grey))
    for bit in range(8 * len(file)):
        broken = bytearray(file)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises((ImageError, ImageTooLargeError)):
            read_picture(broken)


def answers(file: bytes) -> bool:
    """Whether the file is a picture; any error but ours gets through."""
    try:
        im = read_picture(file)
    except (ImageError, ImageTooLargeError):
        return False
    assert im.mode in ("L", "LA", "RGB", "RGBA")
    return True


def test_flipped_bits_of_a_jpeg_give_a_picture_or_an_error(grey):
    for options in ({}, {"progressive": True}):
        file = saved(Image.fromarray(grey).convert("RGB"), "JPEG", **options)
        found = {True: 0, False: 0}
        for bit in range(0, 8 * len(file), 3):
            broken = bytearray(file)
            broken[bit // 8] ^= 1 << bit % 8
            found[answers(bytes(broken))] += 1
        assert min(found.values()) > 50


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=80), st.sampled_from([b"", SIGNATURE, b"\xff\xd8\xff", b"\xff\xd8\xff\xc0"])
)
def test_any_bytes_give_a_picture_or_an_error(tail, head):
    answers(head + tail)


@settings(max_examples=150, deadline=None)
@given(
    st.tuples(*[st.integers(1, 9)] * 2),
    st.sampled_from([(1, 0), (8, 0), (16, 0), (8, 2), (16, 2), (2, 3), (8, 3), (8, 4), (16, 6)]),
    st.sampled_from([b"PLTE", b"tRNS", b"gAMA", b"acTL", b"fcTL", b"eXIf", b"pHYs", b"sRGB"]),
    st.binary(max_size=30),
    st.binary(max_size=200),
)
def test_whole_chunks_of_nonsense_give_a_picture_or_an_error(size, kind, name, body, rows):
    answers(png(*size, *kind, rows, chunk(name, body)))
    bits = kind[0] * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind[1]]
    count = size[1] * (1 + -(-size[0] * bits // 8))
    answers(png(*size, *kind, (rows + bytes(count))[:count], chunk(name, body)))
