"""Training samples from text files: a label and a text a line, or text that goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from graphnet.data.dataset import Array, Dataset, Split
from graphnet.data.targets import Complaints, Target, answers, held_out, labels_found, targets_of
from graphnet.errors import DatasetError, clipped, quoted
from graphnet.prepare.files import open_file, problem, shown, text_lines
from graphnet.prepare.text import BOUNDARY, TextPreparation, units_of
from graphnet.spec.graph import GraphSpec, InputSpec
from graphnet.spec.prepared import Prepared, vocabulary_of
from graphnet.spec.reader import resolve
from graphnet.spec.sources import Lines
from graphnet.spec.text import FIRST, TextSpec

WANTED = "a text file"
LONGEST_ENTRY = 200


@dataclass(frozen=True)
class Found:
    """The units of each line, its label, and where it stands; no labels where text goes on."""

    name: str
    units: list[list[str]]
    labels: list[str]
    places: list[str]

    def part(self, chosen: NDArray[np.bool_]) -> Found:
        """Some of the lines."""
        rows = [int(i) for i in np.flatnonzero(chosen)]
        labels = [self.labels[i] for i in rows] if self.labels else []
        units, places = [self.units[i] for i in rows], [self.places[i] for i in rows]
        return Found(self.name, units, labels, places)


def load_lines(
    spec: GraphSpec, data: Lines, folder: Path, fitted: Prepared | None = None
) -> Dataset:
    """The lines of a text source as whole numbers.

    fitted: the vocabulary and labels of an earlier training; None: those of the train part.
    Errors: DatasetError with file and line, ten lines at most.
    """
    ((name, given),) = ((n, g) for n, g in spec.inputs.items() if g.value is None)
    targets = targets_of(resolve(spec))
    if len(targets) != 1:
        names = ", ".join(f"'{target}'" for target in targets) or "none"
        raise DatasetError(clipped(f"{spec.name}: lines give one target, the losses have {names}"))
    (target,) = targets.values()
    assert given.text is not None
    train = _read(folder / data.train, data, given.text)
    test = _read(folder / data.test, data, given.text) if data.test is not None else None
    if data.test_share is not None:
        classes = train.labels if target.classes is not None and train.labels else None
        chosen = held_out(len(train.units), data.test_share, classes)
        train, test = train.part(~chosen), train.part(chosen)
    prepared = fitted or _fit(name, given, target, data, train)
    preparation = TextPreparation(given.text, vocabulary_of(given, prepared, name), given.shape[0])

    def split(found: Found) -> Split:
        if data.target == "label":
            x, t = _labelled(found, preparation, target, prepared)
        elif data.joined:
            x, t = _windows(found, preparation)
        else:
            x, t = _lines(found, preparation)
        return Split({name: x}, t)

    return Dataset("lines", split(train), split(test) if test else None, prepare=prepared)


def _read(path: Path, data: Lines, text: TextSpec) -> Found:
    complaints = Complaints()
    found = Found(shown(path), [], [], [])
    with open_file(path, WANTED) as file:
        for number, raw in enumerate(text_lines(file, path), 1):
            line, where = raw.rstrip("\r\n"), f"{found.name}:{number}"
            if data.target == "label":
                label, tab, line = line.partition("\t")
                wrong = _label_problem(label, tab, line)
                if wrong:
                    complaints.add(f"{where}: {wrong}")
                    continue
                found.labels.append(label)
            elif not line and not data.joined:
                complaints.add(f"{where}: an empty line: take it out")
                continue
            found.units.append(units_of(text, line))
            found.places.append(where)
    complaints.done()
    if not found.units:
        raise problem(path, "there is no line in it")
    return found


def _label_problem(label: str, tab: str, line: str) -> str | None:
    if not tab:
        return f"a label, a tab and a text are expected, found {quoted(label)}"
    if not 1 <= len(label) <= LONGEST_ENTRY:
        return f"a label of 1 to {LONGEST_ENTRY} characters is expected, found {quoted(label)}"
    return "a second tab stands in it: a text has none" if "\t" in line else None


def _fit(name: str, given: InputSpec, target: Target, data: Lines, train: Found) -> Prepared:
    """What the spec leaves to the training part."""
    vocabulary, labels = {}, {}
    text = given.text
    assert text is not None
    if text.vocabulary is None:
        counts = Counter(unit for units in train.units for unit in units)
        if data.target == "next":
            counts[BOUNDARY] = sum(counts.values()) + 1  # whatever else is left out, this is not
        known = [entry for entry in counts if len(entry) <= LONGEST_ENTRY]
        most = sorted(known, key=lambda entry: (-counts[entry], entry))[: text.count - FIRST]
        if not most:
            raise DatasetError(f"{train.name}: there is no {text.unit} in it")
        vocabulary[name] = tuple(sorted(most))
    if data.target == "label" and target.classes is not None and target.labels is None:
        labels[target.output] = labels_found(target, train.name, train.labels)
    return Prepared(vocabulary=vocabulary, labels=labels)


def _labelled(
    found: Found, preparation: TextPreparation, target: Target, prepared: Prepared
) -> tuple[Array, Array]:
    """Shapes: (n, positions), (n,)"""
    _check_lengths(found, preparation)
    cells: list[Sequence[object]] = [found.labels]
    if target.classes is None:
        cells = [_numbers(found)]
    t = answers([(target, ("label",))], [cells], prepared, found.places, found.name)
    assert not isinstance(t, dict)
    return preparation.numbers(found.units), t


def _numbers(found: Found) -> list[float]:
    """Labels that are numbers."""
    from graphnet.prepare.table import number_in

    complaints = Complaints()
    values = []
    for label, place in zip(found.labels, found.places, strict=True):
        value = number_in(label)
        if value is None:
            complaints.add(
                f"{place}: a finite number is expected before the tab, found {quoted(label)}"
            )
        else:
            values.append(value)
    complaints.done()
    return values


def _lines(found: Found, preparation: TextPreparation) -> tuple[Array, Array]:
    """x = a boundary and the line, t = the line and a boundary: each position's next unit.

    Shapes: (n, positions) both
    """
    lines = [[BOUNDARY, *units] for units in found.units]
    _check_lengths(Found(found.name, lines, [], found.places), preparation)
    x = preparation.numbers(lines)
    t = preparation.numbers([[*units, BOUNDARY] for units in found.units])
    return x, t


def _windows(found: Found, preparation: TextPreparation) -> tuple[Array, Array]:
    """All lines in one row, cut where a window is full; a rest that fills none is left out.

    Shapes: (n, positions) both
    """
    positions = preparation.positions
    codes = preparation.codes(u for units in found.units for u in (BOUNDARY, *units))
    codes += preparation.codes([BOUNDARY])
    count = (len(codes) - 1) // positions
    if not count:
        what = f"{len(codes)} {preparation.text.unit}s, line ends among them, fill no window"
        raise DatasetError(f"{found.name}: {what} of {positions} and the one behind it")
    row = np.array(codes, np.int64)
    x = row[: count * positions].reshape(count, positions)
    t = row[1 : count * positions + 1].reshape(count, positions)
    return x, t


def _check_lengths(found: Found, preparation: TextPreparation) -> None:
    complaints = Complaints()
    for units, place in zip(found.units, found.places, strict=True):
        wrong = preparation.problem(units)
        if wrong:
            complaints.add(f"{place}: {wrong}")
    complaints.done()
