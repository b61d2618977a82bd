"""`infer`: the label of a picture or of a table's rows, from a bundle and nothing else."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from graphnet.bundle.model import load
from graphnet.cli.answers import Answers
from graphnet.cli.common import DONE, count, parser, program, run
from graphnet.cli.feeding import SUFFIXES, Pictures, feeding_of, is_single
from graphnet.errors import DatasetError, ImageError, NotABundleError, clipped
from graphnet.network import Network


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser(
        "infer",
        "Print the label of a picture, `path<TAB>label` for several, `row<TAB>label` for a table.",
    )
    arguments.add_argument("bundle", help="a model (.msgpack)")
    arguments.add_argument(
        "files",
        nargs="+",
        help="what the model takes: PNG or JPEG files or folders of them, CSV files; - for stdin",
    )
    form = arguments.add_mutually_exclusive_group()
    form.add_argument(
        "--top", type=count(10_000), metavar="K", help="the K best, a `label<TAB>score` line each"
    )
    form.add_argument("--json", action="store_true", help="an object a line, with all scores")
    arguments.add_argument(
        "--probabilities", action="store_true", help="turn scores into probabilities (softmax)"
    )
    arguments.add_argument("--show-input", metavar="OUT.png", help="save what the network saw")
    options = arguments.parse_args(argv)
    if options.probabilities and options.top is None and not options.json:
        arguments.error("--probabilities goes with --top or --json: a label alone has no number")
    shown = options.show_input
    if shown is not None and _same_file(shown, options.files[0]):
        arguments.error("--show-input would write over the picture: name another file")
    net = _load(options.bundle)
    feeding = feeding_of(net, options.bundle)
    answers = Answers(net, options.bundle)
    if shown is not None and not (isinstance(feeding, Pictures) and is_single(options.files)):
        arguments.error("--show-input takes one picture")
    if shown is not None and not shown.lower().endswith(".png"):
        arguments.error("--show-input writes a PNG: name it OUT.png")
    if answers.only is None and (options.top is not None or options.probabilities):
        arguments.error("--top and --probabilities are for a model with one output, of classes")
    for places, inputs in feeding.batches(options.files):
        if shown is not None and isinstance(feeding, Pictures):
            _show(feeding.seen, shown)
        for place, scores in zip(places, answers.scores(inputs), strict=True):
            for line in answers.lines(place, scores, options):
                print(line)
    # A damaged file weighs more than one over a limit, where a call has both.
    codes = feeding.codes
    return DatasetError.exit_code if DatasetError.exit_code in codes else max(codes, default=DONE)


def _same_file(path: str, other: str) -> bool:
    return os.path.exists(path) and os.path.exists(other) and os.path.samefile(path, other)


def _load(path: str) -> Network:
    try:
        return load(path)
    except NotABundleError:
        if path.endswith(".json"):
            what = f"is a spec, not a bundle; train it first: {program('train')} {path}"
            raise NotABundleError(clipped(f"{path}: {what}")) from None
        if path.lower().endswith(SUFFIXES):
            what = "is no bundle but, by its name, a picture: the bundle comes first"
            raise NotABundleError(clipped(f"{path}: {what}")) from None
        raise


def _show(pixels: Any, path: str) -> None:
    """Save what the network saw as a PNG.

    Errors: ImageError.
    """
    from PIL import Image

    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    try:
        picture.save(path, format="PNG")
    except (OSError, ValueError) as e:
        raise ImageError(clipped(f"{path}: cannot be written: {e}")) from None
