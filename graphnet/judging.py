"""What a caller hands to the losses, as the arrays that they take; and what they say to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphnet.declaration import did_you_mean
from graphnet.engine import Engine
from graphnet.errors import DatasetError, ShapeError, clipped, quoted
from graphnet.inputs import Batch
from graphnet.layers.base import Array
from graphnet.losses import Loss
from graphnet.program import Draws, Targets
from graphnet.spec.reader import Resolved


def targets_of(graph: Resolved, losses: Sequence[Loss], t: Any, batch: Batch) -> list[Array]:
    """Of each loss its targets: from `t`, an array for the only target or a dict by name, or from
    the input of that name.

    Errors: ShapeError, DatasetError.
    """
    given = {name: _array(array, batch) for name, array in targets_by_name(graph, t).items()}
    found = []
    for i, objective in enumerate(graph.objectives):
        array = given.get(objective.target)
        array = batch.inputs[objective.target] if array is None else array
        found.append(target_of(graph, losses, i, array))
    return found


def target_of(graph: Resolved, losses: Sequence[Loss], i: int, array: Array) -> Array:
    """What the i-th loss takes.

    Errors: ShapeError, DatasetError.
    """
    spec, on, target = graph.objectives[i]
    try:
        return losses[i].targets(array, len(array), graph.shapes[on], np.dtype(graph.spec.dtype))
    except (ShapeError, DatasetError) as e:
        if len(losses) == 1:
            raise
        raise type(e)(clipped(f"{spec.type} on '{on}', target '{target}': {e}")) from None


def targets_by_name(graph: Resolved, t: Any) -> Mapping[str, Any]:
    """Every target that is no input, as it was given.

    Errors: ShapeError.
    """
    names = graph.targets
    shown = ", ".join(f"'{name}'" for name in names)
    if not names:
        if t is None:
            return {}
        raise ShapeError("every target is an input of the graph: give none")
    if t is None:
        raise ShapeError(f"no targets are given: the losses need {shown}")
    if not isinstance(t, Mapping):
        if len(names) > 1:
            raise ShapeError(f"there are several targets: give a dict with {shown}")
        return {names[0]: t}
    for name in t:
        if name not in names:
            hint = did_you_mean(name, names) or f"; the losses need {shown}"
            raise ShapeError(clipped(f"{quoted(name)} is no target{hint}"))
    if missing := [name for name in names if name not in t]:
        raise ShapeError(f"no value is given for target '{missing[0]}'; the losses need {shown}")
    return t


def judged(engine: Engine, batch: Batch, targets: Targets, draws: Draws) -> Callable[[], float]:
    """The loss over a batch as a function of the parameters as they are when it is called."""
    objectives, outputs = engine.graph.objectives, engine.graph.wiring.outputs
    if not engine.trains_as_it_predicts or any(o.on not in outputs for o in objectives):

        def as_in_training() -> float:
            with np.errstate(all="ignore"):
                return engine.training_loss(batch.inputs, targets, draws)

        return as_in_training
    size, masses = engine.piece, engine.masses(targets)
    parts = [
        (batch.part(i, i + size), [t[i : i + size] for t in targets])
        for i in range(0, batch.samples, size)
    ]

    def in_pieces() -> float:
        total = 0.0
        with np.errstate(all="ignore"):
            for inputs, part in parts:
                scores = engine.predict(inputs)
                for loss, objective, mass, t in zip(
                    engine.losses, objectives, masses, part, strict=True
                ):
                    share = loss.mass(t) / mass if mass else 0.0
                    total += loss.forward(scores[objective.on], t) * share * objective.spec.weight
        return total

    return in_pieces


def _array(t: Any, batch: Batch) -> Array:
    try:
        array: Array = np.asarray(t)
    except ValueError as e:  # lists of unequal lengths
        raise ShapeError(clipped(f"targets: no array of numbers: {e}")) from None
    array = array if batch.batched else array[np.newaxis]
    if array.ndim and len(array) != batch.samples:
        raise ShapeError(
            f"{batch.samples} samples need {batch.samples} targets; found {len(array)}"
        )
    return array
