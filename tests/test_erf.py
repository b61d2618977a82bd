"""The error function beside the one of the standard library."""

import math

import numpy as np
import pytest

from graphnet.erf import erf

X = np.concatenate([np.linspace(-7, 7, 20_011), np.geomspace(1e-12, 1, 101), [1e5, -1e5, 0.0]])
EXACT = np.array([math.erf(x) for x in X])


def test_float64_is_exact_to_the_last_digits():
    np.testing.assert_allclose(erf(X), EXACT, rtol=1e-14, atol=0)


def test_float32_errs_by_less_than_its_numbers_are_apart():
    x = X.astype(np.float32)
    exact = np.array([math.erf(float(value)) for value in x])
    found = erf(x)
    assert found.dtype == np.float32
    assert np.abs(found - exact).max() < 2e-7
    small = np.abs(x) < 1e-3
    np.testing.assert_allclose(found[small], exact[small], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_is_odd_and_passes_on_what_is_no_number(dtype):
    x = np.array([0.3, 3.0, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(erf(-x), -erf(x))
    assert erf(x)[2] == 1
    assert np.isnan(erf(x)[3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_it_computes_in_memory_of_the_caller(dtype):
    x = np.linspace(-1, 1, 12, dtype=dtype).reshape(3, 4)
    out, square = np.empty_like(x), np.empty_like(x)
    assert erf(x, out, square) is out
    np.testing.assert_array_equal(out, erf(x))
    assert erf(2) == pytest.approx(math.erf(2), rel=1e-15)
