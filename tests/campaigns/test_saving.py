"""Saves that are killed, fail or meet others leave an old file or a new one, and nothing else."""

import os
import sys

import pytest

from campaigns import saving

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
if hasattr(os, "fork"):
    from campaigns import faults

    CAMPAIGNS = {c.name: c for c in (*saving.CAMPAIGNS, *faults.CAMPAIGNS)}
else:
    CAMPAIGNS = {}
CASES = {
    "killed saves of 2 KB": 100,
    "killed saves of 2 MB": 40,
    "killed saves of 64 MB": 4,
    "many at once": 2,
    "failing calls": 100_000,
    "file limits": 100_000,
    "full disks": 60,
}
"""Of each campaign in the tests; of the third the seconds."""
BITES = [
    *(("killed saves of 2 MB", name, 30) for name in ("rename", "clean")),
    *(("many at once", name, 1) for name in ("rename", "lock")),
    *(("failing calls", name, 200) for name in ("rename", "clean")),
    ("file limits", "rename", 20),
    ("full disks", "rename", 20),
]


def ran(name, cases, without=None):
    result = CAMPAIGNS[name].run(cases, without)
    if any(end.startswith("left out") for end in result.verdicts):
        pytest.skip(next(iter(result.verdicts)))
    return result


def test_all_campaigns_run_here():
    assert set(CASES) == set(CAMPAIGNS)


@pytest.mark.parametrize("name", CASES)
def test_the_file_is_old_or_new(name):
    result = ran(name, CASES[name])
    assert result.wrong == []
    assert result.cases > 0


@pytest.mark.parametrize(("name", "without", "cases"), BITES)
def test_without_its_protection_it_is_neither(name, without, cases):
    assert ran(name, cases, without).faults


def test_every_protection_of_saves_is_taken_out_somewhere():
    assert {(name, without) for name, without, _ in BITES} >= {
        (c.name, p) for c in CAMPAIGNS.values() for p in c.protections if "killed" not in c.name
    }
    assert sys.platform != "win32"
