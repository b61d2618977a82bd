"""`make bench`, or `python -m benchmarks`: every case against every peer, and RESULTS.md.

Exit codes: 0 done; 1 a side failed or computes something else; 2 usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import machine, report
from benchmarks.cases import CASES
from benchmarks.runner import run

RESULTS = Path(__file__).parent / "RESULTS.md"
ROUNDS = 15
QUICK = 3


def main(argv: Sequence[str] | None = None) -> int:
    """Run the cases and write the report."""
    names = [case.name for case in CASES]
    arguments = argparse.ArgumentParser("benchmarks", description=__doc__.split("\n")[0])
    arguments.add_argument(
        "--only", action="append", choices=names, metavar="CASE", help=", ".join(names)
    )
    arguments.add_argument("--rounds", type=int, metavar="N", help=f"default {ROUNDS}")
    arguments.add_argument("--quick", action="store_true", help=f"{QUICK} rounds")
    arguments.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="default benchmarks/RESULTS.md; standard output where the run is no full one",
    )
    options = arguments.parse_args(argv)
    rounds = options.rounds or (QUICK if options.quick else ROUNDS)
    if rounds < 1:
        arguments.error("--rounds takes 1 or more")
    full = not options.only and rounds >= ROUNDS
    load = machine.load()
    chosen = [case for case in CASES if case.name in (options.only or names)]
    outcomes = [run(case, rounds, say) for case in chosen]
    text = report.text(outcomes, rounds, machine.processor(), machine.versions(), load)
    out = options.out or (RESULTS if full else None)
    if out is None:
        print(text)
    else:
        out.write_text(text, encoding="utf-8")
    for line in report.missing(outcomes):
        say(f"missing: {line}")
    found = report.problems(outcomes)
    for line in found:
        say(f"error: {line}")
    return 1 if found else 0


def say(line: str) -> None:
    """One line of progress, or of what went wrong."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
