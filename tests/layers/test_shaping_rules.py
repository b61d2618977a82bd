"""What layers that move numbers give for any shape: NumPy's answer, and its adjoint backwards."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from graphnet.errors import ShapeError
from graphnet.layers import LAYERS
from graphnet.layers.base import Layer

SHAPES = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)
SEEDS = st.integers(0, 2**32 - 1)


def agree(layer: Layer, shape: tuple[int, ...], expected, seed: int) -> None:
    """out = expected(x), and sum(dout * out) = sum(dx * x), for x of two samples."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, *shape))
    out = layer.forward(x)
    np.testing.assert_array_equal(out, expected(x))
    assert out.shape[1:] == layer.infer_shape(shape)
    dout = rng.normal(size=out.shape)
    (dx,) = layer.backward(dout)
    assert np.sum(dx * x) == pytest.approx(np.sum(dout * out), rel=1e-9, abs=1e-9)


@given(SHAPES, st.data(), SEEDS)
def test_slices_are_pythons(shape, data, seed):
    index = st.integers(-8, 8)
    steps = st.integers(-3, 3).filter(bool)
    cuts = [data.draw(st.tuples(index, index, steps)) for _ in shape]
    starts, ends, strides = (list(numbers) for numbers in zip(*cuts, strict=True))
    layer = LAYERS["Slice"](starts=starts, ends=ends, steps=strides)
    taken = (slice(None), *(slice(*cut) for cut in cuts))
    if 0 in np.empty((2, *shape))[taken].shape:
        with pytest.raises(ShapeError, match="nothing is left of axis"):
            layer.infer_shape(shape)
    else:
        agree(layer, shape, lambda x: x[taken], seed)


@given(SHAPES, st.data(), st.sampled_from(["constant", "edge", "reflect", "wrap"]), SEEDS)
def test_margins_are_numpys(shape, data, mode, seed):
    widths = [data.draw(st.tuples(st.integers(0, 5), st.integers(0, 5))) for _ in shape]
    layer = LAYERS["Pad"](widths=[list(pair) for pair in widths], mode=mode)
    most = {"reflect": -1, "wrap": 0}.get(mode, 9)
    assume(all(max(pair) <= n + most for pair, n in zip(widths, shape, strict=True)))
    agree(layer, shape, lambda x: np.pad(x, [(0, 0), *widths], mode=mode), seed)


@given(SHAPES.flatmap(lambda shape: st.tuples(st.just(shape), st.permutations(range(len(shape))))))
def test_axes_go_where_numpy_puts_them(given_shape):
    shape, axes = given_shape
    layer = LAYERS["Transpose"](axes=list(axes))
    agree(layer, shape, lambda x: x.transpose(0, *(axis + 1 for axis in axes)), 0)


@given(SHAPES, st.lists(st.integers(1, 3), max_size=2), st.data(), SEEDS)
def test_repeats_are_numpys(shape, before, data, seed):
    to = [*before, *(data.draw(st.sampled_from([1, 4])) if n == 1 else n for n in shape)]
    layer = LAYERS["Broadcast"](to=to)
    ones = (1,) * len(before)
    agree(layer, shape, lambda x: np.broadcast_to(x.reshape(2, *ones, *shape), (2, *to)), seed)


@given(SHAPES, st.data(), st.booleans(), SEEDS)
def test_sums_are_numpys(shape, data, keepdims, seed):
    axes = data.draw(st.sets(st.sampled_from(range(len(shape))), min_size=1).map(sorted))
    layer = LAYERS["Sum"](axes=axes, keepdims=keepdims)
    over = tuple(axis + 1 for axis in axes)
    agree(layer, shape, lambda x: np.sum(x, axis=over, keepdims=keepdims), seed)


@given(st.tuples(*[st.integers(1, 4)] * 5), SEEDS)
def test_pixels_become_blocks(sizes, seed):
    height, width, channels, rows, columns = sizes
    layer = LAYERS["Upsample"](scale=[rows, columns])
    agree(layer, (height, width, channels), lambda x: x.repeat(rows, 1).repeat(columns, 2), seed)
