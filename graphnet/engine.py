"""One replica at work: what it predicts, what its gradients are, phase by phase."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from graphnet.arena import Layout
from graphnet.declaration import Shape
from graphnet.layers.base import LAYERS, Array, Layer, fresh
from graphnet.losses import LOSSES, Loss
from graphnet.plan import Plan
from graphnet.program import Draws, Program, Targets
from graphnet.rearrange import rearranged
from graphnet.schedule import Schedule
from graphnet.spec.reader import Resolved
from graphnet.walk import Walk
from graphnet.workspace import Workspace, flat_views

MOST_PROGRAMS = 8
"""Programs that are kept ready: one for each number of samples, in training and in prediction."""


class Engine:
    """The layers of one replica: parameters shared with others, buffers and gradients its own.

    grads: `node/name` -> array, parts of the one array `flat_grads`. layers: in running order, as
    `forward` and `backward` use them; training and prediction have layers of their own, with the
    same parameters, state and gradients.
    Everything a pass returns lies in buffers that the next pass writes over; `passes` counts them.
    """

    def __init__(
        self, graph: Resolved, arrays: Mapping[str, Array], flat: Array | None = None
    ) -> None:
        self.graph = graph
        self.dtype = np.dtype(graph.spec.dtype)
        self.arrays = arrays
        self._flat_params = flat
        self.workspace = Workspace()
        self.passes = 0
        self._programs: dict[tuple[bool, int], Program] = {}
        self._generation = 0
        self._kept_of: dict[str, dict[str, Array]] = {}

    @cached_property
    def computed(self) -> Resolved:
        """The graph as programs compute it."""
        return rearranged(self.graph)

    @cached_property
    def plan(self) -> Plan:
        """What the spec says about cost."""
        return Plan(self.graph)

    @cached_property
    def piece(self) -> int:
        """How many samples a prediction computes at a time."""
        return self.plan.piece()

    @cached_property
    def trains_as_it_predicts(self) -> bool:
        """Whether no node does something else in training."""
        nodes = self.graph.nodes.values()
        return not any(node.random or node.meets or node.trains_only for node in nodes)

    @cached_property
    def params(self) -> dict[str, Shape]:
        """The shapes of the parameters, `node/name`, in running order."""
        return self._shapes(shared=False)

    @cached_property
    def _flat(self) -> tuple[Array, dict[str, Array]]:
        return flat_views(self.params, self.dtype)

    @cached_property
    def _shared(self) -> dict[str, Array]:
        """What a node that shares another's parameters finds: it is added to the owner's."""
        return flat_views(self._shapes(shared=True), self.dtype)[1]

    def flat_params(self) -> list[tuple[Array, int]]:
        """The parameters as flat arrays, each with the place of its gradient in `flat_grads`: one
        where they were made together, one each where a file's bytes lie between them."""
        if self._flat_params is not None:
            return [(self._flat_params, 0)]
        start, size = self.flat_grads.ctypes.data, self.dtype.itemsize
        return [
            (self.arrays[name].reshape(-1), (grad.ctypes.data - start) // size)
            for name, grad in self.grads.items()
        ]

    @property
    def flat_grads(self) -> Array:
        return self._flat[0]

    @property
    def grads(self) -> dict[str, Array]:
        return self._flat[1]

    @cached_property
    def layers(self) -> OrderedDict[str, Layer]:
        """id -> Layer."""
        return self.fresh_layers()

    def fresh_layers(self) -> OrderedDict[str, Layer]:
        """id -> Layer, in running order, with these parameters and buffers of their own."""
        return OrderedDict((n, self._layer(n)) for n in self.graph.wiring.order)

    @cached_property
    def _walk(self) -> Walk:
        return Walk(self.graph, self.layers)

    @cached_property
    def losses(self) -> tuple[Loss, ...]:
        """The losses by themselves, for scores of any number of samples."""
        return tuple(LOSSES[o.spec.type](o.spec) for o in self.graph.objectives)

    def masses(self, targets: Targets) -> list[float]:
        """What the mean of each loss over these targets divides by."""
        return [loss.mass(t) for loss, t in zip(self.losses, targets, strict=True)]

    def predict(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The outputs, by name."""
        self.passes += 1
        program = self.program(len(next(iter(inputs.values()))), training=False)
        program.prepare()
        return program.predict(inputs)

    def forward(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """The values of every input and node, by name."""
        self.passes += 1
        return self._walk.forward(inputs)

    def backward(self, douts: Mapping[str, Array]) -> dict[str, Array]:
        """The gradients of every input and node that `douts` reaches, after `forward`."""
        found = self._walk.backward(douts)
        self._add_shared(self._sharers)
        return found

    def gradient(self, inputs: Mapping[str, Array], targets: Targets, draws: Draws) -> float:
        """The loss over a batch that is no shard of another; `grads` then hold
        d(loss)/d(parameters). The state stays as it is.

        targets: of each loss, as its `targets` gives them.
        """
        program = self.begin(inputs, targets, self._whole, draws)
        for i in range(len(program.schedule.phases)):
            program.run(i)
            self._meet_alone(program, i)
        self.finish()
        return program.loss_value

    def training_loss(self, inputs: Mapping[str, Array], targets: Targets, draws: Draws) -> float:
        """The loss as `gradient` finds it; gradients and state stay as they are."""
        program = self.begin(inputs, targets, self._whole, draws)
        for i in range(program.schedule.forward_phases):
            program.run(i)
            self._meet_alone(program, i)
        return program.loss_value

    @property
    def _whole(self) -> list[float]:
        return [1.0] * len(self.losses)

    def begin(
        self,
        inputs: Mapping[str, Array],
        targets: Targets,
        shares: Sequence[float],
        draws: Draws,
    ) -> Program:
        """The program of a training step, with a shard in it: its phases are still to be run.

        shares: of each loss, what part of the whole batch's mean is this shard's.
        """
        self.passes += 1
        program = self.program(len(next(iter(inputs.values()))), training=True)
        program.begin(inputs, targets, shares)
        program.prepare()
        program.draw(draws)
        return program

    def finish(self) -> None:
        """What remains to be done to `grads` after the last phase."""
        idle, sharers = self._rest
        for name in idle:  # a pass over everything may have left gradients there
            self.grads[name].fill(0)
        self._add_shared(sharers)

    def remember(self, program: Program) -> None:
        """Move the state by what the shards together have seen."""
        for layer in program.meeting:
            layer.remember()

    def _add_shared(self, nodes: list[str]) -> None:
        """Add what nodes found for parameters that are another's."""
        for node in nodes:
            owner = self.graph.nodes[node].share
            for name in self.graph.nodes[node].parameters(*self.graph.arriving(node)):
                total = self.grads[f"{owner}/{name}"]
                np.add(total, self._shared[f"{node}/{name}"], out=total)

    def program(self, samples: int, *, training: bool) -> Program:
        """The program for so many samples, made on first use."""
        self._forget_stale()
        program = self._programs.get((training, samples))
        if program is None:
            program = self._program(samples, training)
        return program

    def _forget_stale(self) -> None:
        """Programs whose block has been given up for a larger one."""
        if self._generation != self.workspace.generation:
            self._programs.clear()
            self._generation = self.workspace.generation

    def _program(self, samples: int, training: bool) -> Program:
        schedule = Schedule(self.computed, samples, training=training)
        layout = Layout(schedule)
        block = self.workspace.reserve(layout.nbytes)
        self._forget_stale()
        while len(self._programs) >= MOST_PROGRAMS:
            del self._programs[next(iter(self._programs))]
        grads = {**self.grads, **self._shared} if training else {}
        program = Program(schedule, layout, block, self.arrays, grads, self._kept)
        self._programs[training, samples] = program
        return program

    def _kept(self, node: str) -> dict[str, Array]:
        """The kept buffers of a node, in common for all programs of this replica."""
        if node not in self._kept_of:
            spec, shapes = self.computed.nodes[node], self.computed.shapes
            declared = spec.buffers(shapes[node], *self.computed.arriving(node)).items()
            self._kept_of[node] = {n: fresh(b, 0, self.dtype) for n, b in declared if b.kept}
        return self._kept_of[node]

    @cached_property
    def _sharers(self) -> list[str]:
        return [n for n in self.graph.wiring.order if self.graph.nodes[n].share is not None]

    @cached_property
    def late(self) -> frozenset[str]:
        """The nodes whose gradients stand only after `finish`."""
        idle, sharers = self._rest
        owners = (self.graph.nodes[node].share or node for node in sharers)
        return frozenset((*(name.rpartition("/")[0] for name in idle), *owners))

    @cached_property
    def _rest(self) -> tuple[list[str], list[str]]:
        """The parameters whose own node the loss does not depend on, and the nodes it depends on
        that share another's."""
        reached = Schedule(self.graph, 1, training=True).trained
        idle = [name for name in self.grads if name.rpartition("/")[0] not in reached]
        return idle, [node for node in self._sharers if node in reached]

    @staticmethod
    def _meet_alone(program: Program, i: int) -> None:
        phase = program.schedule.phases[i]
        for node in phase.meeting:
            program.meet(node, phase.calls[-1].operation, program.parts[node])

    def _layer(self, node: str) -> Layer:
        spec, arriving = self.graph.nodes[node], self.graph.arriving(node)
        owner = spec.share or node
        mine = self._shared if spec.share else self.grads
        params = {n: self.arrays[f"{owner}/{n}"] for n in spec.parameters(*arriving)}
        state = {n: self.arrays[f"{owner}/{n}"] for n in spec.states(*arriving)}
        grads = {n: mine[f"{node}/{n}"] for n in params}
        kind = LAYERS[spec.type]
        return kind(spec, params=params, grads=grads, state=state, shapes=arriving)

    def _shapes(self, *, shared: bool) -> dict[str, Shape]:
        found = {}
        for node in self.graph.wiring.order:
            spec = self.graph.nodes[node]
            if (spec.share is not None) == shared:
                for name, parameter in spec.parameters(*self.graph.arriving(node)).items():
                    found[f"{node}/{name}"] = parameter.shape
        return found
