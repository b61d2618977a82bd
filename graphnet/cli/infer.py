"""`infer`: the label of a picture, a row or a text, from a bundle and nothing else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from graphnet.answering.answers import Answers
from graphnet.answering.feeding import SUFFIXES, Batch, Feeding, Pictures, feeding_of, is_single
from graphnet.bundle.model import load
from graphnet.cli.common import DONE, Parser, complain, count, memory_argument, parser, program, run
from graphnet.cli.sharing import OPTION, arguments_of_ranks
from graphnet.errors import BundleError, DatasetError, NotABundleError, clipped, printable
from graphnet.finite import bad_of
from graphnet.network import Network

if TYPE_CHECKING:
    from graphnet.distributed.world import World

_WAY = "the same command with --resume goes on, with any number of ranks"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    if OPTION in (sys.argv[1:] if argv is None else argv):
        from graphnet.cli.ranks import run_ranks

        return run_ranks(_main, argv, _WAY)
    return run(_main, argv)


def _main(argv: Sequence[str] | None, world: World | None = None) -> int:
    arguments = _arguments()
    options = arguments.parse_intermixed_args(argv)  # files after options, too
    if options.out is not None:
        from graphnet.cli.bulk import (
            answer_in_bulk,
            check_bulk,
        )  # a call without --out does without

        check_bulk(arguments, options)
        net = load_answering(options.bundle, options.memory)
        return answer_in_bulk(arguments, options, net, world)
    if options.resume or options.restart or options.workers or options.distributed:
        arguments.error("--resume, --restart, --workers and --distributed go with --out")
    if options.probabilities and options.top is None and not options.json:
        arguments.error("--probabilities goes with --top or --json: a label alone has no number")
    if (options.text is None) == (not options.files):
        arguments.error("files, or - for standard input, or --text are expected: give one of them")
    shown = options.show_input
    if shown is not None and options.files and _same_file(shown, options.files[0]):
        arguments.error("--show-input would write over the picture: name another file")
    net = load_answering(options.bundle, options.memory)
    feeding = feeding_of(net, options.bundle, complain)
    if shown is not None and not (isinstance(feeding, Pictures) and is_single(options.files)):
        arguments.error("--show-input takes one picture")
    if shown is not None and not shown.lower().endswith(".png"):
        arguments.error("--show-input writes a PNG: name it OUT.png")
    if options.text is not None and not feeding.takes_text:
        arguments.error("--text is for a model of text: name files")
    if options.generate is not None:
        if not feeding.goes_on:
            arguments.error("--generate is for a model that tells the next character or word")
        return _generate(net, options)
    answers = Answers(net, options.bundle)
    if answers.only is None and (options.top is not None or options.probabilities):
        arguments.error("--top and --probabilities are for a model with one output, of classes")
    for places, inputs in _batches(feeding, options):
        if shown is not None and isinstance(feeding, Pictures):
            _show(feeding.seen, shown)
        for place, scores in zip(places, answers.scores(inputs), strict=True):
            for line in answers.lines(place, scores, options):
                print(line)
    return _code(feeding)


def _arguments() -> Parser:
    arguments = parser(
        "infer",
        "Print the label of a picture or a text; `path<TAB>label` for several pictures, "
        "`row<TAB>label` for the rows of a file.",
    )
    arguments.add_argument("bundle", help="a model (.msgpack)")
    arguments.add_argument(
        "files",
        nargs="*",
        help="what the model takes: PNG or JPEG files or folders of them; CSV files; .npz files; "
        "text files, one text a line; - for stdin",
    )
    arguments.add_argument("--text", help="one text in place of files")
    form = arguments.add_mutually_exclusive_group()
    form.add_argument(
        "--top", type=count(10_000), metavar="K", help="the K best, a `label<TAB>score` line each"
    )
    form.add_argument("--json", action="store_true", help="an object a line, with all scores")
    arguments.add_argument(
        "--probabilities", action="store_true", help="turn scores into probabilities (softmax)"
    )
    arguments.add_argument("--show-input", metavar="OUT.png", help="save what the network saw")
    arguments.add_argument(
        "--generate",
        type=count(10_000),
        metavar="N",
        help="go on with a text, by N characters or words or to the line's end",
    )
    bulk_arguments(arguments)
    memory_argument(arguments)
    return arguments


def bulk_arguments(arguments: Parser) -> None:
    """What is for very many samples."""
    arguments.add_argument(
        "--out",
        metavar="FILE",
        help="write .csv, .jsonl or .parquet in place of lines, for any number of samples",
    )
    arguments.add_argument("--workers", type=count(1024), metavar="N", help="default: processors")
    arguments.add_argument("--resume", action="store_true", help="go on with a run of --out")
    arguments.add_argument("--restart", action="store_true", help="begin anew, and lose that run")
    arguments_of_ranks(arguments)


def _batches(feeding: Feeding, options: Any) -> Iterator[Batch]:
    if options.text is not None:
        return feeding.text(options.text)
    return feeding.batches(options.files)


def _generate(net: Network, options: Any) -> int:
    """Print each text with what follows it."""
    from graphnet.answering.rows import Continuations

    feeding = Continuations(net, options.bundle, complain, options.generate)
    for places, found in _batches(feeding, options):
        for place, line in zip(places, found["line"], strict=True):
            if options.json:
                row = {} if place.row is None else {"row": place.row}
                print(json.dumps({place.key: place.value, **row, "line": line}))
            else:
                print(f"{printable(place.start)}\t" * bool(place.start) + printable(line))
    return _code(feeding)


def _code(feeding: Feeding) -> int:
    """The exit code: a damaged file weighs more than one over a limit, where a call has both."""
    codes = feeding.codes
    return DatasetError.exit_code if DatasetError.exit_code in codes else max(codes, default=DONE)


def _same_file(path: str, other: str) -> bool:
    return os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other)


def load_answering(path: str, memory: int | None) -> Network:
    """A network whose answers mean something.

    Errors: BundleError, also where a weight is not finite.
    """
    try:
        net = load(path, memory=memory)
    except NotABundleError:
        if path.endswith(".json"):
            what = f"is a spec, not a bundle; train it first: {program('train')} {path}"
            raise NotABundleError(clipped(f"{path}: {what}")) from None
        if path.lower().endswith(SUFFIXES):
            what = "is no bundle but, by its name, a picture: the bundle comes first"
            raise NotABundleError(clipped(f"{path}: {what}")) from None
        raise
    if bad := bad_of(net):
        raise BundleError(clipped(f"{path}: {bad}: what it answers would mean nothing"))
    return net


def _show(pixels: Any, path: str) -> None:
    """Save what the network saw as a PNG.

    Errors: SaveError.
    """
    import io

    from PIL import Image

    from graphnet.bundle.writer import write_whole  # one that only answers does without

    picture, data = (
        Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels),
        io.BytesIO(),
    )
    picture.save(data, format="PNG")
    write_whole(path, data.getvalue())
