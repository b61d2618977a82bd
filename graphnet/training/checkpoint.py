"""A run that was stopped, as a bundle that holds all that going on needs."""

from __future__ import annotations

import os
from dataclasses import replace

from graphnet.bundle.format import Tensor
from graphnet.bundle.model import canonical_json, contents_of
from graphnet.bundle.writer import write_bundle
from graphnet.training.loop import Trainer


def save_checkpoint(path: str | os.PathLike[str], trainer: Trainer) -> int:
    """Write the network, the optimizer's arrays, the position, the data's fingerprint, and with
    early stopping the network of the best epoch.

    Errors: SaveError, BundleLimitError.
    """
    contents = contents_of(trainer.net)
    epoch, step = trainer.position
    train = {
        "history": trainer.net.history,
        "epoch": epoch,
        "step": step,
        "loss_sum": trainer.loss_sum,
        "data": trainer.train.fingerprint(),
    }
    state = {
        f"optimizer/{name}": Tensor("optimizer", array)
        for name, array in trainer.optimizer.state.items()
    }
    if trainer.best is not None and trainer.best.epoch:
        train["best"] = trainer.best.numbers()
        state |= {f"best/{n}": Tensor("best", a) for n, a in trainer.best.arrays.items()}
    return write_bundle(
        path,
        replace(contents, train=canonical_json(train), tensors={**contents.tensors, **state}),
    )
