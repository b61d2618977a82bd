"""Damaged and hostile data end in one error that names the file, or are read."""

import sys

import pytest

from campaigns import overflows, samples
from campaigns.originals import originals
from campaigns.samples import OPENERS, batch, bytes_of_each, damaged, each_byte, mutations

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux holds a child to its memory"
)
SOME = [
    *("a gigabyte of zeros in gzip", "80 bytes of .npy that ask for 32 GiB", "a .npy of objects"),
    *("a .npz that lies about its size", "a million columns", "a stream that ends early"),
    *("pixels of a gigabyte", "5,000 scans", "an ONNX of brackets"),
]


@pytest.mark.parametrize("kind", OPENERS)
def test_sound_files_are_read(kind, tmp_path):
    for data in originals(kind):
        path = tmp_path / OPENERS[kind][0]
        assert samples.judged(kind, path, data).kind == "accepted"


def test_random_damage_ends_in_our_errors():
    result = mutations(4_000, None)
    assert result.wrong == []
    assert result.cases >= 3_900
    assert {"accepted", "DatasetError", "ImageError", "ExchangeError"} <= set(result.verdicts)


def test_damage_to_each_byte_ends_in_our_errors():
    result = bytes_of_each(2_500, None)
    assert result.wrong == []
    assert result.cases > 1_000


def test_every_cut_and_every_bit_is_among_them():
    (data,) = originals("labels")
    found = set(each_byte("labels"))
    assert {data[:i] for i in range(len(data))} <= found
    for i in range(len(data)):
        for bit in range(8):
            assert data[:i] + bytes([data[i] ^ 1 << bit]) + data[i + 1 :] in found


def test_chunks_of_a_png_keep_their_checksums():
    import zlib
    from random import Random

    for seed in range(50):
        data = damaged("png chunks", Random(seed))
        at = 8
        while at < len(data):
            length = int.from_bytes(data[at : at + 4], "big")
            body = data[at + 4 : at + 8 + length]
            crc = data[at + 8 + length : at + 12 + length]
            assert zlib.crc32(body).to_bytes(4, "big") == crc
            at += 12 + length


def test_without_its_errors_damage_is_foreign():
    job = {"kind": "npz", "seed": 0, "cases": 300, "systematic": False, "without": "errors"}
    assert any("foreign" in line for line in batch(job)["wrong"])
    assert batch({**job, "without": None})["wrong"] == []


def test_what_asks_for_too_much_costs_little(monkeypatch):
    chosen = {name: overflows.OVERFLOWS[name] for name in SOME}
    monkeypatch.setattr(overflows, "OVERFLOWS", chosen)
    assert overflows.overflowed(len(SOME), None).wrong == []


@pytest.mark.parametrize(
    ("without", "name"),
    [("walk", "a stream that ends early"), ("bounds", "a .npz of a gigabyte")],
)
def test_without_its_bound_it_is_read_or_fills_the_memory(monkeypatch, without, name):
    monkeypatch.setattr(overflows, "OVERFLOWS", {name: overflows.OVERFLOWS[name]})
    assert overflows.overflowed(1, without).faults
    assert overflows.overflowed(1, None).faults == 0
