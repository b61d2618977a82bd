"""What is not finite ends training at its step, and is named; nothing of it reaches a file."""

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphnet.builder import build
from graphnet.bundle.model import load, save
from graphnet.data.dataset import Dataset, Split
from graphnet.errors import DatasetError, DivergedError, GraphnetError, SaveError
from graphnet.finite import is_finite
from graphnet.spec.reader import parse_spec
from graphnet.training import update
from graphnet.training.divergence import first_bad_of
from graphnet.training.evaluate import evaluate
from graphnet.training.fitting import fit
from graphnet.training.loop import Trainer

OPTIMIZERS = ("SGD", "AdaGrad", "RMSprop", "Adam", "AdamW", "Lion")


def affine(name, units=3, **more):
    return {"id": name, "type": "Affine", "units": units, **more}


def network(*nodes, dtype="float32", loss="SoftmaxWithLoss", inputs=None, **train):
    """Nodes in a chain, from an input of four numbers."""
    nodes = nodes or (affine("score"),)
    values = {
        "format": 1,
        "name": "own",
        "dtype": dtype,
        "inputs": inputs or {"x": {"shape": [4]}},
        "nodes": list(nodes),
        "edges": [["x", *(node["id"] for node in nodes)]],
        "loss": {"type": loss},
        "train": {"epochs": 3, "batch_size": 4, **train},
    }
    return build(parse_spec(json.dumps(values)))


def samples(count=8, scale=1.0):
    x = np.random.default_rng(1).normal(size=(count, 4)) * scale
    return Dataset("own", Split({"x": x}, np.arange(count) % 3))


def diverged(net, data=None):
    """The message of a run that does not end."""
    with pytest.raises(DivergedError) as e:
        list(fit(net, data or samples()))
    text = str(e.value)
    assert text.startswith("own: training diverged: ")
    assert text.endswith("; try a lower learning rate")
    return text


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("part", ["train", "test"])
def test_data_from_python_are_refused_by_input_and_sample(value, part):
    parts = {name: samples().train for name in ("train", "test")}
    x = parts[part].inputs["x"].copy()
    x[5, 2] = value
    parts[part] = Split({"x": x}, parts[part].targets)
    kind = "NaN" if np.isnan(value) else "infinity"
    text = f"data set 'own', {part} part: {kind} is in input 'x' \\(sample 5\\)"
    with pytest.raises(DatasetError, match=text):
        fit(network(), Dataset("own", **parts))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_so_are_numbers_of_any_width(dtype):
    x = samples().train.inputs["x"].astype(dtype)
    x[0, 0] = np.nan
    with pytest.raises(DatasetError, match="sample 0"):
        fit(network(), Dataset("own", Split({"x": x}, samples().train.targets)))


