"""What training asks of samples that are not in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from graphnet.data.order import Shuffled
from graphnet.data.streams.shares import Share

Array = npt.NDArray[Any]
Range = tuple[int, int]
"""The first of neighbouring samples, and the one behind the last."""
Taken = tuple[dict[str, Array], dict[str, Array]]
"""Inputs and targets by name, as a Split has them."""

BLOCK_BYTES = 2**18
"""Of neighbouring samples that are read together: a disk that seeks loses half its time at most."""
WINDOW_BYTES = 2**26
"""Of the blocks among which samples are shuffled; three windows are in memory at the most."""
MOST_BLOCKS = 256
_MOST_IN_BLOCK = 4096
_GAP_BYTES = 2**14
"""Up to so many bytes that nobody asked for are read through, rather than begun anew behind."""


class Form(NamedTuple):
    """What one sample has of an array."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Held(ABC):
    """Some ranges of samples, read."""

    @abstractmethod
    def take(self, at: Array, into: Mapping[str, Array] | None = None) -> Taken:
        """Samples by their places in the ranges, one range behind the other, in arrays of their
        own.

        into: arrays that inputs may be put into, where they have their shape and type.
        Errors: DatasetError.
        """


class Stream(ABC):
    """Samples 0 ... `samples` - 1 of files.

    inputs: what one sample has, by name; a single picture input may be IMAGE.
    block: how many neighbours are read together; window: how many blocks are shuffled.
    bytes_each: about what one sample takes in the files. fitted, names: as those of a Split.
    """

    samples: int
    inputs: Mapping[str, Form]
    block: int
    window: int
    bytes_each: int
    fitted: bool = False
    names: Sequence[str] | None = None

    @abstractmethod
    def hold(self, ranges: Sequence[Range]) -> Held:
        """Read ranges of samples; several threads may.

        Errors: DatasetError for a file that has changed or ends early.
        """

    @abstractmethod
    def place(self, sample: int) -> str:
        """Where a sample stands, as errors call it."""

    @abstractmethod
    def fingerprint(self) -> str:
        """A checksum by which the data are known again."""

    def answers(self, ranges: Sequence[Range]) -> dict[str, Array]:
        """The targets of ranges of samples."""
        count = sum(stop - start for start, stop in ranges)
        return self.hold(ranges).take(np.arange(count))[1]

    def shuffled_by(self, bytes_each: int) -> None:
        """Set block and window for samples of so many bytes."""
        self.bytes_each = max(1, bytes_each)
        self.block, self.window = blocks_of(self.bytes_each)


def blocks_of(bytes_each: int) -> tuple[int, int]:
    """How many samples of so many bytes a block has, and how many blocks a window: the same on
    every machine."""
    block = max(1, min(BLOCK_BYTES // bytes_each, _MOST_IN_BLOCK))
    return block, max(1, min(WINDOW_BYTES // (block * bytes_each), MOST_BLOCKS))


@dataclass(frozen=True, eq=False)
class Streamed:
    """A part of a stream, in a data set's place for a Split: of the whole, one share after the
    other."""

    stream: Stream
    shares: tuple[Share, ...] = ()

    def __len__(self) -> int:
        return len(self.shares[-1]) if self.shares else self.stream.samples

    @property
    def names(self) -> Sequence[str] | None:
        """What a person finds each sample of the stream by."""
        return self.stream.names

    def numbers(self, at: Array) -> Array:
        """The numbers in the stream of samples of this part: those of later ones are greater."""
        for share in reversed(self.shares):
            at = share.numbers(at)
        return at

    def parted(self, share: float, seed: int, purpose: str) -> tuple[Streamed, Streamed]:
        """All but a share of these samples, and that share.

        Errors: DatasetError where one of them would be empty.
        """
        pair = Share.pair(len(self), share, seed, purpose)
        first, second = (replace(self, shares=(*self.shares, one)) for one in pair)
        return first, second

    def shuffled(self, seed: int, purpose: str, *parts: str | int) -> Shuffled:
        """An order of this part, which reads neighbours of the stream together."""
        stream, samples = self.stream, len(self)
        block = max(1, stream.block * samples // stream.samples)
        return Shuffled(samples, block, stream.window, seed, purpose, *parts)

    def ranges(self, numbers: Array) -> list[Range]:
        """What is read for ascending numbers, those near each other in one."""
        most = max(1, _GAP_BYTES // self.stream.bytes_each)
        cuts = np.flatnonzero(np.diff(numbers) > most)
        firsts = numbers[np.concatenate([[0], cuts + 1])]
        lasts = numbers[np.concatenate([cuts, [len(numbers) - 1]])]
        return list(zip(firsts.tolist(), (lasts + 1).tolist(), strict=True))

    def targets(self, start: int, stop: int) -> dict[str, Array]:
        """The targets of neighbours of this part."""
        numbers = self.numbers(np.arange(start, stop))
        ranges = self.ranges(numbers)
        at = places_in(ranges, numbers)
        return {name: array[at] for name, array in self.stream.answers(ranges).items()}


def places_in(ranges: Sequence[Range], numbers: Array) -> Array:
    """Where samples are in ascending ranges, one behind the other."""
    starts = np.array([start for start, _ in ranges])
    sizes = np.array([stop - start for start, stop in ranges])
    of = np.searchsorted(starts, numbers, side="right") - 1
    found: Array = (np.cumsum(sizes) - sizes - starts)[of] + numbers
    return found
