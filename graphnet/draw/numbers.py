"""What runs through a graph for one sample: the values forward, the gradients backward."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphnet.errors import ShapeError
from graphnet.judging import target_of
from graphnet.layers.base import Array
from graphnet.network import Network


@dataclass(frozen=True)
class Numbers:
    """values, grads: of one sample, by the name of each input and node. losses: of each loss its
    value; empty where they are not judged. of: what the gradients are of, in words. back: of a name
    from which several arrows go out, what came back along each, by where it leads: the gradient is
    their sum, and what begins at the name itself.
    """

    values: Mapping[str, Array]
    grads: Mapping[str, Array]
    losses: tuple[float, ...]
    of: str
    back: Mapping[str, Sequence[tuple[str, Array]]]


def numbers_of(
    net: Network, inputs: Mapping[str, Any], targets: Mapping[int, Array] | None = None
) -> Numbers:
    """Run one sample through a network, as prediction does, and its gradients back.

    inputs: by name, those with a `value` in the spec may be left out; targets: of each loss, by its
    number, what the sample's scores should be. With all of them the gradients are those of the
    weighted sum of the losses, else each output gets 1, as in the figures of the book.
    Errors: ShapeError, DatasetError.
    """
    graph = net.graph
    for name, value in inputs.items():
        shape = graph.spec.inputs[name].shape if name in graph.spec.inputs else None
        if shape is not None and np.shape(value) != shape:
            found = f"shape {shape} is expected, found {np.shape(value)}"
            raise ShapeError(f"input '{name}': one sample is drawn: {found}")
    values = net.forward(dict(inputs))
    known: dict[int, Array] = dict(targets or {})
    for i, objective in enumerate(graph.objectives):
        if objective.target in graph.spec.inputs:
            known.setdefault(i, values[objective.target])
    if not graph.objectives or len(known) < len(graph.objectives):
        grads, of = net.backward(), ", ".join(graph.wiring.outputs)
        return Numbers(values, grads, (), of, _back(net, grads))
    douts: dict[str, Array] = {}
    losses = []
    with np.errstate(all="ignore"):
        for i, objective in enumerate(graph.objectives):
            loss, on = net.engine.losses[i], objective.on
            target = target_of(graph, net.engine.losses, i, np.asarray(known[i])[np.newaxis])
            losses.append(loss.forward(values[on][np.newaxis], target))
            dx = loss.backward(objective.spec.weight)[0]
            douts[on] = dx.copy() if on not in douts else douts[on] + dx
    grads = net.backward(douts)
    return Numbers(values, grads, tuple(losses), "the loss", _back(net, grads))


def _back(net: Network, grads: Mapping[str, Array]) -> dict[str, list[tuple[str, Array]]]:
    """What comes back along each arrow where several leave one name; after `backward`."""
    sources = net.graph.wiring.sources
    counts = Counter(source for into in sources.values() for source in into)
    found: dict[str, list[tuple[str, Array]]] = {}
    for node, into in sources.items():
        if all(counts[source] == 1 for source in into):
            continue
        with np.errstate(all="ignore"):
            dxs = net.layers[node].backward(np.array(grads[node])[np.newaxis])
        for source, dx in zip(into, dxs, strict=True):
            if counts[source] > 1 and dx is not None:
                found.setdefault(source, []).append((node, dx[0].copy()))
    return found
