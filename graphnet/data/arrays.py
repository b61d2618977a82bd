"""Training samples from .npz and .npy files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graphnet.data.dataset import Array, Dataset, Split
from graphnet.data.room import bytes_of, require_room
from graphnet.data.targets import Target, held_out, indices, labels_found, targets_of
from graphnet.errors import DatasetError, clipped
from graphnet.prepare.arrays import (
    check_finite,
    check_input,
    numbers_of,
    read_arrays,
    read_npy,
    same_lengths,
)
from graphnet.prepare.files import shown
from graphnet.spec.graph import GraphSpec
from graphnet.spec.prepared import Prepared
from graphnet.spec.reader import resolve
from graphnet.spec.sources import Npy, Npz

NPZ = "save each array as a .npy file: the source npy reads those as a stream"


def load_arrays(
    spec: GraphSpec, data: Npz | Npy, folder: Path, fitted: Prepared | None = None
) -> Dataset:
    """Arrays by the names of inputs and targets.

    fitted: the labels that an earlier training found; None: found in the train part, where targets
    are texts.
    Errors: DatasetError with file, array and sample.
    """
    targets = targets_of(resolve(spec))
    inputs = [name for name, given in spec.inputs.items() if given.value is None]
    names = [*inputs, *targets]
    where, train = _part(data, data.train, folder, names)
    _check(spec, inputs, targets, train, where)
    parts = [(where, train)]
    if data.test is not None:
        where, test = _part(data, data.test, folder, names)
        _check(spec, inputs, targets, test, where)
        parts.append((where, test))
    elif data.test_share is not None:
        chosen = held_out(same_lengths(train, where), data.test_share, _classes(targets, train))
        parts = [(where, {n: a[mask] for n, a in train.items()}) for mask in (~chosen, chosen)]
    prepared = fitted or Prepared(
        labels={
            target.output: labels_found(target, f"{parts[0][0]}: array '{name}'", parts[0][1][name])
            for name, target in targets.items()
            if target.labels is None and parts[0][1][name].dtype.kind == "U"
        }
    )
    splits = [_split(spec, inputs, targets, prepared, part, where) for where, part in parts]
    return Dataset(data.source, splits[0], splits[1] if splits[1:] else None, prepare=prepared)


def _part(
    data: Npz | Npy, files: Any, folder: Path, names: list[str]
) -> tuple[str, dict[str, Array]]:
    """What errors call a part, and its arrays."""
    if isinstance(data, Npz):
        path = folder / files
        require_room(path, bytes_of(path), NPZ)
        return shown(path), read_arrays(path, names, data.unused)
    for name in names:
        if name not in files:
            what = f"no file is named for '{name}'; {', '.join(names)} are needed"
            raise DatasetError(clipped(f"data: {what}"))
    for name in files:
        if name not in names:
            raise DatasetError(f"data: '{name}' is neither an input nor a target: leave it out")
    for name in names:
        require_room(folder / files[name], bytes_of(folder / files[name]))
    arrays = {name: read_npy(folder / files[name]) for name in names}
    return ", ".join(shown(folder / files[name]) for name in names[:2]), arrays


def _check(
    spec: GraphSpec,
    inputs: list[str],
    targets: Mapping[str, Target],
    arrays: Mapping[str, Array],
    where: str,
) -> None:
    same_lengths(arrays, where)
    for name in inputs:
        check_input(spec, name, arrays[name], where)
    for name, target in targets.items():
        what, array = f"{where}: array '{name}'", arrays[name]
        if array.dtype.kind == "U":
            if target.classes is None or array.shape[1:] != target.scores[:-1]:
                raise DatasetError(f"{what}: numbers are expected, found texts of {array.shape}")
            continue
        check_finite(array, what, np.dtype(spec.dtype))
        if target.classes is not None and array.dtype.kind in "iu":
            one_hot = array.ndim == len(target.scores) + 1
            wrong = (array < 0) | (array >= (2 if one_hot else target.classes))
            if wrong.any():
                i = int(np.argmax(wrong.reshape(len(array), -1).any(axis=1)))
                value = array[i].ravel()[int(np.argmax(wrong[i].ravel()))]
                text = f"{value} is no class: they go from 0 to {target.classes - 1}"
                raise DatasetError(f"{what}, sample {i}: {text}")


def _classes(targets: Mapping[str, Target], arrays: Mapping[str, Array]) -> Any:
    """The class of each sample, where there is one target of one class a sample."""
    found = [arrays[name] for name, target in targets.items() if target.classes is not None]
    if len(found) != 1 or found[0].ndim != 1 or found[0].dtype.kind not in "iuU":
        return None
    return found[0].tolist()


def _split(
    spec: GraphSpec,
    inputs: list[str],
    targets: Mapping[str, Target],
    prepared: Prepared,
    arrays: Mapping[str, Array],
    where: str,
) -> Split:
    # Pictures alone stay bytes; beside other arrays they become numbers here.
    taken = {
        name: arrays[name] if len(inputs) == 1 else numbers_of(spec, name, arrays[name])
        for name in inputs
    }
    found = {}
    for name, target in targets.items():
        array = arrays[name]
        if array.dtype.kind == "U":
            labels = target.labels or prepared.labels[target.output]
            texts = array.ravel().tolist()
            count = len(texts) // len(array)
            places = [f"{where}: array '{name}', sample {i // count}" for i in range(len(texts))]
            array = indices(texts, labels, places).reshape(array.shape)
        found[name] = array
    return Split(taken, next(iter(found.values())) if len(found) == 1 else found)
