"""What is fitted to rows of which each is seen once, or twice: the numbers of rows in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from graphnet.data.streams.cells import Cells
from graphnet.data.streams.sums import ExactSum
from graphnet.data.table import Named, fitted_numbers, fitted_values, form_of, open_columns
from graphnet.data.targets import labels_found
from graphnet.errors import quoted
from graphnet.spec.columns import MAX_VALUES, NumberColumn
from graphnet.spec.graph import GraphSpec
from graphnet.spec.prepared import Prepared
from graphnet.spec.sources import Csv


class Fit:
    """What the spec leaves to the training part, from its rows as they come."""

    def __init__(self, spec: GraphSpec, targets: Named) -> None:
        self._open, self._targets = open_columns(spec), targets
        columns = {key: column for ones in self._open.values() for key, column in ones.items()}
        self._sums = {k: ExactSum() for k, c in columns.items() if isinstance(c, NumberColumn)}
        self._first: dict[str, float] = {}
        self._count = 0
        self._values: dict[str, set[str]] = {k: set() for k in columns if k not in self._sums}
        for target, names in targets:
            if target.classes is not None and target.labels is None:
                self._values.setdefault(names[0], set())

    def add(self, cells: Cells) -> None:
        """Some more rows."""
        self._count += len(next(iter(cells.values()), ()))
        for key, total in self._sums.items():
            self._first.setdefault(key, float(cells[key][0]))
            total.add(cells[key])
        for key, values in self._values.items():
            # More would be refused at the end: what is known of them then is enough.
            if len(values) <= MAX_VALUES:
                values.update(cells[key])

    def prepared(self, data: Csv, name: str, again: Callable[[], Iterable[Cells]]) -> Prepared:
        """What was found.

        name: what errors call the rows. again: gives them once more, for the deviations.
        Errors: DatasetError.
        """
        means = {key: _mean(total, self._count) for key, total in self._sums.items()}
        apart = {key: ExactSum() for key in self._sums}
        huge = {key for key, mean in means.items() if not math.isfinite(mean)}
        for cells in again() if self._sums else ():
            for key in apart.keys() - huge:
                mean = means[key]
                try:
                    squares = [(cell - mean) ** 2 for cell in cells[key].tolist()]
                except OverflowError:
                    huge.add(key)
                else:
                    apart[key].add(np.array(squares))
        columns = {}
        for owner, ones in self._open.items():
            columns[owner] = {
                key: fitted_values(name, key, self._values[key])
                if key in self._values and key not in self._sums
                else fitted_numbers(
                    name,
                    key,
                    means[key],
                    math.inf if key in huge else _std(apart[key], self._count),
                    self._first[key],
                )
                for key in ones
            }
        labels = {
            target.output: labels_found(
                target, f"{name}: column {quoted(names[0])}", self._values[names[0]]
            )
            for target, names in self._targets
            if target.classes is not None and target.labels is None
        }
        return Prepared(columns=columns, labels=labels, table=form_of(data, self._targets))


def _mean(total: ExactSum, count: int) -> float:
    try:
        return total.value() / count
    except OverflowError:
        return math.inf


def _std(total: ExactSum, count: int) -> float:
    try:
        return math.sqrt(total.value() / count)
    except OverflowError:
        return math.inf
