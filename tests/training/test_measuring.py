"""What is measured after each epoch: the validation part, metrics, regression, several outputs."""

import json
from pathlib import Path

import numpy as np
import pytest

import graphnet as gn
from graphnet.builder import build
from graphnet.bundle.model import contents_of, load, save
from graphnet.bundle.writer import encode
from graphnet.data.dataset import IMAGE, Dataset, Split
from graphnet.data.digits import load_digits
from graphnet.errors import DatasetError, DivergedError, SpecError, SpecLimitError
from graphnet.spec.reader import parse_spec
from graphnet.training.fitting import fit
from graphnet.training.loop import Trainer

DIGITS = Path(__file__).parents[2] / "models" / "digits.json"


@pytest.fixture
def digits():
    """The spec of digits with a recipe of its own."""

    def make(**train):
        values = json.loads(DIGITS.read_text())
        values["train"] |= train
        return parse_spec(json.dumps(values))

    return make


def numbers(**more):
    """A spec of a regression."""
    values = {
        "format": 1,
        "name": "line",
        "dtype": "float64",
        "inputs": {"x": {"shape": [3]}},
        "nodes": [{"id": "y", "type": "Affine", "units": 1}],
        "edges": [["x", "y"]],
        "loss": {"type": "MeanSquaredError"},
        "train": {"epochs": 2, "batch_size": 10, "optimizer": {"type": "SGD", "lr": 0.05}},
    }
    values["train"] |= more.pop("train", {})
    return parse_spec(json.dumps({**values, **more}))


@pytest.fixture
def line(rng):
    """Points of a line in three dimensions, with a little noise."""
    x = rng.normal(size=(80, 3))
    t = x @ [1.0, -2.0, 0.5] + 3 + 0.1 * rng.normal(size=80)
    return Dataset("line", Split({"x": x[:60]}, t[:60]), Split({"x": x[60:]}, t[60:]))


def test_the_validation_part_is_measured_and_not_trained_on(digits):
    trainer = Trainer(build(digits(epochs=1, validation=0.2)), load_digits())
    seen, gather = [], trainer.train.batch_in
    trainer.train.batch_in = lambda room, rows: seen.append(rows) or gather(room, rows)
    (result,) = trainer.run()
    net, data = trainer.net, load_digits()
    rows = trainer.train.numbers(slice(None))
    apart = trainer.validation.numbers(slice(None))
    assert sorted([*rows, *apart]) == list(range(1437))
    trained = np.sort(np.concatenate([r for r in seen if not isinstance(r, slice)]))
    np.testing.assert_array_equal(trained, np.arange(len(rows)))
    x = data.train.inputs[IMAGE].reshape(-1, 64) / np.float32(255)
    t = data.train.targets
    assert result.train_accuracy == net.accuracy(x[rows], t[rows])
    assert result.validation_accuracy == net.accuracy(x[apart], t[apart])
    assert result.validation_loss == pytest.approx(net.loss(x[apart], t[apart]), rel=1e-6)
    assert np.bincount(t[apart]).tolist() == pytest.approx(0.2 * np.bincount(t), abs=1)
    assert net.history[0]["validation_loss"] == result.validation_loss
    assert net.history[0]["validation_accuracy"] == result.validation_accuracy


def test_the_measured_loss_is_that_of_prediction_without_dropout(network, rng):
    more = {
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 1, "validation": 0.5, "optimizer": {"type": "SGD", "lr": 1e-9}},
    }
    nodes = [
        {"id": "score", "type": "Affine", "units": 3},
        {"id": "drop", "type": "Dropout", "ratio": 0.9},
    ]
    net = network(nodes, [["x", "score", "drop"]], **more)
    x, t = rng.normal(size=(40, 4)), rng.integers(0, 3, 40)
    with Trainer(net, Dataset("own", Split({"x": x}, t))) as trainer:
        (result,) = trainer.run()
    apart = trainer.validation.numbers(slice(None))
    scores = net.predict(x[apart])
    losses = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(apart)), t[apart]]
    assert result.validation_loss == pytest.approx(losses.mean(), rel=1e-6)


