"""Samples set apart: the rule that the test part and validation have in common."""

import numpy as np
import pytest

from graphnet.data.split import set_apart
from graphnet.data.targets import held_out
from graphnet.errors import DatasetError


def test_the_first_of_each_group_in_the_order_given():
    groups, order = np.array([0, 1, 0, 1, 0, 1, 0, 1]), np.array([7, 6, 5, 4, 3, 2, 1, 0])
    assert np.flatnonzero(set_apart(0.5, groups, order)).tolist() == [4, 5, 6, 7]
    assert np.flatnonzero(set_apart(0.25, groups, order)).tolist() == [6, 7]


def test_a_test_part_has_one_of_each_class_that_has_two():
    classes = ["often"] * 40 + ["twice"] * 2 + ["once"]
    chosen = held_out(43, 0.1, classes)
    assert chosen[40:42].sum() == 1
    assert not chosen[42]
    assert chosen[:40].sum() == 4


def test_the_same_samples_always_whatever_names_the_classes():
    numbers = [i % 3 for i in range(90)]
    names = ["abc"[n] for n in numbers]
    np.testing.assert_array_equal(held_out(90, 0.2, numbers), held_out(90, 0.2, names))
    np.testing.assert_array_equal(held_out(90, 0.2), held_out(90, 0.2))


def test_a_part_without_a_sample_is_an_error():
    with pytest.raises(DatasetError, match=r"1 samples are too few for a test part of 0\.5"):
        held_out(1, 0.5)
