"""What a history tells: curves, the best epoch, and the rate that its steps had."""

import json

import pytest

import graphnet as gn
from graphnet.report.curves import best_of, losses, measures, norms_of, now, rates


def net_of(history, **train):
    values = {
        "format": 1,
        "name": "own",
        "inputs": {"x": {"shape": [2]}},
        "nodes": [
            {"id": "second", "type": "Affine", "units": 3},
            {"id": "first", "type": "Affine", "units": 3},
        ],
        "edges": [["x", "second", "first"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 4, "batch_size": 10, "optimizer": {"type": "SGD", "lr": 0.5}, **train},
    }
    net = gn.build(gn.parse_spec(json.dumps(values)))
    net.history = history
    return net


def entry(epoch, loss, test=None, **more):
    return {"epoch": epoch, "loss": loss, "train_accuracy": 0.5, "test_accuracy": test, **more}


def test_parts_without_a_number_have_no_curve():
    history = [entry(1, 2.0), entry(2, 1.0, metrics={"train_f1": 0.1, "test_f1/a_b": 0.2})]
    assert losses(history) == {"train": [2.0, 1.0]}
    assert measures(history) == {
        "accuracy": {"train": [0.5, 0.5]},
        "f1": {"train": [None, 0.1]},
        "f1/a_b": {"test": [None, 0.2]},
    }


def test_the_best_epoch_is_that_of_the_best_accuracy_and_of_equals_the_first():
    net = net_of([entry(1, 2.0, 0.7), entry(2, 1.5, 0.9), entry(3, 1.0, 0.9)])
    assert best_of(net) == (1, "test_accuracy", 0.9, False)
    assert now(net)["epoch"] == 3
    assert best_of(net_of([entry(1, 2.0), entry(2, 2.5)])).figure == "loss"
    assert best_of(net_of([])) is None


def test_the_epoch_that_early_stopping_kept_is_the_best():
    stopping = {"monitor": "loss", "patience": 2}
    history = [entry(1, 2.0, 0.9), entry(2, 1.0, 0.8, best=True), entry(3, 1.2, 0.95)]
    net = net_of(history, early_stopping=stopping)
    assert best_of(net) == (1, "loss", 1.0, True)
    assert now(net)["epoch"] == 2


def test_norms_come_in_running_order_and_only_of_layers_that_there_are():
    pairs = {"first": [1.0, 0.1], "second": [2.0, 0.2], "<b>": [3.0, 0.3]}
    weights, gradients = norms_of(net_of([entry(1, 2.0), entry(2, 1.0, norms=pairs)]))
    assert list(weights.items()) == [("second", [None, 2.0]), ("first", [None, 1.0])]
    assert gradients["first"] == [None, 0.1]
    assert norms_of(net_of([entry(1, 2.0)])) is None


def test_the_rate_of_every_step_is_that_of_the_schedule():
    net = net_of([], schedule={"type": "Step", "every": 1, "gamma": 0.5})
    found = rates(net.spec, 25, 4)
    assert len(found) == 12
    assert dict(found)[0.0] == 0.5
    assert [rate for _, rate in found] == pytest.approx([0.5 / 2 ** (k // 3) for k in range(12)])
    assert rates(net.spec, None, 4) is None
    assert rates(net_of([]).spec, None, 4) == [(0.0, 0.5), (4.0, 0.5)]
