"""What a network will need, known from the spec before any number exists."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from graphnet.arena import Layout
from graphnet.layers.base import Buffer
from graphnet.rearrange import rearranged
from graphnet.schedule import Schedule, ancestors, trained
from graphnet.spec.reader import Resolved

PIECE_BYTES = 4 * 2**20
"""What a prediction computes in at a time, of all that crosses from one phase to the next."""
MOST_PIECE = 1000
"""Samples of a piece, where each of them is small."""
SHARD_FLOPS = 40_000_000
"""Work that makes a shard worth a thread: some 0.4 ms of one core, ten times a hand-over."""
FLOPS_A_SUM = 200
"""Work for each number that is added where shards' gradients are joined: adding one takes as
long as some 40 operations of a product, and the shards should not live for their sums."""
SHARD_SAMPLES = 32
"""Samples of a shard: with fewer, products of matrices are slow, and each shard has gradients of
its own to be added. With batches of 64, eight shards took 1.3 times as long as two."""
TWO_SHARDS = 32
"""Samples that are shared by two already: one shard leaves every other thread without work."""
MOST_SHARDS = 8
AHEAD_BYTES = 4 * 1024 * 1024
"""Batches that are made ready at a time: enough that handing over costs little, few enough that
they are in cache when they are used."""
MOST_AHEAD = 16


class Cost(NamedTuple):
    """One node: parameters (count), flops a sample (forward; backward of a training step), bytes a
    sample of the buffers that a training step computes in, and bytes for any number of them."""

    parameters: int
    forward: int
    backward: int
    nbytes: int
    fixed: int = 0


class Plan:
    """Which nodes a pass runs, which gradients it needs, and what both cost.

    needed: the nodes that the losses depend on, or the outputs without one. trained: the names
    that depend on a parameter; no other needs a gradient to train. forks: the names that more than
    one edge leaves.

    A graph without a loss is not trained: its cost is that of `forward` and `backward` over all
    of it.
    """

    def __init__(self, graph: Resolved) -> None:
        self.graph = graph
        self.computed = rearranged(graph)
        judged = [objective.on for objective in graph.objectives]
        self.needed = ancestors(graph.wiring.sources, judged or graph.wiring.outputs)
        self.trained = trained(graph)
        self.forks = self._forks()

    def wants(self, node_id: str) -> tuple[bool, ...]:
        """For each port of a node, whether training needs the gradient that leaves there."""
        return tuple(name in self.trained for name in self.graph.wiring.sources[node_id])

    def cost(self, node_id: str) -> Cost:
        """What one node costs."""
        node, out = self.graph.nodes[node_id], self.graph.shapes[node_id]
        arriving = self.graph.arriving(node_id)
        flops = node.flops(out, *arriving)
        parameters = 0
        if node.share is None:
            parameters = sum(math.prod(p.shape) for p in node.parameters(*arriving).values())
        whole = not self.graph.objectives
        if not (whole or node_id in self.needed):
            return Cost(parameters, 0, 0, 0)
        runs_back = whole or node_id in self.trained
        wants = (True,) * len(arriving) if whole else self.wants(node_id)
        buffers = node.buffers(out, *arriving)
        if not runs_back:
            gradients = {f"d{port}" for port in node.ports_for(len(arriving))}
            forward = {n: b for n, b in buffers.items() if n not in gradients and not b.back}
            buffers = forward
        elif node.skips_unwanted:
            pairs = zip(node.ports_for(len(arriving)), wants, strict=True)
            unwanted = {f"d{port}" for port, wanted in pairs if not wanted}
            buffers = {name: b for name, b in buffers.items() if name not in unwanted}
        backward = flops.backward if runs_back else 0
        if node.skips_unwanted and runs_back and not any(wants):
            backward -= flops.dx
        fixed = sum(self._bytes(b) for b in buffers.values() if b.kept or b.scratch)
        return Cost(parameters, flops.forward, backward, self._nbytes(buffers.values()), fixed)

    def loss_costs(self) -> list[Cost]:
        """What each loss costs."""
        found = []
        for spec, on, _ in self.graph.objectives:
            scores = self.graph.shapes[on]
            flops, nbytes = spec.flops(scores), self._nbytes(spec.buffers(scores).values())
            found.append(Cost(0, flops.forward, flops.backward, nbytes))
        return found

    def total(self) -> Cost:
        """The sum over all nodes and the loss; where edges fan out, the sums of gradients too.

        The bytes are those of buffers side by side, as `forward` and `backward` over the whole
        graph hold them; training and prediction use memory again.
        """
        costs = [*(self.cost(n) for n in self.graph.wiring.order), *self.loss_costs()]
        sums = [
            Buffer(self.graph.shapes[name])
            for name in self.forks
            if not self.graph.objectives or (name in self.trained and name in self.needed)
        ]
        parameters, forward, backward, nbytes, fixed = map(sum, zip(*costs, strict=True))
        return Cost(parameters, forward, backward, nbytes + self._nbytes(sums), fixed)

    def shards(self, batch_size: int) -> int:
        """How many shards a batch has: what the recipe says, else 1, 2, 4 or 8 from the work that
        the spec says, never from the machine."""
        recipe = self.graph.spec.train
        if recipe is not None and recipe.shards is not None:
            return min(recipe.shards, batch_size)
        cost = self.total()
        work = (cost.forward + cost.backward) * batch_size
        shards = 1
        while (
            shards < MOST_SHARDS
            and batch_size >= (TWO_SHARDS if shards == 1 else 2 * shards * SHARD_SAMPLES)
            and work >= 2 * shards * SHARD_FLOPS
            and work >= 2 * shards * cost.parameters * FLOPS_A_SUM
        ):
            shards *= 2
        return shards

    def piece(self) -> int:
        """How many samples a prediction computes at a time, from the spec alone."""
        layout = Layout(Schedule(self.computed, MOST_PIECE, training=False))
        return max(1, min(MOST_PIECE, PIECE_BYTES * MOST_PIECE // max(layout.nbytes, 1)))

    def predict_bytes(self, samples: int = 1) -> int:
        """Bytes that a prediction takes: the inputs, and what forward computes in."""
        schedule = Schedule(self.computed, samples, training=False)
        layout = Layout(schedule)
        return samples * self._input_bytes() + layout.nbytes + self._kept(schedule.order)

    def network_bytes(self) -> int:
        """Bytes of a network that predicts for one sample: its parameters, and what it computes
        in."""
        itemsize = np.dtype(self.graph.spec.dtype).itemsize
        owners = (n for n, s in self.graph.nodes.items() if not s.share)
        return self.predict_bytes() + itemsize * sum(self._parameters(n) for n in owners)

    def shard_bytes(self, samples: int) -> int:
        """Bytes that one shard of so many samples computes in: its buffers and its gradients."""
        schedule = Schedule(self.computed, samples, training=True)
        itemsize = np.dtype(self.graph.spec.dtype).itemsize
        spare = sum(  # a tile's gradients, before they are added to those of the first
            self._parameters(node) for node in schedule.trained if schedule.tiles[node] < samples
        )
        gradients = sum(self._parameters(node) for node in self.graph.nodes)
        buffers = Layout(schedule).nbytes + self._kept(schedule.order)
        return buffers + (spare + gradients) * itemsize

    def step_bytes(self, batch_size: int, ranks: int = 1) -> int:
        """Bytes held in a training step with batches of this size: parameters with what the
        optimizer keeps of them and those of the best epoch that early stopping keeps, for each
        shard its gradients and buffers, and the batches, those in use and those that are being
        made ready. Of several ranks, what the first one holds, which has as much as any.

        A graph without a loss: those of `forward` and `backward` over all of it.
        """
        spec, itemsize = self.graph.spec, np.dtype(self.graph.spec.dtype).itemsize
        parameters = sum(self._parameters(n) for n, s in self.graph.nodes.items() if not s.share)
        if not self.graph.objectives:
            total = self.total()
            per_sample = self._input_bytes() + total.nbytes
            return 2 * parameters * itemsize + batch_size * per_sample + total.fixed
        copies = 1
        if spec.train is not None:
            copies += len(spec.train.optimizer.slots()) + (spec.train.early_stopping is not None)
        copies += ranks > 1  # what others send of their sums
        shards = self.shards(batch_size)
        size, longer = divmod(batch_size, shards)
        mine = -(-shards // ranks)
        longer = min(longer, mine)
        held = (mine - longer) * self.shard_bytes(size) if mine > longer else 0
        if longer:
            held += longer * self.shard_bytes(size + 1)
        made = self.ahead_bytes(batch_size, mine * size + longer)
        return copies * parameters * itemsize + held + made

    def ahead(self, batch_size: int) -> int:
        """How many batches are made ready at a time."""
        return max(1, min(AHEAD_BYTES // max(self._input_bytes() * batch_size, 1), MOST_AHEAD))

    def ahead_bytes(self, batch_size: int, rows: int | None = None) -> int:
        """Bytes of the batches in use and of those that are being made ready, with their pixels.

        rows: how many samples of each are made here; default, all.
        """
        pixels = sum(math.prod(i.shape) for i in self.graph.spec.inputs.values() if i.image)
        return 2 * self.ahead(batch_size) * (rows or batch_size) * (self._input_bytes() + pixels)

    def _input_bytes(self) -> int:
        """Bytes of one sample's inputs."""
        spec, found = self.graph.spec, 0
        for given in spec.inputs.values():
            found += math.prod(given.shape) * np.dtype(given.dtype or spec.dtype).itemsize
        return found

    def _kept(self, nodes: Iterable[str]) -> int:
        """Bytes of what nodes keep between passes."""
        found = 0
        for node in nodes:
            spec, out = self.computed.nodes[node], self.computed.shapes[node]
            buffers = spec.buffers(out, *self.computed.arriving(node)).values()
            found += sum(self._bytes(b) for b in buffers if b.kept)
        return found

    def _parameters(self, node_id: str) -> int:
        node = self.graph.nodes[node_id]
        found = node.parameters(*self.graph.arriving(node_id))
        return sum(math.prod(p.shape) for p in found.values())

    def _nbytes(self, buffers: Iterable[Buffer]) -> int:
        """Bytes of one sample."""
        return sum(self._bytes(b) for b in buffers if not (b.scratch or b.kept))

    def _bytes(self, buffer: Buffer) -> int:
        itemsize = 1 if buffer.mask else np.dtype(self.graph.spec.dtype).itemsize
        return math.prod(buffer.shape) * itemsize

    def _forks(self) -> set[str]:
        counts: dict[str, int] = {}
        for sources in self.graph.wiring.sources.values():
            for source in sources:
                counts[source] = counts.get(source, 0) + 1
        return {name for name, count in counts.items() if count > 1}
