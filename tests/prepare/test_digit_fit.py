"""`fit: digit`: the ink is found, scaled and centred as MNIST's makers did."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from frames import DATA, framed, ink_box, prepared, seen
from PIL import Image


def test_a_digits_box_is_scaled_and_centred():
    bar = framed(300, 500, 255, (120, 33, 220, 83), 0)  # 100 high, 50 wide
    found = seen(bar, background="black", fit="digit")
    # Scaled to 20 x 10; its centre of mass, at 9.5 and 4.5, comes to lie in [13.5, 14.5).
    assert ink_box(found) == (4, 9, 24, 19)
    assert np.array_equal(found, framed(28, 28, 0, (4, 9, 24, 19), 255))


def test_the_ink_attribute_and_other_frames():
    bar = framed(300, 500, 255, (120, 33, 220, 83), 0)
    assert ink_box(seen(bar, fit="digit", background="black", ink=28)) == (0, 7, 28, 21)
    assert ink_box(seen(bar, fit="digit", background="black", size=(8, 8))) == (1, 3, 7, 6)
    found = seen(bar, fit="digit", background="black", size=(14, 28), ink=10)
    assert ink_box(found) == (2, 12, 12, 17)


def test_mass_not_the_box_is_centred_and_nothing_is_cut_off():
    pixels = np.full((220, 220), 255, np.uint8)
    pixels[10:210, 10:30] = 0  # the stem of a long L
    pixels[190:210, 10:210] = 0
    found = seen(pixels, background="black", fit="digit")
    top, left, bottom, right = ink_box(found)
    assert (bottom - top, right - left) == (20, 20)
    # The mass is at 14.3, 4.7 of 20: it would go to 0, 9, but the frame ends at 8.
    assert (top, left) == (0, 8)
    assert (found[0, 8], found[19, 27]) == (255, 255)


def test_polarity_of_a_fitted_digit():
    dark = framed(100, 100, 255, (20, 30, 70, 50), 0)
    black = seen(dark, background="black", fit="digit")
    assert black.max() == 255
    assert np.array_equal(black, seen(255 - dark, background="black", fit="digit"))
    assert np.array_equal(255 - black, seen(dark, background="white", fit="digit"))
    assert np.array_equal(255 - black, seen(dark, fit="digit"))
    assert np.array_equal(black, seen(255 - dark, fit="digit"))


def test_dark_ink_on_paper_in_the_shade_is_ink():
    # The paper is darker than middle grey, but all that differs from it is darker still.
    shade = framed(100, 100, 110, (20, 30, 70, 50), 20)
    expected = seen(framed(100, 100, 255, (20, 30, 70, 50), 0), background="black", fit="digit")
    assert np.array_equal(seen(shade, background="black", fit="digit"), expected)


def test_faint_ink_is_stretched_to_the_full_range():
    found = seen(framed(90, 90, 200, (20, 30, 70, 50), 150), background="black", fit="digit")
    assert (found.min(), found.max()) == (0, 255)


def test_uneven_light_noise_and_dust_are_not_ink(rng):
    pixels = framed(300, 400, 190, (100, 150, 200, 200), 40).astype(float)
    v, u = np.linspace(-1, 1, 300)[:, None], np.linspace(-1, 1, 400)
    pixels *= 1 + 0.15 * u - 0.1 * v - 0.1 * u * u
    pixels += rng.normal(0, 4, pixels.shape)
    pixels[20:24, 20:24] = 60
    pixels[270:273, 380:383] = 40
    found = seen(np.clip(pixels, 0, 255).astype(np.uint8), background="black", fit="digit")
    top, left, bottom, right = ink_box(found)
    assert (bottom - top, right - left) == (20, 10)
    assert (top in (4, 5), left in (9, 10)) == (True, True)
    assert found[:3].max() == 0


def test_small_ink_in_a_large_picture():
    found = seen(
        framed(1500, 3000, 255, (700, 2000, 740, 2020), 0), background="black", fit="digit"
    )
    assert ink_box(found) == (4, 9, 24, 19)


def test_thin_lines_and_single_dots():
    line = seen(framed(400, 300, 255, (50, 100, 350, 101), 0), background="black", fit="digit")
    assert ink_box(line) in ((4, 14, 24, 15), (5, 14, 25, 15))
    dot = seen(framed(50, 50, 255, (3, 3, 4, 4), 0), background="black", fit="digit")
    assert ink_box(dot) == (4, 4, 24, 24)


def test_a_blank_picture_is_an_empty_frame(rng):
    noise = np.clip(rng.normal(180, 3, (200, 200)), 0, 255).astype(np.uint8)
    for pixels in (np.full((40, 50), 230, np.uint8), noise):
        assert seen(pixels, background="black", fit="digit").max() == 0
        assert seen(pixels, background="white", fit="digit").min() == 255
        empty = seen(pixels, fit="digit")
        border = [*pixels[0], *pixels[-1], *pixels[1:-1, 0], *pixels[1:-1, -1]]
        assert empty.min() == empty.max() == int(np.median(border))


def test_a_digit_in_rgb_is_grey_ink():
    bar = framed(100, 100, 255, (20, 30, 70, 50), 0)
    found = prepared(mode="rgb", fit="digit", background="black").picture(Image.fromarray(bar))
    assert found.shape == (28, 28, 3)
    assert np.array_equal(found[..., 0], seen(bar, fit="digit", background="black"))
    assert np.array_equal(found[..., 0], found[..., 2])


@pytest.mark.parametrize(("scale", "least"), [(140, 0.96), (84, 0.96), (40, 0.93)])
def test_fitted_mnist_digits_are_mnists(scale, least, rng):
    path = DATA / "mnist/t10k-images-idx3-ubyte.gz"
    if not path.exists():
        pytest.skip(f"MNIST's test images are not at {path}")
    with gzip.open(path) as file:
        digits = np.frombuffer(file.read(16 + 200 * 784), np.uint8, offset=16).reshape(-1, 28, 28)
    agreement = []
    for digit in digits:
        large = Image.fromarray(255 - digit).resize((scale, scale), Image.Resampling.BICUBIC)
        left, top, right, bottom = (int(n) for n in rng.integers(3, 90, 4))
        sheet = Image.new("L", (left + scale + right, top + scale + bottom), 255)
        sheet.paste(large, (left, top))
        found = seen(sheet, background="black", fit="digit")
        agreement.append(np.corrcoef(found.ravel(), digit.ravel())[0, 1])
    assert np.mean(agreement) > least
