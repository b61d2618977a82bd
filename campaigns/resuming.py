"""Runs killed at random moments and gone on with until done: the bundle has the bytes of a run that
nobody touched, for each optimizer with each schedule, with batch norm, dropout, augmentation.
"""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from campaigns.batches import exit_code, forked, gathered, outcomes, taken_out
from campaigns.children import verdict
from campaigns.runs import OPTIMIZERS, SCHEDULES, network, pictures, values, whole
from campaigns.table import Campaign, Result
from graphnet.bundle.reader import read_bundle
from graphnet.training import checkpoint, keeping, resume
from graphnet.training.fitting import fit

KILLS = 50
"""Of each optimizer with each schedule."""
_SECONDS = 300
_BEGUN = {"m", "m.checkpoint", "m.checkpoint.previous", ".m.lock"}


def run(cases: int, without: str | None) -> Result:
    """So many kills, spread over all optimizers with all schedules."""
    pairs = [(o, s) for o in OPTIMIZERS for s in SCHEDULES]
    kills = -(-cases // len(pairs))
    chosen = pairs if cases >= len(pairs) else pairs[:: len(pairs) // cases]
    jobs = [
        {"optimizer": o, "schedule": s, "kills": kills, "seed": i, "without": without}
        for i, (o, s) in enumerate(chosen)
    ]
    found = outcomes("campaigns.resuming:killed", jobs, memory=None, seconds=_SECONDS)
    return gathered(found, None)


def killed(job: dict[str, Any]) -> dict[str, Any]:
    """What became of one kind of run that is killed so often; each process is a fork of this one,
    which has imported all and started no thread."""
    spec = values(
        optimizer=OPTIMIZERS[job["optimizer"]],
        schedule=SCHEDULES[job["schedule"]],
        early_stopping={"monitor": "test_accuracy", "patience": 9},
    )
    rng, wrong, ends = random.Random(job["seed"]), [], {"killed": 0, "finished": 0}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "m"
        start = time.perf_counter()
        _run(lambda: (out.parent / "whole").write_bytes(whole(spec, pictures())))
        lasts = 2 * (time.perf_counter() - start)
        expected = (out.parent / "whole").read_bytes()
        (out.parent / "whole").unlink()
        going_on = False
        while ends["killed"] < job["kills"] or not ends["finished"] or going_on:
            moment = rng.uniform(0, lasts) if ends["killed"] < job["kills"] else None
            with taken_out(PROTECTIONS, job["without"]):
                code = _run(lambda g=going_on: _train(spec, out, g), moment)
            if code == -signal.SIGKILL:
                ends["killed"] += 1
                wrong += _seen(out)
            elif code == 0:
                ends["finished"] += 1
                if out.read_bytes() != expected:
                    wrong.append("the bundle has other bytes than that of the whole run")
                if left := sorted(set(os.listdir(folder)) - {"m"}):
                    wrong.append(f"left behind: {', '.join(left)}")
                out.unlink()
            else:
                wrong.append(f"the run ended with {code}")
            if wrong and code != -signal.SIGKILL:
                for name in os.listdir(folder):
                    os.unlink(out.parent / name)
            going_on = os.path.exists(f"{out}.checkpoint")
            if len(wrong) > 20:
                break
    name = f"{job['optimizer']} with {job['schedule']}"
    return {"ends": ends, "wrong": [f"{name}: {line}" for line in wrong]}


def _seen(out: Path) -> list[str]:
    """What is wrong with the files that a killed run has left."""
    found = []
    for path in (out, Path(f"{out}.checkpoint"), Path(f"{out}.checkpoint.previous")):
        if path.exists() and (said := verdict(lambda p=path: read_bundle(p)).said):
            found.append(said)
    strange = [n for n in os.listdir(out.parent) if n not in _BEGUN and not n.endswith(".tmp")]
    return found + [f"a file called {name}" for name in strange]


def _train(spec: dict[str, Any], out: Path, going_on: bool) -> None:
    run = fit(network(spec), pictures(), threads=1, out=out, checkpoint_every=0, resume=going_on)
    for _ in run:
        pass


def _run(work: Callable[[], Any], seconds: float | None = None) -> int:
    """The exit code of a fork that does the work, or is killed after so many seconds."""
    child = forked(work)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return exit_code(child)


def _in_place(path: Any, trainer: Any) -> int:
    """A checkpoint written over the one that is there."""
    from graphnet.bundle.writer import encode

    data = encode(checkpoint.checkpoint_of(trainer))
    with open(path, "wb", buffering=0) as file:
        for start in range(0, len(data), 512):
            file.write(data[start : start + 512])
            time.sleep(0.001)  # so that most kills meet it
    return len(data)


def _forgetful(forget: Callable[[Any], None]) -> Callable[..., None]:
    whole_resume = resume.resume

    def resume_but(path: Any, trainer: Any) -> None:
        whole_resume(path, trainer)
        forget(trainer)

    return resume_but


def _clear_optimizer(trainer: Any) -> None:
    for array in trainer.optimizer.flat.values():
        array.fill(0)


def _forget_step(trainer: Any) -> None:
    trainer.position = (trainer.position[0], 0)


PROTECTIONS: dict[str, Callable[[], list[Any]]] = {
    "rename": lambda: [mock.patch.object(keeping, "save_checkpoint", _in_place)],
    "optimizer": lambda: [mock.patch.object(keeping, "resume", _forgetful(_clear_optimizer))],
    "step": lambda: [mock.patch.object(keeping, "resume", _forgetful(_forget_step))],
}

CAMPAIGNS = (
    Campaign(
        "resumed runs",
        6,
        "training killed with SIGKILL at random moments and gone on with until it is done",
        KILLS * len(OPTIMIZERS) * len(SCHEDULES),
        run,
        {"rename": 400, "optimizer": 400, "step": 400},
    ),
)
