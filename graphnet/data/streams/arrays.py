"""Streams of numbers in files: .npy by the names of inputs and targets, and pairs of IDX files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphnet.data.dataset import IMAGE, Dataset
from graphnet.data.idx import header_of
from graphnet.data.streams.base import Form, Held, Range, Stream, Streamed, Taken
from graphnet.data.streams.pieces import (
    Column,
    Mark,
    Piece,
    checksum_of,
    paths_of,
    same_form,
    same_samples,
)
from graphnet.data.targets import Target, indices, labels_found, targets_of
from graphnet.errors import DatasetError
from graphnet.prepare.arrays import begin_array, check_form
from graphnet.prepare.files import open_file, problem, shown
from graphnet.spec.graph import GraphSpec
from graphnet.spec.prepared import Prepared
from graphnet.spec.reader import resolve
from graphnet.spec.sources import Idx, Npy

Array = npt.NDArray[Any]
NPY, IDX = "a .npy file", "an IDX file"
_PASS = 2**16
"""Samples of one step of a pass over all."""


class NumberStream(Stream):
    """Arrays in files, each sample at its place.

    labels: by the name of a target that is given as texts, the name of each class.
    """

    def __init__(self, inputs: Mapping[str, Column], targets: Mapping[str, Column]) -> None:
        self.samples = same_samples([*inputs.values(), *targets.values()])
        self._inputs, self._targets = inputs, targets
        self.labels: dict[str, Sequence[str]] = {}
        self.inputs = {name: _native(column.form) for name, column in inputs.items()}
        self.shuffled_by(sum(c.row_bytes for c in (*inputs.values(), *targets.values())))

    def hold(self, ranges: Sequence[Range]) -> Held:
        inputs = {name: column.read(ranges) for name, column in self._inputs.items()}
        return _Numbers(self, ranges, inputs, self._read_targets(ranges))

    def answers(self, ranges: Sequence[Range]) -> dict[str, Array]:
        held = _Numbers(self, ranges, {}, self._read_targets(ranges))
        return held.take(np.arange(sum(stop - start for start, stop in ranges)))[1]

    def texts(self, name: str, part: Streamed) -> Iterable[str]:
        """All the texts of a target, in steps."""
        for start in range(0, len(part), _PASS):
            numbers = part.numbers(np.arange(start, min(start + _PASS, len(part))))
            ranges = part.ranges(numbers)
            found = self._targets[name].read(ranges)
            yield from np.unique(found).tolist()

    def place(self, sample: int) -> str:
        return next(iter(self._inputs.values())).place(sample)

    def fingerprint(self) -> str:
        return checksum_of([*self._inputs.values(), *self._targets.values()])

    def _read_targets(self, ranges: Sequence[Range]) -> dict[str, Array]:
        return {name: column.read(ranges) for name, column in self._targets.items()}


class _Numbers(Held):
    def __init__(
        self,
        stream: NumberStream,
        ranges: Sequence[Range],
        inputs: Mapping[str, Array],
        targets: Mapping[str, Array],
    ) -> None:
        self._stream, self._ranges = stream, ranges
        self._inputs, self._targets = inputs, targets

    def take(self, at: Array, into: Mapping[str, Array] | None = None) -> Taken:
        places = into or {}
        inputs = {n: _taken(array, at, places.get(n)) for n, array in self._inputs.items()}
        targets = {}
        for name, array in self._targets.items():
            found = _taken(array, at)
            if found.dtype.kind == "U":
                found = self._indices(name, found, at)
            targets[name] = found
        return inputs, targets

    def _indices(self, name: str, texts: Array, at: Array) -> Array:
        """The classes of texts."""
        flat, count = texts.ravel().tolist(), texts.size // max(len(texts), 1)
        labels = self._stream.labels[name]
        known = set(labels)
        places = [""] * len(flat)
        for i, text in enumerate(flat):
            if text not in known:
                places[i] = f"{self._stream.place(self._number(int(at[i // count])))}: '{name}'"
        return indices(flat, labels, places).reshape(texts.shape)

    def _number(self, at: int) -> int:
        for start, stop in self._ranges:
            if at < stop - start:
                return start + at
            at -= stop - start
        raise IndexError(at)


def _taken(array: Array, at: Array, out: Array | None = None) -> Array:
    if out is not None and out.dtype == array.dtype and out.shape[1:] == array.shape[1:]:
        return np.take(array, at, axis=0, out=out, mode="clip")
    found: Array = np.take(array, at, axis=0, mode="clip")
    return found.astype(found.dtype.newbyteorder("="), copy=False)


def _native(form: Form) -> Form:
    dtype = np.dtype(np.int64) if form.dtype.kind == "U" else form.dtype.newbyteorder("=")
    return Form(form.shape, dtype)


def stream_npy(spec: GraphSpec, data: Npy, folder: Path, fitted: Prepared | None = None) -> Dataset:
    """The arrays of .npy files, each of one file or of several (`x-*.npy`).

    Errors: DatasetError with file and array.
    """
    targets = targets_of(resolve(spec))
    inputs = [name for name, given in spec.inputs.items() if given.value is None]

    def stream(files: Mapping[str, str]) -> NumberStream:
        columns = {name: _npy(name, folder / files[name]) for name in (*inputs, *targets)}
        for name in inputs:
            column = columns[name]
            what = f"{shown(column.pieces[0].path)}: array '{name}'"
            check_form(spec, name, (column.samples, *column.form.shape), column.form.dtype, what)
        for name, target in targets.items():
            _check_target(columns[name], target)
        return NumberStream(
            {name: columns[name] for name in inputs}, {name: columns[name] for name in targets}
        )

    train = Streamed(stream(data.train))
    test = None if data.test is None else Streamed(stream(data.test))
    if data.test_share is not None:
        train, test = train.parted(data.test_share, 0, "test_share")
    prepared = fitted or _labels_of(targets, train)
    for part in (train, test):
        if part is not None:
            assert isinstance(part.stream, NumberStream)
            part.stream.labels = {
                name: target.labels or prepared.labels.get(target.output, ())
                for name, target in targets.items()
            }
    return Dataset("npy", train, test, prepare=prepared)


def _labels_of(targets: Mapping[str, Target], train: Streamed) -> Prepared:
    """The names of classes, where targets are texts and the spec names none."""
    labels, stream = {}, train.stream
    assert isinstance(stream, NumberStream)
    for name, target in targets.items():
        column = stream._targets[name]
        if target.labels is None and column.form.dtype.kind == "U":
            labels[target.output] = labels_found(target, column.name, stream.texts(name, train))
    return Prepared(labels=labels)


def _check_target(column: Column, target: Target) -> None:
    if column.form.dtype.kind == "U" and (
        target.classes is None or column.form.shape != target.scores[:-1]
    ):
        what = f"numbers are expected, found texts of {column.form.shape} a sample"
        raise DatasetError(f"{column.name}: {what}")


def _npy(name: str, pattern: Path) -> Column:
    pieces, forms = [], []
    for path in paths_of(pattern, NPY):
        with open_file(path, NPY) as file:
            mark = Mark.of(file)
            header, offset = begin_array(file, mark.size, shown(path)), file.tell()
        if not header.shape:
            raise problem(path, "it holds a single number: samples are expected")
        if header.fortran and len(header.shape) > 1:
            remedy = "save it with np.ascontiguousarray, and samples lie one behind the other"
            raise problem(path, f"its numbers lie in Fortran order: {remedy}")
        pieces.append(Piece(path, offset, header.shape[0], mark))
        forms.append((path, Form(header.shape[1:], header.dtype)))
    return Column(f"{shown(pattern)}: array '{name}'", pieces, same_form(forms), NPY)


def stream_idx(spec: GraphSpec, data: Idx, folder: Path) -> Dataset:
    """Pictures and labels of IDX files.

    Errors: DatasetError; for gzip files too, in which nothing can be found without all before it.
    """
    names = list(targets_of(resolve(spec)))

    def part(images: str, labels: str) -> Streamed:
        pictures, classes = _idx(folder / images), _idx(folder / labels)
        shape = pictures.form.shape
        if (
            pictures.form.dtype != np.uint8
            or len(shape) not in (2, 3)
            or shape[2:] not in ((), (3,))
        ):
            what = f"its samples are {shape} {pictures.form.dtype}, but pictures are H x W or "
            raise problem(folder / images, f"{what}H x W x 3 uint8 (as images)")
        if classes.form.dtype.kind not in "iu" or classes.form.shape:
            what = "labels are whole numbers in one dimension (as labels)"
            raise problem(folder / labels, f"its samples are {classes.form.shape}, but {what}")
        return Streamed(NumberStream({IMAGE: pictures}, {names[0] if names else "t": classes}))

    train, test = part(data.train_images, data.train_labels), None
    if data.test_images is not None and data.test_labels is not None:
        test = part(data.test_images, data.test_labels)
    return Dataset("idx", train, test)


def _idx(pattern: Path) -> Column:
    pieces, forms = [], []
    for path in paths_of(pattern, IDX):
        header = header_of(path)
        with open_file(path, IDX) as file:
            pieces.append(Piece(path, header.offset, header.dims[0], Mark.of(file)))
        forms.append((path, Form(header.dims[1:], header.dtype)))
    return Column(shown(pattern), pieces, same_form(forms), IDX)
