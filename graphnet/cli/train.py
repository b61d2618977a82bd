"""`train`: a spec in, one bundle out."""

from __future__ import annotations

import math
import os
import signal
import sys
import time
from argparse import SUPPRESS, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from graphnet.builder import build
from graphnet.bundle.model import contents_of, save
from graphnet.bundle.writer import check_contents, check_target
from graphnet.cli.check import doubts, is_bundle, refuse_bundle
from graphnet.cli.common import (
    DONE,
    INTERRUPTED,
    complain,
    count,
    memory_argument,
    parser,
    run,
    seconds,
)
from graphnet.cli.ending import Ended, check_report, say, say_as_json
from graphnet.cli.progress import download_bar, make_display
from graphnet.cli.sharing import OPTION, arguments_of_ranks, refuse_copies
from graphnet.data.dataset import Dataset
from graphnet.data.load import load_data
from graphnet.errors import SaveError, SpecError, clipped
from graphnet.spec.graph import GraphSpec
from graphnet.spec.overrides import override
from graphnet.spec.reader import check_values, resolve
from graphnet.spec.source import parse, read_text
from graphnet.training.keeping import EVERY_SECONDS, Idle, Keeper
from graphnet.training.limits import check_memory
from graphnet.training.loop import Trainer
from graphnet.training.ranks import Ranks
from graphnet.training.result import Progress

if TYPE_CHECKING:
    from graphnet.distributed.world import World

ONE_SIGNAL = 0.25
"""Seconds within which a second signal is the first one again."""
_PREVIOUS = "--resume-previous"
_WAY = "the same command with --resume goes on from the last checkpoint, if there is one"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    if OPTION in (sys.argv[1:] if argv is None else argv):
        from graphnet.cli.ranks import run_ranks

        return run_ranks(_main, argv, _WAY)
    return run(_main, argv)


def _main(argv: Sequence[str] | None, world: World | None = None) -> int:
    options = _options(argv, world)
    start = time.perf_counter()
    spec = read_with(options.spec, options.set)
    out = f"{spec.name}.msgpack" if options.out is None else options.out
    if spec.train is not None and spec.all_losses:
        check_memory(resolve(spec), 1, options.memory)
    net = build(spec, memory=options.memory)
    if spec.train is None or spec.data is None:
        missing = "train" if spec.train is None else "data"
        what = f"nothing to train: the spec has no '{missing}'"
        if not spec.all_losses:
            what += "; from Python, forward() and backward() compute any graph"
        elif missing == "data":
            what += '; add one, as "data": {"source": "digits"}'
        else:
            what += '; add one, as "train": {"epochs": 20}'
        raise SpecError(clipped(f"{options.spec}: {what}"))
    for text in doubts(net.graph):
        complain(f"{options.spec}: {text}")
    # What the writer would refuse at the end is refused before the first step.
    if world is None or world.rank == 0:
        _check_out(out, options.spec)
        if options.report is not None:
            check_report(options.report, out, options.spec)
    check_contents(contents_of(net))
    ranks = _ranks(world, options)
    with (Idle if ranks.rank else Keeper)(out, options.checkpoint_every) as keeper:
        keeper.check()
        if not (options.resume or options.restart):
            keeper.begin("--resume goes on with it, --restart begins anew")
        data = _data(spec, options, world)
        if data.prepare is not None:
            net.prepare = data.prepare
            check_contents(contents_of(net))
        with stop_signals() as asked, make_display(spec, options.json) as display:

            def step(progress: Progress) -> None:
                display.step(progress)
                keeper.step(trainer)

            trainer = Trainer(
                net,
                data,
                threads=options.threads,
                on_step=step,
                should_stop=asked,
                memory=options.memory,
                norms=options.report is not None,
                ranks=ranks,
            )
            if options.resume:
                keeper.resume(trainer, options.resume)
            elif options.restart:  # now that the new run can begin
                keeper.remove()
            display.start(trainer.train.samples, trainer.seen)
            for result in trainer.run():
                keeper.save(trainer)
                display.epoch(result, trainer.rate(result.epoch, trainer.batches))
            if trainer.stopped:
                return _stopped(trainer, keeper)
            size = 0 if ranks.rank else save(out, net)
            keeper.remove()
            classes = trainer.report() if options.classes else None
    if ranks.rank:
        return DONE
    took = time.perf_counter() - start
    ended = Ended(trainer, data, out, size, took, Path(options.spec).parent, classes)
    tell = say_as_json if options.json else say
    tell(ended, options.report, options.threads)
    return DONE


