"""A checkpoint: all that going on needs, in one bundle."""

import json
from pathlib import Path

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.bundle.model import load
from graphnet.bundle.reader import read_bundle
from graphnet.data.digits import load_digits
from graphnet.errors import BundleMismatchError
from graphnet.spec.reader import parse_spec
from graphnet.training.checkpoint import save_checkpoint
from graphnet.training.loop import Trainer

ROOT = Path(__file__).parents[2]


def stopped(model, steps):
    net, done = build(model("digits")), []
    trainer = Trainer(
        net, load_digits(), on_step=done.append, should_stop=lambda: len(done) >= steps
    )
    list(trainer.run())
    return trainer


def test_it_holds_parameters_position_and_the_datas_fingerprint(model, tmp_path):
    trainer = stopped(model, 40)
    save_checkpoint(tmp_path / "c", trainer)
    found = read_bundle(tmp_path / "c")
    train = json.loads(found.train)
    assert (train["epoch"], train["step"]) == (2, 11)
    assert train["history"] == trainer.net.history
    assert train["loss_sum"] == trainer.loss_sum
    assert train["data"] == stopped(model, 1).fingerprints
    assert train["optimizer"] == {"steps": 40}
    for name, param in trainer.net.params.items():
        np.testing.assert_array_equal(found.tensors[name].array, param)


def test_other_data_have_another_fingerprint(model):
    trainer = stopped(model, 1)
    before = trainer.train.fingerprint()
    trainer.train.targets = trainer.train.targets.copy()
    trainer.train.targets[0] ^= 1
    assert trainer.train.fingerprint() != before


def test_it_is_no_model(model, tmp_path):
    save_checkpoint(tmp_path / "c", stopped(model, 40))
    with pytest.raises(BundleMismatchError, match="this is a checkpoint"):
        load(tmp_path / "c")


def test_with_early_stopping_it_holds_the_best_network_beside_the_present_one(tmp_path):
    values = json.loads((ROOT / "models" / "digits.json").read_text())
    values["train"] |= {"validation": 0.2, "early_stopping": {"monitor": "validation_loss"}}
    net, done, best = build(parse_spec(json.dumps(values))), [], {}
    trainer = Trainer(net, load_digits(), on_step=done.append, should_stop=lambda: len(done) > 50)
    for _ in trainer.run():
        best = {name: param.copy() for name, param in net.params.items()}
    present = {name: param.copy() for name, param in net.params.items()}
    save_checkpoint(tmp_path / "c", trainer)
    found = read_bundle(tmp_path / "c")
    for name in net.params:
        assert found.tensors[f"best.{name}"].role == "best"
        np.testing.assert_array_equal(found.tensors[f"best.{name}"].array, best[name])
        np.testing.assert_array_equal(found.tensors[name].array, present[name])
        assert (present[name] != best[name]).any()
    stopping = json.loads(found.train)["best"]
    assert stopping["epoch"] == 2
    assert stopping["value"] == trainer.net.history[1]["validation_loss"]
    assert stopping["waited"] == 0
