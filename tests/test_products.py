"""Products in parts: the numbers of one product, whatever the shape and the order in memory."""

import numpy as np
import pytest

from graphnet.products import LEAST, MOST, SMALL, _rows, product

SHAPES = [(3, 4, 5), (625, 784, 50), (100, 784, 50), (784, 100, 50), (1000, 64, 64), (70, 300, 100)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
def test_it_is_the_product(shape, order, rng):
    m, k, n = shape
    a, b = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    a = np.asarray(a, order=order)
    out = np.full((m, n), np.nan)
    assert product(a, b, out) is out
    np.testing.assert_allclose(out, a @ b, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(product(a, b, None), a @ b, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_parts_are_small(shape):
    rows = _rows(*shape)
    assert rows == 0 or (LEAST <= rows <= MOST and rows * shape[1] * shape[2] <= SMALL)


def test_what_is_small_or_wide_is_one_product():
    assert _rows(100, 50, 10) == 0
    assert _rows(1000, 784, 500) == 0
    assert _rows(625, 784, 50) == 24
