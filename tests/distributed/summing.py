"""Run by ranks: the exchanges give each rank the sum of all shards, for many numbers of shards."""

import sys

import numpy as np

from graphnet.builder import build
from graphnet.crew import Crew
from graphnet.distributed.exchange import TreeSums
from graphnet.distributed.overlap import BucketSums
from graphnet.distributed.world import World
from graphnet.randomness import generator
from graphnet.spec.reader import read_spec
from graphnet.training.shards import joined
from graphnet.training.tree import share_of


def wanted(engine, shards):
    """The gradients of all shards, and their sum in the order of the tree."""
    size = engine.flat_grads.size
    grads = [generator(1, "grads", i).normal(size=size).astype(np.float32) for i in range(shards)]
    return grads, joined([grad.copy() for grad in grads], lambda a, b: np.add(a, b, out=a))


world = World()
engine = build(read_spec(sys.argv[1])).engine
found = []
for shards in (1, 2, 3, 4, 5, 6, 7, 8, 12, 16):
    grads, whole = wanted(engine, shards)
    mine = [grads[i].copy() for i in share_of(shards, world.rank, world.size)]
    own = mine or [np.full_like(whole, 7)]
    tree = TreeSums(world, engine, Crew(1))
    tree.begin(mine)
    (total,) = tree.end(own, shards)
    assert total.tobytes() == whole.tobytes(), shards

    mine = [grads[i].copy() for i in share_of(shards, world.rank, world.size)]
    own = mine or [np.full_like(whole, 7)]
    fast = BucketSums(world, engine)
    fast.begin(mine)
    if mine:
        for node in reversed(engine.layers):
            for i in range(len(mine)):
                fast.done(i, node)
    (total,) = fast.end(own, shards)
    np.testing.assert_allclose(total, whole, rtol=1e-5, atol=1e-5)
    found.append(shards)
sys.stdout.write(f"{world.rank} {found}\n")
