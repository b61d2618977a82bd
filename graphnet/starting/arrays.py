"""A spec for arrays of NumPy: which one is learnt, and what the samples are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from graphnet.data.dataset import Array
from graphnet.data.targets import held_out
from graphnet.declaration import NAME, did_you_mean
from graphnet.errors import quoted
from graphnet.prepare.arrays import array_names, read_arrays
from graphnet.prepare.files import problem, shown
from graphnet.starting.begin import Found, one_of_each
from graphnet.starting.checks import about_test, check_input, check_spread
from graphnet.starting.network import answer, graph, of_numbers, of_pictures, recipe, scores

_TARGETS = ("t", "y", "target", "targets", "label", "labels", "classes")
_INPUTS = ("x", "input", "inputs", "image", "images", "data", "features")
MOST_CLASSES = 1_000


def of_arrays(path: str, target: str | None) -> Found:
    """One array is learnt from another; those that are left are named in `unused`."""
    place = Path(path)
    names = array_names(place)
    arrays = read_arrays(place, names)
    learnt = _target(place, arrays, target)
    source, others = _source(place, arrays, learnt)
    notes = []
    if target is None and learnt not in _TARGETS:
        notes.append(f"array {quoted(learnt)} is learnt: --target names another")
    notes += [f"array {quoted(name)} stays out: a first network takes one" for name in others]
    x, t = arrays[source], arrays[learnt]
    check_input(place, f"array {quoted(source)}", x)
    ending, classes = _ending(place, learnt, t)
    given, nodes = _network(place, source, x, classes)
    nodes += ending.pop("nodes")
    loss = ending.pop("loss")
    found = np.unique(t) if classes and t.ndim == 1 else t
    if classes and t.ndim == 1 and len(found) < classes and t.dtype.kind != "U":
        notes.append(f"{classes} classes are numbered, of which {len(found)} occur")
    notes += about_test(held_out(len(x), 0.2, t if classes and t.ndim == 1 else None))
    data: dict[str, Any] = {"source": "npz", "train": path}
    if others:
        data["unused"] = others
    shape = "x".join(map(str, given["shape"])) or "one number"
    doc = f"{quoted(learnt)} from {quoted(source)} in {place.name}: {len(x):,} samples of {shape}."
    body = {
        "inputs": {source: given},
        **graph(source, nodes),
        "loss": loss if learnt == "t" else {**loss, "target": learnt},
        **ending,
        "data": {**data, "test_share": 0.2},
        "train": recipe(len(x), lr=0.002, held_out=True),
    }
    return Found(doc, body, notes)


def _target(place: Path, arrays: Mapping[str, Array], asked: str | None) -> str:
    names = ", ".join(quoted(name, 40) for name in list(arrays)[:8])
    if asked is not None:
        if asked not in arrays:
            hint = did_you_mean(asked, arrays) or f"; there are {names}"
            raise problem(place, f"no array {quoted(asked)} is in it{hint}")
        return _named(place, asked)
    if any(re.fullmatch(r"[xyt]_(train|test)", name) for name in arrays):
        what = "training and test part lie in one file: save each by itself, as in"
        raise problem(place, f"{what} np.savez('train.npz', x=x_train, t=y_train)")
    likely = [name for name in arrays if name.lower() in _TARGETS]
    if not likely and len(arrays) == 2:
        likely = [name for name in arrays if name.lower() not in _INPUTS]
    if len(likely) != 1:
        likely = [n for n, a in arrays.items() if a.ndim == 1 and a.dtype.kind in "iuU"]
    if len(likely) != 1 or len(arrays) < 2:
        raise problem(place, f"which array is learnt? It holds {names}: name it with --target")
    return _named(place, likely[0])


def _named(place: Path, name: str) -> str:
    if not re.fullmatch(NAME, name):
        what = "a name of letters, digits and _, not starting with a digit, is expected"
        raise problem(place, f"array {quoted(name)}: {what}: np.savez('FILE.npz', x=..., t=...)")
    return name


def _source(place: Path, arrays: Mapping[str, Array], learnt: str) -> tuple[str, list[str]]:
    count = len(arrays[learnt]) if arrays[learnt].ndim else 0
    if count < 10:
        raise problem(place, f"{count} samples are too few to learn from: ten at least are needed")
    fitting = [n for n, a in arrays.items() if n != learnt and a.ndim > 0 and len(a) == count]
    fitting = [name for name in fitting if arrays[name].dtype.kind in "fiub"]
    if not fitting:
        raise problem(place, f"no array has a sample for each of the {count:,} of {quoted(learnt)}")
    # A usual name first, else the one that holds the most.
    fitting.sort(key=lambda name: (name.lower() not in _INPUTS, -arrays[name].size))
    source = _named(place, fitting[0])
    return source, [name for name in arrays if name not in (source, learnt)]


def _ending(place: Path, name: str, t: Array) -> tuple[dict[str, Any], int]:
    """Last nodes, loss and labels; and how many classes there are, 0 for numbers."""
    where = f"array {quoted(name)}"
    loss: dict[str, Any] = {"type": "SoftmaxWithLoss"}
    if t.dtype.kind == "U":
        labels = one_of_each([str(text) for text in t.ravel()], where, shown(place))
        if t.ndim != 1 or len(labels) > len(t) / 2:
            raise problem(place, f"{where}: {len(labels):,} different texts are no classes")
        return {"nodes": [scores(len(labels))], "loss": loss, "labels": labels}, len(labels)
    one_hot = t.ndim == 2 and t.shape[1] > 1 and bool(((t == 0) | (t == 1)).all())
    if one_hot and bool((t.sum(axis=1) == 1).all()):
        return {"nodes": [scores(t.shape[1])], "loss": loss}, t.shape[1]
    if t.ndim == 1 and t.dtype.kind in "iub" and t.min() >= 0 and t.max() < MOST_CLASSES:
        count = int(t.max()) + 1
        there = len(np.unique(t))
        if there < count / 2:
            what = f"{where} numbers classes up to {count - 1}, of which {there} occur"
            raise problem(place, f"{what}: number them 0, 1, 2, ...")
        if count < 2:
            raise problem(place, f"{where} is 0 everywhere: two classes or more are learnt")
        return {"nodes": [scores(count)], "loss": loss}, count
    if t.ndim > 2 or not np.isfinite(t).all():
        what = "one number or one row of them a sample is expected, all finite"
        raise problem(place, f"{where} has shape {t.shape}: {what}")
    with np.errstate(over="ignore"):
        mean, std = float(t.mean(dtype=np.float64)), float(t.std(dtype=np.float64))
    check_spread(place, where, mean, std)
    width = t.shape[1] if t.ndim == 2 else 1
    return {"nodes": answer(width, mean, std), "loss": {"type": "MeanSquaredError"}}, 0


def _network(
    place: Path, name: str, x: Array, classes: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The input and the nodes up to the last."""
    shape = x.shape[1:]
    picture = len(shape) == 3 and shape[2] in (1, 3)
    if len(shape) == 3 and not picture and shape[0] in (1, 3) and min(shape[1:]) >= 8:
        what = f"array {quoted(name)} has shape {x.shape}: pictures have their channels last here"
        raise problem(place, f"{what}: save x.transpose(0, 2, 3, 1)")
    if x.dtype == np.uint8 and (picture or len(shape) == 2) and min(shape[:2]) >= 8:
        height, width = shape[:2]
        mode = "rgb" if shape[2:] == (3,) else "grey"
        image = {"size": [height, width], "mode": mode, "range": [0, 1]}
        given: dict[str, Any] = {"shape": [height, width, 3 if mode == "rgb" else 1]}
        return given | {"image": image}, of_pictures(height, width, 1)[:-1]
    if not shape:
        reshape = [{"id": "row", "type": "Reshape", "to": [1]}]
        return {"shape": []}, [*reshape, *of_numbers(1, len(x))]
    given = {"shape": list(shape)}
    if picture and min(shape[:2]) >= 8:
        return given, of_pictures(shape[0], shape[1], 1)[:-1]
    nodes: list[dict[str, Any]] = []
    if len(shape) > 1:
        nodes.append({"id": "flatten", "type": "Flatten"})
    row = x.reshape(len(x), -1)
    with np.errstate(over="ignore", invalid="ignore"):
        spread, middle = row.std(axis=0, dtype=np.float64), row.mean(axis=0, dtype=np.float64)
    if spread.min() < 0.3 or spread.max() > 3 or abs(middle).max() > 1:
        nodes.append({"id": "norm", "type": "BatchNorm"})
    return given, nodes + of_numbers(row.shape[1], len(x))
