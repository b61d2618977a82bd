"""What is measured in a process of its own, or in two ranks: each job prints its figures as JSON.

python -m benchmarks.scaling.jobs '{"job": "shard", "net": "mnist_cnn", "samples": 50}'
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from benchmarks.scaling import nets
from graphnet.blas import one_thread
from graphnet.builder import build
from graphnet.crew import Crew
from graphnet.distributed.ranks import MpiRanks
from graphnet.distributed.world import World
from graphnet.engine import Engine
from graphnet.layers.base import Array
from graphnet.network import Network
from graphnet.optimizers import optimizer_for
from graphnet.plan import Plan
from graphnet.spec.reader import parse_spec
from graphnet.training.loop import Trainer
from graphnet.training.ranks import Ranks
from graphnet.training.update import PIECE, Update

T = TypeVar("T")
SECONDS = 1.0
"""That a figure is measured for, if its rounds are not done before."""
ROUNDS = (3, 60)
"""The least and the most of them."""
MEMORY = 1 << 50
"""Bytes: what all shards of a batch would take together, which no rank holds, is no matter here."""
ENOUGH = 5.0
"""Seconds after which fewer rounds do: single steps may take as long."""


class Pretended(Ranks):
    """Rank 0 of so many, of which there is no other: what one rank computes, and no exchange."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.meetings = 0
        self.nbytes = 0

    def share(self, items: int) -> range:
        return range(-(-items // self.size))

    def numbers(self, mine: Sequence[Sequence[float]], items: int, width: int) -> list[list[float]]:
        return [list(mine[i % len(mine)]) for i in range(items)]

    def arrays(
        self, mine: Sequence[Sequence[Array]], items: int, like: Sequence[Array]
    ) -> list[Sequence[Array]]:
        self.meetings += 1
        self.nbytes += sum(array.nbytes for array in like)
        # As they come out of a message: those of all items side by side.
        every = np.arange(items) % len(mine)
        return [list(np.stack([one[k] for one in mine])[every]) for k in range(len(like))]


def rounds(a_round: Callable[[], float]) -> list[float]:
    """What some rounds took that time themselves, after one that is not kept."""
    a_round()
    found: list[float] = []
    least, most = ROUNDS
    while len(found) < least or (sum(found) < SECONDS and len(found) < most):
        if sum(found) > ENOUGH:
            break
        found.append(a_round())
    return found


def computing(work: Callable[[], object]) -> float:
    """Seconds of one core, by all threads of this process: a rank has one core. The median."""

    def a_round() -> float:
        begin = time.process_time()
        work()
        return time.process_time() - begin

    return statistics.median(rounds(a_round))


def steps(net: Network, ranks: Ranks | None = None) -> float:
    """Seconds of a step on one thread, batches made ready and parameters moved."""
    assert net.spec.train is not None
    size = net.spec.train.batch_size
    a_round = 1 if size > 1000 or net.engine.flat_grads.size > 1e7 else 10
    order = np.arange(a_round * size) % nets.SAMPLES
    with Trainer(net, nets.dataset(net), threads=1, ranks=ranks, memory=MEMORY) as trainer:
        return computing(lambda: list(trainer.steps(order))) / a_round


def shard(name: str, samples: int) -> dict[str, float]:
    """A step of one shard of so many samples."""
    return {"step": steps(nets.network(name, samples, 1))}


def rank(name: str, batch: int | None, shards: int | None, size: int) -> dict[str, float]:
    """What one of `size` ranks computes in a step, exchange and waiting left out; its meetings
    with the others, and the bytes of a shard in all of them."""
    net = nets.network(name, batch, shards)
    ranks = Pretended(size) if size > 1 else Ranks()
    found = {"step": steps(net, ranks)}
    if isinstance(ranks, Pretended) and ranks.meetings:
        once = Pretended(size)
        with Trainer(net, nets.dataset(net), threads=1, ranks=once, memory=MEMORY) as trainer:
            list(trainer.steps(np.arange(net.spec.train.batch_size) % nets.SAMPLES))
        found |= {"meetings": once.meetings, "meeting_bytes": once.nbytes}
    return found


def whole(name: str) -> dict[str, float]:
    """What every rank does with all gradients: it moves the parameters; and adds two of them."""
    net = nets.network(name)
    assert net.spec.train is not None
    update = Update(net.engine, optimizer_for(net.spec.train.optimizer, net.params), Crew(1))
    grads, others = net.engine.flat_grads, np.zeros_like(net.engine.flat_grads)
    grads.fill(0)

    def add() -> None:
        for at in range(0, len(grads), PIECE):
            np.add(grads[at : at + PIECE], others[at : at + PIECE], out=grads[at : at + PIECE])

    with one_thread():
        moved, added = computing(lambda: update([grads])), computing(add)
    return {
        "parameters": sum(array.size for array in net.params.values()),
        "nbytes": grads.nbytes,
        "batch": net.spec.train.batch_size,
        "shards": shards_of(net),
        "update": moved,
        "add": added,
    }


def shards_of(net: Network) -> int:
    """How many shards a batch of the spec has."""
    assert net.spec.train is not None
    return Plan(net.graph).shards(net.spec.train.batch_size)


def exchange(sizes: Sequence[int], reduce: str) -> dict[str, Any]:
    """Seconds in which the gradients of so many bytes of all ranks are added: the slowest rank's,
    in the best of some rounds."""
    world = World()
    ranks, crew = MpiRanks(world, reduce), Crew(1)

    def time_of(nbytes: int) -> list[float]:
        engine = engine_of(nbytes)
        sums, grads = ranks.sums(engine, crew), [engine.flat_grads]
        grads[0].fill(0)

        def work() -> None:
            sums.begin(grads)
            sums.end(grads, world.size)

        return [grads[0].nbytes, min(together(world, work, time.perf_counter))]

    return {"times": [time_of(nbytes) for nbytes in sizes]}


def together(world: World, work: Callable[[], object], clock: Callable[[], float]) -> list[float]:
    """Rounds that all ranks begin at once; of each, the slowest rank's time."""

    def a_round() -> float:
        world.gather(b"")
        begin = clock()
        work()
        mine = np.float64(clock() - begin).tobytes()
        return float(max(np.frombuffer(b"".join(world.gather(mine)))))

    return rounds(a_round)


def engine_of(nbytes: int) -> Engine:
    """The engine of a network with about so many bytes of gradients, in eight layers."""
    layers = 1 if nbytes < 1 << 16 else 8
    width = max(1, round((nbytes / 4 / layers) ** 0.5))
    nodes = [{"id": f"affine{i}", "type": "Affine", "units": width} for i in range(layers)]
    spec = {
        "format": 1,
        "name": "wide",
        "inputs": {"x": {"shape": [width]}},
        "nodes": nodes,
        "edges": [["x", *(node["id"] for node in nodes)]],
        "loss": {"type": "MeanSquaredError"},
        "train": {"epochs": 1},
    }
    return build(parse_spec(json.dumps(spec)), seed=0).engine


def share(name: str, shards: int, reduce: str) -> dict[str, float]:
    """A step that all ranks of this job take together, each on one thread: the slowest rank's."""
    world = World()
    net = nets.network(name, shards=shards)
    size = net.spec.train.batch_size
    a_round = 1 if net.engine.flat_grads.size > 1e7 else 10
    order = np.arange(a_round * size) % nets.SAMPLES
    ranks = MpiRanks(world, reduce)
    with Trainer(net, nets.dataset(net), threads=1, ranks=ranks, memory=MEMORY) as trainer:
        work = lambda: list(trainer.steps(order))  # noqa: E731
        return {"step": min(together(world, work, time.perf_counter)) / a_round}


def busy(name: str, shards: int, size: int) -> dict[str, float]:
    """As `rank`, while the other ranks of this job do the same: they share caches and memory."""
    world = World()
    net = nets.network(name, shards=shards)
    a_round = 1 if net.engine.flat_grads.size > 1e7 else 10
    order = np.arange(a_round * net.spec.train.batch_size) % nets.SAMPLES
    with Trainer(
        net, nets.dataset(net), threads=1, ranks=Pretended(size), memory=MEMORY
    ) as trainer:
        work = lambda: list(trainer.steps(order))  # noqa: E731
        return {"step": statistics.median(together(world, work, time.process_time)) / a_round}


JOBS = {work.__name__: work for work in (shard, rank, whole, exchange, share, busy)}


def main() -> None:
    options = json.loads(sys.argv[1])
    found = JOBS[options.pop("job")](**options)
    from_rank = sys.modules.get("mpi4py.MPI")
    if from_rank is None or from_rank.COMM_WORLD.rank == 0:
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
