"""Initializers: the spread that their sources say, from the generator that comes in."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from graphnet.initializers import (
    INITIALIZERS,
    Constant,
    He,
    Normal,
    Orthogonal,
    Uniform,
    Xavier,
    Zeros,
)

SHAPE = (400, 300)


@pytest.mark.parametrize(
    ("initializer", "std"),
    [
        (Normal(type="Normal", std=0.01), 0.01),
        (Xavier(type="Xavier"), math.sqrt(2 / 700)),
        (He(type="He"), math.sqrt(2 / 400)),
        (Uniform(type="Uniform", low=-0.3, high=0.3), 0.6 / math.sqrt(12)),
        (Xavier(type="Xavier", distribution="uniform"), math.sqrt(2 / 700)),
        (He(type="He", distribution="uniform"), math.sqrt(2 / 400)),
        (Orthogonal(type="Orthogonal"), math.sqrt(1 / 400)),
        (Zeros(type="Zeros"), 0.0),
    ],
)
def test_mean_and_spread(initializer, std, rng):
    found = initializer.sample(rng, SHAPE)
    assert found.shape == SHAPE
    assert found.std() == pytest.approx(std, rel=0.01)
    assert abs(found.mean()) <= 4 * std / math.sqrt(found.size)


@pytest.mark.parametrize(
    ("initializer", "limit"),
    [
        (Uniform(type="Uniform"), 0.05),
        (Xavier(type="Xavier", distribution="uniform"), math.sqrt(6 / 700)),
        (He(type="He", distribution="uniform"), math.sqrt(6 / 400)),
    ],
)
def test_uniform_numbers_end_where_their_formula_says(initializer, limit, rng):
    found = initializer.sample(rng, SHAPE)
    assert np.abs(found).max() == pytest.approx(limit, rel=1e-3)
    assert np.abs(found).max() <= limit
    # As many in each tenth.
    counts = np.histogram(found, 10, (-limit, limit))[0]
    np.testing.assert_allclose(counts, found.size / 10, rtol=0.05)


def test_the_elements_of_a_filter_come_in_and_go_out(rng):
    he = He(type="He").sample(rng, (3, 3, 50, 60))
    assert he.std() == pytest.approx(math.sqrt(2 / (9 * 50)), rel=0.01)
    xavier = Xavier(type="Xavier").sample(rng, (3, 3, 50, 60))
    assert xavier.std() == pytest.approx(math.sqrt(2 / (9 * 110)), rel=0.01)
    assert Xavier(type="Xavier").sample(rng, (2999,)).std() == pytest.approx(
        math.sqrt(2 / 3000), rel=0.05
    )


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 3, 2, 8), (3, 3, 2, 30), (5, 5), (7,)])
@pytest.mark.parametrize("gain", [1.0, math.sqrt(2)])
def test_orthogonal_columns_or_rows(shape, gain, rng):
    W = Orthogonal(type="Orthogonal", gain=gain).sample(rng, shape)
    assert W.shape == shape
    W = W.reshape(-1, shape[-1])
    product = W.T @ W if W.shape[0] >= W.shape[1] else W @ W.T
    np.testing.assert_allclose(product, gain**2 * np.eye(len(product)), atol=1e-12)


def test_every_orthogonal_matrix_is_as_likely_as_any_other(rng):
    orthogonal = Orthogonal(type="Orthogonal")
    found = np.array([orthogonal.sample(rng, (3, 3)) for _ in range(4000)])
    # The decomposition itself gives R a negative diagonal, and Q a mean that is not 0.
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=0.04)
    assert np.mean(np.linalg.det(found) > 0) == pytest.approx(0.5, abs=0.03)


def test_a_uniform_range_has_an_order():
    with pytest.raises(ValidationError, match=r"must be more than 'low', 0.1, found 0.1"):
        Uniform(type="Uniform", low=0.1, high=0.1)


EVERY = [
    Normal(type="Normal"),
    Uniform(type="Uniform"),
    Xavier(type="Xavier"),
    He(type="He"),
    Orthogonal(type="Orthogonal"),
    Constant(type="Constant", value=2.5),
    Zeros(type="Zeros"),
]


def test_every_initializer_is_tested_here():
    assert set(INITIALIZERS) == {type(one).__name__ for one in EVERY}


@pytest.mark.parametrize("initializer", EVERY, ids=lambda one: one.type)
def test_the_generator_alone_decides(initializer):
    one, two = (initializer.sample(np.random.default_rng(5), (3, 2)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    other = initializer.sample(np.random.default_rng(6), (3, 2))
    assert (one == other).all() == (initializer.type in ("Constant", "Zeros"))
