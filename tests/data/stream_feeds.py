"""The same data set in memory and as a stream, and whether they are the same."""

import json

import numpy as np
import pytest

import graphnet as gn
from graphnet.errors import DatasetError
from graphnet.training.feed import Room, feeds

GRAPH = {
    "format": 1,
    "name": "streamed",
    "nodes": [{"id": "a", "type": "Affine", "units": 3}],
    "edges": [["x", "a"]],
    "loss": {"type": "SoftmaxWithLoss"},
    "train": {"epochs": 1, "batch_size": 7},
}
DIGIT = {"size": [6, 5], "mode": "grey", "background": "black"}


def spec_of(data, **changes):
    return gn.parse_spec(json.dumps({**GRAPH, "data": data, **changes}))


def both(folder, data, **changes):
    """The feeds of a data set in memory, and of its stream."""
    found = []
    for more in ({}, {"stream": True}):
        spec = spec_of({**data, **more}, **changes)
        loaded = gn.load_data(spec, folder)
        net = gn.build(spec)
        net.prepare = loaded.prepare
        found.append((loaded, *feeds(net, loaded)))
    return found


def same_samples(one, other):
    """Two feeds give the same bits for the same numbers, in any way they are asked."""
    rows = np.random.default_rng(1).permutation(one.samples)
    assert other.samples == one.samples
    other.order(0, 1)
    for part in (rows, rows[:3], np.asarray(other.order(3, 2))):
        (x, t), (y, u) = one.batch(part), other.batch(part)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(t, u, strict=True))
        assert {n: a.tobytes() for n, a in x.items()} == {n: a.tobytes() for n, a in y.items()}
    room = Room(other, 11)
    for start in range(0, one.samples, 11):
        at = slice(start, start + 11)
        (x, t), (y, u) = one.part(at, Room(one, 11)), other.part(at, room)
        assert all(a.tobytes() == b.tobytes() for a, b in zip(t, u, strict=True))
        assert {n: a.tobytes() for n, a in x.items()} == {n: a.tobytes() for n, a in y.items()}


def refused(data, folder, **changes) -> str:
    with pytest.raises(DatasetError) as e:
        feeds(gn.build(spec := spec_of(data, **changes)), gn.load_data(spec, folder))
    return str(e.value).replace(f"{folder}/", "").replace(f"{folder}\\", "")
