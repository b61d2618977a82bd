"""What the shared tables do not show of attention and of encodings of positions."""

import numpy as np
import pytest

from graphnet.layers import LAYERS
from graphnet.layers.base import Layer


def made(*shapes: tuple[int, ...], **attributes: object) -> Layer:
    """The layer alone, with random parameters."""
    rng, cls = np.random.default_rng(0), LAYERS["MultiHeadAttention"]
    given = {"id": "n", "type": "MultiHeadAttention", "heads": 2, "units": 8, **attributes}
    spec = cls.Spec.model_validate(given)
    parameters = spec.parameters(*shapes).items()
    return cls(spec, params={name: rng.normal(size=p.shape) for name, p in parameters})


def test_a_position_that_sees_itself_alone_takes_its_own_value(rng):
    layer = made((1, 8))
    x, p = rng.normal(size=(3, 1, 8)), layer.params
    expected = (x @ p["Wv"] + p["bv"]) @ p["Wo"] + p["bo"]
    np.testing.assert_allclose(layer.forward(x), expected, rtol=1e-12)


def test_what_the_mask_hides_counts_for_nothing(rng):
    layer = made((5, 8), (5, 8), (5,))
    x, mask = rng.normal(size=(2, 5, 8)), np.array([[1, 1, 1, 0, 0], [1, 0, 1, 1, 1]])
    other = np.where(mask[:, :, np.newaxis] == 1, x, 1e3)
    out = layer.forward(x, x, mask).copy()
    np.testing.assert_array_equal(layer.forward(x, other, mask), out)
    dsource = layer.backward(np.ones_like(out))[1]
    assert not dsource[mask == 0].any()
    assert dsource[mask == 1].all()
    np.testing.assert_allclose(layer.weights.sum(-1), 1, rtol=1e-12)


def test_a_position_that_sees_nothing_gives_the_bias(rng):
    layer = made((3, 8), (5, 8), (3, 5))
    mask = np.ones((2, 3, 5), np.int64)
    mask[1, 2] = 0
    x, source = rng.normal(size=(2, 3, 8)), rng.normal(size=(2, 5, 8))
    out = layer.forward(x, source, mask)
    np.testing.assert_array_equal(out[1, 2], layer.params["bo"])
    assert not layer.weights[1, :, 2].any()
    for gradient in layer.backward(np.ones_like(out))[:2]:
        assert np.isfinite(gradient).all()
    assert not layer.backward(np.ones_like(out))[0][1, 2].any()


def test_causal_positions_do_not_see_what_follows(rng):
    layer = made((6, 8), causal=True)
    x = rng.normal(size=(2, 6, 8))
    other = x.copy()
    other[:, 4:] += 1
    out = layer.forward(x).copy()
    changed = layer.forward(other)
    np.testing.assert_array_equal(changed[:, :4], out[:, :4])
    assert (changed[:, 4:] != out[:, 4:]).all()


def test_far_scores_neither_warn_nor_overflow():
    layer = made((6, 8))
    x = np.linspace(-1e4, 1e4, 48, dtype=np.float32).reshape(1, 6, 8)
    layer = type(layer)(
        layer.spec, params={n: p.astype(np.float32) for n, p in layer.params.items()}
    )
    out = layer.forward(x)
    assert np.isfinite(out).all()
    assert np.isfinite(layer.backward(np.ones_like(out))[0]).all()


def test_blocks_of_samples_change_nothing(rng):
    layer = made((70, 8), heads=4)
    x, dout = rng.normal(size=(9, 70, 8)), rng.normal(size=(9, 70, 8))
    out, dx = layer.forward(x).copy(), layer.backward(dout)[0].copy()
    for i in range(9):
        np.testing.assert_allclose(layer.forward(x[i : i + 1])[0], out[i], rtol=1e-9)
        np.testing.assert_allclose(layer.backward(dout[i : i + 1])[0][0], dx[i], rtol=1e-9)


def test_pytorchs_module_is_mapped_as_the_docstring_says(rng):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    module = torch.nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64)
    torch.nn.init.normal_(module.in_proj_bias)
    torch.nn.init.normal_(module.out_proj.bias)
    weight, bias = module.in_proj_weight.detach().numpy(), module.in_proj_bias.detach().numpy()
    params = {f"W{n}": weight[8 * i : 8 * i + 8].T for i, n in enumerate("qkv")}
    params |= {f"b{n}": bias[8 * i : 8 * i + 8] for i, n in enumerate("qkv")}
    params["Wo"] = module.out_proj.weight.detach().numpy().T
    params["bo"] = module.out_proj.bias.detach().numpy()
    layer = LAYERS["MultiHeadAttention"](heads=2, units=8, params=params)
    x, mask = (
        rng.normal(size=(3, 5, 8)),
        np.array([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [0, 0, 1, 1, 1]]),
    )
    out, weights = module(
        *[torch.tensor(x)] * 3,
        key_padding_mask=torch.tensor(mask == 0),
        average_attn_weights=False,
    )
    np.testing.assert_allclose(layer.forward(x, x, mask), out.detach().numpy(), rtol=1e-9)
    np.testing.assert_allclose(layer.weights, weights.detach().numpy(), rtol=1e-9, atol=1e-12)
