"""Which tensor of a run left the finite numbers first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from graphnet.finite import bad_among, bad_of, bad_samples, is_finite, said
from graphnet.layers.base import Array
from graphnet.network import Network
from graphnet.training.shards import Draws, cut

if TYPE_CHECKING:
    from graphnet.training.loop import Trainer


def first_bad_of(trainer: Trainer) -> str | None:
    """What is kept of a run and is not finite, as an error says it: `NaN is in parameter 'a/W'`;
    None where all is finite.

    Parameters come first, then state, then what the optimizer keeps between two steps, then the
    network that early stopping holds on to.
    """
    best = trainer.best.arrays if trainer.best is not None else {}
    if not math.isfinite(trainer.loss_sum):
        return "infinity is in the sum of the epoch's losses"
    return (
        bad_of(trainer.net)
        or bad_among("optimizer slot", trainer.optimizer.state)
        or bad_among("the best epoch's", best)
    )


def cause_of(
    trainer: Trainer,
    loss: float,
    inputs: Mapping[str, Array],
    draws: Draws,
    samples: Array,
    *,
    moved: bool,
) -> str:
    """What went bad first in a step whose loss, gradients, state or update is not finite.

    moved: whether some parameter is no longer what the step computed with; samples: the number of
    each sample of the batch in the data set.
    """
    net = trainer.net
    if not moved and (found := _in_pass(net, trainer.team.shards, inputs, draws, samples)):
        return found
    if not math.isfinite(loss):
        return f"{'NaN' if math.isnan(loss) else 'infinity'} is in the loss"
    # Back-propagation comes to the last gradient first; slots move before their parameter.
    return (
        bad_among("state", net.state)
        or bad_among("the gradient of", dict(reversed(net.grads.items())))
        or bad_among("optimizer slot", trainer.optimizer.state)
        or bad_among("parameter", net.params)
        or "infinity is in the norm of all gradients"
    )


def _in_pass(
    net: Network, shards: int, inputs: Mapping[str, Array], draws: Draws, samples: Array
) -> str | None:
    """The first input, parameter, state or output, in running order, that is not finite when the
    batch is computed once more, node by node, as in training; None where all are finite."""
    for name, array in inputs.items():
        if not is_finite(array):
            return said(array, f"input '{name}'{_of_sample(array, samples)}")
    order = net.graph.wiring.order
    whole = any(net.graph.nodes[node].meets for node in order)
    found: dict[str, str] = {}
    for i, rows in enumerate(cut(len(samples), 1 if whole else shards)):
        part = {name: array[rows] for name, array in inputs.items()}
        for node, array in _outputs(net, part, draws, i):
            if not is_finite(array):
                where = f"the output of '{node}'{_of_sample(array, samples[rows])}"
                found.setdefault(node, said(array, where))
                break
    for node in order:
        own = [
            {name: array for name, array in arrays.items() if name.rpartition("/")[0] == node}
            for arrays in (net.params, net.state)
        ]
        bad = bad_among("parameter", own[0]) or bad_among("state", own[1]) or found.get(node)
        if bad is not None:
            return bad
    return None


def _outputs(
    net: Network, inputs: Mapping[str, Array], draws: Draws, shard: int
) -> Iterator[tuple[str, Array]]:
    """What each node gives in training, one after the other."""
    values = dict(inputs)
    for node, layer in net.engine.fresh_layers().items():
        layer.training = True
        if net.graph.nodes[node].random:
            layer.rng = draws(node, shard, 0)
        values[node] = layer.forward(*[values[s] for s in net.graph.wiring.sources[node]])
        yield node, values[node]


def _of_sample(array: Array, samples: Array) -> str:
    """Which sample of the data set an array is bad for first, where it is not so for all."""
    bad = bad_samples(array)
    return "" if bad.all() else f", first for sample {int(samples[np.argmax(bad)])}"
