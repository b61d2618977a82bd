"""What commands with `--distributed` share: one voice for all ranks, and one end."""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from types import FrameType

from graphnet.cli.common import DATA, INTERRUPTED, emit, run
from graphnet.cli.sharing import RANKS
from graphnet.distributed.watch import watched
from graphnet.distributed.world import RankLostError, World
from graphnet.errors import GraphnetError, clipped

TOGETHER = 2.0
"""Seconds in which all ranks fail that fail alike."""
Command = Callable[[Sequence[str] | None, World], int]


def run_ranks(command: Command, argv: Sequence[str] | None, way: str) -> int:
    """Run a command as one rank of an MPI job: rank 0 alone prints. The exit code.

    What goes wrong on all ranks alike is told once, by rank 0. What goes wrong on one of them is
    told with its name, and ends the job.
    way: how to go on after that, in the command's words.
    """
    sys.stdout.flush()
    name = watched(_say, way)
    opened: list[World] = []
    if any(os.environ.get(variable, "0") != "0" for variable in RANKS):
        _be_silent()  # what goes wrong before MPI is joined goes wrong on all of them

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)

    def work(argv: Sequence[str] | None) -> int:
        world = World()
        opened.append(world)
        name(world.names[world.rank])
        if world.rank:
            _be_silent()
        return command(argv, world)

    return run(lambda argv: _ended(lambda: work(argv), opened, way), argv)


def _ended(work: Callable[[], int], opened: list[World], way: str) -> int:
    try:
        return work()
    except (GraphnetError, KeyboardInterrupt, OSError, MemoryError) as e:
        if not opened:
            raise
        _fail(opened[0], e, way)
        raise  # on all ranks: rank 0 tells
    except SystemExit:  # an argument that is wrong on all of them
        raise
    except Exception:
        traceback.print_exc(file=sys.__stderr__)
        if not opened:
            raise
        _abort(opened[0], 1)
        raise


def _fail(world: World, error: BaseException, way: str) -> None:
    """Back where all ranks fail; the job ends where only some do."""
    code = error.exit_code if isinstance(error, GraphnetError) else DATA
    if isinstance(error, KeyboardInterrupt):
        code = INTERRUPTED
    if isinstance(error, RankLostError):
        speaker = error.speaker
    else:
        failed = world.failed_within(TOGETHER)
        if len(failed) == world.size:
            return
        speaker = min(failed)
    if speaker != world.rank:
        # Until the speaker has ended the job; this one speaks where that one does not know yet.
        time.sleep(2 * TOGETHER)
    text = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
    if isinstance(error, RankLostError):
        text += f"; {way}"
    elif world.rank:
        text = f"{world.names[world.rank]}: {text}"
    for line in text.splitlines():
        _say(line)
    _abort(world, code)


def _abort(world: World, code: int) -> None:
    """End all ranks. MPI's own words about it go nowhere: it was said what happened."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    world.abort(code)


def _say(line: str) -> None:
    """One line, also of a rank that is silent otherwise."""
    if sys.__stderr__ is not None:
        emit(clipped(line), sys.__stderr__)


def _be_silent() -> None:
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 # until the process ends
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
