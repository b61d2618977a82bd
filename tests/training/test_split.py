"""The validation part: each class in its share, no sample twice, the seed decides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphnet.errors import DatasetError
from graphnet.training.split import kept_apart


def test_each_class_is_kept_apart_in_its_share():
    classes = np.repeat([0, 1, 2], [60, 30, 10])
    train, apart = kept_apart(0.1, 100, classes, seed=0)
    assert np.bincount(classes[apart]).tolist() == [6, 3, 1]
    assert sorted([*train, *apart]) == list(range(100))


def test_the_whole_is_its_share_where_the_classes_do_not_divide():
    classes = np.arange(45) % 9  # five of each: a fifth of them is one, 0.3 are 1.5
    _, apart = kept_apart(0.3, 45, classes, seed=0)
    assert len(apart) == round(0.3 * 45)
    assert set(np.bincount(classes[apart]).tolist()) == {1, 2}


def test_the_seed_alone_decides():
    classes = np.arange(200) % 4
    one, again, other = (kept_apart(0.25, 200, classes, seed)[1] for seed in (1, 1, 2))
    assert one.tolist() == again.tolist()
    assert one.tolist() != other.tolist()


def test_numbers_have_no_classes_and_are_kept_apart_at_random():
    train, apart = kept_apart(0.2, 50, None, seed=0)
    assert len(apart) == 10
    assert apart.tolist() != list(range(10))
    assert not set(train) & set(apart)


def test_a_class_of_one_sample_is_trained_on():
    classes = np.array([0] * 9 + [1])
    for seed in range(20):
        train, _ = kept_apart(0.5, 10, classes, seed)
        assert 9 in train


@pytest.mark.parametrize(
    ("share", "samples", "part"), [(0.01, 10, "validation"), (0.99, 1, "validation")]
)
def test_a_part_without_a_sample_is_an_error(share, samples, part):
    with pytest.raises(DatasetError, match=f"of {samples} samples leaves none for {part}"):
        kept_apart(share, samples, None, seed=0)


@given(
    share=st.floats(0.05, 0.95),
    classes=st.lists(st.integers(0, 6), min_size=40, max_size=120),
    seed=st.integers(0, 9),
)
def test_no_class_is_off_by_more_than_one(share, classes, seed):
    t = np.array(classes)
    train, apart = kept_apart(share, len(t), t, seed)
    assert sorted([*train, *apart]) == list(range(len(t)))
    sizes = np.bincount(t, minlength=7)
    kept = np.bincount(t[apart], minlength=7)
    assert (np.abs(kept - share * sizes) <= 1).all()
    assert (kept[sizes > 0] < sizes[sizes > 0]).all()
