"""From a data set to the batches that a network takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from graphnet.data.dataset import IMAGE, Dataset, Split
from graphnet.data.order import Order, listed
from graphnet.errors import DatasetError, GraphnetError, ShapeError, clipped
from graphnet.finite import bad_samples, is_finite, said
from graphnet.inputs import batch_of, dtype_of
from graphnet.judging import target_of, targets_by_name
from graphnet.layers.base import Array
from graphnet.network import Network
from graphnet.prepare.image import ImagePreparation
from graphnet.randomness import generator
from graphnet.workspace import aligned

if TYPE_CHECKING:
    from graphnet.data.streams.base import Streamed


class Room:
    """Memory for the inputs and targets of up to so many samples of a feed."""

    def __init__(self, feed: Feed, samples: int) -> None:
        net = feed.net
        samples = min(samples, feed.samples)
        self.inputs = {
            name: aligned((samples, *declared.shape), dtype_of(net.spec, name))
            for name, declared in net.spec.inputs.items()
        }
        for name, declared in net.spec.inputs.items():
            if declared.value is not None:
                self.inputs[name][...] = declared.value
        self.pixels = feed.pixels_room(samples)
        self.targets = {
            i: np.empty((samples, *t.shape[1:]), t.dtype) for i, t in feed.targets.items()
        }


class Feed:
    """One split of a data set, as a network's inputs and targets.

    Pictures stay as bytes and become numbers a batch at a time: a quarter of the memory to
    gather from. Everything is checked once, here.
    Errors: DatasetError, ShapeError.
    """

    def __init__(self, net: Network, split: Split, what: str) -> None:
        if len(split) == 0:
            raise DatasetError(f"{what}: it has no sample")
        self.net = net
        self.samples = len(split)
        self._rows: Array | None = None
        self._pixels: Array | None = None
        self._inputs: dict[str, Array] = {}
        try:
            name = self._pictured(split.inputs)
            if name is None:
                self._inputs = batch_of(net.spec, split.inputs).inputs
                self._check_finite()
            else:
                self._take_pictures(name, split.inputs, split.fitted)
            self.targets = self._take_targets(split.targets)
        except GraphnetError as e:
            raise type(e)(clipped(f"{what}: {e}")) from None

    def _pictured(self, inputs: Mapping[str, Array]) -> str | None:
        """The input that is given as pictures: bytes under its name, or what a source calls IMAGE;
        None where all are given as numbers."""
        declared = self.net.spec.inputs
        with_image = [name for name, given in declared.items() if given.image is not None]
        if IMAGE in inputs and IMAGE not in declared:
            if len(with_image) != 1:
                raise DatasetError("it gives pictures: one input of the spec must say 'image'")
            return with_image[0]
        bytes_of = (n for n in with_image if getattr(inputs.get(n), "dtype", None) == np.uint8)
        return next(bytes_of, None)

    def _check_finite(self) -> None:
        for name, array in self._inputs.items():
            if not is_finite(array):
                sample = int(np.argmax(bad_samples(array)))
                raise DatasetError(said(array, f"input '{name}' (sample {sample})"))

    def _take_pictures(self, name: str, inputs: Mapping[str, Array], fitted: bool) -> None:
        spec = self.net.spec
        declared = spec.inputs[name]
        assert declared.image is not None
        others = [other for other in spec.inputs if other != name]
        if len(inputs) > 1 or any(spec.inputs[other].value is None for other in others):
            raise DatasetError(f"pictures fill input '{name}' alone; the others need a 'value'")
        self._name = name
        self._preparation = ImagePreparation(declared.image, declared.shape, spec.dtype)
        pixels = next(iter(inputs.values()))
        self._pixels = self._preparation.orient(pixels, inverted=not fitted)

    def _take_targets(self, t: Array | Mapping[str, Array]) -> dict[int, Array]:
        """By the number of the loss, what the data set gives it; an input that is a target is
        there only when its batch is."""
        graph, found = self.net.graph, {}
        if not graph.objectives:
            raise DatasetError("the spec has no 'loss' to train with")
        given = targets_by_name(graph, t if graph.targets else None)
        for i, objective in enumerate(graph.objectives):
            if objective.target in given:
                array = np.asarray(given[objective.target])
                if len(array) != self.samples:
                    text = f"{self.samples} samples need {self.samples} targets"
                    raise ShapeError(f"{text}; found {len(array)}")
                found[i] = target_of(graph, self.net.engine.losses, i, array)
            else:
                blank = np.zeros((1, *graph.shapes[objective.target]), graph.spec.dtype)
                array = self._inputs.get(objective.target, blank)
                target_of(graph, self.net.engine.losses, i, array)
        return found

    def chosen(self, rows: Array) -> Feed:
        """The feed of these samples alone; the arrays are those of all."""
        part = copy(self)
        part._rows, part.samples = rows, len(rows)
        return part

    def order(self, seed: int, epoch: int) -> Order:
        """The order in which an epoch takes the samples: each once."""
        return generator(seed, "order", epoch).permutation(self.samples)

    def numbers(self, rows: Order | slice) -> Array:
        """The numbers that samples of this feed have in the data set."""
        rows = listed(rows, self.samples)
        return rows if self._rows is None else self._rows[rows]

    def targets_of(self, i: int) -> Array | None:
        """What the data set gives the i-th loss for these samples; None where an input does."""
        array = self.targets.get(i)
        return array if array is None or self._rows is None else array[self._rows]

    def answers(self, i: int) -> Iterator[Array] | None:
        """The same, in pieces."""
        array = self.targets_of(i)
        return None if array is None else iter([array])

    def pixels_room(self, samples: int) -> Array | None:
        """Memory for the bytes of so many pictures; None where samples are numbers."""
        if self._pixels is None:
            return None
        return np.empty((samples, *self._pixels.shape[1:]), np.uint8)

    def batch(self, rows: Array | slice) -> tuple[dict[str, Array], list[Array]]:
        """Inputs and targets of some samples, in arrays of their own."""
        rows = listed(rows, self.samples)
        return self.batch_in(Room(self, len(rows)), rows)

    def batch_in(self, room: Room, rows: Array | slice) -> tuple[dict[str, Array], list[Array]]:
        """Inputs and targets of some samples, in the memory of `room`."""
        order = self.numbers(rows)
        inputs = {name: memory[: len(order)] for name, memory in room.inputs.items()}
        if self._pixels is None:
            for name, array in self._inputs.items():
                # "clip" writes where it is told; the default would fill an array of its own first.
                np.take(array, order, axis=0, out=inputs[name], mode="clip")
        else:
            assert room.pixels is not None
            pixels = room.pixels[: len(order)]
            np.take(self._pixels, order, axis=0, out=pixels, mode="clip")
            self._preparation.numbers(pixels, out=inputs[self._name])
        targets = {i: memory[: len(order)] for i, memory in room.targets.items()}
        for i, array in self.targets.items():
            np.take(array, order, axis=0, out=targets[i], mode="clip")
        return inputs, self._judged(inputs, targets)

    def part(self, rows: slice, room: Room) -> tuple[dict[str, Array], list[Array]]:
        """Inputs and targets of neighbouring samples: views where they are numbers already."""
        if self._rows is not None:
            return self.batch_in(room, rows)
        targets = {i: array[rows] for i, array in self.targets.items()}
        if self._pixels is None:
            inputs = {name: array[rows] for name, array in self._inputs.items()}
            return inputs, self._judged(inputs, targets)
        pixels = self._pixels[rows]
        inputs = {name: memory[: len(pixels)] for name, memory in room.inputs.items()}
        self._preparation.numbers(pixels, out=inputs[self._name])
        return inputs, self._judged(inputs, targets)

    def _judged(self, inputs: Mapping[str, Array], targets: Mapping[int, Array]) -> list[Array]:
        """The targets of all losses, in order."""
        graph, losses = self.net.graph, self.net.engine.losses
        return [
            targets[i] if i in targets else target_of(graph, losses, i, inputs[objective.target])
            for i, objective in enumerate(graph.objectives)
        ]

    def fingerprint(self) -> str:
        """A checksum over every sample: the same data, the same text."""
        import hashlib

        digest = hashlib.sha256()
        arrays: Mapping[str, Any] = self._inputs or {IMAGE: self._pixels}
        for name, array in sorted(arrays.items()):
            digest.update(f"{name} {array.dtype} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
        for array in self.targets.values():
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def feeds(net: Network, data: Dataset) -> tuple[Feed, Feed | None]:
    """The train and test parts of a data set.

    Errors: DatasetError, ShapeError.
    """
    train = feed_of(net, data.train, f"data set '{data.name}', train part")
    if data.test is None:
        return train, None
    return train, feed_of(net, data.test, f"data set '{data.name}', test part")


def feed_of(net: Network, part: Split | Streamed, what: str) -> Feed:
    """The feed of samples in memory, or of a stream.

    Errors: DatasetError, ShapeError.
    """
    if isinstance(part, Split):
        return Feed(net, part, what)
    from graphnet.training.streaming import StreamFeed

    return StreamFeed(net, part, what)