def test_metrics_are_measured_of_every_part(digits):
    asked = ["Accuracy", {"type": "TopK", "k": 2}, "F1", {"type": "Recall", "label": "7"}]
    net = build(digits(epochs=1, validation=0.1, metrics=asked))
    (result,) = fit(net, load_digits())
    names = [
        f"{p}_{f}" for p in ("train", "validation", "test") for f in ("top2", "f1", "recall[7]")
    ]
    assert list(result.metrics) == names
    assert result.metrics["test_top2"] >= result.test_accuracy
    data = load_digits().test
    found = net.classify(data.inputs[IMAGE].reshape(-1, 64) / np.float32(255))
    sevens = data.targets == 7
    assert result.metrics["test_recall[7]"] == np.mean(found[sevens] == 7)
    assert net.history[0]["metrics"] == result.metrics


def test_numbers_have_r2_and_mae_in_place_of_an_accuracy(line):
    net = build(numbers())
    *_, result = fit(net, line)
    assert result.train_accuracy is None
    assert result.test_accuracy is None
    assert list(result.metrics) == ["train_r2", "train_mae", "test_r2", "test_mae"]
    t = line.test.targets
    y = net.predict(line.test.inputs["x"])[:, 0]
    assert result.metrics["test_mae"] == pytest.approx(np.abs(y - t).mean(), rel=1e-12)
    r2 = 1 - np.square(y - t).sum() / np.square(t - t.mean()).sum()
    assert result.metrics["test_r2"] == pytest.approx(r2, rel=1e-9)


def two_outputs(**train):
    values = {
        "format": 1,
        "name": "two",
        "dtype": "float64",
        "inputs": {"x": {"shape": [3]}},
        "nodes": [
            {"id": "kind", "type": "Affine", "units": 4},
            {"id": "size", "type": "Affine", "units": 1},
        ],
        "edges": [["x", "kind"], ["x", "size"]],
        "outputs": ["kind", "size"],
        "losses": [
            {"type": "SoftmaxWithLoss", "on": "kind", "target": "k"},
            {"type": "MeanSquaredError", "on": "size", "target": "s", "weight": 0.5},
        ],
        "train": {"epochs": 1, "validation": 0.25, **train},
    }
    return parse_spec(json.dumps(values))


@pytest.fixture
def pairs(rng):
    targets = {"k": rng.integers(0, 4, 40), "s": rng.normal(size=40)}
    return Dataset("pairs", Split({"x": rng.normal(size=(40, 3))}, targets))


def test_each_of_several_outputs_has_its_own_figures(pairs):
    net = build(two_outputs())
    with Trainer(net, pairs) as trainer:
        (result,) = trainer.run()
    figures = ("accuracy/kind", "r2/size", "mae/size")
    assert list(result.metrics) == [f"{p}_{f}" for p in ("train", "validation") for f in figures]
    assert result.train_accuracy == result.metrics["train_accuracy/kind"]
    apart = trainer.validation.numbers(slice(None))
    x = pairs.train.inputs["x"][apart]
    t = {name: array[apart] for name, array in pairs.train.targets.items()}
    assert result.validation_loss == pytest.approx(net.loss(x, t), rel=1e-9)
    assert result.validation_accuracy == np.mean(net.classify(x)["kind"] == t["k"])


def test_a_metric_of_one_output_alone(pairs):
    asked = [{"type": "F1", "on": "kind"}, "RMSE"]
    (result,) = fit(build(two_outputs(metrics=asked)), pairs)
    names = [name for name in result.metrics if name.startswith("train")]
    assert names == ["train_accuracy/kind", "train_f1/kind", "train_rmse/size"]


