"""The norms of weights and gradients in a history: recorded where asked, counted, kept."""

import json
from pathlib import Path

import numpy as np
import pytest

import graphnet as gn
from graphnet.bundle.model import history_of
from graphnet.errors import InvalidBundleError, SpecLimitError
from graphnet.training.loop import Trainer

DIGITS = Path(__file__).parent.parent.parent / "models" / "digits.json"


def spec(**train):
    values = json.loads(DIGITS.read_text())
    values["train"] = {**values["train"], "epochs": 2, **train}
    return gn.parse_spec(json.dumps(values))


def trained(norms=True, **train):
    net = gn.build(spec(**train))
    list(gn.fit(net, gn.load_data(net.spec), norms=norms))
    return net


def test_an_entry_holds_each_layer_with_weights_and_no_other():
    net = trained()
    assert [list(entry["norms"]) for entry in net.history] == [["affine1", "affine2"]] * 2
    assert all("norms" not in entry for entry in trained(norms=False).history)


def test_the_norms_are_those_of_the_weights_and_of_the_last_gradient():
    net = gn.build(spec(epochs=1))
    with Trainer(net, gn.load_data(net.spec), norms=True) as trainer:
        list(trainer.run())
    for layer, (weights, gradient) in net.history[-1]["norms"].items():
        for arrays, found in ((net.params, weights), (net.grads, gradient)):
            parts = [arrays[f"{layer}/{name}"].astype(float).ravel() for name in "Wb"]
            assert found == float(f"{np.linalg.norm(np.concatenate(parts)):.6g}")


def test_the_gradient_is_that_after_clipping():
    net = trained(clip={"norm": 1e-3})
    pairs = [pair for entry in net.history for pair in entry["norms"].values()]
    assert all(0 < gradient <= 1e-3 for _, gradient in pairs)


def test_norms_change_no_weight_and_a_bundle_keeps_them(tmp_path):
    net, plain = trained(), trained(norms=False)
    for name, array in net.params.items():
        assert np.array_equal(array, plain.params[name])
    gn.save(tmp_path / "a.msgpack", net)
    assert gn.load(tmp_path / "a.msgpack").history == net.history


def test_any_number_of_threads_records_the_same():
    found = []
    for threads in (1, 3):
        net = gn.build(spec(epochs=1, batch_size=400))
        list(gn.fit(net, gn.load_data(net.spec), threads=threads, norms=True))
        found.append(net.history)
    assert found[0] == found[1]


def test_a_run_that_is_gone_on_with_keeps_them_to_the_byte(tmp_path):
    data = gn.load_data(spec())
    whole, broken = tmp_path / "whole.msgpack", tmp_path / "broken.msgpack"
    list(gn.fit(gn.build(spec(epochs=3)), data, out=whole, norms=True))
    steps = []
    run = gn.fit(
        gn.build(spec(epochs=3)),
        data,
        out=broken,
        norms=True,
        on_step=steps.append,
        should_stop=lambda: len(steps) == 40,
    )
    list(run)
    list(gn.fit(gn.build(spec(epochs=3)), data, out=broken, norms=True, resume=True))
    assert broken.read_bytes() == whole.read_bytes()


def test_a_history_that_would_not_fit_is_refused_before_the_first_step():
    net = gn.build(spec(epochs=20_000))
    data = gn.load_data(net.spec)
    with pytest.raises(SpecLimitError, match=r"fewer metrics, or no norms"):
        gn.fit(net, data, norms=True)
    gn.fit(net, data)


@pytest.mark.parametrize("norms", [{}, [], {"a": 1.0}, {"a": [1.0]}, {"a": [1.0, 2]}, {"a": None}])
def test_norms_that_are_none_make_no_history(norms):
    entry = {"epoch": 1, "loss": 0.5, "train_accuracy": None, "test_accuracy": None}
    assert history_of([{**entry, "norms": {"a": [1.0, 2.0]}}])
    with pytest.raises(InvalidBundleError, match=r"'train.history\[0\]'"):
        history_of([{**entry, "norms": norms}])
