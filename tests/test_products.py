"""Products in parts: the numbers of one product, whatever the shape and the order in memory."""

import numpy as np
import pytest

from graphnet.products import LEAST, MOST, SMALL, TURNED, _columns, _part, by_columns, product

SHAPES = [
    *((3, 4, 5), (625, 784, 50), (100, 784, 50), (784, 100, 50), (1000, 64, 64), (70, 300, 100)),
    *((1030, 128, 512), (130, 1024, 384), (193, 1600, 512)),
]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@every_shape
@pytest.mark.parametrize("orders", ["CC", "FC", "CF", "FF"])
@pytest.mark.parametrize("compute", [product, by_columns])
def test_it_is_the_product(compute, shape, orders, rng):
    m, k, n = shape
    a, b = rng.normal(size=(m, k)), rng.normal(size=(k, n))
    a, b = np.asarray(a, order=orders[0]), np.asarray(b, order=orders[1])
    out = np.full((m, n + 1), np.nan)[:, :n]
    assert compute(a, b, out) is out
    np.testing.assert_allclose(out, a @ b, rtol=1e-11, atol=1e-11)


def test_without_memory_of_its_own_it_allocates(rng):
    a, b = rng.normal(size=(1030, 128)), rng.normal(size=(128, 512))
    np.testing.assert_allclose(product(a, b, None), a @ b, rtol=1e-11, atol=1e-11)


def test_several_products_at_once(rng):
    a, b = rng.normal(size=(7, 1, 32, 193)), rng.normal(size=(4, 193, 256))
    out = np.empty((7, 4, 32, 256))
    np.testing.assert_allclose(by_columns(a, b, out), a @ b, rtol=1e-11, atol=1e-11)


@every_shape
def test_parts_are_small(shape):
    rows, columns = _part(*shape, False)
    assert rows == 0 or (LEAST <= rows <= MOST and rows * columns * shape[1] <= SMALL)
    for turned, most in ((False, SMALL // shape[1]), (True, TURNED)):
        columns = _columns(shape[0], *shape[1:], turned)
        assert shape[0] * columns <= most
        assert columns == 0 or shape[2] % columns == 0


def test_what_is_small_wide_deep_or_turned_is_one_product():
    assert _part(100, 50, 10, False) == (0, 0)
    assert _part(1000, 784, 500, False) == (0, 0)
    assert _part(193, 2000, 512, False) == (0, 0)
    assert _part(1024, 128, 512, True) == (0, 0)
    assert _part(625, 784, 50, False) == (24, 50)
    assert _part(1024, 128, 512, False) == (64, 64)
    assert _part(128, 1024, 384, False) == (16, 32)
    assert _part(193, 1600, 512, False) == (16, 32)