def test_scores_that_are_no_output_are_judged_too(rng):
    values = {
        "format": 1,
        "name": "inner",
        "dtype": "float64",
        "inputs": {"x": {"shape": [3]}},
        "nodes": [
            {"id": "score", "type": "Affine", "units": 4},
            {"id": "shares", "type": "Softmax"},
        ],
        "edges": [["x", "score", "shares"]],
        "loss": {"type": "SoftmaxWithLoss", "on": "score"},
        "train": {"epochs": 1, "validation": 0.25},
    }
    net = build(parse_spec(json.dumps(values)))
    x, t = rng.normal(size=(80, 3)), rng.integers(0, 4, 80)
    with Trainer(net, Dataset("mine", Split({"x": x}, t))) as trainer:
        (result,) = trainer.run()
    apart = trainer.validation.numbers(slice(None))
    shares = net.predict(x[apart])
    assert result.validation_accuracy == np.mean(shares.argmax(axis=1) == t[apart])
    expected = -np.log(shares[np.arange(20), t[apart]]).mean()
    assert result.validation_loss == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_change_no_byte(digits, threads, monkeypatch):
    monkeypatch.setattr("graphnet.plan.MOST_PIECE", 60)  # many pieces to be added up
    recipe = {
        "epochs": 3,
        "validation": 0.3,
        "metrics": ["F1", {"type": "TopK", "k": 3}],
        "early_stopping": {"monitor": "validation_loss", "patience": 2},
        "augment": [{"type": "Shift", "pixels": 1}, {"type": "Noise", "std": 0.1}],
    }
    found = []
    for count in (1, threads):
        net = build(digits(**recipe))
        list(fit(net, load_digits(), threads=count))
        found.append(encode(contents_of(net)))
    assert found[0] == found[1]


def test_history_with_everything_survives_a_bundle(digits, tmp_path):
    recipe = {"epochs": 2, "validation": 0.3, "metrics": ["F1"], "early_stopping": {"patience": 1}}
    net = build(digits(**recipe))
    list(fit(net, load_digits()))
    assert [entry.get("best") for entry in net.history] == [None, True]
    save(tmp_path / "m.msgpack", net)
    again = load(tmp_path / "m.msgpack")
    assert again.history == net.history
    assert again.spec.train == net.spec.train


@pytest.mark.parametrize(
    ("train", "what"),
    [
        (
            {"metrics": ["accuracy"]},
            "train.metrics[0].type: unknown metric 'accuracy'; did you mean",
        ),
        ({"metrics": [{"type": "TopK", "k": 10}]}, "of 10 classes, 10 always hold the right one"),
        ({"metrics": ["R2"]}, "R2 judges numbers, which no loss has; Accuracy, TopK, "),
        ({"metrics": [{"type": "Recall", "label": "ten"}]}, "'ten' is no class of 'affine2'"),
        (
            {"metrics": [{"type": "F1", "on": "affine"}]},
            "scores of 'affine'; did you mean 'affine2'?",
        ),
        ({"validation": 1.5}, "train.validation"),
        ({"validation": 0}, "train.validation"),
        ({"early_stopping": {}}, "'validation_loss' needs a validation part: write"),
        (
            {"validation": 0.1, "early_stopping": {"monitor": "validation_top5"}},
            "'validation_top5' is not measured",
        ),
        (
            {"validation": 0.1, "early_stopping": {"monitor": "validation_los"}},
            "did you mean 'validation_loss'?",
        ),
        ({"early_stopping": {"patience": 0}}, "train.early_stopping.patience"),
        (
            {"early_stopping": {"monitr": "loss"}},
            "train.early_stopping.monitr: unknown attribute 'monitr'; did you mean 'monitor'?",
        ),
        ({"metrics": [{"type": "TopK", "n": 3}]}, "unknown attribute 'n'; did you mean 'on'?"),
        ({"metrics": ["F1", 5]}, "train.metrics[1]: an object is expected, found 5"),
        ({"metrics": [{"k": 5}]}, "missing attribute 'type': it names the metric, one of Accuracy"),
    ],
)
def test_recipes_that_measure_nothing_sensible_are_refused(digits, train, what):
    with pytest.raises(SpecError) as e:
        digits(**train)
    assert what in str(e.value)


def test_a_test_part_that_is_followed_must_be_there(digits):
    net = build(digits(epochs=1, early_stopping={"monitor": "test_accuracy"}))
    data = Dataset("mine", load_digits().train)
    with pytest.raises(DatasetError, match="'test_accuracy', but the data set has no test part"):
        fit(net, data)


def test_a_history_that_no_bundle_holds_is_refused_before_the_first_step(digits):
    many = [{"type": "TopK", "k": k} for k in range(1, 10)]
    recipe = {"epochs": 20_000, "metrics": many}
    with pytest.raises(
        SpecLimitError, match=r"what 20,000 epochs measure takes .* at most 5,\d+ ep"
    ):
        fit(build(digits(**recipe)), load_digits())
    fit(build(digits(epochs=20_000)), load_digits())


