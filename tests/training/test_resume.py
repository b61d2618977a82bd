"""A run that was left and gone on with ends with the bytes of one that never was."""

import json
import re

import numpy as np
import pytest

from campaigns.runs import OPTIMIZERS, SCHEDULES, STEPS, in_parts, pictures, trainer, values, whole
from graphnet.bundle import format as fmt
from graphnet.bundle.format import Contents, Tensor
from graphnet.bundle.model import canonical_json, contents_of, save
from graphnet.bundle.reader import read_bundle
from graphnet.bundle.writer import encode, write_bundle
from graphnet.data.dataset import Dataset, Split
from graphnet.errors import (
    BundleError,
    BundleMismatchError,
    CorruptBundleError,
    GraphnetError,
    InvalidBundleError,
    ResumeMismatchError,
)
from graphnet.optimizers import OPTIMIZERS as KNOWN_OPTIMIZERS
from graphnet.schedules import SCHEDULES as KNOWN_SCHEDULES
from graphnet.training.checkpoint import save_checkpoint
from graphnet.training.resume import resume


def test_the_runs_have_every_optimizer_and_every_schedule():
    assert {given["type"] for given in OPTIMIZERS.values()} == set(KNOWN_OPTIMIZERS)
    assert {given["type"] for given in SCHEDULES.values() if given} == set(KNOWN_SCHEDULES)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_optimizer_with_each_schedule_goes_on(tmp_path, rng, optimizer, schedule):
    spec = values(optimizer=OPTIMIZERS[optimizer], schedule=SCHEDULES[schedule])
    data, first = pictures(), int(rng.integers(1, STEPS))
    after = [first, int(rng.integers(0, STEPS - first))]
    assert in_parts(spec, data, after, tmp_path / "c") == whole(spec, data)


@pytest.mark.parametrize("after", range(STEPS))
def test_it_goes_on_from_every_step(tmp_path, after):
    spec = values(optimizer=OPTIMIZERS["Adam"], schedule=SCHEDULES["OneCycle"])
    data = pictures()
    assert in_parts(spec, data, [after], tmp_path / "c") == whole(spec, data)


def test_it_goes_on_after_being_left_at_each_step(tmp_path):
    spec, data = values(optimizer=OPTIMIZERS["Lion"]), pictures()
    assert in_parts(spec, data, [1] * (STEPS - 1), tmp_path / "c") == whole(spec, data)


