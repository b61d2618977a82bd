"""What a report counts of answers: calibration, the surest mistakes, errors of numbers."""

import numpy as np
import pytest

from graphnet.report.tallies import BINS, MOST_MISTAKES, MOST_POINTS, ClassTally, NumberTally


def scores_of(shares):
    return np.log(np.array(shares))


def test_calibration_by_hand():
    tally = ClassTally("classes")
    shares = [[0.72, 0.28], [0.76, 0.24], [0.74, 0.26], [0.05, 0.95]]
    tally.add(scores_of(shares), np.array([0, 0, 1, 1]), np.arange(4))
    assert tally.bins[7] == pytest.approx([3, 2.22, 2])
    assert tally.bins[9] == pytest.approx([1, 0.95, 1])
    assert tally.calibration_error == pytest.approx((2.22 - 2 + 0.05) / 4)
    assert tally.answers == 4


def test_mistakes_come_surest_first_in_any_pieces(rng):
    scores, t = rng.standard_normal((300, 5)) * 3, rng.integers(0, 5, 300)
    whole, pieces = ClassTally("classes"), ClassTally("classes")
    whole.add(scores, t, np.arange(300))
    for rows in np.array_split(np.arange(300), 7):
        pieces.add(scores[rows], t[rows], rows)
    assert whole.mistakes == pieces.mistakes
    assert whole.bins == pytest.approx(pieces.bins)
    assert len(whole.mistakes) == MOST_MISTAKES
    sure = [one.sure for one in whole.mistakes]
    assert sure == sorted(sure, reverse=True)
    first = whole.mistakes[0]
    row = np.exp(scores[first.sample]) / np.exp(scores[first.sample]).sum()
    assert (first.found, first.truth) == (row.argmax(), t[first.sample])
    assert (first.sure, first.right) == pytest.approx((row.max(), row[first.truth]))


def test_of_a_sequence_what_is_ignored_counts_nothing_and_a_sample_has_one_mistake():
    tally = ClassTally("classes", ignore=-1)
    shares = np.array([[[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]])
    tally.add(np.log(shares), np.array([[-1, 0, 0]]), np.array([5]))
    assert tally.answers == 2
    (one,) = tally.mistakes
    assert (one.sample, one.place, one.found, one.truth) == (5, 1, 1, 0)
    assert one.sure == pytest.approx(0.8)


def test_a_single_score_says_yes_above_zero():
    tally = ClassTally("binary")
    tally.add(np.array([2.0, -2.0, 800.0]), np.array([1, 1, 0]), np.arange(3))
    yes = 1 / (1 + np.exp(-2))
    assert [one.sample for one in tally.mistakes] == [2, 1]
    assert tally.mistakes[1].sure == pytest.approx(yes)
    assert tally.mistakes[1].right == pytest.approx(1 - yes)
    assert tally.bins[BINS - 1, 0] == 1


def test_numbers_are_chosen_evenly_and_the_worst_are_kept(rng):
    t = rng.standard_normal((5000, 2))
    y = t + rng.standard_normal((5000, 2)) * 0.1
    y[4321] += 50
    tally = NumberTally(5000)
    for rows in np.array_split(np.arange(5000), 9):
        tally.add(y[rows], t[rows], rows)
    found = np.concatenate(tally.found)
    assert np.array_equal(found.reshape(-1, 2), y[:: -(-10000 // MOST_POINTS)])
    assert tally.misses[0].sample == 4321
    assert tally.misses[0].error == pytest.approx(50, rel=0.01)
    assert tally.bias / tally.count == pytest.approx((y - t).mean())
