"""Damaged bundles: every bit of small ones, every framing byte of large ones, and mutations: none
is taken for a bundle, and what is accepted is what a writer would have written.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from campaigns import corpus
from campaigns.batches import Tally, gathered, outcomes, taken_out
from campaigns.children import ACCEPTED, WRONG, Verdict, verdict
from campaigns.mutations import mutated, structured
from campaigns.table import Campaign, Result
from graphnet.bundle import reader
from graphnet.bundle.format import Contents
from graphnet.bundle.model import contents_of, network_of
from graphnet.bundle.writer import encode

PAYLOAD_BYTES = 10_000
BATCH = 5_000
"""Mutations a child."""


def judged(data: bytes, known: frozenset[bytes] | None = None) -> Verdict:
    """How reading a bundle ends; WRONG where it is accepted though its own writer gives other
    bytes, or though it is none of `known`."""
    found: list[str] = []

    def read() -> None:
        contents = reader.decode(data)
        if known is not None and data not in known:
            found.append("damage was not found")
        if encode(contents) != data:
            found.append("saving it gives other bytes")
        if (net := _network(contents)) is not None and encode(contents_of(net)) != data:
            found.append("saving its network gives other bytes")

    end = verdict(read)
    if found:
        return Verdict(WRONG, "; ".join(found))
    return end


def _network(contents: Contents) -> Any:
    return (
        network_of(contents) if contents.train is None or '"step"' not in contents.train else None
    )


def every_bit(cases: int, without: str | None) -> Result:
    """Every truncation and every flipped bit of the small bundles: read, and mapped."""
    names = list(corpus.small())
    jobs = [
        {"name": name, "mapped": mapped, "cases": cases // (2 * len(names)), "without": without}
        for name in names
        for mapped in (False, True)
    ]
    return gathered(outcomes("campaigns.bundles:flipped", jobs))


def flipped(job: Mapping[str, Any]) -> dict[str, Any]:
    """One small bundle, cut at every length and with every bit flipped."""
    data = corpus.small()[job["name"]]
    tally = Tally()
    with taken_out(PROTECTIONS, job["without"]), _reading(job["mapped"]) as read:
        for i in range(0, 9 * len(data), max(1, 9 * len(data) // job["cases"])):
            offset, bit = divmod(i, 9)
            damaged = bytearray(data if bit < 8 else data[:offset])
            if bit < 8:
                damaged[offset] ^= 1 << bit
            what = f"bit {bit} of byte {offset}" if bit < 8 else f"cut at {offset}"
            tally.count(read(bytes(damaged)), f"{job['name']}, {what}")
    return tally.found()


def large_ones(cases: int, without: str | None) -> Result:
    """Every byte of headers and framing of larger bundles, and many of their payloads."""
    jobs = [
        {"name": name, "mapped": mapped, "cases": cases, "without": without}
        for name in (*corpus.large(), "cut")
        for mapped in (False, True)
    ]
    return gathered(outcomes("campaigns.bundles:framed", jobs))


def framed(job: Mapping[str, Any]) -> dict[str, Any]:
    """One large bundle with one byte changed; in "cut" tensors have many chunks."""
    tally, rng = Tally(), random.Random(job["name"])
    with ExitStack() as stack:
        stack.enter_context(taken_out(PROTECTIONS, job["without"]))
        if job["name"] == "cut":
            stack.enter_context(corpus.short_chunks())
        data = corpus.cut() if job["name"] == "cut" else corpus.large()[job["name"]]
        payload = {
            offset
            for row in reader_rows(data)
            for start, length in row
            for offset in range(start, start + length)
        }
        framing = [offset for offset in range(len(data)) if offset not in payload]
        some = sorted(rng.sample(sorted(payload), min(PAYLOAD_BYTES, len(payload))))
        chosen = (framing + some)[:: max(1, (len(framing) + len(some)) // max(job["cases"], 1))]
        read = stack.enter_context(_reading(job["mapped"]))
        for offset in chosen:
            damaged = bytearray(data)
            damaged[offset] ^= rng.randrange(1, 256)
            tally.count(read(bytes(damaged)), f"{job['name']}, byte {offset}")
    return tally.found()


def reader_rows(data: bytes) -> list[list[tuple[int, int]]]:
    """The chunks of each tensor of a sound bundle."""
    from graphnet.bundle import format as fmt
    from graphnet.bundle.header import decode_header

    length = int.from_bytes(data[20:24], "big")
    return [fmt.chunks(row) for row in decode_header(data[64 : 64 + length])[1]]


def mutations(kind: str, cases: int, without: str | None) -> Result:
    """So many mutations, half of them after what they reach, where atheris is installed."""
    from campaigns.guided import guided, is_there

    led = cases // 2 if is_there() and without is None else 0
    jobs = _batches(kind, cases - led, without)
    result = gathered(outcomes("campaigns.bundles:batch", jobs))
    if led:
        result.add(guided(kind, led))
    return result


def both_readers(cases: int, without: str | None) -> Result:
    """The same mutations with msgpack's C reader and with its Python one: the same verdicts."""
    result = Result()
    for kind in ("bytes", "structure"):
        jobs, others = _batches(kind, cases // 2, None), _batches(kind, cases // 2, None)
        if without:
            others = [{**job, "seed": job["seed"] + 1} for job in others]
        in_c = outcomes("campaigns.bundles:batch", jobs)
        pure = {"MSGPACK_PUREPYTHON": "1"}
        in_python = outcomes("campaigns.bundles:batch", others, env=pure)
        for one, other in zip(in_c, in_python, strict=True):
            result.add(gathered(iter([one])))
            mine, theirs = one.value, other.value
            if mine is None or theirs is None or mine["reader"] == theirs["reader"]:
                result.blame(f"a child had the other's reader, or ended early: {other.said[-300:]}")
            elif mine["digest"] != theirs["digest"]:
                result.blame(f"{kind}: {mine['ends']} in C, {theirs['ends']} in Python")
    return result


def _batches(kind: str, cases: int, without: str | None) -> list[dict[str, Any]]:
    return [
        {"kind": kind, "seed": start, "cases": min(BATCH, cases - start), "without": without}
        for start in range(0, cases, BATCH)
    ]


def batch(job: Mapping[str, Any]) -> dict[str, Any]:
    """Some mutations of the small bundles."""
    import msgpack

    tally, rng = Tally(), random.Random(f"{job['kind']} {job['seed']}")
    judge = one_of(job["kind"])
    with taken_out(PROTECTIONS, job["without"]):
        for i in range(job["cases"]):
            tally.count(judge(rng, b""), f"{job['kind']} {job['seed']}+{i}")
    return {**tally.found(), "reader": msgpack.Unpacker.__module__}


def one_of(kind: str) -> Callable[[random.Random, bytes], Verdict]:
    """What judges one mutation of a kind: of `data` where there is any, else of a small bundle."""
    originals = list(corpus.small().values())
    known = frozenset(originals)

    def judge(rng: random.Random, data: bytes) -> Verdict:
        start = data or rng.choice(originals)
        if kind == "structure":
            return judged(structured(start, rng))
        return judged(mutated(start, originals, rng), known)

    return judge


@contextmanager
def _reading(mapped: bool) -> Iterator[Callable[[bytes], Verdict]]:
    """What judges damage: a file mapped and verified, or bytes."""
    if not mapped:
        yield lambda data: judged(data, frozenset())
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"

        def read(data: bytes) -> Verdict:
            path.write_bytes(data)
            end = verdict(lambda: reader.read_bundle(path, mmap=True, verify=True))
            return Verdict(WRONG, "damage was not found") if end.kind == ACCEPTED else end

        yield read


def _same_header(*arguments: Any) -> Any:
    class Same(bytes):
        def __eq__(self, other: object) -> bool:
            return True

        def __ne__(self, other: object) -> bool:
            return False

        __hash__ = bytes.__hash__

    return Same()


PROTECTIONS: dict[str, Callable[[], list[Any]]] = {
    "crc": lambda: [mock.patch.object(reader, "_check_sums", return_value=None)],
    "canonical": lambda: [mock.patch.object(reader.fmt, "encode_header", _same_header)],
    "table": lambda: [mock.patch.object(reader.fmt, "check_table", return_value=None)],
}

CAMPAIGNS = (
    Campaign(
        "every bit",
        2,
        "five bundles of up to 8 KB, each bit flipped, cut at each length; read, and mapped",
        10_000_000,
        every_bit,
        {"crc": 10_000},
    ),
    Campaign(
        "large bundles",
        2,
        "every byte of header and framing of three, and up to 10,000 of each one's payload",
        10_000_000,
        large_ones,
        {"crc": 2000},
    ),
    Campaign(
        "mutated bytes",
        2,
        "bytes of bundles changed, removed, repeated, spliced, at random",
        200_000,
        partial(mutations, "bytes"),
        {"crc": 20_000},
    ),
    Campaign(
        "mutated structure",
        2,
        "spec, table, texts and numbers of bundles changed, with checksums repaired",
        100_000,
        partial(mutations, "structure"),
        {"canonical": 10_000, "table": 10_000},
    ),
    Campaign(
        "both readers",
        2,
        "the same mutations through msgpack's C reader and its Python one",
        40_000,
        both_readers,
        {"the same cases": 1_000},
    ),
)
