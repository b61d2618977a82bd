"""Windows: how many there are, and what they see."""

import numpy as np
import pytest

from graphnet.convolution.window import element, inside, transposed, window, windows
from graphnet.errors import ShapeError

ONE = (1, 1)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "padding", "out", "pads"),
    [
        ((28, 28), (5, 5), ONE, ONE, "valid", (24, 24), ((0, 0), (0, 0))),
        ((28, 28), (3, 3), ONE, ONE, "same", (28, 28), ((1, 1), (1, 1))),
        # An odd row and column of padding stand at the end.
        ((5, 6), (2, 4), ONE, ONE, "same", (5, 6), ((0, 1), (1, 2))),
        ((7, 8), (3, 3), (2, 2), ONE, "same", (4, 4), ((1, 1), (0, 1))),
        ((7, 7), (3, 3), (2, 3), ONE, 1, (4, 3), ((1, 1), (1, 1))),
        ((7, 7), (3, 3), ONE, (2, 1), (2, 0), (7, 5), ((2, 2), (0, 0))),
        ((4, 4), (3, 3), ONE, ONE, (1, 2, 0, 0), (3, 4), ((1, 0), (2, 0))),
    ],
)
def test_sizes(size, kernel, stride, dilation, padding, out, pads):
    w = window(size, kernel, stride, dilation, padding)
    assert w.out == out
    assert w.padding == pads


def test_an_image_that_is_too_small_is_refused():
    with pytest.raises(ShapeError, match="window of 5x3 is larger than the image"):
        window((4, 9), (3, 3), ONE, (2, 1), "valid")


def test_padding_as_large_as_the_window_is_refused():
    with pytest.raises(ShapeError, match="padding must be smaller than its window"):
        window((4, 4), (2, 2), ONE, ONE, 2)


def test_windows_see_what_their_elements_say(rng):
    w = window((6, 7), (3, 2), (2, 1), (1, 3), (1, 0))
    x = np.zeros((2, *w.padded, 3))
    inside(w, x)[...] = rng.normal(size=(2, 6, 7, 3))
    seen = windows(w, x)
    assert seen.shape == (2, *w.out, 3, 2, 3)
    for i in range(3):
        for j in range(2):
            np.testing.assert_array_equal(seen[:, :, :, i, j], element(w, x, i, j))
    np.testing.assert_array_equal(seen[1, 2, 1, 2, 1], x[1, 2 * 2 + 2, 1 + 3])


def test_side_by_side():
    assert window((4, 6), (2, 3), (2, 3), ONE, "valid").tiles_exactly
    assert not window((5, 6), (2, 3), (2, 3), ONE, "valid").tiles_exactly
    assert not window((4, 4), (2, 2), ONE, ONE, "valid").tiles_exactly


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "dilation", "padding", "more", "out", "pads"),
    [
        ((3, 4), (3, 3), ONE, ONE, "valid", (0, 0), (5, 6), ((0, 0), (0, 0))),
        ((3, 3), (3, 3), (3, 2), ONE, (1, 2, 1, 2), (0, 0), (7, 3), ((1, 1), (2, 2))),
        ((3, 3), (3, 3), (3, 2), ONE, "valid", (1, 1), (10, 8), ((0, 0), (0, 0))),
        ((3, 3), (3, 2), (2, 3), ONE, "same", (0, 0), (6, 9), ((0, 1), (0, 0))),
        ((3, 3), (2, 2), ONE, (2, 2), 1, (0, 1), (3, 4), ((1, 1), (1, 1))),
    ],
)
def test_sizes_of_the_transpose(size, kernel, stride, dilation, padding, more, out, pads):
    w = transposed(size, kernel, stride, dilation, padding, more)
    assert w.size == out
    assert w.padding == pads
    assert w.out == size


def test_what_a_transpose_cannot_be():
    with pytest.raises(ShapeError, match="output_padding must be smaller than its stride or its"):
        transposed((3, 3), (3, 3), (2, 2), ONE, "valid", (0, 2))
    with pytest.raises(ShapeError, match="its padding leaves nothing of its output"):
        transposed((1, 3), (3, 3), ONE, ONE, (2, 0), (0, 0))
