"""Files and specs that ask for far more than they are: each ends soon, in one error of ours, with
little memory; or is a good one that is merely large.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from campaigns.batches import alone, taken_out
from campaigns.bomb_bundles import BUNDLES
from campaigns.bomb_specs import SPECS
from campaigns.children import verdict
from campaigns.limits import PROTECTIONS, SECONDS
from campaigns.table import Campaign, Result
from graphnet.builder import build
from graphnet.bundle.model import load
from graphnet.plan import Plan
from graphnet.spec.reader import parse_spec, resolve
from graphnet.training.limits import check_memory

BOMBS = {**SPECS, **BUNDLES}


def tried(job: Mapping[str, Any]) -> dict[str, Any]:
    """How one bomb ended in this process."""
    given = job["path"] or job["text"]
    with taken_out(PROTECTIONS, job["without"]):
        start = time.perf_counter()
        end = verdict(lambda: _opened(given, is_path=job["path"] is not None, mapped=job["mapped"]))
        return {"kind": end.kind, "said": end.said, "seconds": time.perf_counter() - start}


def _opened(given: str, *, is_path: bool, mapped: bool) -> None:
    if is_path:
        load(given, mmap=mapped, verify=mapped)
        return
    spec = parse_spec(given)
    plan = Plan(resolve(spec))
    if spec.train is not None:
        check_memory(plan.graph, spec.train.batch_size)
    build(spec)


def set_off(cases: int, without: str | None) -> Result:
    """The first so many bombs, or all; those that are files, read and mapped."""
    result = Result()
    jobs = [(name, mapped) for name in BOMBS for mapped in (False, True)][: 2 * cases]
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        for name, kind, said in pool.map(lambda job: _set_off(*job, without), jobs):
            if kind:
                result.count(kind)
            if said:
                result.blame(f"{name}: {said}")
    return result


def _set_off(name: str, mapped: bool, without: str | None) -> tuple[str, str, str]:
    """Its name, how it ended, and what was wrong; nothing of both for a spec, which nobody maps."""
    with tempfile.TemporaryDirectory() as folder:
        made = BOMBS[name].make(Path(folder))
        job: dict[str, Any] = {"mapped": mapped, "without": without}
        if isinstance(made, Path):
            job |= {"path": str(made), "text": None}
            size = made.stat().st_blocks * 512 if made.is_file() else 0
        elif mapped:
            return name, "", ""
        else:
            text = made if isinstance(made, str) else json.dumps(made)
            job, size = {**job, "path": None, "text": text}, len(text)
        return name, *alone("campaigns.bombs:tried", job, size, SECONDS, BOMBS[name].ends)


CAMPAIGNS = (
    Campaign(
        "bombs",
        4,
        "files and specs that ask for far more than they are, a child each",
        len(BOMBS),
        set_off,
        {"plan": len(BOMBS), "sizes": len(BOMBS)},
    ),
)
