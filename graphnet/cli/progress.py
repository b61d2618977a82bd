"""How training shows itself: a bar in a terminal, plain lines in a log, objects for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any

from graphnet.cli.columns import EpochTable, Row, number
from graphnet.cli.common import emit
from graphnet.spec.graph import GraphSpec
from graphnet.training.result import EpochResult, Progress


class Display(AbstractContextManager["Display"]):
    """Told of every step and epoch; this one shows nothing."""

    def __init__(self, spec: GraphSpec) -> None:
        assert spec.train is not None
        self.epochs = spec.train.epochs
        self.samples = 0

    def start(self, samples: int, done: int = 0) -> None:
        """Training begins, on so many samples an epoch; `done` of all epochs' samples are behind
        it."""
        self.samples = samples

    def step(self, progress: Progress) -> None:
        """A step is done."""

    def epoch(self, result: EpochResult, lr: float) -> None:
        """An epoch is done; lr: the learning rate of its last step."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None


class Table(Display):
    """A row an epoch, under a header that comes with the first."""

    width = 0
    """Characters of a line."""

    def __init__(self, spec: GraphSpec) -> None:
        super().__init__(spec)
        assert spec.train is not None
        self._scheduled = spec.train.schedule is not None
        self._table: EpochTable | None = None

    def lines(self, result: EpochResult, lr: float) -> list[str]:
        """What an epoch adds to the table."""
        found = []
        if self._table is None:
            width = self.width
            self._table = EpochTable(result, self.epochs, width, scheduled=self._scheduled)
            found = self._table.header()
        return [*found, self._table.row(Row(result, lr, self.samples / result.seconds))]


class JsonLines(Display):
    """An object a line on standard output."""

    def epoch(self, result: EpochResult, lr: float) -> None:
        found = result.entry()
        if result.best_epoch is not None:
            found["best_epoch"] = result.best_epoch
        found["seconds"] = round(result.seconds, 6)
        emit(json.dumps(found), sys.stdout)


class PlainLines(Table):
    """The table on standard error, for a log: a line an epoch, with nothing but text in it."""

    width = 200

    def epoch(self, result: EpochResult, lr: float) -> None:
        for line in self.lines(result, lr):
            emit(line, sys.stderr)


class Bar(Table):
    """The table on a terminal, and a bar below it: loss, samples a second, time left.

    Of many epochs some 25 have a row, the last among them.
    """

    REFRESH = 0.1  # seconds: drawing at every step would cost more than the step

    def __init__(self, spec: GraphSpec) -> None:
        super().__init__(spec)
        from rich.console import Console
        from rich.progress import BarColumn, ProgressColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Rich

        console = Console(stderr=True)
        self.width = console.width
        columns: list[ProgressColumn] = [
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None if console.width < 100 else 60),
            TextColumn("{task.fields[status]}", markup=False),
            TimeRemainingColumn(),
        ]
        if console.width < 50:  # a bar of a few marks says less than the words
            del columns[1]
        self._rich = Rich(*columns, console=console, expand=console.width < 100)
        self._loss = ""
        self._waiting: tuple[EpochResult, float] | None = None
        self._shown = self._began = 0.0
        self._done = self._before = 0

    def start(self, samples: int, done: int = 0) -> None:
        super().start(samples, done)
        total = self.epochs * samples
        self._task = self._rich.add_task("training", total=total, completed=done, status="")
        self._before = self._done = done
        self._began = time.monotonic()
        self._rich.start()

    def step(self, progress: Progress) -> None:
        self._done += progress.samples
        now = time.monotonic()
        if now - self._shown < self.REFRESH and progress.step < progress.steps:
            return
        self._shown = now
        self._loss = f"loss {number(progress.loss)}"
        self._show(progress.epoch)

    def _show(self, epoch: int) -> None:
        rate = (self._done - self._before) / max(time.monotonic() - self._began, 1e-9)
        status = f"{self._loss}  {rate:,.0f}/s"
        where = f"epoch {epoch}/{self.epochs}"
        self._rich.update(self._task, completed=self._done, status=status, description=where)

    def epoch(self, result: EpochResult, lr: float) -> None:
        self._loss = f"loss {number(result.loss)}"
        self._show(result.epoch)
        every = max(1, self.epochs // 25) if self.epochs > 50 else 1
        self._waiting = (result, lr)
        if self._table is None or result.epoch % every == 0:
            self._print()

    def _print(self) -> None:
        """The row of the epoch that waits for one."""
        if self._waiting is not None:
            for line in self.lines(*self._waiting):
                self._rich.console.print(
                    line, highlight=False, markup=False, emoji=False, soft_wrap=True
                )
            self._waiting = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._print()
        self._rich.stop()


def make_display(spec: GraphSpec, as_json: bool) -> Display:
    """The display that suits where the output goes."""
    if as_json:
        return JsonLines(spec)
    return Bar(spec) if sys.stderr.isatty() else PlainLines(spec)


@contextmanager
def download_bar() -> Iterator[Callable[[str, int, int | None], None]]:
    """A function (file, bytes, of) that draws a bar for each file of a download."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Rich

    bar = Rich(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    tasks: dict[str, Any] = {}

    def show(file: str, done: int, of: int | None) -> None:
        if not tasks:
            bar.start()
        if file not in tasks:
            tasks[file] = bar.add_task(file, total=of)
        bar.update(tasks[file], completed=done, total=of)

    try:
        yield show
    finally:
        if tasks:
            bar.stop()
