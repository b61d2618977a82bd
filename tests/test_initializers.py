"""Initializers: the spread that their sources say, from the generator that comes in."""

import math

import numpy as np
import pytest

from graphnet.initializers import INITIALIZERS, He, Normal, Xavier, Zeros

SHAPE = (400, 300)


@pytest.mark.parametrize(
    ("initializer", "std"),
    [
        (Normal(type="Normal", std=0.01), 0.01),
        (Xavier(type="Xavier"), math.sqrt(2 / 700)),
        (He(type="He"), math.sqrt(2 / 400)),
        (Zeros(type="Zeros"), 0.0),
    ],
)
def test_mean_and_spread(initializer, std, rng):
    found = initializer.sample(rng, SHAPE)
    assert found.shape == SHAPE
    assert found.std() == pytest.approx(std, rel=0.01)
    assert abs(found.mean()) <= 4 * std / math.sqrt(found.size)


def test_every_initializer_is_tested_here():
    assert set(INITIALIZERS) == {"Normal", "Xavier", "He", "Constant", "Zeros"}


def test_the_generator_alone_decides():
    he = He(type="He")
    one, two = (he.sample(np.random.default_rng(5), (3, 2)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
