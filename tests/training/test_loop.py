"""The loop: every sample once an epoch, in an order that the seed alone decides."""

import json

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.bundle.model import contents_of, load, save
from graphnet.bundle.writer import encode
from graphnet.data.dataset import IMAGE, Dataset, Split
from graphnet.data.digits import load_digits
from graphnet.errors import DatasetError, DivergedError, ShapeError, SpecError
from graphnet.spec.reader import parse_spec
from graphnet.training.fitting import fit
from graphnet.training.loop import Trainer


@pytest.fixture
def spec(model):
    """digits, cut to what a test needs."""

    def make(**train):
        return model("digits").model_copy(
            update={"train": model("digits").train.model_copy(update=train)}
        )

    return make


def test_fit_yields_an_epoch_at_a_time_and_prints_nothing(spec, capfd):
    net = build(spec(epochs=3))
    results = list(fit(net, load_digits()))
    assert [result.epoch for result in results] == [1, 2, 3]
    assert results[2].loss < results[0].loss
    assert results[2].test_accuracy > 0.8
    assert capfd.readouterr() == ("", "")


def test_accuracies_are_over_the_whole_parts(spec):
    net, data = build(spec(epochs=1)), load_digits()
    result = next(iter(fit(net, data)))
    for part, accuracy in ((data.train, result.train_accuracy), (data.test, result.test_accuracy)):
        x = part.inputs[IMAGE].reshape(len(part), 64) / np.float32(255)
        assert accuracy == pytest.approx(net.accuracy(x, part.targets), abs=1e-12)


def test_history_is_kept_without_durations(spec, tmp_path):
    net = build(spec(epochs=2))
    results = list(fit(net, load_digits()))
    names = ("epoch", "loss", "train_accuracy", "test_accuracy")
    expected = [{name: getattr(result, name) for name in names} for result in results]
    assert net.history == expected
    save(tmp_path / "m.msgpack", net)
    assert load(tmp_path / "m.msgpack").history == expected


def spied(trainer):
    """The samples that the trainer gathers, as a list that grows."""
    orders, gather = [], trainer.train.batch_in
    trainer.train.batch_in = lambda room, rows: orders.append(rows) or gather(room, rows)
    return orders


def test_every_sample_is_used_once_an_epoch_the_last_short_batch_included(spec):
    seen = []
    net = build(spec(epochs=1, batch_size=100))
    trainer = Trainer(net, load_digits(), on_step=lambda p: seen.append((p.step, p.samples)))
    orders = spied(trainer)
    list(trainer.run())
    assert seen == [*((i, 100) for i in range(1, 15)), (15, 37)]
    order = np.concatenate(orders)
    assert sorted(order) == list(range(1437))
    assert list(order) != sorted(order)


def test_each_epoch_has_an_order_of_its_own(spec):
    trainer = Trainer(build(spec(epochs=2)), load_digits())
    orders = spied(trainer)
    list(trainer.run())
    rows = np.concatenate(orders)
    assert sorted(rows[:1437]) == sorted(rows[1437:]) == list(range(1437))
    assert (rows[:1437] != rows[1437:]).any()


def test_the_loss_of_an_epoch_weighs_the_short_batch_by_its_samples(network, rng):
    more = {
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 1, "batch_size": 4, "optimizer": {"type": "SGD", "lr": 1e-12}},
    }
    net = network([{"id": "score", "type": "Affine", "units": 3}], [["x", "score"]], **more)
    x, t = rng.normal(size=(5, 4)) * 10, rng.integers(0, 3, 5)
    expected = net.loss(x, t)  # the rate is so low that the weights stay
    (result,) = fit(net, Dataset("own", Split({"x": x}, t)))
    assert result.loss == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("threads", [0, -1])
def test_threads_are_one_or_more(spec, threads):
    with pytest.raises(SpecError, match="threads must be 1 or more"):
        fit(build(spec(epochs=1)), load_digits(), threads=threads)


def test_an_overflow_of_finite_numbers_names_the_node_that_it_happens_in(network):
    more = {
        "dtype": "float32",
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 1},
    }
    net = network([{"id": "score", "type": "Affine", "units": 2}], [["x", "score"]], **more)
    net.params["score/W"][...] = 3e38
    net.params["score/W"][:, 1] = -3e38
    data = Dataset("own", Split({"x": np.full((2, 4), 0.5)}, np.array([0, 1])))
    with pytest.raises(
        DivergedError, match=r"infinity is in the output of 'score' \(epoch 1, step 1\)"
    ):
        list(fit(net, data))


def test_one_step_is_the_formula(network, rng):
    nodes = [{"id": "score", "type": "Affine", "units": 3}]
    more = {
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 1, "batch_size": 8, "optimizer": {"type": "SGD", "lr": 0.5}},
    }
    net = network(nodes, [["x", "score"]], **more)
    x, t = rng.normal(size=(8, 4)), rng.integers(0, 3, 8)
    w, gradient = net.params["score/W"].copy(), net.gradient(x, t)["score/W"]
    loss = net.loss(x, t)
    result = next(iter(fit(net, Dataset("own", Split({"x": x}, t)))))
    np.testing.assert_allclose(net.params["score/W"], w - 0.5 * gradient, rtol=1e-12)
    assert result.loss == pytest.approx(loss, rel=1e-12)
    assert result.test_accuracy is None


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_the_same_seed_gives_the_same_bytes_for_any_threads(spec, threads):
    found = []
    for count in (1, threads):
        net = build(spec(epochs=2))
        list(fit(net, load_digits(), threads=count))
        found.append(encode(contents_of(net)))
    assert found[0] == found[1]


