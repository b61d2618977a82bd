"""In which order an epoch takes its samples, where there are too many to list their numbers."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from graphnet.randomness import generator

Array = npt.NDArray[Any]
Words = npt.NDArray[np.uint64]

LISTED = 2**16
"""Up to so many numbers are permuted as a list, of all permutations each as likely; more by a
bijection."""
ROUNDS = 8
_HELD = 4


class Order(Protocol):
    """Numbers of samples, each once: an array, or what gives parts of itself as arrays."""

    def __len__(self) -> int: ...

    def __getitem__(self, at: slice, /) -> Any:
        """A part of it, an Order again."""

    def __array__(self) -> Array: ...


def listed(rows: Order | Array | slice, samples: int) -> Array:
    """The numbers of some of so many samples, as an array."""
    if isinstance(rows, slice):
        return np.arange(*rows.indices(samples))
    return np.asarray(rows)


class Bijection:
    """A permutation of 0 ... n-1 in memory that does not grow with n, both ways.

    A balanced Feistel network over the next even number of bits: (left, right) becomes
    (right, left ^ f(right, key)), eight times, f a mixing of all bits; numbers that come out at n
    or above go through it again until they are below. At most four times as many numbers as n are
    permuted, so this ends after four times on average, at the most.

    Source: Luby and Rackoff, How to Construct Pseudorandom Permutations, 1988; Black and Rogaway,
    Ciphers with Arbitrary Finite Domains, 2002 (cycle walking).
    """

    def __init__(self, count: int, seed: int, purpose: str, *parts: str | int) -> None:
        draws = generator(seed, purpose, *parts)
        self.count = count
        self._list: tuple[Array, Array] | None = None
        if count <= LISTED:
            there = draws.permutation(count)
            self._list = there, np.argsort(there)
            return
        self._bits = np.uint64(-(-(count - 1).bit_length() // 2))
        self._keys: list[np.uint64] = list(draws.integers(0, 2**64, ROUNDS, np.uint64))

    def of(self, places: Array) -> Array:
        """The number at each place: (n,) int64."""
        if self._list is not None:
            return self._list[0][places]
        return self._walk(places, self._keys)

    def places(self, numbers: Array) -> Array:
        """The place of each number: places(of(p)) == p."""
        if self._list is not None:
            return self._list[1][numbers]
        # Backwards, a Feistel network is itself with its keys and halves the other way round.
        return self._walk(numbers, self._keys[::-1], swapped=True)

    def _walk(self, given: Array, keys: Sequence[np.uint64], *, swapped: bool = False) -> Array:
        found = self._pass(np.asarray(given).astype(np.uint64), keys, swapped)
        while (out := found >= self.count).any():
            found[out] = self._pass(found[out], keys, swapped)
        return found.astype(np.int64)

    def _pass(self, words: Words, keys: Sequence[np.uint64], swapped: bool) -> Words:
        bits, mask = self._bits, np.uint64((1 << int(self._bits)) - 1)
        left, right = words >> bits, words & mask
        if swapped:
            left, right = right, left
        for key in keys:
            left, right = right, left ^ (mixed(right, key) & mask)
        if swapped:
            left, right = right, left
        return (left << bits) | right


def mixed(words: Words, key: np.uint64) -> Words:
    """64 bits of each word, which all depend on all bits of a word and of the key.

    Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014: SplitMix64.
    """
    z = words + key
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        z ^= z >> np.uint64(shift)
        z *= np.uint64(factor)
    return z ^ (z >> np.uint64(31))


class Shuffled:
    """A permutation of the samples that reads neighbours together.

    Blocks of `block` neighbours come in a random order; a window of so many blocks is shuffled,
    sample by sample, then the next. With blocks of one sample it is a random permutation of all.
    Any part of it is computed alone, from seed, purpose and parts: nothing is drawn before it.
    """

    def __init__(
        self, samples: int, block: int, window: int, seed: int, purpose: str, *parts: str | int
    ) -> None:
        self.samples, self.block, self.window = samples, block, window
        self._seed, self._purpose, self._parts = seed, purpose, parts
        self._blocks = Bijection(-(-samples // block), seed, purpose, *parts)
        # The last block may be short: all that come behind it begin so much earlier.
        self._short = self._blocks.count * block - samples
        last = np.array([self._blocks.count - 1])
        self._short_at = int(self._blocks.places(last)[0])
        self._start, self._stop = 0, samples
        self._held: dict[int, Array] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._stop - self._start

    def __getitem__(self, at: slice, /) -> Shuffled:
        start, stop, step = at.indices(len(self))
        if step != 1:
            raise ValueError("parts of an order are neighbours")
        part = object.__new__(Shuffled)
        part.__dict__ |= self.__dict__
        part._start, part._stop = self._start + start, self._start + max(start, stop)
        return part

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        parts, at = [np.empty(0, np.int64)], self._start
        while at < self._stop:
            window = self._window_at(at)
            first = self._place(window * self.window)
            stop = min(self._stop, self._place((window + 1) * self.window))
            parts.append(self.rows(window)[at - first : stop - first])
            at = stop
        return np.concatenate(parts).astype(dtype or np.int64, copy=False)

    @property
    def windows(self) -> int:
        """How many windows there are, each but the last one full."""
        return -(-self._blocks.count // self.window)

    def places(self, rows: Array) -> Array:
        """The place of each sample's block among the blocks: (n,) -> (n,); that of the window is
        this // window."""
        return self._blocks.places(rows // self.block)

    def blocks(self, window: int) -> Array:
        """The first sample of each block of a window, and that after its last: (n, 2)."""
        places = np.arange(
            window * self.window, min((window + 1) * self.window, self._blocks.count)
        )
        starts = self._blocks.of(places) * self.block
        return np.stack([starts, np.minimum(starts + self.block, self.samples)], axis=1)

    def rows(self, window: int) -> Array:
        """The samples of a window, in their order."""
        with self._lock:
            found = self._held.get(window)
            if found is None:
                found = self._rows(window)
                while len(self._held) >= _HELD:
                    self._held.pop(next(iter(self._held)))
                self._held[window] = found
            return found

    def _rows(self, window: int) -> Array:
        ranges = self.blocks(window)
        if self.block == 1:
            return ranges[:, 0]
        found = np.concatenate([np.arange(start, stop) for start, stop in ranges.tolist()])
        parts = (*self._parts, "window", window)
        order = generator(self._seed, self._purpose, *parts).permutation(len(found))
        return found[order]

    def _place(self, block: int) -> int:
        """Where the block at this place of their order begins."""
        block = min(block, self._blocks.count)
        return block * self.block - (self._short if block > self._short_at else 0)

    def _window_at(self, at: int) -> int:
        """The window of a place."""
        window = at // (self.block * self.window)
        return window + (at >= self._place((window + 1) * self.window))
