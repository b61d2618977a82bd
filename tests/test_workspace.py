"""Memory: one block that grows, arrays at cache lines, parts of one flat array."""

import numpy as np

from graphnet.workspace import Workspace, aligned, flat_views


def test_the_block_grows_to_the_largest_and_stays():
    workspace = Workspace()
    first = workspace.reserve(100)
    assert workspace.nbytes == 100
    assert workspace.reserve(50) is first
    generation = workspace.generation
    assert len(workspace.reserve(1000)) == 1000
    assert workspace.generation == generation + 1


def test_arrays_start_at_cache_lines():
    for shape in ((1,), (3, 5), (1000,)):
        array = aligned(shape, np.dtype(np.float32))
        assert array.ctypes.data % 64 == 0
        assert array.shape == shape


def test_flat_views_are_zeros_at_cache_lines_in_one_array():
    flat, parts = flat_views({"a": (3, 5), "b": (), "c": (20,)}, np.dtype(np.float64))
    assert {name: part.shape for name, part in parts.items()} == {"a": (3, 5), "b": (), "c": (20,)}
    assert not flat.any()
    assert all(part.ctypes.data % 64 == 0 for part in parts.values())
    for part in parts.values():
        part[...] = 1
    assert flat.sum() == 15 + 1 + 20
