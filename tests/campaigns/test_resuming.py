"""Killed runs end with the bytes of untouched ones, and not without what a checkpoint holds."""

import os

import pytest

from campaigns.children import in_child
from campaigns.resuming import CAMPAIGNS

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


def killed(optimizer, schedule, without=None, kills=10):
    job = {"optimizer": optimizer, "schedule": schedule, "kills": kills, "seed": 0}
    found = in_child("campaigns.resuming:killed", {**job, "without": without}, memory=None)
    assert found.value is not None, found.said
    return found.value


def test_runs_killed_at_random_moments_end_with_the_same_bytes():
    (campaign,) = CAMPAIGNS
    found = campaign.run(10, None)
    assert found.wrong == []
    assert found.verdicts["killed"] == 10
    assert found.verdicts["finished"] >= 10


@pytest.mark.parametrize("without", CAMPAIGNS[0].protections)
def test_what_is_taken_out_is_missed(without):
    assert killed("Adam", "none", without, kills=12)["wrong"]
