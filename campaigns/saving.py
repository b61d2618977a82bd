"""Saves killed at random moments, and many at once: the file is always an old one or a new one."""

from __future__ import annotations

import json
import os
import random
import signal
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from campaigns.batches import exit_code, forked, gathered, taken_out
from campaigns.children import in_child, verdict
from campaigns.table import Campaign, Result
from graphnet.bundle import writer
from graphnet.bundle.format import Contents, Tensor
from graphnet.bundle.reader import read_bundle

SIZES = {"2 KB": 2_000, "2 MB": 2_000_000, "64 MB": 64_000_000}
KILLS = 500
"""Of each size."""
WRITERS = READERS = 4
_SECONDS = 900
_SMALL = 10_000_000
"""Bytes up to which the next save is seen after every kill."""
_BATCH = 100


def killed_saves(size: int, cases: int, without: str | None) -> Result:
    """So many saves of a bundle of this size killed."""
    given = {"size": size, "without": without}
    jobs = [
        {**given, "kills": min(_BATCH, cases - start), "seed": start}
        for start in range(0, cases, _BATCH)
    ]
    return found_by("campaigns.saving:killed", *jobs)


def many_at_once(seconds: int, without: str | None) -> Result:
    """Writers and readers of one file for so many seconds; a case is a save or a reading."""
    return found_by("campaigns.saving:at_once", {"seconds": seconds, "without": without})


def found_by(function: str, *jobs: Mapping[str, Any]) -> Result:
    """What children find one after the other, whose memory is their own affair."""
    each = (in_child(function, job, memory=None, seconds=_SECONDS) for job in jobs)
    return gathered(each, None)


def contents(value: float, size: int) -> Contents:
    """A bundle of two tensors, all of whose numbers are `value`."""
    half = size // 8
    tensors = {n: Tensor("param", np.full(half, value, np.float32)) for n in ("a/W", "b/W")}
    return Contents(f'{{"value":{value}}}', tensors=tensors)


def killed(job: Mapping[str, Any]) -> dict[str, Any]:
    """What became of a file whose saves were killed so often."""
    rng, wrong = random.Random(job["seed"]), []
    both = [contents(value, job["size"]) for value in (1.0, 2.0)]
    allowed = [writer.encode(one) for one in both]
    with tempfile.TemporaryDirectory() as folder, taken_out(PROTECTIONS, job["without"]):
        target = Path(folder) / "m"
        started = time.perf_counter()
        for _ in range(3):
            writer.write_bundle(target, both[0])
        lasts = (time.perf_counter() - started) / 3
        ends = {"in a save": 0, "between two": 0}
        for i in range(job["kills"]):
            ready, go = os.pipe()
            child = forked(lambda go=go: _save_for_ever(target, both, go))
            os.read(ready, 1)
            time.sleep(rng.uniform(0, 3 * lasts))
            os.kill(child, signal.SIGKILL)
            exit_code(child)
            os.close(ready)
            os.close(go)
            ends["in a save" if os.listdir(folder) != ["m"] else "between two"] += 1
            if target.read_bytes() not in allowed:
                wrong.append(f"kill {i}: {verdict(lambda: read_bundle(target))}")
            if job["size"] <= _SMALL or i == job["kills"] - 1:
                writer.write_bundle(target, both[0])
                if left := [name for name in os.listdir(folder) if name != "m"]:
                    wrong.append(f"kill {i}: the next save left {', '.join(left)}")
    return {"ends": ends, "wrong": wrong}


def _save_for_ever(target: Path, both: list[Contents], go: int) -> None:
    i = 0
    os.write(go, b"1")
    while True:
        i += 1
        writer.write_bundle(target, both[i % 2])


def at_once(job: Mapping[str, Any]) -> dict[str, Any]:
    """What writers and readers of one file saw."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder, taken_out(PROTECTIONS, job["without"]):
        target = Path(folder) / "m"
        writer.write_bundle(target, contents(0.0, 200_000))
        end = time.monotonic() + job["seconds"]
        works = [partial(_write, target, float(i)) for i in range(WRITERS)]
        works += [partial(_read, target)] * READERS
        notes = [Path(f"{folder}.{i}") for i in range(len(works))]
        children = [
            forked(partial(_until, end, work, note))
            for work, note in zip(works, notes, strict=True)
        ]
        codes = [exit_code(child) for child in children]
        ends = {"saved": 0, "read": 0}
        for i, (note, code) in enumerate(zip(notes, codes, strict=True)):
            if code:
                wrong.append(f"a process ended with {code}")
                continue
            found = json.loads(note.read_text())
            note.unlink()
            ends["saved" if i < WRITERS else "read"] += found["done"]
            wrong += found["wrong"]
        if left := [name for name in os.listdir(folder) if name != "m"]:
            wrong.append(f"left behind: {', '.join(left)}")
    return {"ends": ends, "wrong": wrong[:100]}


def _write(target: Path, value: float) -> None:
    writer.write_bundle(target, contents(value, 200_000))


def _read(target: Path) -> None:
    found = read_bundle(target)
    for tensor in found.tensors.values():
        assert f'{{"value":{tensor.array[0]}}}' == found.spec
        assert (tensor.array == tensor.array[0]).all()


def _until(end: float, work: Callable[[], None], note: Path) -> None:
    done, wrong = 0, []
    while time.monotonic() < end:
        try:
            work()
        except Exception as e:  # noqa: BLE001 # told, whatever it is
            wrong.append(f"{work.func.__name__}: {type(e).__name__}: {e}")  # type: ignore[attr-defined]
        done += 1
    note.write_text(json.dumps({"done": done, "wrong": wrong[:20]}))


def _in_place(target: str, mode: int | None, pieces: Any) -> None:
    """Written over the file that is there."""
    with open(target, "wb", buffering=0) as file:
        for piece in pieces:
            for start in range(0, len(piece), 4096):
                file.write(piece[start : start + 4096])


PROTECTIONS: dict[str, Callable[[], list[Any]]] = {
    "rename": lambda: [mock.patch.object(writer, "_replace", _in_place)],
    "clean": lambda: [mock.patch.object(writer, "_clean", return_value=None)],
    "lock": lambda: [mock.patch.object(writer, "lock", return_value=True)],
}

CAMPAIGNS = (
    *(
        Campaign(
            f"killed saves of {name}",
            5,
            "saves ended by SIGKILL at random moments leave the old file or the new one",
            KILLS,
            partial(killed_saves, size),
            {"rename": 100, "clean": 100},
        )
        for name, size in SIZES.items()
    ),
    Campaign(
        "many at once",
        5,
        f"{WRITERS} processes save and {READERS} read one file for a minute",
        60,
        many_at_once,
        {"rename": 5, "lock": 5},
    ),
)
