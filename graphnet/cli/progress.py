"""How training shows itself: a bar in a terminal, plain lines in a log, objects for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any

from graphnet.cli.common import emit
from graphnet.errors import printable
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

    def epoch(self, result: EpochResult) -> None:
        """An epoch is done."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    def line(self, result: EpochResult) -> str:
        """One epoch as text; loss in nats, accuracies 0 to 1."""
        width = len(str(self.epochs))
        parts = "".join(f"  {text}" for text in told(result))
        best = "  best" if result.best_epoch == result.epoch else ""
        rate = self.samples / result.seconds
        return (
            f"epoch {result.epoch:>{width}}/{self.epochs}  loss {result.loss:.4f}{parts}"
            f"  {rate:,.0f} samples/s{best}"
        )


def told(result: EpochResult, digits: int = 4, most: int = 100) -> list[str]:
    """Of each part that was measured, its name and figures: `test 0.9750 top3 0.9972`.

    most: so many figures of each.
    """
    found = []
    for part in ("train", "validation", "test"):
        figures = []
        of_part = {
            name.removeprefix(f"{part}_"): value
            for name, value in result.metrics.items()
            if name.startswith(f"{part}_")
        }
        accuracy = getattr(result, f"{part}_accuracy")
        if accuracy is not None and not any(name.startswith("accuracy/") for name in of_part):
            figures.append(f"{accuracy:.{digits}f}")
        if part == "validation" and result.validation_loss is not None:
            figures.append(f"loss {result.validation_loss:.{digits}f}")
        # The name of a figure may hold that of a class, a stranger's text.
        shown = [(printable(name), value) for name, value in of_part.items()]
        figures += [f"{name} {value:.{digits}f}" for name, value in shown]
        if figures:
            found.append(" ".join([part, *figures[:most]]))
    return found


class JsonLines(Display):
    """An object a line on standard output."""

    def epoch(self, result: EpochResult) -> None:
        found = result.entry()
        if result.best_epoch is not None:
            found["best_epoch"] = result.best_epoch
        found["seconds"] = round(result.seconds, 6)
        emit(json.dumps(found), sys.stdout)


class PlainLines(Display):
    """A line an epoch on standard error."""

    def epoch(self, result: EpochResult) -> None:
        emit(self.line(result), sys.stderr)


class Bar(Display):
    """A bar on a terminal: loss, both accuracies, samples a second, time left."""

    REFRESH = 0.1  # seconds: drawing at every step would cost more than the step

    def __init__(self, spec: GraphSpec) -> None:
        super().__init__(spec)
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Rich

        self._rich = Rich(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[status]}", markup=False),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._loss = self._last = ""
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
        self._loss = f"loss {progress.loss:.3f}"
        self._show(progress.epoch)

    def _show(self, epoch: int) -> None:
        rate = (self._done - self._before) / max(time.monotonic() - self._began, 1e-9)
        status = f"{self._loss}{self._last}  {rate:,.0f}/s"
        where = f"epoch {epoch}/{self.epochs}"
        self._rich.update(self._task, completed=self._done, status=status, description=where)

    def epoch(self, result: EpochResult) -> None:
        self._last = "".join(f" {text}" for text in told(result, digits=3, most=1))
        self._loss = f"loss {result.loss:.3f}"
        self._show(result.epoch)
        if self.epochs <= 50 or result.epoch % (self.epochs // 25) == 0:
            self._rich.console.print(self.line(result), highlight=False, markup=False, emoji=False)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
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
