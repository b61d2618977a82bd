"""Pictures -> pixels -> numbers: the geometry, the colours and the bits of each step."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from frames import DATA, framed, prepared, seen
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from graphnet.errors import ImageError, ShapeError
from graphnet.prepare.image import ImagePreparation
from graphnet.spec.image import ImageSpec


def test_a_picture_of_exactly_the_size_is_its_pixels(rng):
    pixels = rng.integers(0, 256, (28, 28), dtype=np.uint8)
    for fit in ("contain", "stretch", "digit"):
        assert np.array_equal(seen(pixels, fit=fit), pixels)
    colours = rng.integers(0, 256, (7, 5, 3), dtype=np.uint8)
    rgb = prepared((7, 5), mode="rgb")
    assert np.array_equal(rgb.picture(Image.fromarray(colours)), colours)


def test_grey_is_the_luminance_of_itu_r_601(rng):
    colours = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)
    expected = colours @ np.array([0.299, 0.587, 0.114])
    assert np.abs(seen(colours, size=(4, 6)) - expected).max() <= 0.51


def test_grey_pictures_in_rgb_repeat_it(rng):
    pixels = rng.integers(0, 256, (4, 6), dtype=np.uint8)
    found = prepared((4, 6), mode="rgb").picture(Image.fromarray(pixels))
    assert np.array_equal(found, np.stack([pixels] * 3, axis=-1))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "I;16", "I", "LA", "RGBA"])
def test_every_mode_of_pillow(mode):
    half = np.zeros((4, 4), np.uint8)
    half[:, 2:] = 255
    if mode.startswith("I"):
        im = Image.fromarray(half.astype(np.int32) * 257 if mode == "I" else half * np.uint16(257))
        assert im.mode == mode
    else:
        im = Image.fromarray(half).convert("RGB").convert(mode)
    assert np.abs(seen(im, size=(4, 4)).astype(int) - half).max() <= 2


def test_a_mode_without_a_range_is_an_error():
    with pytest.raises(ImageError, match="mode F does not say which grey is white"):
        seen(Image.new("F", (4, 4)), size=(4, 4))


def test_a_border_on_the_other_side_inverts_whatever_the_size():
    exact = framed(28, 28, 255, (10, 10, 20, 20), 0)
    large = np.kron(exact, np.ones((3, 3), np.uint8))
    for pixels in (exact, large):
        for fit in ("contain", "stretch"):
            black = seen(pixels, background="black", fit=fit)
            white = seen(pixels, background="white", fit=fit)
            assert (black[0, 0], black[15, 15]) == (0, 255)
            assert (white[0, 0], white[15, 15]) == (255, 0)
            assert np.array_equal(seen(pixels, fit=fit), white)
            assert np.array_equal(seen(255 - pixels, background="white", fit=fit), white)
    assert np.array_equal(seen(exact, background="black"), 255 - exact)


@pytest.mark.parametrize(("bright", "inverted"), [(53, False), (54, False), (55, True)])
def test_middle_grey_is_the_mean_of_the_border_alone(bright, inverted):
    # 108 pixels of border: at 54 white ones the mean is 127.5 exactly, and nothing happens.
    ring = np.zeros(108, np.uint8)
    ring[:bright] = 255
    pixels = np.full((28, 28), 90, np.uint8)
    edge = np.ones((28, 28), bool)
    edge[1:-1, 1:-1] = False
    pixels[edge] = ring
    assert np.array_equal(seen(pixels, background="black"), 255 - pixels if inverted else pixels)
    left = bright < 54
    assert np.array_equal(seen(pixels, background="white"), 255 - pixels if left else pixels)


def test_alpha_is_laid_on_the_background():
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[1, 1] = (255, 255, 255, 255)
    pixels[2, 2] = (200, 200, 200, 128)
    im = Image.fromarray(pixels)
    for background in ("black", None):
        found = seen(im, size=(4, 4), background=background)
        assert (found[0, 0], found[1, 1], found[2, 2]) == (0, 255, 100)
    pixels[1, 1, :3] = 50
    im = Image.fromarray(pixels)
    found = seen(im, size=(4, 4), background="white")
    assert (found[0, 0], found[1, 1], found[2, 2]) == (255, 50, 227)
    colours = prepared((4, 4), mode="rgb", background="white").picture(im)
    assert colours[0, 0].tolist() == [255] * 3


@pytest.mark.parametrize(("background", "ink"), [("black", 255), ("white", 0), (None, 0)])
def test_ink_of_the_backgrounds_colour_on_glass_is_still_seen(background, ink):
    pixels = np.zeros((6, 6, 4), np.uint8)
    pixels[2:4, 2:4, 3] = 255  # black on glass
    if background == "white":
        pixels[..., :3] = 255
    for mode in ("grey", "rgb"):
        found = prepared((6, 6), mode=mode, background=background).picture(Image.fromarray(pixels))
        assert np.array_equal(found[..., 0], framed(6, 6, 255 - ink, (2, 2, 4, 4), ink))


def test_glass_alone_is_background():
    im = Image.new("RGBA", (4, 4))
    assert seen(im, size=(4, 4), background="white").min() == 255
    assert seen(im, size=(4, 4), background="black").max() == 0


def test_contain_keeps_proportions_and_pads_in_the_middle():
    pixels = np.full((40, 80), 200, np.uint8)
    for background, pad in (("white", 255), (None, 200)):
        found = seen(pixels, background=background, fit="contain")
        assert found[7:21].min() == found[7:21].max() == 200
        assert (found[:7] == pad).all()
        assert (found[21:] == pad).all()
    found = seen(pixels, background="black", fit="contain")
    assert (found[7:21] == 55).all()
    assert (found[:7] == 0).all()


def test_contain_of_small_and_extreme_pictures():
    found = seen(np.full((2, 1), 50, np.uint8), size=(8, 8), background="black")
    assert np.array_equal(found, framed(8, 8, 0, (0, 2, 8, 6), 50))
    line = seen(np.full((1, 3000), 50, np.uint8), size=(8, 8), background="black")
    assert np.array_equal(line, framed(8, 8, 0, (3, 0, 4, 8), 50))


def test_contain_without_a_background_pads_with_the_borders_median():
    colours = np.zeros((10, 20, 3), np.uint8)
    colours[:] = (10, 20, 30)
    colours[0, :3] = 255
    found = prepared((20, 20), mode="rgb").picture(Image.fromarray(colours))
    assert found[0, 0].tolist() == found[-1, -1].tolist() == [10, 20, 30]


def test_stretch_fills_the_frame():
    pixels = framed(40, 80, 0, (0, 40, 40, 80), 255)
    found = seen(pixels, size=(10, 10), fit="stretch")
    assert found.shape == (10, 10)
    assert found[:, :4].max() <= 1
    assert found[:, 6:].min() >= 254


@settings(max_examples=120, deadline=None)
@given(
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["contain", "stretch", "digit"]),
    st.sampled_from(["black", "white", None]),
    st.sampled_from(["grey", "rgb"]),
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
)
def test_any_picture_fits_any_frame(height, width, seed, fit, background, mode, size):
    rng = np.random.default_rng(seed)
    shape = (height, width, 4) if seed % 2 else (height, width)
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    pixels[: seed % 71] = 0
    found = prepared(size, mode=mode, fit=fit, background=background)
    frame = found.picture(Image.fromarray(pixels))
    assert (frame.dtype, frame.shape) == (np.uint8, found.image.shapes[0])
    assert frame.flags.writeable


def test_no_mnist_image_is_inverted():
    path = DATA / "mnist/t10k-images-idx3-ubyte.gz"
    if not path.exists():
        pytest.skip(f"MNIST's test images are not at {path}")
    with gzip.open(path) as file:
        digits = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 28, 28)
    assert np.shares_memory(prepared(background="black").orient(digits), digits)


def test_orient_inverts_the_wrong_ones_alone(rng):
    pixels = rng.integers(0, 100, (9, 5, 4, 3), dtype=np.uint8)
    wrong = np.array([0, 1, 0, 0, 1, 1, 0, 1, 0], bool)
    mixed = np.where(wrong[:, None, None, None], 255 - pixels, pixels)
    before = mixed.copy()
    found = prepared((5, 4), mode="rgb", background="black").orient(mixed)
    assert np.array_equal(found, pixels)
    assert np.array_equal(mixed, before)
    assert np.array_equal(
        prepared((5, 4), mode="rgb", background="white").orient(mixed), 255 - pixels
    )


def test_orient_copies_nothing_without_need(rng):
    pixels = rng.integers(0, 100, (9, 5, 4), dtype=np.uint8)
    for background in ("black", None):
        found = prepared((5, 4), background=background).orient(pixels)
        assert found.shape == (9, 5, 4, 1)
        assert np.shares_memory(found, pixels)
    assert prepared((5, 4), background="black").orient(pixels[:0]).shape == (0, 5, 4, 1)


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (4, 1), (2, 2), (3, 2), (5, 7)])
def test_pictures_and_arrays_take_the_same_side(size, rng):
    for background in ("black", "white"):
        preparation = prepared(size, background=background)
        pixels = rng.integers(0, 256, (40, *size), dtype=np.uint8)
        pictures = [preparation.picture(Image.fromarray(p)) for p in pixels]
        assert np.array_equal(preparation.orient(pixels), pictures)


def test_images_of_another_shape_are_named():
    pixels = np.zeros((2, 8, 9), np.uint8)
    with pytest.raises(ShapeError) as error:
        prepared((8, 8)).orient(pixels)
    assert str(error.value) == (
        "images of shape (N, 8, 8) and dtype uint8 are expected, got (2, 8, 9) uint8; "
        "bring them to size [8, 8] and mode 'grey'"
    )
    for wrong in (
        np.zeros((2, 8, 8, 3), np.uint8),
        np.zeros((2, 8, 8)),
        np.zeros((8, 8), np.uint8),
        np.zeros((2, 64), np.uint8),
    ):
        with pytest.raises(ShapeError, match="are expected, got"):
            prepared((8, 8)).orient(wrong)
    with pytest.raises(ShapeError, match=r"\(N, 8, 8, 3\)"):
        prepared((8, 8), mode="rgb").orient(np.zeros((2, 8, 8), np.uint8))


def test_an_input_of_another_shape_is_an_error():
    with pytest.raises(ShapeError) as error:
        ImagePreparation(ImageSpec(size=(28, 28)), (785,))
    assert str(error.value) == (
        "a picture of size [28, 28] in mode 'grey' fills an input of shape (28, 28, 1) or (784,), "
        "but the input has (785,); make them match"
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("flat", [False, True])
def test_numbers_follow_the_formula(flat, dtype, rng):
    pixels = rng.integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([0.5, 2.0, 0.25])
    found = prepared(
        (4, 6), flat, dtype, mode="rgb", range=(-1, 1), mean=tuple(mean), std=tuple(std)
    ).numbers(pixels)
    expected = (-1 + pixels / 255 * 2 - mean) / std
    assert found.dtype == dtype
    assert found.shape == ((5, 72) if flat else (5, 4, 6, 3))
    assert np.abs(found.reshape(expected.shape) - expected).max() < (
        1e-5 if dtype == np.float32 else 1e-14
    )


def test_plain_numbers_are_pixels_over_255():
    found = prepared((16, 16), dtype=np.float64).numbers(
        np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    )
    assert np.abs(found.ravel() - np.arange(256) / 255).max() < 1e-15
    single = prepared((16, 16)).numbers(np.full((1, 16, 16, 1), 255, np.uint8))
    assert (single == 1).all()


@pytest.mark.parametrize("declared", [{}, {"range": (-1, 1)}, {"mean": (0.1,), "std": (0.3,)}])
def test_all_ways_to_numbers_give_the_same_bits(declared, rng):
    pixels = rng.integers(0, 256, (7, 9, 8), dtype=np.uint8)
    preparation = prepared((9, 8), True, background="black", **declared)
    oriented = preparation.orient(pixels)
    batch = preparation.numbers(oriented)
    out = np.empty_like(batch)
    assert preparation.numbers(oriented, out) is out
    assert np.array_equal(out, batch)
    assert np.array_equal([preparation(Image.fromarray(p)) for p in pixels], batch)
    wide = np.zeros((7, 144), np.float32)
    preparation.numbers(oriented, wide[:, ::2])
    assert np.array_equal(wide[:, ::2], batch)
    assert preparation(Image.fromarray(pixels[0])).shape == (72,)


def test_numbers_refuse_an_array_that_does_not_fit():
    preparation = prepared((4, 4))
    pixels = np.zeros((2, 4, 4, 1), np.uint8)
    for out in (np.zeros((3, 4, 4, 1), np.float32), np.zeros((2, 4, 4, 1))):
        with pytest.raises(ShapeError, match="the numbers of 2 pictures need an array of"):
            preparation.numbers(pixels, out)
    with pytest.raises(ShapeError, match="are expected, got"):
        preparation.numbers(pixels[..., 0])
