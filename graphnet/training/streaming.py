"""From samples that are not in memory to the batches that a network takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from typing import NamedTuple

import numpy as np

from graphnet.data.dataset import IMAGE
from graphnet.data.order import Order, Shuffled, listed
from graphnet.data.streams.base import Held, Streamed, Taken, places_in
from graphnet.data.streams.shares import Share
from graphnet.errors import DatasetError, GraphnetError, ShapeError, clipped
from graphnet.finite import bad_samples, is_finite, said
from graphnet.judging import target_of, targets_by_name
from graphnet.layers.base import Array
from graphnet.network import Network
from graphnet.prepare.image import ImagePreparation
from graphnet.training.feed import Feed, Room

_PASS = 2**14
"""Samples of one step of a pass over all targets."""


class Window(NamedTuple):
    """The blocks of a window of an order, being read.

    starts: the number of each block's first sample; bases: its place in what is held.
    """

    held: Future[Held]
    starts: Array
    bases: Array


class StreamFeed(Feed):
    """One part of a stream, as a network's inputs and targets.

    What training asks for in its order is read window by window, the next while one is used; what
    is asked for besides is read when it is. Whether numbers are finite and targets are targets is
    checked of every batch, when it is made.
    Errors: DatasetError, ShapeError; of samples, with the file and the place in it.
    """

    def __init__(self, net: Network, part: Streamed, what: str) -> None:
        self.net, self.part_of, self._what = net, part, what
        self.samples = len(part)
        self._rows = None
        self._order: Shuffled | None = None
        self._windows: dict[int, Window] = {}
        self._lock = threading.Lock()
        self._reader = ThreadPoolExecutor(1, "graphnet-stream")
        try:
            self._take_forms()
        except GraphnetError as e:
            raise type(e)(clipped(f"{what}: {e}")) from None
        first = part.numbers(np.arange(1))
        start = int(first[0])
        taken = part.stream.hold([(start, start + 1)]).take(np.zeros(1, np.int64))
        self.targets = {i: t[:0] for i, t in self._judge(taken, first).items()}

    def _take_forms(self) -> None:
        """What each input is made of: numbers, or bytes of pictures."""
        stream, declared = self.part_of.stream, self.net.spec.inputs
        if not self.net.graph.objectives:
            raise DatasetError("the spec has no 'loss' to train with")
        given = dict(stream.inputs)
        if IMAGE in given and IMAGE not in declared:
            names = [name for name, one in declared.items() if one.image is not None]
            if len(names) != 1:
                raise DatasetError("it gives pictures: one input of the spec must say 'image'")
            given[names[0]] = given.pop(IMAGE)
        self._pictures: dict[str, ImagePreparation] = {}
        for name, form in given.items():
            one = declared[name]
            if one.image is None or form.dtype != np.uint8:
                continue
            preparation = ImagePreparation(one.image, one.shape, self.net.spec.dtype)
            # Bytes of another size are refused here, before any is read.
            preparation.orient(np.zeros((1, *form.shape), np.uint8))
            self._pictures[name] = preparation
        missing = [n for n, one in declared.items() if one.value is None and n not in given]
        if missing:
            raise ShapeError(f"no value is given for input '{missing[0]}'")

    def order(self, seed: int, epoch: int) -> Order:
        """A permutation that reads neighbours together, and any part of which is computed alone."""
        self._order, self._windows = self.part_of.shuffled(seed, "order", epoch), {}
        return self._order

    def chosen(self, rows: Array) -> Feed:
        raise NotImplementedError("a stream is parted by its share")

    def parted(self, share: float, seed: int) -> tuple[StreamFeed, StreamFeed]:
        """All but a share of the samples, and that share.

        Errors: DatasetError where one of them would be empty.
        """
        found = []
        for part in self.part_of.parted(share, seed, "validation"):
            feed = copy(self)
            feed.part_of, feed.samples, feed._windows = part, len(part), {}
            found.append(feed)
        first, second = found
        return first, second

    def numbers(self, rows: Order | slice) -> Array:
        """The numbers that samples of this feed have in the stream."""
        return self.part_of.numbers(listed(rows, self.samples))

    def targets_of(self, i: int) -> Array | None:
        raise NotImplementedError("targets of a stream come piece by piece")

    def answers(self, i: int) -> Iterator[Array] | None:
        """What the data set gives the i-th loss for all samples, piece by piece; None where an
        input does."""
        if i not in self.targets:
            return None
        return self._answers(i)

    def _answers(self, i: int) -> Iterator[Array]:
        for start in range(0, self.samples, _PASS):
            stop = min(start + _PASS, self.samples)
            given = self.part_of.targets(start, stop)
            yield self._judge(({}, given), self.numbers(slice(start, stop)))[i]

    def pixels_room(self, samples: int) -> Array | None:
        return None

    def batch_in(self, room: Room, rows: Array | slice) -> tuple[dict[str, Array], list[Array]]:
        """Inputs and targets of some samples, in the memory of `room`."""
        rows = listed(rows, self.samples)
        inputs = {name: memory[: len(rows)] for name, memory in room.inputs.items()}
        targets = {i: memory[: len(rows)] for i, memory in room.targets.items()}
        numbers = self.part_of.numbers(rows)
        if not len(rows):  # of a batch too short for all ranks, one may have none
            return inputs, self._judged(inputs, targets)
        for at, taken in self._taken(rows, numbers, inputs):
            whole = len(at) == len(rows)
            self._put(taken, numbers[at], slice(None) if whole else at, inputs, targets)
        return inputs, self._judged(inputs, targets)

    def part(self, rows: slice, room: Room) -> tuple[dict[str, Array], list[Array]]:
        """Inputs and targets of neighbouring samples."""
        numbers = self.numbers(rows)
        ranges = self.part_of.ranges(numbers)
        inputs = {name: memory[: len(numbers)] for name, memory in room.inputs.items()}
        taken = self.part_of.stream.hold(ranges).take(places_in(ranges, numbers), inputs)
        targets = {i: memory[: len(numbers)] for i, memory in room.targets.items()}
        self._put(taken, numbers, slice(None), inputs, targets)
        return inputs, self._judged(inputs, targets)

    def fingerprint(self) -> str:
        """The stream's checksum, and which share of it this is: the same data, the same text."""
        return "-".join([self.part_of.stream.fingerprint(), *map(_share, self.part_of.shares)])

    def _taken(
        self, rows: Array, numbers: Array, inputs: Mapping[str, Array]
    ) -> Iterator[tuple[Array, Taken]]:
        """Samples window by window, each with its places among `rows`; of one window, in the
        memory of `inputs` where they need no change."""
        order = self._order
        if order is None:
            ranges = [(n, n + 1) for n in numbers.tolist()]
            held = self.part_of.stream.hold(ranges)
            yield np.arange(len(rows)), held.take(np.arange(len(rows)), inputs)
            return
        places = order.places(rows)
        windows = places // order.window
        for number in np.unique(windows).tolist():
            at = np.flatnonzero(windows == number)
            window = self._window(order, number)
            block = places[at] - number * order.window
            held = window.held.result()
            into = inputs if len(at) == len(rows) else None
            yield at, held.take(window.bases[block] + numbers[at] - window.starts[block], into)

    def _window(self, order: Shuffled, number: int) -> Window:
        """A window, and the next one begun; what lies behind is let go."""
        with self._lock:
            for wanted in (number, number + 1):
                if wanted not in self._windows and wanted < order.windows:
                    self._windows[wanted] = self._begun(order, wanted)
            for old in [held for held in self._windows if not number <= held <= number + 1]:
                del self._windows[old]
            return self._windows[number]

    def _begun(self, order: Shuffled, number: int) -> Window:
        ends = order.blocks(number)
        starts = self.part_of.numbers(ends[:, 0])
        stops = self.part_of.numbers(ends[:, 1] - 1) + 1
        sizes = stops - starts
        ranges = list(zip(starts.tolist(), stops.tolist(), strict=True))
        held = self._reader.submit(self.part_of.stream.hold, ranges)
        return Window(held, starts, np.cumsum(sizes) - sizes)

    def _put(
        self,
        taken: Taken,
        numbers: Array,
        at: Array | slice,
        inputs: Mapping[str, Array],
        targets: Mapping[int, Array],
    ) -> None:
        """Samples with these numbers, as the network takes them, into their places."""
        for given, array in taken[0].items():
            name = given if given in inputs else next(iter(self._pictures))
            preparation = self._pictures.get(name)
            out = inputs[name][at] if isinstance(at, slice) else None
            if preparation is not None:
                pixels = preparation.orient(array, inverted=not self.part_of.stream.fitted)
                found = preparation.numbers(pixels, out=out)
            elif out is not None:
                # What was taken into its place is there; the same memory, seen anew.
                if array.base is None or not np.shares_memory(array, out):
                    with np.errstate(over="ignore"):
                        np.copyto(out, array, casting="unsafe")
                found = out
            else:
                with np.errstate(over="ignore"):
                    found = array.astype(inputs[name].dtype)
            if not is_finite(found):
                bad = int(np.argmax(bad_samples(found)))
                what = said(found[bad], f"input '{name}'")
                raise self._wrong(int(numbers[bad]), DatasetError(what))
            if out is None:
                inputs[name][at] = found
        for i, t in self._judge(taken, numbers).items():
            targets[i][at] = t

    def _judge(self, taken: Taken, numbers: Array) -> dict[int, Array]:
        """Targets as the losses take them, by the number of the loss."""
        graph, losses = self.net.graph, self.net.engine.losses
        given: Mapping[str, Array] | Array = taken[1]
        if len(taken[1]) == 1:
            (given,) = taken[1].values()
        named = targets_by_name(graph, given if graph.targets else None)
        found = {}
        for i, objective in enumerate(graph.objectives):
            if objective.target not in named:
                continue
            t = named[objective.target]
            try:
                found[i] = target_of(graph, losses, i, t)
            except (DatasetError, ShapeError):
                for k in range(len(t)):
                    try:
                        target_of(graph, losses, i, t[k : k + 1])
                    except (DatasetError, ShapeError) as e:
                        raise self._wrong(int(numbers[k]), e) from None
                raise
        return found

    def _wrong(self, number: int, error: GraphnetError) -> GraphnetError:
        """An error of a sample, with its place."""
        text = str(error).removesuffix(" (sample 0)")
        return type(error)(clipped(f"{self._what}: {self.part_of.stream.place(number)}: {text}"))


def _share(share: Share) -> str:
    return f"{share.count}/{share.samples}/{share.key:x}/{share.apart}"
