"""`python -m campaigns fuzz|soak [NAME...] [--cases N]`: run campaigns, and write what they found.

Each campaign runs as it is, and once more for each of its protections with that one taken out,
when it must find a fault. docs/security.md gets the rows of those that ran with all their cases.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import sys
import time
from pathlib import Path
from typing import NamedTuple

from campaigns.table import GROUPS, Campaign, Result, campaigns

PAGE = Path(__file__).parent.parent / "docs" / "security.md"
BEGIN, END = "<!-- results -->\n", "<!-- end of results -->"
HEAD = """| promise | campaign | cases | wrong | seconds | ends | without its protection |
| --- | --- | --- | --- | --- | --- | --- |
"""


class Row(NamedTuple):
    """A campaign, what it found, and how many faults there were without each protection."""

    campaign: Campaign
    result: Result
    seconds: float
    bites: dict[str, int]

    @property
    def good(self) -> bool:
        return not self.result.faults and all(self.bites.values())

    def line(self) -> str:
        """Its row of the page."""
        campaign, result = self.campaign, self.result
        ends = ", ".join(f"{k} {n:,}" for k, n in sorted(result.verdicts.items()))
        bites = ", ".join(f"{name}: {n:,}" for name, n in self.bites.items()) or "-"
        cells = (
            f"{campaign.promise} | {campaign.name}: {campaign.what} | {result.cases:,} "
            f"| {result.faults:,} | {self.seconds:.0f} | {ends} | {bites}"
        )
        return f"| {cells} |"


def measured(campaign: Campaign, cases: int | None) -> Row:
    """A campaign run, with and without its protections."""
    start = time.perf_counter()
    result = campaign.run(campaign.cases if cases is None else cases, None)
    seconds = time.perf_counter() - start
    bites = {name: campaign.run(n, name).faults for name, n in campaign.protections.items()}
    return Row(campaign, result, seconds, bites)


def written(page: str, rows: list[Row]) -> str:
    """The page with these rows in place of those of the same campaigns."""
    before, _, rest = page.partition(BEGIN)
    block, end, after = rest.partition(END)
    assert end, f"{PAGE} has no place for results"
    lines = dict(re.findall(r"^(\| \d+ \| [^:]+):(.*)$", block, re.MULTILINE))
    for row in rows:
        start, _, cells = row.line().partition(":")
        lines[start] = cells
    ordered = sorted(lines.items(), key=lambda line: (int(line[0].split()[1]), line[0]))
    table = "\n".join(f"{start}:{cells}" for start, cells in ordered)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    last = f"Last run with Python {platform.python_version()} on {machine}."
    return f"{before}{BEGIN}\n{HEAD}{table}\n\n{last}\n\n{END}{after}"


def main() -> int:
    """Run the command; 1 where something was wrong."""
    parser = argparse.ArgumentParser(prog="campaigns", allow_abbrev=False)
    parser.add_argument("group", choices=GROUPS)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--cases", type=int, metavar="N", help="in place of each campaign's own")
    options = parser.parse_args()
    known = {campaign.name: campaign for campaign in campaigns(options.group)}
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"there is no campaign {unknown[0]!r}; there are {', '.join(known)}")
    rows = []
    for campaign in [known[name] for name in options.names] or list(known.values()):
        print(f"{campaign.name}: {campaign.what}", file=sys.stderr, flush=True)
        row = measured(campaign, options.cases)
        rows.append(row)
        print(row.line(), flush=True)
        for line in row.result.wrong:
            print(f"  wrong: {line}", flush=True)
    if options.cases is None:
        PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