def test_a_validation_part_of_too_few_samples_is_an_error(line):
    few = Dataset("few", Split({"x": line.train.inputs["x"][:3]}, line.train.targets[:3]))
    with pytest.raises(DatasetError, match=r"0\.1 of 3 samples leaves none for validation"):
        fit(build(numbers(train={"validation": 0.1})), few)


def test_early_stopping_ends_with_the_best_network(digits):
    stopping = {"monitor": "validation_accuracy", "patience": 4}
    net = build(digits(epochs=30, validation=0.2, early_stopping=stopping))
    results, kept = [], {}
    for result in fit(net, load_digits()):
        results.append(result)
        kept[result.epoch] = {name: param.copy() for name, param in net.params.items()}
        if result.epoch >= 3:  # from here on it gets no better
            for param in net.params.values():
                param[...] = 0
    best = max(results, key=lambda r: (r.validation_accuracy, -r.epoch))
    assert best.epoch == 3
    assert [result.best_epoch for result in results] == [1, 2, 3, 3, 3, 3, 3]
    for name, param in net.params.items():
        np.testing.assert_array_equal(param, kept[3][name])
    assert [e["epoch"] for e in net.history if e.get("best")] == [3]


@pytest.mark.parametrize("way", ["epochs run out", "the caller leaves", "it diverges"])
def test_the_best_comes_back_however_the_run_ends(network, rng, way):
    nodes = [{"id": "score", "type": "Affine", "units": 2}]
    more = {
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {
            "epochs": 4,
            "validation": 0.5,
            "early_stopping": {"patience": 100},
            "optimizer": {"type": "SGD", "lr": 0.1},
        },
    }
    net = network(nodes, [["x", "score"]], **more)
    x = rng.normal(size=(20, 4))
    run = fit(net, Dataset("mine", Split({"x": x}, (x[:, 0] > 0).astype(int))))
    first = next(run)
    kept = {name: param.copy() for name, param in net.params.items()}
    for param in net.params.values():  # what comes now is worse
        param *= -30
    if way == "epochs run out":
        assert [result.best_epoch for result in run] == [1, 1, 1]
    elif way == "the caller leaves":
        next(run)
        run.close()
    else:
        net.params["score/W"][0, 0] = np.nan
        with pytest.raises(DivergedError):
            next(run)
    assert first.best_epoch == 1
    for name, param in net.params.items():
        np.testing.assert_array_equal(param, kept[name])


def test_the_state_of_the_best_epoch_comes_back_too(network, rng):
    nodes = [{"id": "norm", "type": "BatchNorm"}, {"id": "score", "type": "Affine", "units": 2}]
    more = {
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 3, "early_stopping": {"monitor": "train_accuracy"}},
    }
    net = network(nodes, [["x", "norm", "score"]], **more)
    x = rng.normal(size=(20, 4))
    run = fit(net, Dataset("mine", Split({"x": x}, (x[:, 0] > 0).astype(int))))
    next(run)
    kept = {name: array.copy() for name, array in net.state.items()}
    net.params["score/W"][...] = 0
    net.params["score/b"][...] = [-9, 9] if np.mean(x[:, 0] > 0) <= 0.5 else [9, -9]
    assert [result.best_epoch for result in run] == [1, 1]
    assert list(kept) == ["norm/mean", "norm/var"]
    for name, array in net.state.items():
        np.testing.assert_array_equal(array, kept[name])


def test_small_gains_do_not_count_for_patience_and_are_kept_all_the_same(line):
    stopping = {"monitor": "train_r2", "patience": 3, "min_delta": 10.0}
    net = build(numbers(train={"epochs": 50, "early_stopping": stopping}))
    results = list(fit(net, line))
    assert len(results) == 4
    assert results[-1].best_epoch == 4


