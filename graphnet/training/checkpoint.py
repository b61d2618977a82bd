"""A run that is not finished, as a bundle that holds all that going on needs."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from graphnet.bundle.format import Contents, Tensor
from graphnet.bundle.model import canonical_json, contents_of
from graphnet.bundle.writer import write_bundle
from graphnet.training.loop import Trainer

Path = str | os.PathLike[str]


def save_checkpoint(path: Path, trainer: Trainer) -> int:
    """Write the network, the optimizer's arrays, where the run is, the data's fingerprints, and
    with early stopping the network of the best epoch. The size of the file.

    Errors: SaveError, BundleLimitError.
    """
    return write_bundle(path, checkpoint_of(trainer))


def checkpoint_of(trainer: Trainer) -> Contents:
    """What a checkpoint of this run holds, between two steps."""
    contents = contents_of(trainer.net)
    tensors = {**contents.tensors, **tensors_of(trainer)}
    return replace(contents, train=canonical_json(position_of(trainer)), tensors=tensors)


def position_of(trainer: Trainer) -> dict[str, Any]:
    """Where a run is, in plain values."""
    epoch, step = trainer.position
    found: dict[str, Any] = {
        "history": trainer.net.history,
        "epochs": trainer.epochs,
        "epoch": epoch,
        "step": step,
        "loss_sum": trainer.loss_sum,
        "optimizer": {"steps": trainer.optimizer.steps},
        "data": trainer.fingerprints,
    }
    if trainer.best is not None and trainer.best.epoch:
        found["best"] = trainer.best.numbers()
    return found


def of_optimizer(name: str) -> str:
    """What a slot of the optimizer is called: no node's id has a dot in it."""
    return f"optimizer.{name}"


def of_best(name: str) -> str:
    """What an array of the best epoch's network is called."""
    return f"best.{name}"


def tensors_of(trainer: Trainer) -> dict[str, Tensor]:
    """The arrays of a run beside those of its network."""
    state = trainer.optimizer.state.items()
    found = {of_optimizer(name): Tensor("optimizer", array) for name, array in state}
    if trainer.best is not None and trainer.best.epoch:
        found |= {of_best(n): Tensor("best", a) for n, a in trainer.best.arrays.items()}
    return found