@pytest.mark.parametrize("loss", ["MeanSquaredError", "MeanAbsoluteError", "Huber"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
def test_targets_that_are_not_finite_are_refused_by_sample(loss, value):
    t = np.zeros((8, 3))
    t[6, 1] = value
    data = Dataset("own", Split(samples().train.inputs, t))
    with pytest.raises(DatasetError, match=r"not finite in float32 \(sample 6\)"):
        fit(network(loss=loss), data)


@pytest.mark.parametrize(("value", "what"), [(3, "target 3"), (-1, "target -1")])
def test_so_are_classes_that_there_are_not(value, what):
    t = samples().train.targets.copy()
    t[4] = value
    with pytest.raises(DatasetError, match=rf"{what} is no class.*\(sample 4\)"):
        fit(network(), Dataset("own", Split(samples().train.inputs, t)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["one/W", "norm/gamma", "two/b"])
def test_a_parameter_that_is_bad_from_the_start_is_named_before_the_first_step(name, value):
    net, steps = network(affine("one"), {"id": "norm", "type": "BatchNorm"}, affine("two")), []
    net.params[name].flat[1] = value
    with pytest.raises(DivergedError, match=rf"parameter '{name}' \(epoch 1, step 1\)"):
        list(fit(net, samples(), on_step=steps.append))
    assert not steps


def test_one_that_a_relu_would_hide_is_found_too():
    net = network(affine("one"), {"id": "relu", "type": "Relu"}, affine("two"))
    net.params["one/b"][1] = -np.inf
    assert np.isfinite(net.predict(samples().train.inputs["x"])).all()
    assert "infinity is in parameter 'one/b' (epoch 1, step 1)" in diverged(net)


@pytest.mark.parametrize("name", ["norm/mean", "norm/var"])
def test_so_is_a_state(name):
    net = network({"id": "norm", "type": "BatchNorm"}, affine("score"))
    net.state[name][2] = np.nan
    assert f"NaN is in state '{name}' (epoch 1, step 1)" in diverged(net)


def test_a_variance_below_zero_gives_no_scores_to_measure():
    net = network({"id": "norm", "type": "BatchNorm"}, affine("score"), epochs=1)
    net.state["norm/var"][...] = -1e6
    text = "NaN is in the output of 'score' over the train part (epoch 1, step 2)"
    assert text in diverged(net)
    with pytest.raises(DivergedError, match="NaN is in the output of 'score'"):
        evaluate(net, samples().train)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_absurd_rate_ends_at_the_parameter(optimizer):
    text = diverged(network(optimizer={"type": optimizer, "lr": 1e300}))
    assert "is in parameter 'score/" in text
    assert "(epoch 1, step " in text


SCHEDULES = [
    {"type": "Constant", "warmup": 1},
    {"type": "Step", "every": 1},
    {"type": "Cosine"},
    {"type": "OneCycle"},
]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda s: s["type"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_so_does_one_that_a_schedule_lets_in(optimizer, schedule):
    net = network(optimizer={"type": optimizer, "lr": 1e300}, schedule=schedule)
    assert "is in parameter 'score/" in diverged(net)


def test_a_drop_every_instant_leaves_a_rate_of_zero():
    net = network(schedule={"type": "Step", "every": 5e-324})
    list(fit(net, samples()))
    trainer = Trainer(net, samples())
    assert [trainer.rate(1, step) for step in (1, 2)] == [0.01, 0.0]


def test_a_rate_that_is_too_high_ends_in_the_node_that_overflows():
    nodes = affine("one"), {"id": "relu", "type": "Relu"}, affine("two")
    text = diverged(network(*nodes, optimizer={"type": "SGD", "lr": 1e25}))
    assert "infinity is in the output of 'two'" in text
    assert "(epoch 1, step 2)" in text


def test_the_sample_that_it_happens_for_is_told():
    net = network(batch_size=8)
    net.params["score/W"][...] = 1e35
    x = samples().train.inputs["x"]
    x[...] = 1e-3
    x[3] = 1e4
    text = diverged(net, Dataset("own", Split({"x": x}, samples().train.targets)))
    assert "infinity is in the output of 'score', first for sample 3 (epoch 1, step 1)" in text


def test_noise_is_added_to_samples_that_are_told():
    image = {"size": [2, 2], "range": [0, 1e29]}
    noise = {"type": "Noise", "std": 100}
    net = network(inputs={"x": {"shape": [4], "image": image}}, augment=[noise])
    net.params["score/W"][...] = 1e9
    x = np.zeros((8, 2, 2), np.uint8)
    text = diverged(net, Dataset("own", Split({"x": x}, samples().train.targets)))
    assert "in the output of 'score'" in text


def test_a_loss_beyond_the_finite_is_told_as_the_loss():
    net = network(affine("score", 1), loss="MeanSquaredError")
    t = np.full((8, 1), 3e38)
    text = diverged(net, Dataset("own", Split(samples().train.inputs, t)))
    assert "infinity is in the loss (epoch 1, step 1)" in text


def test_a_gradient_that_is_bad_while_outputs_and_loss_are_finite_is_told():
    trainer = steep(2, 1e60, type="SGD")
    with pytest.raises(DivergedError, match=r"the gradient of 'one/W' \(epoch 1, step 2\)"):
        list(trainer.run())


def test_running_statistics_that_overflow_are_told_though_the_loss_is_finite():
    net = network({"id": "norm", "type": "BatchNorm"}, affine("score"))
    text = diverged(net, samples(scale=1e21))
    assert "infinity is in state 'norm/var' (epoch 1, step 1)" in text


SLOTS = [
    ({"type": "Adam"}, "square"),
    ({"type": "AdamW"}, "square"),
    ({"type": "RMSprop"}, "square"),
    ({"type": "AdaGrad"}, "square"),
]


def steep(step=1, scale=1e22, **optimizer):
    """A run whose gradients are finite, and their squares not, from one step on."""
    net = network(affine("one", 1, bias=False), loss="MeanAbsoluteError", optimizer=optimizer)
    x = np.full((12, 4), 1e-3)
    trainer = Trainer(net, Dataset("own", Split({"x": x}, np.zeros((12, 1)))), threads=1)
    inner = trainer.team.gradient

    def gradient(inputs, targets, draws, samples, count=[0]):  # noqa: B006
        count[0] += 1
        loss, grads = inner(inputs, targets, draws, samples)
        if count[0] == step:
            grads[0][...] *= scale
        return loss, grads

    trainer.team.gradient = gradient
    return trainer


@pytest.mark.parametrize(("optimizer", "slot"), SLOTS, ids=lambda case: str(case))
@pytest.mark.parametrize("step", [1, 3, 5])
def test_a_slot_that_overflows_is_told_at_its_step(optimizer, slot, step):
    """An infinite square would stop its element from learning, without a word."""
    trainer = steep(step, 1e24, **optimizer)
    with pytest.raises(DivergedError) as e:
        list(trainer.run())
    at = f"(epoch {(step + 2) // 3}, step {(step - 1) % 3 + 1})"
    assert f"infinity is in optimizer slot 'one/W/{slot}' {at}" in str(e.value)
    assert np.isinf(trainer.optimizer.state[f"one/W/{slot}"]).all()
    assert np.isfinite(trainer.net.params["one/W"]).all()


def test_so_is_a_velocity():
    trainer = steep(1, 3e38, type="SGD", momentum=0.999999)
    trainer.net.params["one/W"][...] = 1
    trainer.optimizer.state["one/W/velocity"][...] = 3.4028e38
    with pytest.raises(DivergedError, match=r"'one/W/velocity' \(epoch 1, step 1\)"):
        list(trainer.run())


def test_what_decays_is_counted_into_the_squares():
    """The gradient is small; it is weight_decay * W whose square is not finite."""
    net = network(
        affine("one", 1, bias=False),
        loss="MeanAbsoluteError",
        optimizer={"type": "Adam", "weight_decay": 1e10, "lr": 1e-3},
    )
    net.params["one/W"][...] = 1e10
    data = Dataset("own", Split({"x": np.full((4, 4), 1e-3)}, np.zeros((4, 1))))
    assert "infinity is in optimizer slot 'one/W/square' (epoch 1, step 1)" in diverged(net, data)


def test_without_the_closer_look_a_slot_is_found_at_the_end_of_the_epoch(monkeypatch):
    """The look is what finds it at its step."""
    monkeypatch.setattr(update, "sieved", lambda array: True)
    trainer = steep(1, 1e24, type="Adam")
    with pytest.raises(DivergedError, match=r"'one/W/square' \(epoch 1, step 3\)"):
        list(trainer.run())
    monkeypatch.setattr(Trainer, "check_finite", lambda self: None)
    trainer = steep(1, 1e24, type="Adam")
    list(trainer.run())
    assert np.isinf(trainer.optimizer.state["one/W/square"]).all()


def test_the_norm_of_gradients_is_told_where_each_of_them_is_finite():
    net = network(affine("one", 1), dtype="float64", loss="MeanSquaredError", clip={"norm": 1.0})
    x = np.full((4, 4), 1e160)
    net.params["one/W"][...] = 0
    text = diverged(net, Dataset("own", Split({"x": x}, np.ones((4, 1)))))
    assert "infinity is in the norm of all gradients (epoch 1, step 1)" in text


def test_a_run_leaves_the_parameters_as_they_were_where_the_loss_is_bad():
    net = network(loss="MeanSquaredError")
    before = {name: array.copy() for name, array in net.params.items()}
    diverged(net, Dataset("own", Split(samples().train.inputs, np.full((8, 3), 3e38))))
    for name, array in net.params.items():
        np.testing.assert_array_equal(array, before[name])


def test_no_file_is_written_of_numbers_that_are_not_finite(tmp_path):
    net = network()
    save(tmp_path / "m.msgpack", net)
    before = (tmp_path / "m.msgpack").read_bytes()
    net.params["score/W"][0, 0] = np.inf
    with pytest.raises(SaveError, match=r"infinity is in parameter 'score/W'.*it is not saved"):
        save(tmp_path / "m.msgpack", net)
    assert (tmp_path / "m.msgpack").read_bytes() == before
    net = network({"id": "norm", "type": "BatchNorm"}, affine("score"))
    net.state["norm/var"][0] = np.nan
    with pytest.raises(SaveError, match="NaN is in state 'norm/var'"):
        save(tmp_path / "m.msgpack", net)


def test_divergence_leaves_the_last_good_checkpoint_as_it_was(tmp_path):
    out = tmp_path / "m.msgpack"
    net, kept = network(epochs=9, optimizer={"type": "Adam"}), {}

    def spoil(progress):
        if progress.epoch == 4 and progress.step == 2:
            kept.update((p.name, p.read_bytes()) for p in tmp_path.glob("*.checkpoint*"))
            net.params["score/W"][0, 0] = np.nan

    with pytest.raises(DivergedError, match=r"epoch 4, step 2"):
        list(fit(net, samples(), on_step=spoil, out=out))
    assert len(kept) == 2
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == kept
    again = network(epochs=9, optimizer={"type": "Adam"})
    list(fit(again, samples(), out=out, resume=True))
    whole = network(epochs=9, optimizer={"type": "Adam"})
    list(fit(whole, samples()))
    for name, array in load(out).params.items():
        np.testing.assert_array_equal(array, whole.params[name])


@pytest.mark.parametrize("where", ["parameter", "optimizer slot", "best"])
def test_no_checkpoint_is_written_of_numbers_that_are_not_finite(tmp_path, where):
    stopping = {"early_stopping": {"monitor": "loss"}}
    net = network(optimizer={"type": "Adam"}, **stopping)
    trainer = Trainer(net, samples())
    list(trainer.run())
    assert first_bad_of(trainer) is None
    arrays = {
        "parameter": net.params,
        "optimizer slot": trainer.optimizer.state,
        "best": trainer.best.arrays,
    }[where]
    next(iter(arrays.values())).flat[0] = np.nan
    assert first_bad_of(trainer).startswith("NaN is in ")
    with pytest.raises(DivergedError, match="NaN is in"):
        trainer.check_finite()


NODES = [
    affine("a", 3),
    {"id": "a", "type": "Relu"},
    {"id": "a", "type": "Tanh"},
    {"id": "a", "type": "BatchNorm"},
    {"id": "a", "type": "LayerNorm"},
    {"id": "a", "type": "Dropout", "rate": 0.5},
    {"id": "a", "type": "Softmax"},
]
RATES = st.floats(1e-30, 1e300)


@st.composite
def recipes(draw):
    kind = draw(st.sampled_from(OPTIMIZERS))
    optimizer = {"type": kind, "lr": draw(RATES), "weight_decay": draw(st.just(0.0) | RATES)}
    found = {"optimizer": optimizer, "epochs": draw(st.integers(1, 3))}
    if draw(st.booleans()):
        found["clip"] = {draw(st.sampled_from(["norm", "value"])): draw(RATES)}
    if draw(st.booleans()):
        found["schedule"] = draw(st.sampled_from(SCHEDULES))
    return found


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.lists(st.sampled_from(NODES), min_size=0, max_size=3),
    recipes(),
    st.sampled_from(["float32", "float64"]),
    st.sampled_from(["SoftmaxWithLoss", "MeanSquaredError", "SigmoidWithLoss"]),
    st.floats(-30, 30),
    st.floats(0, 37),
)
def test_a_run_ends_in_finite_numbers_or_names_one_that_is_not(
    nodes, recipe, dtype, loss, size, weight
):
    nodes = [{**node, "id": f"n{i}"} for i, node in enumerate(nodes)]
    score = affine("score", init={"type": "Normal", "std": 10.0 ** (weight - 30)})
    try:
        net = network(*nodes, score, dtype=dtype, loss=loss, **recipe)
    except GraphnetError:
        assume(False)
    x = np.random.default_rng(2).normal(size=(8, 4)) * 10.0**size
    t = np.arange(8) % 3
    t = t if loss == "SoftmaxWithLoss" else np.eye(3)[t]
    trainer = Trainer(net, Dataset("own", Split({"x": x}, t)), threads=1)
    try:
        results = list(trainer.run())
    except DivergedError as e:
        assert_names_a_bad_one(str(e), trainer)
        return
    assert first_bad_of(trainer) is None
    for array in (*net.params.values(), *net.state.values(), *trainer.optimizer.state.values()):
        assert np.isfinite(array).all()
    assert np.isfinite([number for result in results for number in result.numbers().values()]).all()


def assert_names_a_bad_one(text, trainer):
    """The tensor that a message names is not finite, where it still lies there to be looked at."""
    net = trainer.net
    if "'" not in text:
        assert (
            " in the loss " in text or "norm of all" in text or "sum of" in text or " is " in text
        )
        return
    name = text.split("'")[1]
    kept = {
        "parameter '": net.params,
        "state '": net.state,
        "optimizer slot '": trainer.optimizer.state,
        "gradient of '": net.grads,
    }
    for what, arrays in kept.items():
        if f" {what}" in text:
            assert not is_finite(arrays[name])
            assert ("NaN is" in text) == bool(np.isnan(arrays[name]).any())
            return
    assert f"the output of '{name}'" in text
    assert name in net.layers
