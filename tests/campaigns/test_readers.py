"""Three other programs read a bundle as this one does."""

from pathlib import Path

import pytest

from campaigns import corpus, readers
from campaigns.readers import READERS, differences, one_reading
from graphnet.builder import build
from graphnet.bundle.model import contents_of
from graphnet.bundle.writer import encode
from graphnet.spec.reader import read_spec

MODELS = sorted((Path(__file__).parents[2] / "models").glob("*.json"))


def test_three_readers_read_any_bundle_alike():
    result = one_reading(150, None)
    assert result.wrong == []
    assert result.verdicts == {"the same": 150}


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_each_model_that_ships_is_read_alike(path):
    spec = read_spec(path)
    data = encode(contents_of(build(spec)))
    for name in READERS:
        assert differences(name, data) == []


def test_another_number_is_seen(monkeypatch):
    read = readers.read_by

    def other(name, data):
        found = read(name, data)
        role, array = found["tensors"]["affine1/W"]
        found["tensors"]["affine1/W"] = (role, -array)
        return found

    monkeypatch.setattr(readers, "read_by", other)
    for name in READERS:
        data = corpus.small()["perceptron"]
        assert differences(name, data) == [f"{name}: another tensor affine1/W"]
