"""Training on data that stay in their files: every sample once, and the same bytes however the
run goes."""

import json

import numpy as np
import pytest

import graphnet as gn
from graphnet.bundle.model import contents_of
from graphnet.bundle.writer import encode
from graphnet.data.streams import base
from graphnet.errors import DatasetError, ResumeMismatchError
from graphnet.training.feed import feeds
from graphnet.training.loop import Trainer

SAMPLES = 500
SPEC = {
    "format": 1,
    "name": "streamed",
    "inputs": {"x": {"shape": [6]}},
    "nodes": [
        {"id": "a", "type": "Affine", "units": 8},
        {"id": "r", "type": "Relu"},
        {"id": "drop", "type": "Dropout", "ratio": 0.2},
        {"id": "b", "type": "Affine", "units": 3},
    ],
    "edges": [["x", "a", "r", "drop", "b"]],
    "loss": {"type": "SoftmaxWithLoss"},
    "data": {"source": "npy", "train": {"x": "x-*.npy", "t": "t-*.npy"}, "stream": True},
    "train": {"epochs": 3, "batch_size": 20, "optimizer": {"type": "Adam", "lr": 0.01}},
}


@pytest.fixture(autouse=True)
def small_windows(monkeypatch):
    """Eight samples a block, five blocks a window."""
    monkeypatch.setattr(base, "BLOCK_BYTES", 8 * (6 * 4 + 8))
    monkeypatch.setattr(base, "MOST_BLOCKS", 5)


@pytest.fixture
def folder(tmp_path, rng):
    for i, count in enumerate((120, 250, 130)):
        x = rng.normal(size=(count, 6)).astype(np.float32)
        np.save(tmp_path / f"x-{i}.npy", x)
        np.save(tmp_path / f"t-{i}.npy", (x[:, :3] + x[:, 3:]).argmax(axis=1))
    return tmp_path


def spec_of(**changes):
    return gn.parse_spec(json.dumps({**SPEC, **changes}))


def loaded(folder, **changes):
    spec = spec_of(**changes)
    return gn.build(spec, seed=0), gn.load_data(spec, folder)


def memory_of(folder):
    """The same samples, as a data set in memory."""
    parts = [
        np.concatenate([np.load(folder / f"{name}-{i}.npy") for i in range(3)]) for name in "xt"
    ]
    return gn.Dataset("mine", gn.Split({"x": parts[0]}, parts[1]))


def bytes_of(net) -> bytes:
    return encode(contents_of(net))


def test_an_epoch_takes_every_sample_once_in_an_order_of_its_own(folder):
    net, data = loaded(folder)
    feed, _ = feeds(net, data)
    orders = [np.asarray(feed.order(0, epoch)) for epoch in (1, 2)]
    assert feed.order(0, 1).windows == 13
    assert not (orders[0] == orders[1]).all()
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(SAMPLES))


def test_steps_see_the_samples_that_the_order_says(folder):
    net, data = loaded(folder)
    trainer = Trainer(net, data)
    x = memory_of(folder).train.inputs["x"]
    order = trainer.train.order(5, 1)
    at = 100
    for inputs, _ in trainer._ahead.batches_of(order[at:]):
        count = len(inputs["x"])
        np.testing.assert_array_equal(inputs["x"], x[np.asarray(order[at : at + count])])
        at += count
    assert at == SAMPLES


def test_a_batch_wider_than_windows_is_read_window_by_window(folder):
    train = {**SPEC["train"], "batch_size": 500, "epochs": 1}
    net, data = loaded(folder, train=train)
    (result,) = gn.fit(net, data)
    assert np.isfinite(result.loss)


def test_threads_change_no_bit(folder):
    found = []
    for threads in (1, 3):
        net, data = loaded(folder)
        list(gn.fit(net, data, threads=threads))
        found.append(bytes_of(net))
    assert found[0] == found[1]


@pytest.mark.parametrize("stop", [1, 13, 25, 40])
def test_a_run_that_was_left_ends_with_the_bytes_of_one_that_was_not(folder, tmp_path, stop):
    net, data = loaded(folder)
    list(gn.fit(net, data, out=tmp_path / "whole.msgpack"))
    steps = []
    net, data = loaded(folder)
    out = tmp_path / "left.msgpack"
    list(gn.fit(net, data, out=out, on_step=steps.append, should_stop=lambda: len(steps) >= stop))
    assert not out.exists()
    net, data = loaded(folder)
    list(gn.fit(net, data, out=out, resume=True))
    assert out.read_bytes() == (tmp_path / "whole.msgpack").read_bytes()


def test_other_data_are_no_run_to_go_on_with(folder, tmp_path):
    net, data = loaded(folder)
    steps = []
    out = tmp_path / "out.msgpack"
    list(gn.fit(net, data, out=out, on_step=steps.append, should_stop=lambda: len(steps) >= 3))
    x = np.load(folder / "x-1.npy")
    np.save(folder / "x-1.npy", x + 1)
    net, data = loaded(folder)
    with pytest.raises(ResumeMismatchError, match="the data of the train part have changed"):
        list(gn.fit(net, data, out=out, resume=True))


def test_what_is_measured_is_what_memory_gives(folder):
    net, data = loaded(folder)
    streamed, memory = (gn.evaluate(net, one.train) for one in (data, memory_of(folder)))
    assert streamed.loss == memory.loss
    assert streamed.figures == memory.figures
    assert repr(streamed.report) == repr(memory.report)


def test_classes_are_weighed_as_in_memory(folder):
    loss = {"type": "SoftmaxWithLoss", "class_weights": "balanced"}
    found = []
    for in_memory in (False, True):
        net, data = loaded(folder, loss=loss)
        Trainer(net, memory_of(folder) if in_memory else data)
        found.append(net.spec.loss.class_weights)
    assert found[0] == found[1]
    assert len(set(found[0])) == 3


def test_a_validation_part_and_early_stopping(folder):
    train = {**SPEC["train"], "validation": 0.1, "epochs": 40}
    train |= {"early_stopping": {"monitor": "validation_loss", "patience": 2}}
    net, data = loaded(folder, train=train)
    results = list(gn.fit(net, data))
    assert results[-1].validation_accuracy > 0.8


def test_a_file_cut_while_it_is_trained_on_is_one_error(folder):
    net, data = loaded(folder)

    def cut(progress):
        if progress.step == 2:
            with (folder / "x-1.npy").open("r+b") as file:
                file.truncate(1000)

    with pytest.raises(DatasetError, match=r"x-1\.npy: has changed since the run began"):
        list(gn.fit(net, data, on_step=cut))


def test_a_report_of_a_stream(folder):
    from graphnet.report.parts import counts_of_classes, parts_of

    net, data = loaded(folder)
    parts = parts_of(net, data)
    t = memory_of(folder).train.targets
    assert counts_of_classes(net, parts.feed) == np.bincount(t).tolist()


def test_a_target_that_is_an_input_needs_no_file(folder):
    changes = {
        "nodes": [{"id": "a", "type": "Affine", "units": 6}],
        "edges": [["x", "a"]],
        "loss": {"type": "MeanSquaredError", "target": "x"},
        "data": {**SPEC["data"], "train": {"x": "x-*.npy"}},
    }
    net, data = loaded(folder, **changes)
    results = list(gn.fit(net, data))
    assert results[-1].loss < results[0].loss
