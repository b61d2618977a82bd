"""How much each class counts, from how many samples of it there are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from graphnet.errors import SpecError
from graphnet.layers.base import Array
from graphnet.losses import LossSpec
from graphnet.losses.base import BALANCED
from graphnet.network import Network
from graphnet.training.feed import Feed


def balance(net: Network, feed: Feed) -> None:
    """Put the numbers that follow from the samples of `feed` in place of `"balanced"`: the spec
    of the network, and of its bundle, then holds them.

    Errors: SpecError where the data set gives the loss no targets.
    """
    found = [
        _balanced(net, feed, i, objective.spec) for i, objective in enumerate(net.graph.objectives)
    ]
    if all(new is old.spec for new, old in zip(found, net.graph.objectives, strict=True)):
        return
    losses: dict[str, Any] = {"loss": found[0]}
    if net.spec.losses is not None:
        losses = {"losses": tuple(found)}
    net.take(replace(net.graph, spec=net.spec.model_copy(update=losses)))


def balanced(counts: Array) -> tuple[float, ...]:
    """w[c] = n / (k * n[c]), of n samples of k classes: a sample's mean weight is 1

    A class without samples has 1, which nothing is multiplied by.
    Source: King and Zeng, Logistic Regression in Rare Events Data, 2001.
    """
    there = counts > 0
    share = counts.sum() / there.sum()
    return tuple(np.where(there, share / np.maximum(counts, 1), 1.0).tolist())


def _balanced(net: Network, feed: Feed, i: int, spec: LossSpec) -> LossSpec:
    if getattr(spec, "class_weights", None) != BALANCED:
        return spec
    pieces = feed.answers(i)
    if pieces is None:
        raise SpecError(f"class_weights '{BALANCED}': its targets are an input; give numbers")
    ignore = getattr(spec, "ignore", None)
    counts = np.zeros(net.graph.shapes[net.graph.objectives[i].on][-1], np.int64)
    for t in pieces:
        counted = t if ignore is None else t[t != ignore]
        counts += np.bincount(counted.reshape(-1), minlength=len(counts))
    return spec.model_copy(update={"class_weights": balanced(counts)})
