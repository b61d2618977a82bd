"""`python -m campaigns fuzz|soak [NAME...] [--cases N]`: run campaigns, and write what they found.

Each campaign runs as it is, and once more for each of its protections with that one taken out,
when it must find a fault. RESULTS.md gets the rows of the campaigns that ran with all their cases.
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

RESULTS = Path(__file__).with_name("RESULTS.md")
HEAD = """# What the campaigns found

Written by `make fuzz` and `make soak`. A case is wrong where it broke its promise (docs/security.md
has them by number): a damaged file was accepted, something other than one error of ours was raised,
a signal or a limit ended the process, bytes were lost. In the last column each protection was taken
out in turn, and that many cases went wrong.

| promise | campaign | cases | wrong | seconds | ends | without its protection |
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
        """Its row of RESULTS.md."""
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


def written(text: str, rows: list[Row]) -> str:
    """RESULTS.md with these rows in place of those of the same campaigns."""
    lines = dict(re.findall(r"^(\| \d+ \| [^:]+):(.*)$", text, re.MULTILINE))
    for row in rows:
        start, _, rest = row.line().partition(":")
        lines[start] = rest
    table = "\n".join(f"{start}:{rest}" for start, rest in sorted(lines.items()))
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    return f"{HEAD}{table}\n\nLast run with Python {platform.python_version()}, {machine}.\n"


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
        text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else ""
        RESULTS.write_text(written(text, rows), encoding="utf-8")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
