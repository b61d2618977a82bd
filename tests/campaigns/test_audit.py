"""A bundle is read and used with its own file and nothing else."""

import os

import pytest

from campaigns.audit import TEMPTATIONS, nothing_else
from campaigns.children import in_child
from graphnet.builder import build
from graphnet.bundle.model import save

pytestmark = pytest.mark.skipif(os.name != "posix", reason="this system bounds no process")
MODELS = ["digits", "residual", "sigmoid_steps", "two_inputs", "tiny_transformer", "mnist_deep"]


def test_models_that_ship_open_nothing_but_their_file(tmp_path, model):
    files = []
    for name in MODELS:
        files.append(str(tmp_path / f"{name}.msgpack"))
        spec = model(name)
        save(files[-1], build(spec))
    job = {"files": files, "seed": 0, "cases": 0, "tempted": None}
    found = in_child("campaigns.audit:watched", job, memory=None)
    assert found.value is not None, found.said
    assert found.value["wrong"] == []
    assert found.value["used"] == len(MODELS)


def test_mutated_bundles_open_nothing():
    result = nothing_else(2_000, None)
    assert result.wrong == []
    assert result.cases == 2_000


@pytest.mark.parametrize("tempted", TEMPTATIONS)
def test_whatever_else_is_done_is_seen(tempted):
    result = nothing_else(2, tempted)
    assert result.faults
    assert "broken" not in result.verdicts
