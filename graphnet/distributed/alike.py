"""What must be the same on every rank, and what tells that it is not."""

from __future__ import annotations

import hashlib
import json
import platform
import zlib
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np

import graphnet
from graphnet.bundle.model import contents_of
from graphnet.distributed.world import World
from graphnet.errors import RankError, clipped, quoted
from graphnet.training.loop import Trainer
from graphnet.training.resume import differences

Reduce = Literal["tree", "fast"]
"""How gradients are added: in the order of the shards, the same bits for any number of ranks; or
as MPI does it, while the backward pass still runs."""
_SHOWN = 3


def check_alike(world: World, trainer: Trainer, reduce: Reduce) -> None:
    """Whether all ranks have rank 0's versions, spec and data.

    Errors: RankError that names the first one which has not, and what differs.
    """
    mine = facts(trainer, reduce)
    everybody = [json.loads(one) for one in world.gather(json.dumps(mine).encode())]
    spec = contents_of(trainer.net).spec
    first = world.broadcast(spec.encode() if world.rank == 0 else None).decode()
    changes = list(differences(json.loads(first), json.loads(spec)))[:_SHOWN]
    specs = world.gather("; ".join(changes).encode())
    for i, other in enumerate(everybody):
        for what in everybody[0] | other:
            value, wanted = other.get(what, "none"), everybody[0].get(what, "none")
            if value != wanted and not specs[i]:
                text = f"its {what} is {quoted(value, 80)}, that of rank 0 {quoted(wanted, 80)}"
                raise RankError(clipped(f"{world.names[i]}: {text}: ranks must be alike"))
        if specs[i]:
            text = f"its spec is another than that of rank 0: {specs[i].decode()}"
            raise RankError(clipped(f"{world.names[i]}: {text}"))


def facts(trainer: Trainer, reduce: Reduce) -> dict[str, str]:
    """What the numbers of a run depend on beside its spec."""
    contents = contents_of(trainer.net)
    found = {
        "graphnet": f"{graphnet.__version__} ({_code()})",
        "numpy": np.__version__,
        "Python": ".".join(platform.python_version_tuple()[:2]),
        "way of adding (--reduce)": reduce,
        "fit to the data": hashlib.sha256((contents.prepare or "").encode()).hexdigest()[:16],
        "record of norms": str(trainer.records_norms),
    }
    parts = {f"{part} data": text[:16] for part, text in trainer.fingerprints.items()}
    return found | parts


def check_together(world: World, trainer: Trainer) -> None:
    """Whether all ranks have the same network.

    Errors: RankError: processors of other kinds may round otherwise, or memory is broken.
    """
    net = trainer.net
    arrays = {**net.params, **net.state, **trainer.optimizer.state}
    mine = 0
    for array in arrays.values():
        mine = zlib.crc32(np.ascontiguousarray(array).data, mine)
    sums = world.gather(mine.to_bytes(4, "big"))
    for i, other in enumerate(sums):
        if other != sums[0]:
            what = "its weights are no longer those of rank 0: do the hosts' processors differ?"
            raise RankError(clipped(f"{world.names[i]}: {what}"))


@cache
def _code() -> str:
    """A checksum over the package's own code: a version says little of a checkout."""
    digest = hashlib.sha256()
    root = Path(__file__).parent.parent
    for path in sorted(root.rglob("*.py"), key=lambda path: path.relative_to(root).as_posix()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
