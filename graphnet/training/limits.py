"""Whether what a recipe asks for can be had: shards for all ranks, memory for a step."""

from __future__ import annotations

from graphnet.errors import SpecError, clipped
from graphnet.memory import require
from graphnet.network import Network
from graphnet.plan import Plan
from graphnet.spec.reader import Resolved


def check_ranks(net: Network, ranks: int) -> None:
    """Whether each of so many ranks gets a shard of a batch.

    Errors: SpecError that says how to get more shards.
    """
    assert net.spec.train is not None
    size = net.spec.train.batch_size
    shards = Plan(net.graph).shards(size)
    if ranks > shards:
        way = f"--set train.shards={ranks}"
        if ranks > size:
            way += f" with a train.batch_size of {ranks} or more"
        what = f"{ranks} ranks, but a batch of {size:,} has {shards} shard{'s' * (shards > 1)}"
        text = f"{what}: run at most {shards}, or write more shards into the spec, as {way}"
        raise SpecError(clipped(f"{net.spec.name}: {text}"))


def check_memory(
    graph: Resolved, samples: int, memory: int | None = None, ranks: int = 1, here: int = 1
) -> None:
    """Whether a training step of so many samples, or of a whole batch if that is less, fits into
    memory.

    ranks: that share it; here: how many of them share this machine's memory.
    Errors: SpecLimitError.
    """
    assert graph.spec.train is not None
    size = min(graph.spec.train.batch_size, samples)
    what = f"{graph.spec.name}: a training step of batch {size:,}"
    if here > 1:
        what += f" on {here} ranks of this host"
    remedy = "a smaller train.batch_size" if size > 1 else ""
    require(here * Plan(graph).step_bytes(size, ranks), what, memory, remedy)
