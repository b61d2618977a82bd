"""Norms of a sample by itself: blocks, far means, and constant rows."""

import numpy as np
import pytest

from graphnet.layers import LAYERS, group_norm, layer_norm

ROWS = [("LayerNorm", {}, (64, 32)), ("RMSNorm", {}, (64, 32)), ("LayerNorm", {"axis": 0}, (8, 4))]
GROUPS = [("GroupNorm", {"groups": 4}, (6, 6, 16)), ("InstanceNorm", {}, (4, 4, 64))]
every_norm = pytest.mark.parametrize(("kind", "attributes", "shape"), [*ROWS, *GROUPS])


def passes(kind, attributes, x, dout, rng):
    """out, dx and the gradients of random parameters."""
    spec = LAYERS[kind].Spec.model_validate({"id": "n", "type": kind, **attributes})
    shapes = {n: p.shape for n, p in spec.parameters(x.shape[1:]).items()}
    params = {n: rng.normal(size=shape).astype(x.dtype) for n, shape in shapes.items()}
    layer = LAYERS[kind](spec, params=params)
    out = layer.forward(x).copy()
    return out, layer.backward(dout)[0], layer.grads


@every_norm
def test_blocks_give_the_numbers_of_one(kind, attributes, shape, rng, monkeypatch):
    x, dout = rng.normal(size=(7, *shape)), rng.normal(size=(7, *shape))
    out, dx, grads = passes(kind, attributes, x, dout, np.random.default_rng(1))
    for module in (layer_norm, group_norm):
        monkeypatch.setattr(module, "BLOCK", 2 * np.prod(shape) + 5)
    in_blocks = passes(kind, attributes, x, dout, np.random.default_rng(1))
    np.testing.assert_allclose(in_blocks[0], out, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(in_blocks[1], dx, rtol=1e-12, atol=1e-12)
    for name, grad in grads.items():
        np.testing.assert_allclose(in_blocks[2][name], grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("kind", "attributes", "shape"), [row for row in [*ROWS, *GROUPS] if row[0] != "RMSNorm"]
)
def test_float32_holds_where_the_mean_is_a_thousand_deviations(kind, attributes, shape, rng):
    x = rng.normal(1000.0, 1.0, size=(3, *shape)).astype(np.float32)
    dout = rng.normal(size=x.shape).astype(np.float32)
    short = passes(kind, attributes, x, dout, np.random.default_rng(1))
    given = x.astype(np.float64), dout.astype(np.float64)
    long = passes(kind, attributes, *given, np.random.default_rng(1))
    for mine, exact in zip(short[:2], long[:2], strict=True):
        assert mine.dtype == np.float32
        assert np.abs(mine - exact).max() < 1e-3


@every_norm
def test_equal_numbers_neither_warn_nor_blow_up(kind, attributes, shape, rng):
    x = np.full((2, *shape), 0.0)
    out, dx, _ = passes(kind, attributes, x, np.ones_like(x), rng)
    assert np.isfinite(out).all()
    assert np.isfinite(dx).all()
