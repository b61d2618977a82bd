"""`infer --out`: answers to very many samples, in a file; the bar, the lines, and the end."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from graphnet.bulk.columns import Wish
from graphnet.bulk.hands import Alone, Hands, Workers
from graphnet.bulk.run import Progress, Run
from graphnet.cli.columns import seconds
from graphnet.cli.common import DATA, DONE, INTERRUPTED, Parser, complain
from graphnet.cli.sharing import refuse_copies
from graphnet.crew import threads_here
from graphnet.errors import SaveError, WorkerError
from graphnet.network import Network

if TYPE_CHECKING:
    from graphnet.distributed.world import World

EVERY_SECONDS = 10.0
"""Between two lines of a log."""


def check_bulk(arguments: Parser, options: Any) -> None:
    """What a call with --out cannot have."""
    if options.out == "":
        arguments.error("argument --out: a file's name is expected")
    of_lines = {
        "--text": options.text,
        "--generate": options.generate,
        "--show-input": options.show_input,
    }
    for option, given in of_lines.items():
        if given is not None:
            arguments.error(f"{option} is for a call without --out")
    if not options.files:
        arguments.error("files or folders, or - for standard input, are expected")
    if options.resume and options.restart:
        arguments.error("argument --restart: not allowed with argument --resume")
    if not options.distributed:
        refuse_copies(arguments)


def answer_in_bulk(
    arguments: Parser, options: Any, net: Network, world: World | None = None
) -> int:
    """Run `infer --out`, on one rank of a job where there is a world; its exit code."""
    wish = Wish(options.top, options.json, options.probabilities)
    run = Run(net, options.bundle, options.files, options.out, wish, options.memory)
    if run.form.answers.only is None and (wish.top is not None or wish.shares):
        arguments.error("--top and --probabilities are for a model with one output, of classes")
    if world is None:
        return fill(run, options, lambda: _hands(run, options.workers or threads_here()))
    from graphnet.bulk.ranks import Shared, answer_for, check_alike

    if options.timeout is not None:
        world.timeout = options.timeout
    workers = options.workers or 1
    rooms = check_alike(world, run, workers)
    if world.rank:
        answer_for(world, _hands(run, workers))
        return DONE
    # Rank 0 hands out and writes; a process beside it answers.
    return fill(run, options, lambda: Shared(world, Workers(run.setup, workers), rooms), world)


def _hands(run: Run, workers: int) -> Hands:
    return Alone(run.answer) if workers == 1 else Workers(run.setup, workers, run.answer)


def fill(run: Run, options: Any, hands: Callable[[], Hands], world: World | None = None) -> int:
    """Answer and write until all is there; the exit code."""
    start, partial = time.perf_counter(), run.partial
    progress: Progress | None = None
    partial.check()
    with partial:
        if options.resume:
            partial.resume()
        elif options.restart:
            partial.restart()
        else:
            partial.begin()
        try:
            ready = hands()  # before the display has threads
            with stopped_by_signals(), display_of() as display:
                for progress in run.answers(ready):
                    display.show(progress)
                size = partial.finish()
        except (KeyboardInterrupt, SaveError, WorkerError) as e:
            way = f"{partial.shown} holds the answers so far: --resume goes on with them"
            if world is not None:  # the whole job ends, and what went wrong is told then
                complain(way)
                raise
            complain(str(e) or "interrupted")
            complain(way)
            return INTERRUPTED if isinstance(e, KeyboardInterrupt) else e.exit_code
    assert progress is not None
    return _ended(run, progress, size, time.perf_counter() - start)


def _ended(run: Run, progress: Progress, size: int, took: float) -> int:
    """Say what there is now."""
    kind = "picture" if run.form.pictures else "row"
    kind += "s" * (progress.samples != 1)
    rate = f"{progress.gained / max(took, 1e-9):,.0f}/s"
    complain(f"{run.out}: {progress.samples:,} {kind}, {size:,} bytes, {seconds(took)} ({rate})")
    if progress.empty:
        complain(f"no ink is found in {progress.empty:,} of them: their labels mean nothing")
    if progress.wanting:
        complain(f"{progress.wanting:,} could not be answered: the column 'error' says why")
        return DATA
    return DONE


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """SIGTERM ends a run as Ctrl-C does."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    earlier = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)


class Lines(AbstractContextManager["Lines"]):
    """A line now and then on standard error, for a log."""

    def __init__(self) -> None:
        self._began = self._told = time.monotonic()

    def show(self, progress: Progress) -> None:
        """So far it is now."""
        now = time.monotonic()
        if now - self._told >= EVERY_SECONDS:
            self._told = now
            complain(self.line(progress))

    def line(self, progress: Progress) -> str:
        """What there is to tell."""
        rate = progress.gained / max(time.monotonic() - self._began, 1e-9)
        done = f"{progress.samples:,}"
        if progress.total is None:
            return f"{done} answered, {rate:,.0f}/s"
        left = (progress.total - progress.samples) / max(rate, 1e-9)
        return f"{done} of {progress.total:,} answered, {rate:,.0f}/s, {seconds(left)} left"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None


class Bar(Lines):
    """A bar on a terminal: how many, how fast, how long it will take."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console
        from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Rich

        console = Console(stderr=True)
        columns: list[ProgressColumn] = [
            TextColumn("{task.fields[status]}", markup=False),
            BarColumn(bar_width=None if console.width < 100 else 60),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
        ]
        if console.width < 60:
            del columns[1]
        self._rich = Rich(*columns, console=console, expand=console.width < 100)
        self._task = self._rich.add_task("answering", total=None, status="answering")
        self._rich.start()

    def show(self, progress: Progress) -> None:
        rate = progress.gained / max(time.monotonic() - self._began, 1e-9)
        bad = f", {progress.wanting:,} failed" if progress.wanting else ""
        status = f"{progress.samples:,}{bad}  {rate:,.0f}/s"
        done, total = progress.samples, progress.total
        self._rich.update(self._task, completed=done, total=total, status=status)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._rich.stop()


def display_of() -> Lines:
    """What suits where standard error goes."""
    return Bar() if sys.stderr.isatty() else Lines()
