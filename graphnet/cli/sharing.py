"""The options of commands that share their work among the ranks of an MPI job."""

from __future__ import annotations

import argparse
import os

from graphnet.cli.common import USAGE, seconds

OPTION = "--distributed"
RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK")
"""Where starters of MPI jobs say which rank a process will be."""
_STARTED_BY = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE")
"""Where starters of MPI jobs say how many processes there are."""


def _above_0(text: str) -> float:
    found = seconds(text)
    if found == 0:
        raise argparse.ArgumentTypeError("a number of seconds above 0 is expected")
    return found


def arguments_of_ranks(arguments: argparse.ArgumentParser) -> None:
    """`--distributed` and `--timeout`."""
    arguments.add_argument(
        OPTION,
        action="store_true",
        help="share the work among the ranks of an MPI job: mpiexec -n 4 python tools/...",
    )
    arguments.add_argument(
        "--timeout",
        type=_above_0,
        metavar="SECONDS",
        help="how long a rank may keep the others waiting; default 300",
    )


def refuse_copies(arguments: argparse.ArgumentParser) -> None:
    """Several processes that each do all of the work are a mistake."""
    for name in _STARTED_BY:
        if os.environ.get(name, "1") not in ("", "0", "1"):
            if any(os.environ.get(rank, "0") != "0" for rank in RANKS):
                raise SystemExit(USAGE)  # the first one tells
            text = f"mpiexec started {os.environ[name]} processes, and each would do all of it"
            arguments.error(f"{text}: add {OPTION}")
