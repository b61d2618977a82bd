"""Parts are joined in one order, whoever has them and however they come."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphnet.training.shards import joined
from graphnet.training.tree import Tree, Twig, parts_of, share_of, twigs_of


def told(a: str, b: str) -> str:
    return f"({a}+{b})"


def test_the_tree_joins_neighbours_first():
    tree = Tree(6, told)
    for i in range(6):
        tree.add(Twig(0, i), str(i))
    assert tree.whole == "(((0+1)+(2+3))+(4+5))"


def test_one_part_is_the_whole():
    tree = Tree(1, told)
    tree.add(Twig(0, 0), "0")
    assert tree.whole == "0"


@given(st.integers(1, 70), st.randoms())
def test_the_order_in_which_parts_come_changes_nothing(total, random):
    numbers = [str(i) for i in range(total)]
    wanted = joined(numbers, told)
    tree = Tree(total, told)
    random.shuffle(numbers)
    for number in numbers:
        tree.add(Twig(0, int(number)), number)
    assert tree.whole == wanted


@given(st.integers(1, 70), st.integers(1, 9))
def test_ranks_that_join_their_own_parts_first_change_nothing(total, ranks):
    wanted = joined([str(i) for i in range(total)], told)
    tree, seen = Tree(total, told), []
    for rank in range(ranks):
        mine = share_of(total, rank, ranks)
        for twig in twigs_of(mine, total):
            parts = parts_of(twig, total)
            seen += parts
            own = Tree(total, told)
            for i in parts:
                own.add(Twig(0, i), str(i))
            tree.add(twig, own.whole)
    assert seen == list(range(total))
    assert tree.whole == wanted


def test_parts_that_come_in_order_leave_one_twig_a_level():
    tree = Tree(1000, np.add)
    most = 0
    for i in range(1000):
        tree.add(Twig(0, i), np.float64(i))
        most = max(most, len(tree.twigs))
    assert most <= 10
    assert tree.whole == 499500


def test_a_tree_that_lacks_parts_has_no_whole():
    tree = Tree(3, told)
    tree.add(Twig(0, 0), "0")
    tree.add(Twig(0, 2), "2")
    with pytest.raises(ValueError, match="too many values"):
        _ = tree.whole


def test_shares_are_as_equal_as_can_be():
    assert [len(share_of(8, rank, 3)) for rank in range(3)] == [3, 3, 2]
    assert [len(share_of(2, rank, 3)) for rank in range(3)] == [1, 1, 0]
