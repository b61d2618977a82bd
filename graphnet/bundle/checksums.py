"""CRC-32 of large memory in pieces, by several threads; how many never changes a result.

A piece may be read just before it is summed, while the cache still has it. Both let other threads
run meanwhile: two of them load 256 MB in 55 ms, one in 100 ms.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Sequence
from functools import cache, lru_cache

PIECE_BYTES = 4 * 2**20
"""Large enough that handing a piece over (30 us) costs little beside its work (1.5 ms)."""
MAX_THREADS = 8
"""All of them move bytes through one memory."""

Span = tuple[int, int]
Read = Callable[[memoryview, int], None]

# The polynomial of CRC-32, its bits reversed as zlib has them: bit 31 is x^0, bit 0 is x^31.
_POLYNOMIAL = 0xEDB88320
_ONE, _X = 1 << 31, 1 << 30


def checksums(
    data: memoryview, spans: Sequence[Span], read: Read | None = None, threads: int | None = None
) -> list[int]:
    """The CRC-32 of each span (start, end) of `data`; spans are sorted and do not overlap.

    read(piece, start) fills a piece of `data` before it is summed; the threads call it at once
    for different pieces. threads: default, one for each processor that this process may use.
    Errors: those of `read`; of several, the one for the first piece.
    """
    pieces = _cut(spans, len(data))
    if threads is None:
        threads = min(_processors(), MAX_THREADS)

    def work(i: int) -> list[int]:
        start = i * PIECE_BYTES
        if read is not None:
            read(data[start : start + PIECE_BYTES], start)
        return [zlib.crc32(data[a:b]) for _, a, b in pieces[i]]

    found = _spread(work, len(pieces), threads)
    sums = [0] * len(spans)
    for piece, crcs in zip(pieces, found, strict=True):
        for (span, a, b), crc in zip(piece, crcs, strict=True):
            sums[span] = combined(sums[span], crc, b - a)
    return sums


def checksum(data: memoryview) -> int:
    """zlib.crc32(data)"""
    return checksums(data, [(0, len(data))])[0] if len(data) else 0


def combined(first: int, second: int, length: int) -> int:
    """crc32(a + b) from crc32(a), crc32(b) and len(b)

    crc32(a + b) = crc32(a) * x^(8 len(b)) + crc32(b), in polynomials over GF(2) modulo that of
    CRC-32: a stands 8 len(b) bits in front of b, and what CRC-32 adds at both ends cancels.
    """
    if not first:  # that of nothing too, which is spared a power of its own
        return second
    return _product(_power(8 * length), first) ^ second


@lru_cache(maxsize=256)  # nearly all pieces have one length
def _power(n: int) -> int:
    """x^n"""
    power = _ONE
    for k in range(n.bit_length()):
        if n >> k & 1:
            power = _product(power, _square(k))
    return power


@cache
def _square(k: int) -> int:
    """x^(2^k)"""
    return _product(_square(k - 1), _square(k - 1)) if k else _X


def _product(a: int, b: int) -> int:
    """a * b: the sum of b * x^i over the bits i of a."""
    total = 0
    while a:
        if a & _ONE:
            total ^= b
        a = a << 1 & 0xFFFFFFFF
        b = b >> 1 ^ (_POLYNOMIAL if b & 1 else 0)
    return total


def _cut(spans: Sequence[Span], size: int) -> list[list[tuple[int, int, int]]]:
    """For each piece of `size` bytes, what of the spans lies in it: (span, start, end)."""
    pieces: list[list[tuple[int, int, int]]] = [[] for _ in range(0, size, PIECE_BYTES)]
    for span, (start, end) in enumerate(spans):
        while start < end:
            i = start // PIECE_BYTES
            stop = min(end, (i + 1) * PIECE_BYTES)
            pieces[i].append((span, start, stop))
            start = stop
    return pieces


def _spread(work: Callable[[int], list[int]], count: int, threads: int) -> list[list[int]]:
    if min(count, threads) < 2:
        return [work(i) for i in range(count)]
    from concurrent.futures import ThreadPoolExecutor  # 6 ms that a small bundle does without

    with ThreadPoolExecutor(min(count, threads)) as pool:
        return list(pool.map(work, range(count)))


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