def _options(argv: Sequence[str] | None, world: World | None) -> Namespace:
    """The words of the command line."""
    arguments = parser("train", "Train the network of a spec and write it as one bundle.")
    arguments.add_argument("spec", help="a spec (.json)")
    arguments.add_argument(
        "--out",
        metavar="FILE",
        help="the bundle; default NAME.msgpack, by the spec's 'name'; an older one is replaced",
    )
    arguments.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="replace a value of the spec: --set train.epochs=3 --set nodes.affine1.units=20",
    )
    arguments.add_argument("--data-dir", metavar="DIR", help="where data sets lie")
    arguments.add_argument(
        "--threads", type=count(1024), metavar="N", help="default: all processors"
    )
    arguments.add_argument(
        "--resume",
        action="store_const",
        const="newest",
        help="go on from OUT.checkpoint as if the run had never been left; --resume=previous: "
        "from the one before it, OUT.checkpoint.previous",
    )
    arguments.add_argument(
        _PREVIOUS, dest="resume", action="store_const", const="previous", help=SUPPRESS
    )
    arguments.add_argument(
        "--restart", action="store_true", help="begin anew, and lose the run in OUT.checkpoint"
    )
    arguments.add_argument(
        "--checkpoint-every",
        type=seconds,
        default=EVERY_SECONDS,
        metavar="SECONDS",
        help="write OUT.checkpoint within an epoch too; default 300, 0: after each step",
    )
    arguments.add_argument(
        "--classes", action="store_true", help="end with precision, recall and confusion of classes"
    )
    arguments.add_argument(
        "--report", metavar="FILE", help="write the training as one HTML page, with all its curves"
    )
    arguments.add_argument("--json", action="store_true", help="print one object a line instead")
    arguments_of_ranks(arguments)
    arguments.add_argument(
        "--reduce",
        choices=("tree", "fast"),
        help="how ranks add gradients; tree, the default: the same bits for any number of ranks; "
        "fast: while they are still computed, in MPI's order",
    )
    # An option with a value that may be left out would take the spec's name for it.
    words = sys.argv[1:] if argv is None else argv
    memory_argument(arguments)
    options = arguments.parse_args([_PREVIOUS if w == "--resume=previous" else w for w in words])
    if options.out == "":
        arguments.error("argument --out: a file's name is expected")
    if options.resume and options.restart:
        arguments.error("argument --restart: not allowed with argument --resume")
    if world is None and (options.reduce or options.timeout is not None):
        name = "--reduce" if options.reduce else "--timeout"
        arguments.error(f"argument {name}: only allowed with argument {OPTION}")
    if world is None:
        refuse_copies(arguments)
    return options


def read_with(path: str, settings: Sequence[str]) -> GraphSpec:
    """The spec in a file, with the values of `--set` in place of its own.

    Errors: SpecError, ShapeError, SpecLimitError.
    """
    refuse_bundle(path, "train")
    text = read_text(path)
    values = parse(text, path)
    if not settings:
        return check_values(values, path, text).spec
    for setting in settings:
        override(values, setting)
    # A value of the command line has no place in the file.
    try:
        return check_values(values, f"{path} --set {' --set '.join(settings)}").spec
    except SpecError:
        check_values(parse(text, path), path, text)  # what is wrong in the file itself has one
        raise


def _ranks(world: World | None, options: Namespace) -> Ranks:
    """The ranks of the job that this process is one of."""
    if world is None:
        return Ranks()
    from graphnet.distributed.ranks import MpiRanks

    if options.timeout is not None:
        world.timeout = options.timeout
    return MpiRanks(world, options.reduce or "tree")


def _data(spec: GraphSpec, options: Namespace, world: World | None) -> Dataset:
    """The data set; where it may have to be fetched, by one rank of a host before the others."""

    def loaded() -> Dataset:
        with download_bar() as progress:
            tell = progress if first else None
            return load_data(spec, Path(options.spec).parent, options.data_dir, tell)

    assert spec.data is not None
    first = world is None or world.here[0] == world.rank
    if world is None or spec.data.source not in ("mnist", "fashion_mnist"):
        return loaded()
    data = loaded() if first else None
    limit, world.timeout = world.timeout, math.inf  # a download takes as long as it takes
    world.gather(b"")
    world.timeout = limit
    return data or loaded()


def _check_out(out: str, spec: str) -> None:
    """Whether the output can be written where it will be.

    Errors: SaveError.
    """
    if os.path.exists(out) and os.path.samefile(out, spec):
        raise SaveError(clipped(f"{out}: is the spec itself; name another file with --out"))
    if os.path.isfile(out) and not is_bundle(out):
        raise SaveError(clipped(f"{out}: is no bundle, and would be lost; name another with --out"))
    check_target(out)


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """A question that is answered yes after Ctrl-C, or after SIGTERM; a second one stops at once.

    The step at hand is finished first: a checkpoint stands between two steps.
    """
    asked = False
    at = 0.0

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked, at
        # What starts ranks sends each signal more than once.
        if asked and time.monotonic() - at > ONE_SIGNAL:
            raise KeyboardInterrupt
        asked, at = True, at or time.monotonic()

    earlier = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def _stopped(trainer: Trainer, keeper: Keeper) -> int:
    epoch, step = trainer.position
    keeper.save(trainer)
    complain(f"interrupted after epoch {epoch}, step {step}: {keeper.newest} holds the run")
    complain("the same command with --resume goes on from there")
    return INTERRUPTED
