"""Buffers: the same memory at every step, for any batch up to the largest."""

import numpy as np

from graphnet.layers.base import Buffer
from graphnet.workspace import Workspace, aligned


def test_a_name_is_the_same_memory_at_every_step():
    buffers = Workspace(np.dtype(np.float32)).buffers("n", {"out": Buffer((3,))})
    first = buffers.take("out", 5)
    assert first.shape == (5, 3)
    assert buffers.take("out", 5) is first
    assert np.shares_memory(buffers.take("out", 2), first)


def test_it_grows_to_the_largest_batch():
    workspace = Workspace(np.dtype(np.float64))
    buffers = workspace.buffers("n", {"out": Buffer((3,)), "mask": Buffer((3,), mask=True)})
    buffers.take("out", 2)
    assert workspace.nbytes == 2 * 3 * 8
    buffers.take("out", 10)
    assert workspace.nbytes == 10 * 3 * 8
    buffers.take("mask", 10)
    assert workspace.nbytes == 10 * 3 * 9


def test_many_batch_sizes_keep_no_view_each():
    buffers = Workspace(np.dtype(np.float32)).buffers("n", {"out": Buffer(())})
    buffers.take("out", 1000)
    for n in range(1, 1000):
        assert buffers.take("out", n).shape == (n,)
    assert len(buffers._views) <= 64


def test_arrays_start_at_cache_lines():
    for shape in ((1,), (3, 5), (1000,)):
        array = aligned(shape, np.dtype(np.float32))
        assert array.ctypes.data % 64 == 0
        assert array.shape == shape
