"""Batches made ready by a thread while the one before is computed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from graphnet.data.order import Order
from graphnet.layers.base import Array
from graphnet.training.feed import Feed, Room

Made = tuple[dict[str, Array], list[Array]]
Augment = Callable[[Mapping[str, Array], Array, int], None]
"""(inputs, numbers of their samples, epoch)"""


class Ahead:
    """The batches of some samples in an order, one block of them being made while another is used.

    augment: changes the inputs of the samples with these numbers for an epoch, in place.
    rows: which of a batch of so many samples are made; default, all.

    What a batch holds is written over two blocks later: nothing is allocated from the second block
    on, and each number is copied once, from the data set to where the first layer reads it.
    """

    def __init__(
        self,
        feed: Feed,
        size: int,
        batches: int,
        augment: Augment | None = None,
        rows: Callable[[int], slice] | None = None,
    ) -> None:
        self.feed, self.size, self.batches = feed, size, batches
        self._augment = augment
        self._rows = rows
        self._rooms = [Room(feed, batches * self._count(size)) for _ in range(2)]

    def batches_of(self, order: Order, epoch: int = 1) -> Iterator[Made]:
        """Inputs and the targets of all losses for each batch, the last one perhaps shorter."""
        parts = self._blocks(order)
        rows = next(parts, None)
        if rows is None:
            return
        worker = _Worker(lambda room, rows: self._made(room, rows, epoch), self._rooms)
        try:
            worker.begin(0, rows)
            room = 0
            while rows is not None:
                (inputs, targets), count = worker.end(), len(rows)
                rows, room = next(parts, None), 1 - room
                if rows is not None:
                    worker.begin(room, rows)
                start = 0
                for i in range(0, count, self.size):
                    at = slice(start, start + self._count(min(self.size, count - i)))
                    part = {name: array[at] for name, array in inputs.items()}
                    yield part, [t[at] for t in targets]
                    start = at.stop
        finally:
            worker.close()

    def whole(self, rows: Array, epoch: int) -> Made:
        """All samples of a batch, in arrays of their own."""
        return self._filled(Room(self.feed, len(rows)), rows, epoch)

    def _made(self, room: Room, rows: Array, epoch: int) -> Made:
        if self._rows is not None:
            batches = (rows[i : i + self.size] for i in range(0, len(rows), self.size))
            rows = np.concatenate([batch[self._rows(len(batch))] for batch in batches])
        return self._filled(room, rows, epoch)

    def _count(self, samples: int) -> int:
        """How many samples of a batch of so many are made."""
        if self._rows is None:
            return samples
        rows = self._rows(samples)
        return int(rows.stop - rows.start)

    def _filled(self, room: Room, rows: Array, epoch: int) -> Made:
        inputs, t = self.feed.batch_in(room, rows)
        if self._augment is not None:
            self._augment(inputs, self.feed.numbers(rows), epoch)
        return inputs, t

    def _blocks(self, order: Order) -> Iterator[Array]:
        """The samples of each block: one batch at first, for which the first step waits, then
        twice as many each time."""
        start, batches = 0, 1
        while start < len(order):
            yield np.asarray(order[start : start + batches * self.size])
            start += batches * self.size
            batches = min(2 * batches, self.batches)


class _Worker:
    """The thread that fills one room after the other."""

    def __init__(self, make: Callable[[Room, Array], Made], rooms: list[Room]) -> None:
        self._make, self._rooms = make, rooms
        self._begun, self._ended = threading.Semaphore(0), threading.Semaphore(0)
        self._rows: Array | None = None
        self._room = rooms[0]
        self._found: Made | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._labour, daemon=True)
        self._thread.start()

    def begin(self, room: int, rows: Array) -> None:
        self._room, self._rows = self._rooms[room], rows
        self._begun.release()

    def end(self) -> Made:
        self._ended.acquire()
        if self._error is not None:
            raise self._error
        assert self._found is not None
        return self._found

    def close(self) -> None:
        self._rows = None
        self._begun.release()
        self._thread.join()

    def _labour(self) -> None:
        with np.errstate(all="ignore"):
            while True:
                self._begun.acquire()
                if self._rows is None:
                    return
                try:
                    self._found = self._make(self._room, self._rows)
                except BaseException as e:  # noqa: BLE001 # raised again by the caller
                    self._error = e
                self._ended.release()
