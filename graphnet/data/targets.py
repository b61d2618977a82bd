"""What the losses of a spec ask of a data set: class names, or numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from graphnet.data.dataset import Array
from graphnet.data.split import set_apart
from graphnet.declaration import Shape, did_you_mean
from graphnet.errors import DatasetError, clipped, quoted
from graphnet.spec.prepared import Prepared
from graphnet.spec.reader import Resolved

MOST = 10
"""Bad rows or files that one error names; whatever comes after them is not looked at."""


class Target(NamedTuple):
    """What one loss learns. classes: how many there are; None where it learns numbers.

    labels: the spec's names for the classes; None where they are found in the data.
    """

    name: str
    output: str
    scores: Shape
    classes: int | None
    labels: tuple[str, ...] | None


class Complaints:
    """What is wrong with rows or files, raised together: the first ten.

    Errors: DatasetError, from `add` at the tenth, from `done` for fewer.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, line: str) -> None:
        """One more."""
        self._lines.append(clipped(line))
        if len(self._lines) == MOST:
            self._lines.append(f"and perhaps more: the first {MOST} are shown")
            self.done()

    def done(self) -> None:
        """Raise what was added, if anything was."""
        if self._lines:
            raise DatasetError("\n".join(self._lines))


def targets_of(graph: Resolved) -> dict[str, Target]:
    """The targets that a data set gives, by name: those that are no input of the graph."""
    found: dict[str, Target] = {}
    for loss, on, name in graph.objectives:
        if name in graph.spec.inputs or name in found:
            continue
        scores = graph.shapes[on]
        classes = None
        if loss.classifies and loss.type == "SoftmaxWithLoss":
            classes = scores[-1]
        elif loss.classifies and scores in ((), (1,)):
            classes = 2
        found[name] = Target(name, on, scores, classes, graph.spec.labels_of(on))
    return found


def named_targets(
    graph: Resolved, given: Mapping[str | None, tuple[str, ...]]
) -> list[tuple[Target, tuple[str, ...]]]:
    """Each target with the columns that a source names for it.

    Errors: DatasetError.
    """
    targets = targets_of(graph)
    names = ", ".join(f"'{name}'" for name in targets) or "none"
    if None in given:
        if len(targets) != 1:
            what = f"'target' names columns for one target, but the losses have {names}: "
            raise DatasetError(clipped(f"{graph.spec.name}: {what}write an object by target"))
        return [(next(iter(targets.values())), given[None])]
    for name in given:
        if name not in targets:
            hint = did_you_mean(name, targets) or f"; the losses have {names}"
            what = f"'target' names {quoted(name)}, which is no target of the losses{hint}"
            raise DatasetError(clipped(f"{graph.spec.name}: {what}"))
    for name in targets:
        if name not in given:
            what = f"'target' names no column for '{name}'; the losses have {names}"
            raise DatasetError(clipped(f"{graph.spec.name}: {what}"))
    return [(targets[name], columns) for name, columns in given.items() if name is not None]


def labels_found(target: Target, where: str, names: Iterable[str]) -> tuple[str, ...]:
    """The names of a target's classes: the spec's, else those of the data, sorted.

    Errors: DatasetError where the data have another number of them than the scores.
    """
    if target.labels is not None:
        return target.labels
    found = tuple(sorted(set(names)))
    if len(found) != target.classes:
        shown = ", ".join(quoted(name, 30) for name in found[:6]) + ", ..." * (len(found) > 6)
        what = f"{len(found)} classes are found ({shown}), but '{target.output}' gives "
        what += f"{target.scores}, scores of {target.classes}: make the two match"
        raise DatasetError(clipped(f"{where}: {what}"))
    return found


def indices(
    names: Sequence[str], labels: Sequence[str], places: Sequence[str]
) -> NDArray[np.int64]:
    """The class of each name.

    places: where each stands, as errors call it.
    Shapes: (n,)
    Errors: DatasetError for names that are no label, ten at most.
    """
    codes = {label: code for code, label in enumerate(labels)}
    complaints = Complaints()
    told: set[str] = set()
    found = np.fromiter((codes.get(name, -1) for name in names), np.int64, len(names))
    for i in np.flatnonzero(found < 0).tolist():
        name, place = names[i], places[i]
        if name not in told:
            told.add(name)  # what is wrong with one is wrong with all of its name
            hint = did_you_mean(name, codes)
            if not hint:
                shown = ", ".join(quoted(label, 30) for label in labels[:6])
                hint = f"; they are {shown}{', ...' * (len(labels) > 6)}"
            complaints.add(f"{place}: {quoted(name)} is no label{hint}")
    complaints.done()
    return found


def answers(
    named: Sequence[tuple[Target, tuple[str, ...]]],
    cells: Sequence[Sequence[Sequence[Any]]],
    prepared: Prepared,
    places: Sequence[str],
    where: str,
) -> Array | dict[str, Array]:
    """What a Split takes as targets: an array, or a dict by name where there are several.

    cells: for each target its columns. places: where each sample stands, where: all of them.
    Errors: DatasetError.
    """
    found: dict[str, Array] = {}
    for (target, _), columns in zip(named, cells, strict=True):
        if target.classes is not None:
            labels = target.labels or prepared.labels[target.output]
            found[target.name] = indices(columns[0], labels, places)
        else:
            found[target.name] = shaped(target, np.array(columns, np.float64).T, where)
    return next(iter(found.values())) if len(found) == 1 else found


def shaped(target: Target, numbers: Array, where: str) -> Array:
    """Numbers of a target as its loss takes them.

    Shapes: (n, columns) -> (n, *scores)
    Errors: DatasetError.
    """
    count, columns = numbers.shape
    if target.scores == () and columns == 1:
        return numbers.reshape(count)
    if target.scores != (columns,):
        what = f"the target has {columns} column{'s' * (columns > 1)}, but '{target.output}' gives "
        raise DatasetError(clipped(f"{where}: {what}{target.scores}: name one for each number"))
    return numbers


def held_out(count: int, share: float, classes: Any = None) -> NDArray[np.bool_]:
    """Which of `count` samples are the test part: always the same, of each class its share.

    classes: the class of each sample; None where there are none. A class of two samples or more
    has one in each part.
    Errors: DatasetError where a part would be empty.
    """
    from graphnet.randomness import generator

    groups = np.zeros(count, np.intp)
    if classes is not None:
        groups = np.unique(np.asarray(classes), return_inverse=True)[1]
    # Not by the seed of training: runs of several seeds are measured on the same samples.
    order = generator(0, "test share").permutation(count)
    chosen: NDArray[np.bool_] = set_apart(share, groups, order, least=1)
    if not chosen.any() or chosen.all():
        raise DatasetError(f"{count} samples are too few for a test part of {share:g}")
    return chosen