def test_evaluate_tells_everything_of_a_part(digits):
    net = build(digits(epochs=3))
    *_, result = fit(net, load_digits())
    data = load_digits().test
    found = gn.evaluate(net, data)
    assert found.accuracy == result.test_accuracy
    x = data.inputs[IMAGE].reshape(-1, 64) / np.float32(255)
    assert found.loss == pytest.approx(net.loss(x, data.targets), rel=1e-6)
    report = found.report
    assert report.labels == tuple("0123456789")
    assert report.samples.tolist() == [36] * 10
    assert report.confusion.sum() == 360
    assert np.trace(report.confusion) == round(found.accuracy * 360)
    answers = net.classify(x)
    for k in range(10):
        assert report.confusion[3, k] == np.sum((data.targets == 3) & (answers == k))
        assert report.recall[k] == np.mean(answers[data.targets == k] == k)
        assert report.precision[k] == pytest.approx(np.mean(data.targets[answers == k] == k))
    assert gn.evaluate(net, data, threads=1).report.confusion.tolist() == report.confusion.tolist()


def test_evaluate_of_numbers_and_of_wrong_arguments(line):
    net = build(numbers())
    found = gn.evaluate(net, line.test)
    assert found.accuracy is None
    assert list(found.figures) == ["r2", "mae"]
    assert found.loss == pytest.approx(net.loss(line.test.inputs["x"], line.test.targets))
    with pytest.raises(SpecError, match="only output of classes; there is none"):
        _ = found.report
    with pytest.raises(DatasetError, match=r"evaluate\(net, data\.test\)"):
        gn.evaluate(net, line)


def test_several_reports_are_asked_for_by_output(pairs):
    found = gn.evaluate(build(two_outputs()), pairs.train)
    assert list(found.reports) == ["kind"]
    assert found.report.labels == ("0", "1", "2", "3")


@pytest.fixture
def rare(rng):
    """90 samples of class 0, 10 of class 1."""
    t = np.repeat([0, 1], [90, 10])
    return Dataset("rare", Split({"x": rng.normal(size=(100, 4)) + t[:, None]}, t))


def weighing(weights, **train):
    values = {
        "format": 1,
        "name": "weighing",
        "inputs": {"x": {"shape": [4]}},
        "nodes": [{"id": "s", "type": "Affine", "units": 2}],
        "edges": [["x", "s"]],
        "loss": {"type": "SoftmaxWithLoss", "class_weights": weights},
        "train": {"epochs": 3, "batch_size": 20, **train},
    }
    return parse_spec(json.dumps(values))


def test_balanced_weights_follow_from_the_training_part_and_stay_as_numbers(rare, tmp_path):
    net = build(weighing("balanced"))
    list(fit(net, rare))
    assert net.spec.loss.class_weights == (100 / 180, 5.0)
    again = build(weighing([100 / 180, 5.0]))
    list(fit(again, rare))
    assert encode(contents_of(again)) == encode(contents_of(net))
    save(tmp_path / "m.msgpack", net)
    assert load(tmp_path / "m.msgpack").spec.loss.class_weights == (100 / 180, 5.0)


def test_balanced_weights_count_what_is_trained_on(rare):
    net = build(weighing("balanced", validation=0.5))
    list(fit(net, rare))
    assert net.spec.loss.class_weights == (50 / 90, 5.0)


def test_balanced_weights_find_more_of_the_rare_class(rare):
    found = []
    for weights in ([1.0, 1.0], "balanced"):
        net = build(weighing(weights, epochs=30))
        list(fit(net, rare))
        found.append(gn.evaluate(net, rare.train).report.recall[1])
    assert found[1] > found[0]


def test_balanced_weights_are_no_numbers_before_training(rare):
    net = build(weighing("balanced"))
    with pytest.raises(SpecError, match="fit puts numbers in their place"):
        net.loss(rare.train.inputs["x"], rare.train.targets)


@pytest.mark.parametrize(
    ("weights", "what"),
    [
        ("equal", "loss.class_weights: one number a class or 'balanced' is expected"),
        ([1, -2], "loss.class_weights[1]: a number above 0 and below 1e30 is expected, found -2"),
        ([1, True], "a number above 0 and below 1e30 is expected"),
        ([1, 2, 3], "3 class_weights for 2 classes"),
    ],
)
def test_what_are_no_class_weights(weights, what):
    with pytest.raises(gn.GraphnetError) as e:
        weighing(weights)
    assert what in str(e.value)
