"""What asks for too much is refused soon, and with little memory."""

import sys

import pytest

from campaigns import bombs, limits

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux holds a child to its memory"
)
NAMED = {campaign.name: campaign for campaign in (*bombs.CAMPAIGNS, *limits.CAMPAIGNS)}
SOME = [
    *("a chain of 10,000", "a million nodes", "10,000 wrong nodes", "a circle of 10,000"),
    *("terabytes behind small weights", "a block 1e9 times", "2**40 blocks", "100,000 brackets"),
    *("seven of them", "a file that claims 8 GB", "a table that claims exabytes"),
    *("16 MiB of arrays in arrays", "a terabyte behind a preamble", "a pipe", "/dev/zero"),
    *("gigabytes behind a small bundle", "attention over a million", "a batch of 2**31 - 1"),
]


@pytest.fixture
def some(monkeypatch):
    """Fewer bombs: the campaign has them all."""
    chosen = {name: bombs.BOMBS[name] for name in SOME}
    monkeypatch.setattr(bombs, "BOMBS", chosen)


@pytest.mark.usefixtures("some")
def test_bombs_end_soon_and_with_little_memory():
    result = bombs.set_off(len(SOME), None)
    assert result.wrong == []
    assert result.cases > len(SOME)


@pytest.mark.parametrize(
    ("without", "name"),
    [("plan", "terabytes behind small weights"), ("sizes", "seven of them")],
)
def test_without_its_protection_a_bomb_is_accepted(monkeypatch, without, name):
    monkeypatch.setattr(bombs, "BOMBS", {name: bombs.BOMBS[name]})
    assert bombs.set_off(1, without).faults
    assert bombs.set_off(1, None).faults == 0


@pytest.mark.parametrize("name", ["huge attributes", "huge recipes"])
def test_huge_numbers_are_refused_or_planned(name):
    result = NAMED[name].run(300, None)
    assert result.wrong == []
    assert result.cases >= 300
    assert result.verdicts["SpecError"]


def test_without_the_sizes_huge_numbers_are_accepted():
    assert NAMED["huge attributes"].run(300, "sizes").faults


def test_every_layer_and_every_family_is_there():
    from graphnet.layers import LAYERS

    types = {values["nodes"][0]["type"] for values in limits.layers()}
    # It takes no number, and a scalar has no dimension.
    assert types == set(LAYERS) - {"Reciprocal"}
    assert len(list(limits.recipes())) > 1000


def test_without_the_check_of_weights_huge_recipes_compute_what_is_not_finite():
    assert NAMED["huge recipes"].run(100_000, "finite").faults
