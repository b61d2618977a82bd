"""How a training ends: what is said of the bundle, the page that was asked for, what comes next."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from shutil import get_terminal_size
from typing import Any, NamedTuple

from graphnet.cli.common import command_line, complain, emit
from graphnet.cli.following import words_for_infer
from graphnet.cli.outcome import as_json as classes_as_json
from graphnet.cli.outcome import doubt, ending, outcome, tables
from graphnet.data.dataset import Dataset
from graphnet.errors import printable
from graphnet.training.loop import Trainer
from graphnet.training.measure import Measured


class Ended(NamedTuple):
    """A training whose bundle is written. size: its bytes; seconds: how long all took; folder:
    where the spec's paths start; classes: what `--classes` asks for."""

    trainer: Trainer
    data: Dataset
    out: str
    size: int
    seconds: float
    folder: Path
    classes: tuple[str, Measured] | None

    @property
    def parameters(self) -> int:
        return sum(param.size for param in self.trainer.net.params.values())


def check_report(path: str, out: str, spec: str) -> None:
    """Whether the page can be made and written, before the first step.

    Errors: GraphnetError without matplotlib, SaveError.
    """
    from graphnet.cli.pages import check_page  # a training without a report does without plots
    from graphnet.report.plots import require_plots

    require_plots()
    kept = f"{out}.checkpoint"
    check_page(path, spec=spec, bundle=out, checkpoint=kept, earlier_checkpoint=f"{kept}.previous")


def say(ended: Ended, report: str | None, threads: int | None) -> None:
    """In words, the bundle first: it is there whatever becomes of the page.

    Errors: SaveError where the page cannot be written.
    """
    trainer = ended.trainer
    if (text := ending(trainer)) is not None:
        complain(text)
    if (text := doubt(trainer)) is not None:
        complain(text)
    for text in tables(*ended.classes) if ended.classes is not None else ():
        print(text)
    said = f"{printable(ended.out)}: {outcome(trainer)},"
    rest = f"{ended.parameters:,} parameters, {ended.size:,} bytes, {ended.seconds:.1f} s"
    narrow = sys.stdout.isatty() and get_terminal_size().columns <= len(said) + len(rest)
    print(f"{said}{chr(10) if narrow else ' '}{rest}")
    if report is not None:
        _write_report(ended, report, threads)
        print(f"{printable(report)}: the training as a page; open it in a browser")
    if (words := words_for_infer(trainer.net, ended.folder)) is not None:
        print(f"next: {printable(command_line('infer', ended.out, *words))}")


def say_as_json(ended: Ended, report: str | None, threads: int | None) -> None:
    """As one object; the page is written before.

    Errors: SaveError where the page cannot be written.
    """
    last: dict[str, Any] = {"bundle": ended.out, "parameters": ended.parameters}
    if ended.trainer.best is not None:
        last["best_epoch"] = ended.trainer.best.epoch
    if ended.classes is not None:
        last["classes"] = classes_as_json(*ended.classes)
    if report is not None:
        _write_report(ended, report, threads)
        last["report"] = report
    emit(json.dumps({**last, "seconds": round(ended.seconds, 3)}), sys.stdout)


def _write_report(ended: Ended, path: str, threads: int | None) -> None:
    from graphnet.cli.pages import write_page
    from graphnet.report.page import report_on
    from graphnet.report.parts import of_feeds

    trainer = ended.trainer
    feeds = {"train": trainer.train, "validation": trainer.validation, "test": trainer.test}
    parts = of_feeds(ended.data, feeds)
    write_page(path, report_on(trainer.net, parts, threads=threads, size=ended.size))