def test_pictures_of_ones_own_are_prepared_like_those_of_a_source(spec):
    data = load_digits()
    own = Dataset(
        "own", *(Split({"x": s.inputs[IMAGE]}, s.targets) for s in (data.train, data.test))
    )
    found = [next(iter(fit(build(spec(epochs=1)), d))) for d in (data, own)]
    assert found[0].loss == found[1].loss
    assert found[0].test_accuracy == found[1].test_accuracy


def test_an_input_called_image_takes_numbers_too(network, rng):
    more = {
        "inputs": {"image": {"shape": [4]}},
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 1},
    }
    net = network([{"id": "s", "type": "Affine", "units": 2}], [["image", "s"]], **more)
    x = rng.normal(size=(3, 4))
    (result,) = fit(net, Dataset("own", Split({"image": x}, np.array([0, 1, 0]))))
    assert result.epoch == 1


def test_another_seed_gives_another_network(spec):
    one, other = build(spec(epochs=1)), build(spec(epochs=1, seed=1))
    list(fit(one, load_digits()))
    list(fit(other, load_digits()))
    assert (one.params["affine1/W"] != other.params["affine1/W"]).any()


def test_stopping_ends_between_two_steps(spec):
    net = build(spec(epochs=3))
    steps = []
    trainer = Trainer(
        net,
        load_digits(),
        on_step=lambda p: steps.append(p.step),
        should_stop=lambda: len(steps) >= 40,
    )
    assert len(list(trainer.run())) == 1  # 29 steps an epoch
    assert trainer.stopped
    assert trainer.position == (2, 11)


def test_divergence_names_epoch_step_and_tensor(spec):
    optimizer = spec().train.optimizer.model_copy(update={"lr": 1e30})
    net = build(spec(epochs=2, optimizer=optimizer))
    with pytest.raises(DivergedError) as e:
        list(fit(net, load_digits()))
    text = str(e.value)
    assert text.startswith("digits: training diverged: ")
    assert "(epoch 1, step 2)" in text
    assert "'affine" in text


def test_nan_in_a_parameter_is_named(spec):
    net = build(spec(epochs=1))
    net.params["affine2/b"][3] = np.nan
    with pytest.raises(DivergedError, match=r"NaN is in parameter 'affine2/b' \(epoch 1, step 1\)"):
        list(fit(net, load_digits()))


def test_infinity_after_the_last_step_is_found(network):
    more = {
        "dtype": "float32",
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 1, "optimizer": {"type": "SGD", "lr": 1e38}},
    }
    net = network([{"id": "score", "type": "Affine", "units": 2}], [["x", "score"]], **more)
    data = Dataset("own", Split({"x": np.full((2, 4), 1e4)}, np.array([0, 1])))
    net.params["score/W"][...] = 0
    net.params["score/W"][:, 0] = 1e-3
    with pytest.raises(DivergedError, match="epoch 1, step 1"):
        list(fit(net, data))


def values(**more):
    return {
        "format": 1,
        "name": "own",
        "inputs": {"x": {"shape": [4]}},
        "nodes": [{"id": "score", "type": "Affine", "units": 3}],
        "edges": [["x", "score"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "train": {"epochs": 1},
        **more,
    }


@pytest.mark.parametrize(
    ("split", "error", "what"),
    [
        (Split({"x": np.ones((2, 4))}, np.array([0, 3])), DatasetError, "target 3 is no class"),
        (Split({"x": np.ones((2, 5))}, np.array([0, 1])), ShapeError, r"\(N, 4\) is expected"),
        (Split({"y": np.ones((2, 4))}, np.array([0, 1])), ShapeError, "'y' is no input"),
        (Split({"x": np.ones((0, 4))}, np.array([], int)), DatasetError, "it has no sample"),
        (Split({IMAGE: np.ones((2, 2, 2), np.uint8)}, np.array([0, 1])), DatasetError, "'image'"),
    ],
)
def test_data_that_do_not_fit_are_refused_before_the_first_step(split, error, what):
    net = build(parse_spec(json.dumps(values())))
    with pytest.raises(error, match=what) as e:
        fit(net, Dataset("mine", split))
    assert str(e.value).startswith("data set 'mine', train part: ")


def test_a_spec_without_recipe_is_refused(network):
    net = network([{"id": "score", "type": "Affine", "units": 3}], [["x", "score"]])
    with pytest.raises(SpecError, match="test: the spec has no 'train'"):
        fit(net, load_digits())


def test_arrays_without_names_are_refused_with_the_form_to_write(spec):
    net = build(spec(epochs=1))
    with pytest.raises(DatasetError, match=r"gn\.Split\(\{'x': x\}, t\)"):
        fit(net, (np.ones((2, 64)), [0, 1]))
    with pytest.raises(DatasetError, match="takes inputs by name"):
        Split(np.ones((2, 64)), np.array([0, 1]))


def test_a_mapped_network_is_not_trained(spec, tmp_path):
    save(tmp_path / "m.msgpack", build(spec(epochs=1)))
    with pytest.raises(SpecError, match="a mapped network is read-only"):
        fit(load(tmp_path / "m.msgpack", mmap=True), load_digits())


def test_a_loaded_network_trains_on(spec, tmp_path):
    net = build(spec(epochs=1))
    list(fit(net, load_digits()))
    save(tmp_path / "m.msgpack", net)
    again = load(tmp_path / "m.msgpack")
    list(fit(net, load_digits()))
    list(fit(again, load_digits()))
    assert encode(contents_of(again)) == encode(contents_of(net))
