"""Mutations that follow what they reach in the reader: those that run code that none ran before are
changed further. By atheris (libFuzzer), which has wheels for Linux and macOS.
"""

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from campaigns.children import ROOT
from campaigns.table import Result

BATCH = 25_000
_MEGABYTES = 700
_SECONDS_A_CASE = 10
_SECONDS = 900


def is_there() -> bool:
    """Whether atheris is installed."""
    return importlib.util.find_spec("atheris") is not None


def guided(kind: str, cases: int) -> Result:
    """So many mutations of a kind, in processes of their own, two at a time."""
    jobs = [(kind, start, min(BATCH, cases - start)) for start in range(0, cases, BATCH)]
    result = Result()
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for found in pool.map(_fuzzed, jobs):
            for end, number in found["ends"].items():
                result.count(end, number)
            for line in found["wrong"]:
                result.blame(line)
    return result


def _fuzzed(job: tuple[str, int, int]) -> dict[str, Any]:
    kind, seed, cases = job
    with tempfile.TemporaryDirectory() as folder:
        note = Path(folder) / "found.json"
        job_text = json.dumps({"kind": kind, "seed": seed, "cases": cases, "note": str(note)})
        done = subprocess.run(
            [sys.executable, "-m", "campaigns.guided", job_text],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if not note.exists():
            said = f"the fuzzer ended with {done.returncode}: {done.stderr[-500:]}"
            return {"ends": {"broken": 1}, "wrong": [said]}
        found: dict[str, Any] = json.loads(note.read_text())
        return found


def _main(text: str) -> None:
    import atheris

    with atheris.instrument_imports(include=["graphnet.bundle", "graphnet.spec"]):
        from campaigns import corpus
        from campaigns.batches import Tally
        from campaigns.bundles import judged
        from campaigns.mutations import mutated, structured

    job = json.loads(text)
    originals = list(corpus.small().values())
    known = frozenset(originals)
    inputs = Path("inputs")
    inputs.mkdir()
    for i, data in enumerate(originals):
        (inputs / str(i)).write_bytes(data)
    tally, done = Tally(), 0

    def change(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(f"{job['seed']} {seed}")
        # What led further is changed further; but one change of a sound bundle is the likeliest.
        start = rng.choice(originals) if rng.random() < 0.5 else bytes(data)
        found = (
            structured(start, rng) if job["kind"] == "structure" else mutated(start, originals, rng)
        )
        return found[:most]

    def judge(data: bytes) -> None:
        nonlocal done
        if done == job["cases"]:
            return
        end = judged(data, known if job["kind"] == "bytes" else None)
        tally.count(end, f"guided {job['kind']}: {data[:2000].hex()}")
        done += 1
        if done == job["cases"]:
            Path(job["note"]).write_text(json.dumps(tally.found()))

    options = {
        "runs": job["cases"] + 2 * len(originals) + 10,
        "seed": job["seed"] + 1,
        "max_len": 64 * 1024,
        "len_control": 0,
        "rss_limit_mb": _MEGABYTES,
        "timeout": _SECONDS_A_CASE,
        "verbosity": 0,
    }
    words = [sys.argv[0], *(f"-{name}={value}" for name, value in options.items()), str(inputs)]
    atheris.Setup(words, judge, custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    _main(sys.argv[1])
