"""What a network will need, known from the spec before any number exists."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from graphnet.layers.base import Buffer
from graphnet.spec.reader import Resolved


class Cost(NamedTuple):
    """One node: parameters (count), flops a sample (forward; backward of a training step), and
    bytes a sample of the buffers that a training step computes in."""

    parameters: int
    forward: int
    backward: int
    nbytes: int


class Plan:
    """Which nodes a pass runs, which gradients it needs, and what both cost.

    needed: the nodes that the outputs depend on. trained: the names that depend on a parameter;
    no other needs a gradient to train. forks: the names that more than one edge leaves.

    A graph without a loss is not trained: its cost is that of `forward` and `backward` over all
    of it.
    """

    def __init__(self, graph: Resolved) -> None:
        self.graph = graph
        self.needed = self._ancestors(graph.wiring.outputs)
        self.trained = self._trained()
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
        whole = self.graph.spec.loss is None
        if not (whole or node_id in self.needed):
            return Cost(parameters, 0, 0, 0)
        runs_back = whole or node_id in self.trained
        wants = (True,) * len(arriving) if whole else self.wants(node_id)
        buffers = node.buffers(out, *arriving)
        if not runs_back:
            gradients = {f"d{port}" for port in node.ports}
            buffers = {name: b for name, b in buffers.items() if name not in gradients}
        elif node.skips_unwanted:
            pairs = zip(node.ports, wants, strict=True)
            unwanted = {f"d{port}" for port, wanted in pairs if not wanted}
            buffers = {name: b for name, b in buffers.items() if name not in unwanted}
        backward = flops.backward if runs_back else 0
        if node.skips_unwanted and runs_back and not any(wants):
            backward -= flops.dx
        return Cost(parameters, flops.forward, backward, self._nbytes(buffers.values()))

    def loss_cost(self) -> Cost:
        """What the loss costs; nothing where there is none."""
        loss = self.graph.spec.loss
        if loss is None:
            return Cost(0, 0, 0, 0)
        scores = self.graph.shapes[self.graph.wiring.outputs[0]]
        flops = loss.flops(scores)
        nbytes = self._nbytes(loss.buffers(scores).values())
        return Cost(0, flops.forward, flops.backward, nbytes)

    def total(self) -> Cost:
        """The sum over all nodes and the loss; where edges fan out, the sums of gradients too."""
        costs = [*(self.cost(n) for n in self.graph.wiring.order), self.loss_cost()]
        sums = [
            Buffer(self.graph.shapes[name])
            for name in self.forks
            if self.graph.spec.loss is None or (name in self.trained and name in self.needed)
        ]
        parameters, forward, backward, nbytes = map(sum, zip(*costs, strict=True))
        return Cost(parameters, forward, backward, nbytes + self._nbytes(sums))

    def predict_bytes(self) -> int:
        """Bytes that one sample takes in a prediction: the inputs, and what forward computes in."""
        nbytes = self._nbytes(Buffer(given.shape) for given in self.graph.spec.inputs.values())
        for node_id in self.needed & self.graph.nodes.keys():
            node, arriving = self.graph.nodes[node_id], self.graph.arriving(node_id)
            gradients = {f"d{port}" for port in node.ports}
            buffers = node.buffers(self.graph.shapes[node_id], *arriving)
            nbytes += self._nbytes(b for name, b in buffers.items() if name not in gradients)
        return nbytes

    def step_bytes(self, batch_size: int) -> int:
        """Bytes held while one replica trains on batches of this size: parameters, gradients,
        buffers and the batch itself."""
        total, itemsize = self.total(), np.dtype(self.graph.spec.dtype).itemsize
        inputs = [Buffer(given.shape) for given in self.graph.spec.inputs.values()]
        batch = batch_size * (total.nbytes + self._nbytes(inputs))
        return 2 * total.parameters * itemsize + batch

    def _nbytes(self, buffers: Iterable[Buffer]) -> int:
        itemsize = np.dtype(self.graph.spec.dtype).itemsize
        return sum(math.prod(b.shape) * (1 if b.mask else itemsize) for b in buffers)

    def _ancestors(self, names: Iterable[str]) -> set[str]:
        found, waiting = set(names), list(names)
        while waiting:
            for source in self.graph.wiring.sources.get(waiting.pop(), ()):
                if source not in found:
                    found.add(source)
                    waiting.append(source)
        return found

    def _trained(self) -> set[str]:
        found: set[str] = set()
        for node_id in self.graph.wiring.order:
            sources = self.graph.wiring.sources[node_id]
            parameters = self.graph.nodes[node_id].parameters(*self.graph.arriving(node_id))
            if parameters or not found.isdisjoint(sources):
                found.add(node_id)
        return found

    def _forks(self) -> set[str]:
        counts: dict[str, int] = {}
        for sources in self.graph.wiring.sources.values():
            for source in sources:
                counts[source] = counts.get(source, 0) + 1
        return {name for name, count in counts.items() if count > 1}
