"""Metrics: equal to scikit-learn's, and the same however the samples are cut into pieces."""

from functools import reduce

import numpy as np
import pytest

from graphnet.metrics import Answers, confusion, f1, metric_for, precision, recall
from graphnet.spec.families import METRICS

NO_PEER = "scikit-learn is not installed: nothing to compare with"
LABELS = ["ant", "bee", "cat", "dog", "elk"]


def measured(what, answers, labels=None):
    metric = metric_for(METRICS[what["type"]].model_validate(what), labels)
    return metric.value(metric.count(answers))


@pytest.fixture
def classes(rng):
    """200 samples of five classes, class 4 the rarest, answered right more often than not."""
    t = rng.choice(5, 200, p=[0.4, 0.3, 0.2, 0.07, 0.03])
    scores = rng.normal(size=(200, 5))
    scores[np.arange(200), t] += 1.5
    return Answers("classes", scores, t)


@pytest.fixture
def numbers(rng):
    t = rng.normal(1e6, [1.0, 20.0, 0.1], size=(200, 3))
    return Answers("numbers", t + rng.normal(size=(200, 3)), t)


def test_classes_are_judged_as_scikit_learn_does(classes):
    theirs = pytest.importorskip("sklearn.metrics", reason=NO_PEER)
    t, found = classes.t, classes.found
    assert measured({"type": "Accuracy"}, classes) == theirs.accuracy_score(t, found)
    expected = theirs.precision_recall_fscore_support(t, found)
    macro = theirs.precision_recall_fscore_support(t, found, average="macro")
    for i, what in enumerate(("Precision", "Recall", "F1")):
        assert measured({"type": what}, classes) == pytest.approx(macro[i], rel=1e-12)
        for k, label in enumerate(LABELS):
            one = measured({"type": what, "label": label}, classes, LABELS)
            assert one == pytest.approx(expected[i][k], rel=1e-12)
            assert measured({"type": what, "label": str(k)}, classes) == one
    for k in (1, 2, 4):
        top = theirs.top_k_accuracy_score(t, classes.scores, k=k)
        assert measured({"type": "TopK", "k": k}, classes) == top
    np.testing.assert_array_equal(confusion(classes), theirs.confusion_matrix(t, found))


def test_numbers_are_judged_as_scikit_learn_does(numbers):
    theirs = pytest.importorskip("sklearn.metrics", reason=NO_PEER)
    t, y = numbers.t, numbers.scores
    variance = theirs.r2_score(t, y, multioutput="variance_weighted")
    assert measured({"type": "R2"}, numbers) == pytest.approx(variance, rel=1e-9)
    uniform = measured({"type": "R2", "average": "uniform"}, numbers)
    assert uniform == pytest.approx(theirs.r2_score(t, y), rel=1e-9)
    assert measured({"type": "MAE"}, numbers) == pytest.approx(theirs.mean_absolute_error(t, y))
    root = np.sqrt(theirs.mean_squared_error(t, y))
    assert measured({"type": "RMSE"}, numbers) == pytest.approx(root)


@pytest.mark.parametrize("what", [{"type": name} for name in METRICS])
def test_pieces_add_up(what, classes, numbers):
    metric = metric_for(METRICS[what["type"]].model_validate(what))
    kind = metric.spec.kinds[0]
    whole = classes if kind == "classes" else numbers
    pieces = [
        Answers(kind, whole.scores[a:b], whole.t[a:b]) for a, b in ((0, 1), (1, 77), (77, 200))
    ]
    joined = reduce(metric.join, map(metric.count, pieces))
    assert metric.value(joined) == pytest.approx(metric.value(metric.count(whole)), rel=1e-9)


def test_the_best_of_equal_scores_is_the_first_as_in_classify():
    answers = Answers("classes", np.zeros((2, 3)), np.array([0, 1]))
    assert measured({"type": "Accuracy"}, answers) == 0.5
    assert measured({"type": "TopK", "k": 1}, answers) == 0.5
    assert measured({"type": "TopK", "k": 2}, answers) == 1.0


def test_scores_that_are_not_numbers_are_not_among_the_best():
    answers = Answers("classes", np.full((4, 3), np.nan), np.array([0, 1, 2, 1]))
    assert measured({"type": "TopK", "k": 2}, answers) == 0.0


def test_a_single_score_is_a_binary_choice():
    answers = Answers(
        "binary", np.array([[2.0], [-1.0], [0.5], [-3.0]]), np.array([[1], [1], [0], [0]])
    )
    assert measured({"type": "Accuracy"}, answers) == 0.5
    assert measured({"type": "Recall", "label": "yes"}, answers, ["no", "yes"]) == 0.5
    assert confusion(answers).tolist() == [[1, 1], [1, 1]]


def test_every_place_of_a_sequence_counts():
    scores = np.eye(3)[np.array([[0, 1, 2], [2, 2, 2]])]
    answers = Answers("classes", scores, np.array([[0, 1, 1], [2, 0, 2]]))
    assert measured({"type": "Accuracy"}, answers) == pytest.approx(4 / 6)


def test_a_class_that_nobody_names_or_has_costs_no_division_by_zero(recwarn):
    # Class 1 is found and never right, class 2 never found, class 3 is of no sample.
    answers = Answers("classes", np.eye(4)[[0, 1, 1]], np.array([0, 0, 2]))
    counts = metric_for(METRICS["Recall"](type="Recall")).count(answers)
    np.testing.assert_allclose(precision(counts), [1, 0, 0, 0])
    np.testing.assert_allclose(recall(counts), [0.5, 0, 0, 0])
    np.testing.assert_allclose(f1(counts), [2 / 3, 0, 0, 0])
    assert measured({"type": "Recall"}, answers) == 0.25  # over the classes 0 and 2
    assert not recwarn


@pytest.mark.parametrize(("y", "r2"), [(5.0, 1.0), (4.0, 0.0)])
def test_targets_that_do_not_vary_are_met_or_not(y, r2):
    answers = Answers("numbers", np.full(3, y), np.full(3, 5.0))
    assert measured({"type": "R2"}, answers) == r2
    assert measured({"type": "R2", "average": "uniform"}, answers) == r2


def test_several_questions_a_sample_are_classes_of_their_own(rng):
    t = rng.integers(0, 2, (50, 3))
    scores = rng.normal(size=(50, 3)) + t
    answers = Answers("binary", scores, t)
    assert measured({"type": "Accuracy"}, answers) == np.mean((scores > 0) == t)
    yes = scores[:, 1] > 0
    one = measured({"type": "Precision", "label": "b"}, answers, ["a", "b", "c"])
    assert one == np.sum(yes & (t[:, 1] == 1)) / np.sum(yes)
    pytest.importorskip("sklearn.metrics", reason=NO_PEER)
    from sklearn.metrics import f1_score

    mean = f1_score(t, scores > 0, average="macro")
    assert measured({"type": "F1"}, answers) == pytest.approx(mean)


def test_what_is_ignored_does_not_count():
    scores = np.eye(3)[np.array([[0, 1], [2, 2]])]
    answers = Answers("classes", scores, np.array([[0, -1], [1, -1]]), ignore=-1)
    assert measured({"type": "Accuracy"}, answers) == 0.5
    assert confusion(answers).sum() == 2
