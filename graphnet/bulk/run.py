"""A run: blocks shared out, replies put in order, rows written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from graphnet import __version__
from graphnet.answering.answers import Answers
from graphnet.answering.feeding import Feeding, Pictures, feeding_of, paths_of
from graphnet.bulk.answerer import Answerer
from graphnet.bulk.blocks import Block, fingerprint, reply_of, statuses_of
from graphnet.bulk.columns import Wish
from graphnet.bulk.forms import Form, form_of
from graphnet.bulk.hands import Hands
from graphnet.bulk.partial import Partial
from graphnet.bulk.reading import Reading, reading_of
from graphnet.bundle.model import load
from graphnet.errors import (
    DatasetError,
    GraphnetError,
    ResumeMismatchError,
    SaveError,
    clipped,
)
from graphnet.network import Network

BLOCKS_AHEAD = 8
"""Blocks for each that may be given at once, that may wait for the one which comes first."""
BYTES_AHEAD = 128 * 2**20
"""Of all blocks that are given or wait."""


class Progress(NamedTuple):
    """How far a run is. total: samples in all, None until they are counted; gained: those answered
    since the run was begun or gone on with."""

    samples: int
    gained: int
    wanting: int
    empty: int
    total: int | None


class Run:
    """Answers to files, in a file. bundle: where the network was read from; memory: as `load`.

    Errors: GraphnetError where the output's name says no form; SaveError where it is an input;
    those of `check_named`.
    """

    def __init__(
        self,
        net: Network,
        bundle: str,
        files: Sequence[str],
        out: str,
        wish: Wish,
        memory: int | None = None,
    ) -> None:
        for path in (bundle, *files):
            if _is_same(path, out):
                what = "the model" if path == bundle else "one of the files that are read"
                raise SaveError(clipped(f"{out}: is {what}; name another with --out"))
        self.out, self.files, self.wish = out, files, wish
        self.feeding, self.form = _both(net, bundle, out, wish)
        check_named(self.feeding, files)
        self.answer = Answerer(self.feeding, self.form.answers, self.form)
        self.setup = [bundle, memory, out, list(wish)]
        about = {
            "graphnet": __version__,
            "model": digest_of(bundle),
            "files": [ascii(path) for path in files],
            "options": [self.form.suffix, *wish],
        }
        self.partial = Partial(out, self.form, about)

    def answers(self, hands: Hands) -> Iterator[Progress]:
        """Answer all that is not yet answered; something is yielded for each block that is written.

        Errors: those of `Partial.add` and `Hands.take`; ResumeMismatchError where the input is not
        what it was.
        """
        reading = reading_of(self.feeding, self.files)
        try:
            yield from self._answers(reading, hands)
        finally:
            reading.close()
            hands.close()

    def _answers(self, reading: Reading, hands: Hands) -> Iterator[Progress]:
        entries = self.partial.entries
        blocks = reading.blocks()
        for number in range(len(entries)):
            self._skip(number, next(blocks, None))
        before = sum(entry.samples for entry in entries)
        samples, wanting = before, sum(entry.wanting for entry in entries)
        empty = sum(entry.empty for entry in entries)
        for message in in_order(blocks, hands):
            reply = reply_of(message)
            self.partial.add(reply)
            samples, wanting = samples + reply.samples, wanting + reply.wanting
            empty += reply.empty
            yield Progress(samples, samples - before, wanting, empty, reading.total)
        yield Progress(samples, samples - before, wanting, empty, samples)

    def _skip(self, number: int, block: Block | None) -> None:
        """Whether an input is as it was when it was answered."""
        was = self.partial.entries[number]
        if block is not None and mark_of(block) == was.fingerprint:
            return
        before = sum(entry.samples for entry in self.partial.entries[:number])
        where = f"among the {was.samples} from number {before + 1} on"
        if block is not None:
            where += f" ({block.files[0]})"
        what = f"is of another run: what is read has changed {where}; --restart begins anew"
        raise ResumeMismatchError(clipped(f"{self.partial.shown}: {what}"))


def check_named(feeding: Feeding, files: Sequence[str]) -> None:
    """Whether any of the files and folders that were named can be looked into: a slip of the pen
    would write an output of one error over a whole one.

    Errors: DatasetError, ImageError: what is wrong with the first one, where something is with all.
    """
    wrong: list[GraphnetError] = []
    pictures = isinstance(feeding, Pictures)
    for path in files:
        if path != "-" and not os.path.exists(path):
            what = "no such file or folder" if pictures else "no such file"
            wrong.append(DatasetError(clipped(f"{path}: {what}")))
        elif os.path.isdir(path) and not pictures:
            wrong.append(DatasetError(clipped(f"{path}: is a folder: name files")))
        elif not os.path.isdir(path):
            return
        else:
            if next(paths_of([path], lambda _, e: wrong.append(e)), None) is not None:
                return
    if wrong:
        raise wrong[0]


def mark_of(block: Block) -> str:
    """The fingerprint that a block would have now."""
    return fingerprint(block.packed(), statuses_of(block)).hex()


def in_order(blocks: Iterator[Block], hands: Hands) -> Iterator[bytes]:
    """The replies to blocks in their order, while others are answered ahead of them."""
    sizes: dict[int, int] = {}
    done: dict[int, bytes] = {}
    given = written = taken = 0
    waiting = True
    while waiting or written < given:
        while waiting and given - taken < hands.room and _fits(sizes, hands.room):
            block = next(blocks, None)
            if block is None:
                waiting = False
                break
            message = block.packed()
            sizes[given] = len(message)
            hands.give(given, message)
            given += 1
        if taken < given:
            number, reply = hands.take()
            taken += 1
            done[number] = reply
        while written in done:
            del sizes[written]
            yield done.pop(written)
            written += 1


def _fits(sizes: dict[int, int], room: int) -> bool:
    """Whether one block more may be given: memory stays flat where one takes very long."""
    return not sizes or (len(sizes) < BLOCKS_AHEAD * room and sum(sizes.values()) < BYTES_AHEAD)


def answerer_of(setup: Any) -> Answerer:
    """What answers in another process, from what `Run.setup` says.

    Errors: those of `load`, `Answers` and `feeding_of`.
    """
    bundle, memory, out, wish = setup
    feeding, form = _both(load(bundle, memory=memory), bundle, out, Wish(*wish))
    return Answerer(feeding, form.answers, form)


def _both(net: Network, bundle: str, out: str, wish: Wish) -> tuple[Feeding, Form]:
    feeding = feeding_of(net, bundle, _nothing)
    answers = Answers(net, bundle)
    return feeding, form_of(out, answers, isinstance(feeding, Pictures), wish)


def _nothing(line: str) -> None:
    """What is wrong with a sample stands in the output."""


def digest_of(path: str) -> str:
    """A mark of a file's bytes.

    Errors: OSError.
    """
    digest = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as file:
        while piece := file.read(2**20):
            digest.update(piece)
    return digest.hexdigest()


def _is_same(path: str, out: str) -> bool:
    return os.path.exists(path) and os.path.exists(out) and os.path.samefile(path, out)
