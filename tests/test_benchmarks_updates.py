"""The benchmark of an update alone: every side makes the same steps."""

import json

import numpy as np
import pytest

from benchmarks import updates
from benchmarks.cases import CASES, Updating

ADAM = next(one for one in CASES if isinstance(one, Updating))


@pytest.fixture
def case():
    return Updating("small", "small", (), (), "ms", 1e3, parameters=32_000, steps=3)


@pytest.mark.parametrize("family", ["PyTorch", "JAX"])
def test_a_peer_makes_our_steps(case, family):
    pytest.importorskip({"PyTorch": "torch", "JAX": "jax"}[family], reason=f"no {family} here")
    ours = updates.sides(case, "graphnet")[""]().answer()
    assert len(ours) == 1000
    for make in updates.sides(case, family).values():
        side = make()
        np.testing.assert_allclose(side.answer(), ours, rtol=1e-5, atol=1e-6)
        assert side.measure() > 0


def test_the_network_has_ten_million_parameters():
    spec = json.loads(updates.spec_text(ADAM))
    units = spec["nodes"][0]["units"]
    assert spec["inputs"]["x"]["shape"][0] * units + units == 10_000_000
