"""models/two_inputs.json: two pictures, the same layers, one answer."""

import runpy

import numpy as np
import pytest
from checkout import ROOT

import graphnet as gn

PAIRS = ROOT / "models" / "data" / "pairs_test.npz"


@pytest.fixture
def pairs():
    with np.load(PAIRS, allow_pickle=False) as found:
        return dict(found)


def test_the_pairs_are_those_that_the_script_writes():
    script = runpy.run_path(str(ROOT / "scripts" / "make_pairs.py"))
    for name, arrays in script["made"]().items():
        assert not script["differs"](ROOT / "models" / "data" / name, arrays)
        assert arrays["same"].mean() == 0.5


def test_it_tells_same_from_different(model, pairs):
    spec = model("two_inputs")
    net, data = gn.build(spec), gn.load_data(spec, ROOT / "models")
    assert list(net.params) == ["conv1/W", "code1/W", "score/W", "score/b"]
    for epoch in gn.fit(net, data):
        last = epoch
    assert last.test_accuracy > 0.94
    first, second = (pairs[name][..., np.newaxis] / 255 for name in ("first", "second"))
    there = net.classify({"first": first, "second": second})
    assert np.mean(there == pairs["same"]) == pytest.approx(last.test_accuracy)
    # The distance between the two codes is the same in both directions.
    np.testing.assert_array_equal(net.classify({"first": second, "second": first}), there)
