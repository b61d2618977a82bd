"""`python -m benchmarks.scaling`: measure, foretell, and write docs/develop/scaling.md.

Exit codes: 0 done; 1 a job failed; 2 usage.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.scaling.measuring import ROOT, TRIES, JobError, measured
from benchmarks.scaling.page import NETWORKS, written

FIGURES = Path(__file__).parent / "measured.json"
PAGE = ROOT / "docs" / "develop" / "scaling.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser("benchmarks.scaling", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--again", action="store_true", help=f"write the page from {FIGURES.name}, as it is there"
    )
    parser.add_argument(
        "--quick", action="store_true", help="each job once, and the page to standard output"
    )
    parser.add_argument(
        "--network",
        action="append",
        type=network,
        metavar="GBITS=MICROSECONDS",
        help="rate of a network and latency of a message; default: "
        + ", ".join(f"{rate:g}={latency:g}" for rate, latency in NETWORKS.items()),
    )
    options = parser.parse_args(argv)
    networks = dict(options.network or NETWORKS)
    try:
        if options.again:
            found = json.loads(FIGURES.read_text("utf-8"))
        else:
            found = measured(say, 1 if options.quick else TRIES)
    except JobError as e:
        say(f"error: {e}")
        return 1
    page = written(PAGE.read_text("utf-8"), found, networks)
    if options.network or options.quick:
        print(page)
        return 0
    FIGURES.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    PAGE.write_text(page, "utf-8")
    return 0


def network(text: str) -> tuple[float, float]:
    """Gbit/s and microseconds.

    Errors: ArgumentTypeError.
    """
    rate, _, latency = text.partition("=")
    try:
        found = float(rate), float(latency)
    except ValueError:
        found = (0.0, 0.0)
    if not (0 < found[0] < 1e6 and 0 <= found[1] < 1e9):
        raise argparse.ArgumentTypeError(f"as 10=30: Gbit/s and microseconds, not {text!r}")
    return found


def say(line: str) -> None:
    """One line of progress, or of what went wrong."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
