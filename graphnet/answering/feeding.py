"""From the files of a call to batches of what a network takes; the first kind, pictures."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from graphnet.answering.answers import Place
from graphnet.errors import (
    BundleLimitError,
    GraphnetError,
    ImageError,
    ImageTooLargeError,
    clipped,
)
from graphnet.inputs import dtype_of
from graphnet.network import Network
from graphnet.plan import Plan

BATCH = 256
"""Samples whose numbers are held at once: memory stays flat over any folder or file."""
BATCH_BYTES = 64 * 2**20
"""Of their pixels, numbers and what is computed; fewer samples where an input is large."""
SAMPLE_BYTES = 160 * 2**20
"""Of one sample: a stranger's model of a few bytes must not take all memory."""
SUFFIXES = (".png", ".jpg", ".jpeg")
Batch = tuple[list[Place], dict[str, Any]]
Complain = Callable[[str], None]
"""Takes one line about what cannot be answered, or means nothing."""


class Feeding:
    """Batches of samples for a network; `codes` gathers the exit codes of what could not be read.

    Errors: BundleLimitError where one sample takes too much memory.
    """

    sample = "one sample"
    takes_text = False
    """Whether `text` answers one text of the command line."""
    goes_on = False
    """Whether the network tells what follows a text."""

    def __init__(self, net: Network, path: str, complain: Complain) -> None:
        self.net = net
        self.path = path
        self.complain = complain
        self.codes: set[int] = set()
        self.names = [name for name, given in net.spec.inputs.items() if given.value is None]
        nbytes = self.bytes_of_input() + Plan(net.graph).predict_bytes()
        if nbytes > SAMPLE_BYTES:
            what = f"{self.sample} takes {nbytes:,} bytes of memory; the limit is {SAMPLE_BYTES:,}"
            raise BundleLimitError(clipped(f"{path}: {what}"))
        self.size = max(1, min(BATCH, BATCH_BYTES // max(nbytes, 1)))

    def bytes_of_input(self) -> int:
        """What one sample takes before the network has it."""
        shapes = ((name, self.net.spec.inputs[name].shape) for name in self.names)
        return sum(
            int(np.prod(shape, dtype=object)) * dtype_of(self.net.spec, name).itemsize
            for name, shape in shapes
        )

    def batches(self, files: Sequence[str]) -> Iterator[Batch]:
        """Places and inputs, at most `size` samples at a time."""
        raise NotImplementedError

    def text(self, text: str) -> Iterator[Batch]:
        """The batch of one text."""
        raise NotImplementedError

    def failed(self, error: GraphnetError) -> None:
        """One file or sample that cannot be answered; the others are."""
        for line in str(error).splitlines():
            self.complain(line)
        self.codes.add(error.exit_code)


class Pictures(Feeding):
    """PNG and JPEG files, and folders of them."""

    sample = "one picture"

    def __init__(self, net: Network, path: str, complain: Complain) -> None:
        from graphnet.prepare.image import ImagePreparation

        super().__init__(net, path, complain)
        (self.name,) = self.names
        declared = net.spec.inputs[self.name]
        assert declared.image is not None
        self.preparation = ImagePreparation(declared.image, declared.shape, net.spec.dtype)
        self.needs_ink = declared.image.fit == "digit"
        self.seen: Any = None

    def bytes_of_input(self) -> int:
        image = self.net.spec.inputs[self.names[0]].image
        assert image is not None
        return 4 * image.size[0] * image.size[1]

    def batches(self, files: Sequence[str]) -> Iterator[Batch]:
        single = is_single(files)
        found: list[tuple[Place, Any]] = []
        for path in paths_of(files, lambda _, error: self.failed(error)):
            pixels = self._pixels(path)
            if pixels is not None:
                found.append((Place("image", path, "" if single else path), pixels))
            if len(found) == self.size:
                yield self._batch(found)
                found = []
        if found:
            yield self._batch(found)

    def _batch(self, found: list[tuple[Place, Any]]) -> Batch:
        self.seen = found[0][1]
        numbers = self.preparation.numbers(np.stack([pixels for _, pixels in found]))
        return [place for place, _ in found], {self.name: numbers}

    def _pixels(self, path: str) -> Any:
        from graphnet.prepare.picture import read_picture

        try:
            if path == "-":
                image = read_picture(sys.stdin.buffer, "standard input")
            else:
                image = read_picture(path)
            pixels = self.preparation.picture(image)
        except (ImageError, ImageTooLargeError) as e:
            return self.failed(e)
        if self.needs_ink and pixels.min() == pixels.max():
            self.complain(f"{path}: no ink is found in it: its label means nothing")
        return pixels


def paths_of(given: Sequence[str], failed: Callable[[str, ImageError], None]) -> Iterator[str]:
    """Files as given, folders' PNG and JPEG files, sorted, at any depth, the names of one folder
    held at a time.

    failed: told, at its place among the paths, of a folder that has none or cannot be read.
    """

    def unreadable(error: OSError) -> None:
        failed(error.filename, ImageError(f"{error.filename}: cannot be read: {error.strerror}"))

    for path in given:
        if path == "-" or not os.path.isdir(path):
            yield path
            continue
        found = False
        for folder, folders, files in os.walk(path, onerror=unreadable):
            folders.sort()
            start = os.path.join(folder, "")
            for name in sorted(files):
                if name.lower().endswith(SUFFIXES):
                    found = True
                    yield start + name
        if not found:
            failed(path, ImageError(f"{path}: no PNG or JPEG file is in this folder"))


def is_single(files: Sequence[str]) -> bool:
    """Whether a call names one picture, and no folder."""
    return len(files) == 1 and not os.path.isdir(files[0])


def feeding_of(net: Network, path: str, complain: Complain) -> Feeding:
    """What reads the files that a network takes.

    Errors: BundleError where files are not what it takes.
    """
    fed: Mapping[str, Any] = {n: g for n, g in net.spec.inputs.items() if g.value is None}
    kinds = {
        "image" if g.image else "columns" if g.columns else "text" if g.text else ""
        for g in fed.values()
    }
    if kinds == {"image"} and len(fed) == 1:
        return Pictures(net, path, complain)
    from graphnet.answering.rows import Arrays, Tables, Texts  # a call with pictures does without

    if kinds == {"columns"}:
        return Tables(net, path, complain)
    if kinds == {"text"} and len(fed) == 1:
        return Texts(net, path, complain)
    return Arrays(net, path, complain)
