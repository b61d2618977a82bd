"""`infer`: the label of a picture, from a bundle and nothing else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from graphnet.bundle.model import load
from graphnet.cli.common import DONE, complain, count, parser, program, run
from graphnet.errors import (
    BundleError,
    BundleLimitError,
    DivergedError,
    ImageError,
    ImageTooLargeError,
    NotABundleError,
    clipped,
    printable,
)
from graphnet.network import Network
from graphnet.plan import Plan
from graphnet.prepare.image import ImagePreparation
from graphnet.prepare.picture import read_picture
from graphnet.scores import class_of, probabilities

BATCH = 256
"""Pictures whose numbers are held at once: memory stays flat over any folder."""
BATCH_BYTES = 64 * 2**20
"""Of their pixels, numbers and what is computed; fewer pictures where an input is large."""
SAMPLE_BYTES = 160 * 2**20
"""Of one picture: a stranger's model of a few bytes must not take all memory."""
SUFFIXES = (".png", ".jpg", ".jpeg")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser("infer", "Print the label of a picture, or `path<TAB>label` for several.")
    arguments.add_argument("bundle", help="a model (.msgpack)")
    arguments.add_argument("images", nargs="+", help="PNG or JPEG files, folders, or - for stdin")
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
    if options.show_input is not None and _same_file(options.show_input, options.images[0]):
        arguments.error("--show-input would write over the picture: name another file")
    classifier = Classifier(_load(options.bundle), options.bundle)
    single = len(options.images) == 1 and not os.path.isdir(options.images[0])
    if options.show_input is not None and not single:
        arguments.error("--show-input takes one picture")
    if options.show_input is not None and not options.show_input.lower().endswith(".png"):
        arguments.error("--show-input writes a PNG: name it OUT.png")
    codes: set[int] = set()
    for batch in _batches(_pictures(options.images, codes), classifier.batch):
        answered, failed = classifier.read(batch)
        codes |= failed
        if options.show_input is not None and answered:
            _show(answered[0][1], options.show_input)
        for path, scores in classifier.scores(answered):
            _print(classifier, path, scores, options, named=not single)
    # A damaged picture weighs more than one over a limit, where a call has both.
    return ImageError.exit_code if ImageError.exit_code in codes else max(codes, default=DONE)


class Classifier:
    """A network that takes pictures and gives scores of classes.

    Errors: BundleError where the network does something else.
    """

    def __init__(self, net: Network, path: str) -> None:
        self.net = net
        self.path = path
        fed = {name: given for name, given in net.spec.inputs.items() if given.value is None}
        declared = next(iter(fed.values()), None)
        if len(fed) != 1 or declared is None or declared.image is None:
            raise BundleError(clipped(f"{path}: it takes no single picture: no input says 'image'"))
        if len(net.graph.wiring.outputs) != 1:
            raise BundleError(clipped(f"{path}: it has several outputs: use it from Python"))
        self.preparation = ImagePreparation(declared.image, declared.shape, net.spec.dtype)
        self.needs_ink = declared.image.fit == "digit"
        self.output = net.graph.wiring.outputs[0]
        shape = net.graph.shapes[self.output]
        if len(shape) > 1:
            raise BundleError(
                clipped(f"{path}: '{self.output}' gives {shape}, not one score for each class")
            )
        # Pixels, their numbers and what is computed from them, for one picture.
        nbytes = (
            4 * declared.image.size[0] * declared.image.size[1] + Plan(net.graph).predict_bytes()
        )
        if nbytes > SAMPLE_BYTES:
            what = f"one picture takes {nbytes:,} bytes of memory; the limit is {SAMPLE_BYTES:,}"
            raise BundleLimitError(clipped(f"{path}: {what}"))
        self.batch = max(1, min(BATCH, BATCH_BYTES // nbytes))
        labels = net.spec.labels
        self.labels = labels.get(self.output) if isinstance(labels, dict) else labels

    def read(self, paths: Sequence[str]) -> tuple[list[tuple[str, Any]], set[int]]:
        """The pixels of the pictures that can be read, and the exit codes of the others."""
        found, codes = [], set()
        for path in paths:
            try:
                if path == "-":
                    image = read_picture(sys.stdin.buffer, "standard input")
                else:
                    image = read_picture(path)
                pixels = self.preparation.picture(image)
                if self.needs_ink and pixels.min() == pixels.max():
                    complain(f"{path}: no ink is found in it: its label means nothing")
                found.append((path, pixels))
            except (ImageError, ImageTooLargeError) as e:
                for line in str(e).splitlines():
                    complain(line)
                codes.add(e.exit_code)
        return found, codes

    def scores(self, pictures: Sequence[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        """(path, scores) for each of some pictures."""
        if not pictures:
            return
        x = self.preparation.numbers(np.stack([pixels for _, pixels in pictures]))
        scores = self.net.predict(x)
        if not np.isfinite(scores).all():
            raise DivergedError(clipped(f"{self.path}: the network's scores are not finite"))
        yield from zip([path for path, _ in pictures], scores, strict=True)

    def label(self, index: int) -> str:
        """The name of a class; its number where the spec names none."""
        return self.labels[index] if self.labels else str(index)


def _print(classifier: Classifier, path: str, scores: Any, options: Any, *, named: bool) -> None:
    best = int(class_of(classifier.output, scores[np.newaxis])[0])
    shown = probabilities(scores) if options.probabilities else np.atleast_1d(scores)
    if options.json:
        answer = {
            "image": path,
            "label": classifier.label(best),
            "index": best,
            # The shortest digits that give back the same float32.
            "scores": [float(str(score)) for score in shown],
        }
        print(json.dumps(answer))
        return
    start = f"{printable(path)}\t" if named else ""
    if options.top is None:
        print(f"{start}{printable(classifier.label(best))}")
        return
    if len(shown) == 1:  # a binary network has one score, for class 1
        shown = np.array([-shown[0], shown[0]])
    for index in np.argsort(-shown, kind="stable")[: options.top]:
        print(f"{start}{printable(classifier.label(int(index)))}\t{shown[index]!s}")


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


def _pictures(given: Sequence[str], codes: set[int]) -> Iterator[str]:
    """Paths of pictures: files as given, folders' PNG and JPEG files, sorted, at any depth.

    A folder that has none or cannot be read is named, and its exit code goes into `codes`.
    """

    def unreadable(error: OSError) -> None:
        complain(f"{error.filename}: cannot be read: {error.strerror}")
        codes.add(ImageError.exit_code)

    for path in given:
        if path == "-" or not os.path.isdir(path):
            yield path
            continue
        found = False
        for folder, folders, files in os.walk(path, onerror=unreadable):
            folders.sort()
            for name in sorted(files):
                if name.lower().endswith(SUFFIXES):
                    found = True
                    yield os.path.join(folder, name)
        if not found:
            complain(f"{path}: no PNG or JPEG file is in this folder")
            codes.add(ImageError.exit_code)


def _batches(paths: Iterator[str], size: int) -> Iterator[list[str]]:
    batch: list[str] = []
    for path in paths:
        batch.append(path)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


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
