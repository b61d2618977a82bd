"""Every layer's outputs and gradients beside PyTorch's, in float64: equal to 1e-9."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
from elementwise_peers import ELEMENTWISE
from reduction_peers import REDUCTIONS
from sequence_peers import SEQUENCES
from shaping_peers import SHAPING

from graphnet.layers import LAYERS
from graphnet.layers.base import Layer

torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
F = torch.nn.functional
Tensor = Any


class Peer(NamedTuple):
    """compute: the same from tensors; the inputs first, then the parameters by name. whole: ports
    of whole numbers get 0, 1, ..., up to this one."""

    type: str
    attributes: dict[str, Any]
    shapes: tuple[tuple[int, ...], ...]
    compute: Callable[..., Tensor]
    low: float = -2.0
    high: float = 2.0
    training: bool = False
    whole: int = 1


def first(x: Tensor) -> Tensor:
    """Channels first."""
    return x.movedim(-1, 1)


def last(x: Tensor) -> Tensor:
    """Channels last."""
    return x.movedim(1, -1)


def conv(pads: tuple[int, int, int, int] = (0, 0, 0, 0), **given: Any) -> Callable[..., Tensor]:
    """pads: left, right, above, below."""

    def compute(x: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
        return last(F.conv2d(F.pad(first(x), pads), W.permute(3, 2, 0, 1), b, **given))

    return compute


def conv1(pads: tuple[int, int] = (0, 0), **given: Any) -> Callable[..., Tensor]:
    """pads: before, behind."""

    def compute(x: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
        return last(F.conv1d(F.pad(first(x), pads), W.permute(2, 1, 0), b, **given))

    return compute


def transpose(groups: int = 1, crop: tuple[int, ...] = (), **given: Any) -> Callable[..., Tensor]:
    """crop: rows and columns left out above, left, below, right."""

    def compute(x: Tensor, W: Tensor, b: Tensor | None = None) -> Tensor:
        kh, kw, of_group = W.shape[:3]
        # PyTorch has all channels in, of all groups, before those out of one.
        W = W.reshape(kh, kw, of_group, groups, -1).permute(3, 2, 4, 0, 1)
        W = W.reshape(groups * of_group, -1, kh, kw)
        out = last(F.conv_transpose2d(first(x), W, b, groups=groups, **given))
        top, left, below, right = crop or (0, 0, 0, 0)
        return out[:, top : out.shape[1] - below, left : out.shape[2] - right]

    return compute


def on_images(compute: Callable[..., Tensor], *args: Any, **given: Any) -> Callable[..., Tensor]:
    return lambda x: last(compute(first(x), *args, **given))


def norm(momentum: float = 0.1, eps: float = 1e-5, *, training: bool = True):
    def compute(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        mean, var = torch.zeros_like(gamma.detach()), torch.ones_like(gamma.detach())
        out = F.batch_norm(first(x), mean, var, gamma, beta, training, momentum, eps)
        compute.state = {"mean": mean.numpy(), "var": var.numpy()}
        return last(out) if x.ndim > 2 else out

    return compute


def group_norm(groups: int, eps: float = 1e-5) -> Callable[..., Tensor]:
    return lambda x, gamma, beta: last(F.group_norm(first(x), groups, gamma, beta, eps))


def instance_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return last(F.instance_norm(first(x), weight=gamma, bias=beta, eps=eps))


SMALL, PAIR, FLAT = ((3, 4),), ((3, 4), (3, 4)), ((5,),)
PEERS = [
    *(Peer(*row) for row in (*ELEMENTWISE, *SHAPING, *REDUCTIONS)),
    *(
        Peer(name, {}, shapes, compute, low)
        for name, compute, low in (
            ("Add", lambda x, y: x + y, -2),
            ("Sub", lambda x, y: x - y, -2),
            ("Mul", lambda x, y: x * y, -2),
            ("Div", lambda x, y: x / y, 0.5),
        )
        for shapes in (((3,), (3,)), PAIR, ((), ()))
    ),
    *(
        Peer(name, {}, shapes, compute, low)
        for name, compute, low in (
            ("Neg", torch.neg, -2),
            ("Exp", torch.exp, -2),
            ("Log", torch.log, 0.5),
            ("Reciprocal", torch.reciprocal, 0.5),
            ("Relu", torch.relu, -2),
            ("Sigmoid", torch.sigmoid, -2),
            ("Tanh", torch.tanh, -2),
            ("Identity", lambda x: x * 1, -2),
            ("Flatten", lambda x: x.reshape(len(x), -1), -2),
        )
        for shapes in (SMALL, FLAT, ((2, 3, 2),))
    ),
    *(
        Peer("Softmax", {}, shapes, lambda x: torch.softmax(x, -1))
        for shapes in (FLAT, SMALL, ((2, 3, 4),))
    ),
    *(
        Peer("Power", {"exponent": p}, FLAT, lambda x, p=p: x**p, 0.5)
        for p in (2.0, -1.5, 0.5, 3.0)
    ),
    *(
        Peer("MatMul", {}, shapes, torch.matmul)
        for shapes in (((2, 3), (3, 4)), ((5, 2, 3), (5, 3, 1)), ((1, 1), (1, 1)))
    ),
    *(
        Peer("Affine", {"units": units}, ((inputs,),), lambda x, W, b: x @ W + b)
        for units, inputs in ((5, 3), (1, 7), (40, 20))
    ),
    *(
        Peer("Affine", {"units": 5, "axis": -1}, (shape,), lambda x, W, b: F.linear(x, W.T, b))
        for shape in ((3,), (6, 3), (2, 4, 7))
    ),
    *(
        Peer("Affine", {"units": 5, "bias": False, **more}, (shape,), lambda x, W: x @ W)
        for shape, more in (((3,), {}), ((6, 3), {"axis": -1}), ((1, 1), {"axis": -1}))
    ),
    *(
        Peer(
            "Embedding",
            {"vocabulary": vocabulary, "units": units},
            (shape,),
            lambda x, W: F.embedding(x, W),
            whole=vocabulary - 1,
        )
        for vocabulary, units, shape in ((7, 4, (6,)), (300, 2, ()), (2, 5, (40, 3)))
    ),
    # Each of the ways to compute a convolution, with three combinations or more.
    Peer(
        "Conv2D",
        {"channels": 4, "kernel": [3, 2], "stride": [2, 1], "padding": [1, 0]},
        ((7, 6, 12),),
        conv((0, 0, 1, 1), stride=(2, 1)),
    ),
    Peer(
        "Conv2D",
        {"channels": 6, "kernel": 3, "dilation": 2, "groups": 3, "padding": "same"},
        ((8, 7, 6),),
        conv((2, 2, 2, 2), dilation=2, groups=3),
    ),
    Peer(
        "Conv2D",
        {"channels": 4, "kernel": 2, "groups": 4, "bias": False, "padding": [1, 0, 0, 1]},
        ((4, 5, 4),),
        conv((0, 1, 1, 0), groups=4),
    ),
    Peer("Conv2D", {"channels": 3, "kernel": 5}, ((9, 8, 1),), conv()),
    Peer(
        "Conv2D",
        {"channels": 2, "kernel": 3, "stride": [1, 2], "padding": 1},
        ((6, 7, 3),),
        conv((1, 1, 1, 1), stride=(1, 2)),
    ),
    Peer("Conv2D", {"channels": 2, "kernel": 3, "dilation": 2}, ((8, 8, 2),), conv(dilation=2)),
    Peer("Conv2D", {"channels": 6, "kernel": 1}, ((4, 3, 5),), conv()),
    Peer("Conv2D", {"channels": 6, "kernel": 1, "bias": False}, ((1, 1, 5),), conv()),
    Peer("Conv2D", {"channels": 3, "kernel": 1, "stride": 2}, ((5, 4, 8),), conv(stride=2)),
    Peer(
        "Conv2D",
        {"channels": 9, "kernel": 3, "padding": "same"},
        ((16, 12, 8),),
        conv((1, 1, 1, 1)),
    ),
    Peer("Conv2D", {"channels": 8, "kernel": 3, "bias": False}, ((9, 11, 8),), conv()),
    Peer("Conv2D", {"channels": 8, "kernel": 5, "padding": 2}, ((9, 6, 6),), conv((2, 2, 2, 2))),
    Peer("Conv1D", {"channels": 4, "kernel": 3}, ((9, 2),), conv1()),
    Peer(
        "Conv1D",
        {"channels": 4, "kernel": 3, "stride": 2, "padding": [2, 0], "groups": 2},
        ((9, 6),),
        conv1((2, 0), stride=2, groups=2),
    ),
    Peer(
        "Conv1D",
        {"channels": 5, "kernel": 3, "dilation": 3, "padding": "causal"},
        ((8, 12),),
        conv1((6, 0), dilation=3),
    ),
    Peer(
        "Conv1D",
        {"channels": 5, "kernel": 4, "padding": "same", "bias": False},
        ((8, 3),),
        conv1((1, 2)),
    ),
    Peer("ConvTranspose2D", {"channels": 3, "kernel": 3}, ((4, 5, 2),), transpose()),
    Peer(
        "ConvTranspose2D",
        {"channels": 3, "kernel": 2, "stride": 2, "bias": False},
        ((4, 5, 7),),
        transpose(stride=2),
    ),
    Peer(
        "ConvTranspose2D",
        {"channels": 6, "kernel": [3, 4], "stride": [2, 3], "padding": 1, "output_padding": [1, 2]},
        ((4, 3, 5),),
        transpose(stride=(2, 3), padding=1, output_padding=(1, 2)),
    ),
    Peer(
        "ConvTranspose2D",
        {"channels": 3, "kernel": [5, 2], "stride": [2, 4], "padding": [3, 0, 1, 2]},
        ((4, 3, 5),),
        transpose(stride=(2, 4), crop=(3, 0, 1, 2)),
    ),
    Peer(
        "ConvTranspose2D",
        {"channels": 6, "kernel": 3, "stride": 2, "groups": 2, "output_padding": 1},
        ((4, 3, 8),),
        transpose(groups=2, stride=2, output_padding=1),
    ),
    Peer(
        "ConvTranspose2D",
        {"channels": 4, "kernel": 3, "dilation": 3, "output_padding": 2, "padding": [4, 0, 1, 2]},
        ((5, 3, 4),),
        transpose(crop=(4, 0, 1, 2), dilation=3, output_padding=2),
    ),
    Peer("ConvTranspose2D", {"channels": 3, "kernel": 1}, ((4, 3, 5),), transpose()),
    Peer(
        "ConvTranspose2D",
        {"channels": 8, "kernel": 3, "padding": "same"},
        ((9, 8, 8),),
        transpose(padding=1),
    ),
    Peer("ConvTranspose2D", {"channels": 8, "kernel": 5}, ((6, 8, 8),), transpose()),
    Peer("MaxPool2D", {"size": 2}, ((6, 4, 3),), on_images(F.max_pool2d, 2)),
    Peer("MaxPool2D", {"size": 3, "stride": 2}, ((7, 6, 3),), on_images(F.max_pool2d, 3, 2)),
    Peer(
        "MaxPool2D",
        {"size": [3, 2], "stride": 1, "padding": [1, 1]},
        ((5, 4, 2),),
        on_images(F.max_pool2d, (3, 2), 1, (1, 1)),
    ),
    Peer(
        "MaxPool2D",
        {"size": [2, 3], "stride": 1, "dilation": 2, "padding": 1},
        ((5, 6, 2),),
        on_images(F.max_pool2d, (2, 3), 1, 1, 2),
    ),
    Peer("AvgPool2D", {"size": 2}, ((6, 4, 3),), on_images(F.avg_pool2d, 2)),
    Peer(
        "AvgPool2D",
        {"size": 3, "stride": 2, "padding": 1},
        ((5, 6, 2),),
        on_images(F.avg_pool2d, 3, 2, 1, count_include_pad=False),
    ),
    Peer(
        "AvgPool2D",
        {"size": [2, 3], "stride": 1, "padding": 1, "count_padding": True},
        ((4, 5, 2),),
        on_images(F.avg_pool2d, (2, 3), 1, 1, count_include_pad=True),
    ),
    Peer("MaxPool1D", {"size": 2}, ((7, 3),), on_images(F.max_pool1d, 2)),
    Peer("MaxPool1D", {"size": 3, "stride": 1}, ((6, 2),), on_images(F.max_pool1d, 3, 1)),
    Peer(
        "MaxPool1D",
        {"size": 3, "stride": 2, "padding": 1},
        ((6, 2),),
        on_images(F.max_pool1d, 3, 2, 1),
    ),
    Peer("AvgPool1D", {"size": 2}, ((7, 3),), on_images(F.avg_pool1d, 2)),
    *(
        Peer(
            "AvgPool1D",
            {"size": 3, "stride": stride, "padding": 1, "count_padding": counts},
            ((6, 2),),
            on_images(F.avg_pool1d, 3, stride, 1, count_include_pad=counts),
        )
        for stride, counts in ((1, False), (2, True))
    ),
    *(
        Peer("GlobalAvgPool2D", {}, shapes, lambda x: x.mean((1, 2)))
        for shapes in (((4, 3, 5),), ((1, 1, 2),), ((7, 8, 1),))
    ),
    *(Peer(*row) for row in SEQUENCES),
    Peer("BatchNorm", {}, FLAT, norm(), training=True),
    Peer("BatchNorm", {"momentum": 0.3, "eps": 1e-3}, ((5, 4, 3),), norm(0.3, 1e-3), training=True),
    Peer("BatchNorm", {"momentum": 1.0}, ((6, 2),), norm(1.0), training=True),
    Peer("BatchNorm", {}, ((5, 4, 3),), norm(training=False)),
    *(
        Peer(
            "LayerNorm",
            {"axis": axis, "eps": eps},
            (shape,),
            lambda x, gamma, beta, eps=eps: F.layer_norm(x, gamma.shape, gamma, beta, eps),
        )
        for shape, axis, eps in (((5,), -1, 1e-5), ((6, 4), 1, 1e-3), ((3, 5, 2), -2, 1e-5))
    ),
    Peer(
        "LayerNorm",
        {"axis": 0, "bias": False},
        ((6, 4),),
        lambda x, gamma: F.layer_norm(x, gamma.shape, gamma),
    ),
    *(
        Peer(
            "RMSNorm",
            {"axis": axis, "eps": eps},
            (shape,),
            lambda x, gamma, eps=eps: F.rms_norm(x, gamma.shape, gamma, eps),
        )
        for shape, axis, eps in (((5,), -1, 1e-5), ((6, 4), 1, 1e-3), ((3, 5, 2), 1, 1e-5))
    ),
    Peer("GroupNorm", {"groups": 3}, ((5, 6),), group_norm(3)),
    Peer("GroupNorm", {"groups": 1, "eps": 0.01}, ((4, 3, 4),), group_norm(1, 0.01)),
    Peer("GroupNorm", {"groups": 8}, ((16, 16, 16),), group_norm(8)),
    *(
        Peer("InstanceNorm", {}, (shape,), instance_norm)
        for shape in ((5, 2), (4, 3, 4), (8, 4, 8, 3))
    ),
    *(
        Peer("InstanceNorm", {"eps": eps}, ((4, 3, 4),), partial(instance_norm, eps=eps))
        for eps in (1e-3, 0.1)
    ),
    *(Peer("Dropout", {"ratio": ratio}, SMALL, lambda x: x * 1) for ratio in (0.0, 0.5, 0.9)),
]
every_peer = pytest.mark.parametrize(
    "peer", PEERS, ids=[f"{p.type}-{p.attributes}-{p.shapes}" for p in PEERS]
)


def made(peer: Peer, rng: np.random.Generator) -> Layer:
    """The layer alone, with random parameters."""
    kind = LAYERS[peer.type]
    spec = kind.Spec.model_validate({"id": "n", "type": peer.type, **peer.attributes})
    params = {n: rng.normal(size=p.shape) for n, p in spec.parameters(*peer.shapes).items()}
    state = {n: p.init.sample(rng, p.shape) for n, p in spec.states(*peer.shapes).items()}
    layer = kind(spec, params=params, state=state)
    layer.training = peer.training
    return layer


def test_every_layer_has_three_rows():
    counts = {name: sum(peer.type == name for peer in PEERS) for name in LAYERS}
    assert {name: n for name, n in counts.items() if n < 3} == {}


@every_peer
def test_gradients_are_pytorchs(peer: Peer, rng: np.random.Generator):
    layer = made(peer, rng)
    xs = [
        rng.integers(0, peer.whole, (4, *shape), endpoint=True)
        if port in layer.spec.integers
        else rng.uniform(peer.low, peer.high, (4, *shape))
        for port, shape in zip(layer.spec.ports_for(len(peer.shapes)), peer.shapes, strict=True)
    ]
    tensors = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in xs]
    params = {n: torch.tensor(p, requires_grad=True) for n, p in layer.params.items()}
    theirs = peer.compute(*tensors, **params)
    out = layer.forward(*xs).copy()
    np.testing.assert_allclose(out, theirs.detach().numpy(), rtol=1e-9, atol=1e-9)
    dout = rng.normal(size=out.shape)
    theirs.backward(torch.tensor(dout))
    for dx, tensor in zip(layer.backward(dout), tensors, strict=True):
        if tensor.grad is None:
            assert dx is None
            continue
        np.testing.assert_allclose(dx, tensor.grad.numpy(), rtol=1e-9, atol=1e-9)
    for name, tensor in params.items():
        np.testing.assert_allclose(layer.grads[name], tensor.grad.numpy(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("peer", [p for p in PEERS if p.type == "BatchNorm" and p.training])
def test_running_statistics_are_pytorchs(peer: Peer, rng: np.random.Generator):
    layer = made(peer, rng)
    x = rng.normal(1.0, 2.0, (4, *peer.shapes[0]))
    layer.forward(x)
    layer.remember()
    peer.compute(torch.tensor(x), *map(torch.tensor, layer.params.values()))
    for name, expected in peer.compute.state.items():
        np.testing.assert_allclose(layer.state[name], expected, rtol=1e-12)


def test_dropout_in_training_scales_what_it_keeps(rng: np.random.Generator):
    layer = LAYERS["Dropout"](ratio=0.25)
    layer.training, layer.rng = True, rng
    x, dout = np.ones((100, 100)), np.full((100, 100), 2.0)
    out = layer.forward(x).copy()
    assert set(np.unique(out)) == {0.0, 1 / 0.75}
    assert out.mean() == pytest.approx(1.0, abs=0.02)
    np.testing.assert_array_equal(layer.backward(dout)[0], 2 * out)


def test_the_largest_of_equals_is_the_first_as_in_pytorch():
    x = np.zeros((1, 4, 4, 1))
    layer = LAYERS["MaxPool2D"](size=3, stride=1)
    layer.forward(x)
    (dx,) = layer.backward(np.ones((1, 2, 2, 1)))
    tensor = torch.tensor(x, requires_grad=True)
    last(F.max_pool2d(first(tensor), 3, 1)).sum().backward()
    np.testing.assert_array_equal(dx, tensor.grad.numpy())
