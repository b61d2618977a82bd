"""Where rank 0 stands, brought to all others before the first step."""

from __future__ import annotations

import json

import numpy as np

from graphnet.bundle.model import canonical_json
from graphnet.distributed.world import World
from graphnet.training.checkpoint import position_of
from graphnet.training.loop import Trainer
from graphnet.training.resume import place
from graphnet.workspace import flat_views


def share(world: World, trainer: Trainer) -> None:
    """Put every rank's trainer where that of rank 0 is: position, history, weights, state,
    optimizer and the best epoch's network."""
    told = canonical_json(position_of(trainer)).encode() if world.rank == 0 else None
    run = json.loads(world.broadcast(told))
    best = run.get("best")
    live = {**trainer.net.params, **trainer.net.state}
    _share_parameters(world, trainer)
    arrays = [*trainer.net.state.values(), *trainer.optimizer.flat.values()]
    kept = {}
    if best is not None and trainer.best is not None:
        kept = trainer.best.arrays or {name: np.empty_like(array) for name, array in live.items()}
    for array in (*arrays, *kept.values()):
        world.broadcast_into(array)
    if world.rank:
        place(run, trainer)
        if kept and trainer.best is not None:
            trainer.best.resume(best, kept)


def _share_parameters(world: World, trainer: Trainer) -> None:
    """In one broadcast, wherever they lie: those of a file have its bytes between them."""
    flat, parts = flat_views(trainer.net.engine.params, trainer.net.engine.dtype)
    for name, array in trainer.net.params.items():
        np.copyto(parts[name], array)
    world.broadcast_into(flat)
    for name, array in trainer.net.params.items():
        np.copyto(array, parts[name])