@pytest.mark.parametrize(
    "train",
    [
        {"validation": 0.3, "early_stopping": {"monitor": "validation_loss", "patience": 2}},
        {"early_stopping": {"monitor": "test_accuracy", "patience": 1}, "epochs": 9},
        {"clip": {"norm": 0.5}},
        {"clip": {"value": 0.01}},
        {"metrics": [{"type": "Accuracy"}, {"type": "F1"}]},
        {"batch_size": 64},
        {"batch_size": 1},
        {"augment": None},
        {"seed": 7},
    ],
)
def test_whatever_else_a_recipe_says_goes_on(tmp_path, train):
    spec, data = values(optimizer=OPTIMIZERS["momentum"], **train), pictures()
    run = trainer(spec, data)
    epochs = len(list(run.run()))
    steps = run.batches * epochs
    assert epochs > 1
    for after in sorted({1, steps // 3, steps // 2, steps - 1}):
        assert in_parts(spec, data, [after], tmp_path / "c") == whole(spec, data)


def test_balanced_weights_and_float64_go_on(tmp_path):
    spec = {**values(), "dtype": "float64"}
    spec["loss"] = {"type": "SoftmaxWithLoss", "class_weights": "balanced"}
    data = pictures()
    assert in_parts(spec, data, [4, 3], tmp_path / "c") == whole(spec, data)


def test_blocks_may_be_called_as_the_parts_of_a_checkpoint_are(tmp_path):
    spec, data = values(early_stopping={"monitor": "test_accuracy"}), pictures()
    spec["train"]["optimizer"] = OPTIMIZERS["Adam"]
    conv, *others = spec["nodes"]
    one = {"inputs": ["x"], "output": "conv", "nodes": [conv], "edges": [["x", "conv"]]}
    spec["blocks"] = {"one": one}
    parts = [{"id": name, "type": "Block", "block": "one"} for name in ("best", "optimizer")]
    spec["nodes"] = [conv, *parts, *others]
    spec["edges"] = [["x", *(node["id"] for node in spec["nodes"])]]
    assert in_parts(spec, data, [6], tmp_path / "c") == whole(spec, data)


def test_a_finished_run_has_nothing_left_to_do(tmp_path):
    spec = values(early_stopping={"monitor": "test_accuracy", "patience": 1}, epochs=9)
    data = pictures()
    run = trainer(spec, data)
    for _ in run.run():
        save_checkpoint(tmp_path / "c", run)
    again = trainer(spec, data)
    resume(tmp_path / "c", again)
    assert list(again.run()) == []
    assert encode(contents_of(again.net)) == encode(contents_of(run.net))
    assert again.net.history[again.best.epoch - 1]["best"] is True


def test_more_epochs_may_be_asked_for(tmp_path):
    short, long, data = values(epochs=2), values(epochs=4), pictures()
    run = trainer(short, data)
    list(run.run())
    save_checkpoint(tmp_path / "c", run)
    more = trainer(long, data)
    resume(tmp_path / "c", more)
    assert [result.epoch for result in more.run()] == [3, 4]
    assert encode(contents_of(more.net)) == whole(long, data)


def left(path, spec=None, after=7, data=None):
    """The checkpoint of a run that was left, at `path`."""
    run = trainer(spec or values(), data or pictures(), after)
    list(run.run())
    save_checkpoint(path, run)
    return path


def mismatch(path, spec, data=None):
    """What a trainer of this spec says to the checkpoint; it stays as it was."""
    run = trainer(spec, data or pictures())
    before = encode(contents_of(run.net))
    with pytest.raises(ResumeMismatchError) as caught:
        resume(path, run)
    assert encode(contents_of(run.net)) == before
    start = f"{path}: is of another run: "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


@pytest.mark.parametrize(
    ("train", "says"),
    [
        ({"seed": 1}, "train.seed was at its default, is 1"),
        ({"batch_size": 9}, "train.batch_size was 8, is 9"),
        ({"epochs": 2}, "train.epochs was 3, is 2"),
        ({"augment": None}, re.escape("train.augment was [{'type': 'Shift'")),
        (
            {"optimizer": OPTIMIZERS["Lion"]},
            "train.optimizer was at its default, is {'type': 'Lion'",
        ),
        ({"clip": {"norm": 1.0}}, "train.clip was at its default, is {'norm': 1.0}"),
        (
            {"seed": 1, "batch_size": 9},
            "train.batch_size was 8, is 9; train.seed was at its default, is 1",
        ),
    ],
)
def test_another_recipe_is_named(tmp_path, train, says):
    assert re.match(says, mismatch(left(tmp_path / "c"), values(**train)))


@pytest.mark.parametrize("kind", ["Cosine", "OneCycle"])
def test_more_epochs_are_another_run_where_the_schedule_spans_them(tmp_path, kind):
    path = left(tmp_path / "c", values(schedule=SCHEDULES[kind]))
    assert mismatch(path, values(schedule=SCHEDULES[kind], epochs=4)) == "train.epochs was 3, is 4"


def test_another_graph_is_named(tmp_path):
    path, spec = left(tmp_path / "c"), values()
    spec["nodes"] = [*spec["nodes"][:3], {**spec["nodes"][3], "ratio": 0.4}, *spec["nodes"][4:]]
    assert mismatch(path, spec) == "nodes.drop.ratio was 0.3, is 0.4"
    spec["name"] = "other"
    assert mismatch(path, spec) == "name was 'run', is 'other'; nodes.drop.ratio was 0.3, is 0.4"


def test_a_node_more_or_less_is_named(tmp_path):
    spec = values()
    more = [*spec["nodes"][:5], {"id": "tanh", "type": "Tanh"}, spec["nodes"][5]]
    longer = {**spec, "nodes": more, "edges": [["x", *(node["id"] for node in more)]]}
    said = mismatch(left(tmp_path / "c", spec), longer)
    assert said.startswith(
        "nodes.tanh was not there, is {'id': 'tanh', 'type': 'Tanh'}; edges was "
    )
    said = mismatch(left(tmp_path / "d", longer), spec)
    assert said.startswith("nodes.tanh was {'id': 'tanh', 'type': 'Tanh'}, is gone; edges was ")


def test_many_changes_are_counted(tmp_path):
    spec = values(seed=1, batch_size=9, epochs=2, clip={"norm": 1.0}, validation=0.5)
    spec["name"] = "other"
    assert mismatch(left(tmp_path / "c"), spec).endswith(", and 1 more")


def test_other_data_are_named(tmp_path):
    path, data = left(tmp_path / "c"), pictures(1)
    both = "the data of the test part have changed; the data of the train part have changed"
    assert mismatch(path, values(), data) == both
    mixed = Dataset("pictures", pictures().train, data.test)
    assert mismatch(path, values(), mixed) == "the data of the test part have changed"
    alone = Dataset("pictures", pictures().train, None)
    assert mismatch(path, values(), alone) == "the data set had a part 'test', has none"
    without = left(tmp_path / "d", data=alone)
    assert mismatch(without, values()) == "the data set had no part 'test', has one"


def test_one_label_more_or_less_is_other_data(tmp_path):
    data = pictures()
    t = data.train.targets.copy()
    t[5] = (t[5] + 1) % 4
    other = Dataset("pictures", Split(data.train.inputs, t), data.test)
    says = "the data of the train part have changed"
    assert mismatch(left(tmp_path / "c"), values(), other) == says


def test_what_was_fitted_to_the_data_belongs_to_the_run(tmp_path, model):
    from graphnet.builder import build
    from graphnet.data.load import load_data
    from graphnet.training.loop import Trainer

    spec = model("iris")
    folder = __import__("pathlib").Path(__file__).parents[2] / "models"
    run = Trainer(build(spec), load_data(spec, folder), should_stop=lambda: True)
    list(run.run())
    contents = contents_of(run.net)
    save_checkpoint(tmp_path / "c", run)
    found = read_bundle(tmp_path / "c")
    prepare = contents.prepare.replace("1", "2", 1)
    other = Contents(found.spec, prepare, found.train, found.meta, found.tensors)
    write_bundle(tmp_path / "c", other)
    again = Trainer(build(spec), load_data(spec, folder))
    with pytest.raises(ResumeMismatchError, match="what was fitted to the data"):
        resume(tmp_path / "c", again)


def test_a_model_is_no_checkpoint(tmp_path):
    run = trainer(values(), pictures())
    list(run.run())
    save(tmp_path / "m", run.net)
    with pytest.raises(BundleMismatchError, match="this is a model, not a checkpoint"):
        resume(tmp_path / "m", trainer(values(), pictures()))


def test_every_damage_is_named_and_changes_nothing(tmp_path, rng):
    path = left(tmp_path / "c")
    data = path.read_bytes()
    run = trainer(values(), pictures())
    before = encode(contents_of(run.net))
    for offset in rng.integers(0, len(data), 200):
        damaged = bytearray(data)
        damaged[offset] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(BundleError) as caught:
            resume(path, run)
        assert str(caught.value).startswith(f"{path}: ")
    path.write_bytes(data[:-1])
    with pytest.raises(BundleError):
        resume(path, run)
    assert encode(contents_of(run.net)) == before


def forged(path, train=None, tensors=None):
    """The checkpoint with other values under some keys, and the checksums right."""
    found = read_bundle(path)
    values = json.loads(found.train)
    for key, value in (train or {}).items():
        if value is None:
            del values[key]
        else:
            values[key] = value
    arrays = {**found.tensors, **(tensors or {})}
    arrays = {name: tensor for name, tensor in arrays.items() if tensor is not None}
    write_bundle(path, Contents(found.spec, found.prepare, canonical_json(values), {}, arrays))


@pytest.mark.parametrize(
    ("train", "says"),
    [
        ({"epoch": 9}, "no run is at epoch 9, step 2"),
        ({"epoch": 1}, "no run is at epoch 1, step 2"),
        ({"step": 6}, "no run is at epoch 2, step 6"),
        ({"step": 0}, "no run is at epoch 2, step 0"),
        ({"step": -1}, "are whole numbers"),
        ({"step": 2.0}, "are whole numbers"),
        ({"epochs": True}, "are whole numbers"),
        ({"epochs": 2}, "no run is at"),
        ({"history": []}, "no run is at"),
        ({"history": [{}]}, "'train.history[0]'"),
        ({"history": "x"}, "no run is at"),
        ({"optimizer": {"steps": 8}}, "the counts are not those"),
        ({"optimizer": 7}, "the counts are not those"),
        ({"loss_sum": 1}, "the counts are not those"),
        ({"loss_sum": None}, "does not say where the run is"),
        ({"more": 1}, "does not say where the run is"),
        ({"data": 1}, "'train.data': an object is expected"),
        ({"best": {}}, "'train.best' is there where"),
    ],
)
def test_positions_that_no_run_reaches(tmp_path, train, says):
    path = left(tmp_path / "c")
    forged(path, train)
    with pytest.raises(InvalidBundleError, match=re.escape(says)):
        resume(path, trainer(values(), pictures()))


@pytest.mark.parametrize(
    "best",
    [
        None,
        1,
        {"epoch": 1, "value": 0.5, "mark": 0.5},
        {"epoch": 1, "value": 1, "mark": 0.5, "waited": 0},
        {"epoch": 0, "value": 0.5, "mark": 0.5, "waited": 0},
        {"epoch": 2, "value": 0.5, "mark": 0.5, "waited": 0},
        {"epoch": 1, "value": 0.5, "mark": 0.5, "waited": 3},
    ],
)
def test_best_epochs_that_no_run_has(tmp_path, best):
    spec = values(early_stopping={"monitor": "test_accuracy"})
    path = left(tmp_path / "c", spec)
    forged(path, {"best": best})
    with pytest.raises(InvalidBundleError, match=r"'train\.best'"):
        resume(path, trainer(spec, pictures()))


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"conv/W": None}, "tensor 'conv/W' is missing"),
        ({"optimizer.conv/W/mean": None}, "tensor 'optimizer.conv/W/mean' is missing"),
        ({"best.conv/W": Tensor("best", np.ones(1, "f4"))}, "'best.conv/W' belongs to no run"),
        ({"conv/b": Tensor("state", np.ones(3, "f4"))}, "must have role 'param'"),
        ({"conv/b": Tensor("param", np.ones(4, "f4"))}, "must be float32 (3,), found float32 (4,)"),
        ({"conv/b": Tensor("param", np.ones(3, "f8"))}, "found float64 (3,)"),
        ({"conv/b": Tensor("param", np.full(3, np.nan, "f4"))}, "holds NaN or infinity"),
    ],
)
def test_tensors_that_are_not_the_runs(tmp_path, tensors, says):
    spec = values(optimizer=OPTIMIZERS["Adam"])
    path = left(tmp_path / "c", spec)
    forged(path, tensors=tensors)
    with pytest.raises(BundleMismatchError, match=re.escape(says)):
        resume(path, trainer(spec, pictures()))


def test_without_the_optimizers_arrays_the_bytes_would_differ(tmp_path, monkeypatch):
    spec, data = values(optimizer=OPTIMIZERS["Adam"]), pictures()
    copyto = np.copyto

    def forgetful(array, other):
        if np.shares_memory(array, forgotten):
            return
        copyto(array, other)

    left(tmp_path / "c", spec, data=data)
    run = trainer(spec, data)
    forgotten = run.optimizer.flat["mean"]
    with monkeypatch.context() as patch:
        patch.setattr(np, "copyto", forgetful)
        resume(tmp_path / "c", run)
    list(run.run())
    assert encode(contents_of(run.net)) != whole(spec, data)


def test_a_checkpoint_is_refused_by_the_reader_of_models(tmp_path):
    from graphnet.bundle.model import load

    with pytest.raises(GraphnetError, match="this is a checkpoint"):
        load(left(tmp_path / "c"))
    assert fmt.ROLES == ("param", "state", "optimizer", "best")


def test_a_damaged_checkpoint_is_corrupt(tmp_path):
    path = left(tmp_path / "c")
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptBundleError, match="the checksum of tensor"):
        resume(path, trainer(values(), pictures()))
