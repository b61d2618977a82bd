"""Cook and Toom's matrices: exact, and as published where they are."""

import numpy as np
import pytest

from graphnet.convolution.toom import toom


@pytest.mark.parametrize(("outputs", "taps"), [(1, 2), (2, 2), (2, 3), (4, 3), (2, 5), (4, 5)])
def test_it_is_a_convolution(outputs, taps, rng):
    t = toom(outputs, taps, "float64")
    d, g = rng.normal(size=outputs + taps - 1), rng.normal(size=taps)
    expected = [d[i : i + taps] @ g for i in range(outputs)]
    np.testing.assert_allclose(t.A.T @ ((t.G @ g) * (t.B.T @ d)), expected, rtol=1e-12)


def test_four_outputs_of_three_taps_are_lavin_and_grays():
    t = toom(4, 3, "float64")
    np.testing.assert_array_equal(t.B.T[0], [4, 0, -5, 0, 1, 0])
    np.testing.assert_array_equal(t.B.T[5], [0, 4, 0, -5, 0, 1])
    np.testing.assert_array_equal(t.A.T[3], [0, 1, -1, 8, -8, 1])
    np.testing.assert_allclose(t.G[:2], [[1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6]])
