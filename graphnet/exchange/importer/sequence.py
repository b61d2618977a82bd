"""RNN, LSTM and GRU: a layer for each direction, whose weights lie side by side as ONNX's gates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphnet.exchange.importer.graph import Graph
from graphnet.exchange.importer.structure import cut, joined
from graphnet.exchange.importer.values import Axes, Live, Operator, Value
from graphnet.layers.base import Array

Convert = Callable[[Graph, Operator], list[Value | None]]
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
ACTIVATIONS = {"GRU": ["sigmoid", "tanh"], "LSTM": ["sigmoid", "tanh", "tanh"]}


@dataclass(frozen=True)
class Direction:
    """One of the directions that the operator reads in: its layer but for what comes out."""

    kind: str
    sources: list[str]
    arrays: dict[str, Array]
    attributes: dict[str, Any]

    def layer(self, graph: Graph, outputs: str) -> str:
        """The id of a layer that gives its last step, or all."""
        given = {**self.attributes, "outputs": outputs if outputs == "all" else None}
        return graph.add(self.kind, self.sources, self.arrays, **given)


def _recurrent(graph: Graph, op: Operator) -> list[Value | None]:
    x, batch_first = op.live(0), bool(op.attribute("layout", 0))
    if len(x.axes) != 3:
        raise op.error("its input must have three axes")
    if x.batch != (0 if batch_first else 1):
        raise op.mixes("the batch is not in its axis of the input")
    x = graph.settled(x)
    directions = DIRECTIONS.get(op.attribute("direction", "forward"))
    if directions is None:
        raise op.error(f"direction {op.attribute('direction')!r}")
    each = [_direction(graph, op, x, i, reverse) for i, reverse in enumerate(directions)]
    wanted = [*[bool(name) for name in op.outputs], False, False, False]
    if wanted[2]:
        raise op.error("it gives the last c, too")
    steps: Live | None = None
    last: Live | None = None
    axes: Axes
    if wanted[0]:
        axes = ((0,), (1,), (), (2,)) if batch_first else ((1,), (), (0,), (2,))
        alls = [_live(graph, d.layer(graph, "all"), axes) for d in each]
        at = axes.index(())
        steps = alls[0] if len(alls) == 1 else _stacked(graph, op, alls, at)
    if wanted[1]:
        axes = ((0,), (), (1,)) if batch_first else ((), (0,), (1,))
        lasts = [_live(graph, d.layer(graph, "last"), axes) for d in each]
        last = lasts[0] if len(lasts) == 1 else _stacked(graph, op, lasts, axes.index(()))
    return [steps, last]


def _live(graph: Graph, source: str, axes: Axes) -> Live:
    return Live(source, graph.shapes[source], axes)


def _stacked(graph: Graph, op: Operator, parts: Sequence[Live], axis: int) -> Live:
    return joined(graph, op, [graph.settled(part) for part in parts], axis)


def _direction(graph: Graph, op: Operator, x: Live, i: int, reverse: bool) -> Direction:
    """The layer that reads in one direction."""
    W, R = op.constant(1), op.constant(2)
    units = op.attribute("hidden_size", R.shape[-1] if R.ndim == 3 else None)
    gates = GATES[op.kind]
    if W.ndim != 3 or R.shape != (len(W), gates * units, units) or W.shape[1] != gates * units:
        raise op.error(f"its weights have shapes {W.shape} and {R.shape}")
    if i >= len(W):
        raise op.error(f"its weights are those of {len(W)} directions")
    B = op.maybe(3)
    b = np.zeros((2, gates * units)) if B is None else B[i].reshape(2, -1)
    attributes: dict[str, Any] = {"units": units, "reverse": True if reverse else None}
    arrays = {"W": W[i].T, "U": R[i].T, "b": b[0] + b[1]}
    if op.attribute("clip") is not None or (op.attribute("input_forget", 0)):
        raise op.error("clip and input_forget are not understood")
    activations = [str(a).lower() for a in op.attribute("activations") or []]
    op.ignore("activation_alpha", "activation_beta", "output_sequence")
    if op.kind == "RNN":
        name = activations[i] if activations else "tanh"
        attributes["activation"] = None if name == "tanh" else name
    elif activations and activations != ACTIVATIONS[op.kind] * (len(activations) // 2 or 1):
        ours = ACTIVATIONS[op.kind]
        if any(a != ours[k % len(ours)] for k, a in enumerate(activations)):
            raise op.error(f"its activations are {activations}; {ours} are understood")
    if op.kind == "GRU" and op.attribute("linear_before_reset", 0):
        # The last part's second bias is multiplied by r, and so is not added to the first.
        attributes["linear_before_reset"] = True
        arrays["bu"] = b[1, 2 * units :]
        arrays["b"] = b[0] + np.where(np.arange(3 * units) < 2 * units, b[1], 0)
    peepholes = op.maybe(7)
    if peepholes is not None and peepholes.any():
        raise op.error("its gates look at c (peepholes)")
    kind = {"RNN": "Rnn", "GRU": "Gru", "LSTM": "Lstm"}[op.kind]
    return Direction(kind, [x.source, *_starts(graph, op, x, i)], arrays, attributes)


def _starts(graph: Graph, op: Operator, x: Live, i: int) -> list[str]:
    """What arrives at the ports behind x: lengths, h0, c0."""
    steps = x.shape[0]
    batch_first = bool(op.attribute("layout", 0))
    found: list[str | None] = [None]
    lengths = op.given(4)
    if isinstance(lengths, Live):
        found[0] = lengths.source
    elif lengths is not None and (lengths != steps).any():
        if (lengths != lengths.reshape(-1)[0]).any():
            raise op.mixes("a constant has another length for each sample of the batch")
        found[0] = graph.value(lengths.reshape(-1)[0].astype(float), "length", whole=True)
    for port in (5, 6) if op.kind == "LSTM" else (5,):
        found.append(_start(graph, op, op.given(port), i, batch_first))
    while found and found[-1] is None:
        found.pop()
    if found and found[0] is None:
        found[0] = graph.value(np.array(float(steps)), "length", whole=True)
    units = op.attribute("hidden_size")
    return [graph.value(np.zeros(units), "zeros") if name is None else name for name in found]


def _start(
    graph: Graph, op: Operator, given: Value | None, i: int, batch_first: bool
) -> str | None:
    """What is remembered before the first step; None where that is 0."""
    axis, batch = (1, 0) if batch_first else (0, 1)
    if given is None:
        return None
    if isinstance(given, Live):
        one = cut(graph, op, given, axis, slice(i, i + 1))
        flat = one.relabelled([group for k, group in enumerate(one.axes) if k != axis])
        return graph.settled(replace(flat)).source
    part = given.take(i, axis=axis)
    if not part.any():
        return None
    if (part != part[:1]).any():
        raise op.mixes("a constant has other numbers for each sample of the batch")
    assert batch in (0, 1)
    return graph.value(part[0], "start")


OPERATORS: dict[str, Convert] = dict.fromkeys(GATES, _recurrent)
