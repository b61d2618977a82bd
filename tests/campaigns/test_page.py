"""docs/security.md says what the campaigns found: all of them ran whole, and each of them bites."""

import os
import re
from pathlib import Path

import pytest

from campaigns.__main__ import BEGIN, END, Row, written
from campaigns.table import GROUPS, Campaign, Result, campaigns

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="some campaigns need forks")
PAGE = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
LINE = re.compile(
    r"^\| (\d+) \| ([^:|]+): [^|]+ \| ([\d,]+) \| ([\d,]+) \| \d+ \| [^|]+ \| ([^|]+) \|$",
    re.MULTILINE,
)
ROWS = {found[2]: found for found in LINE.finditer(PAGE)}
ALL = [campaign for group in GROUPS for campaign in campaigns(group)]


def number(text):
    return int(text.replace(",", ""))


@pytest.mark.parametrize("campaign", ALL, ids=lambda campaign: campaign.name)
def test_each_campaign_ran_found_nothing_and_bites(campaign):
    row = ROWS[campaign.name]
    assert number(row[1]) == campaign.promise
    assert number(row[4]) == 0
    bites = dict(part.split(": ") for part in row[5].split(", ")) if row[5] != "-" else {}
    assert set(bites) == set(campaign.protections)
    assert all(number(count) > 0 for count in bites.values())


def test_the_page_has_no_other_rows():
    assert set(ROWS) == {campaign.name for campaign in ALL}


@pytest.mark.parametrize(
    ("name", "least"),
    [
        *(("mutated bytes", 200_000), ("mutated structure", 100_000)),
        *((f"killed saves of {size}", 500) for size in ("2 KB", "2 MB", "64 MB")),
        ("resumed runs", 50 * 8 * 5),
        ("bad requests", 10_000),
    ],
)
def test_the_counts_are_those_that_were_promised(name, least):
    assert number(ROWS[name][3]) >= least
    (campaign,) = [campaign for campaign in ALL if campaign.name == name]
    assert campaign.cases >= least


def test_new_rows_take_the_place_of_old_ones():
    def row(name, cases):
        campaign = Campaign(name, 2, "what", cases, lambda n, without: Result())
        return Row(campaign, Result(cases, {"refused": cases}), 1.2, {"crc": 3})

    page = written(f"before\n{BEGIN}{END}\nafter\n", [row("a", 1_000), row("b", 2)])
    assert "| 2 | a: what | 1,000 | 0 | 1 | refused 1,000 | crc: 3 |" in page
    page = written(page, [row("a", 5)])
    assert "| 2 | a: what | 5 | 0 | 1 | refused 5 | crc: 3 |" in page
    assert "| 2 | b: what | 2 |" in page
    assert page.count("| 2 | a:") == 1
    assert page.startswith("before\n")
    assert page.endswith(f"{END}\nafter\n")
