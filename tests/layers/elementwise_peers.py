"""Elementwise layers and what PyTorch computes in their place: rows of test_pytorch.py."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
F = torch.nn.functional
Tensor = Any
Row = tuple[Any, ...]
"""The fields of a Peer."""
SHAPES = (5,), (3, 4), (2, 3, 2)


def rows(
    kind: str,
    compute: Callable[..., Tensor],
    span: tuple[float, float] = (-2, 2),
    **choices: tuple[Any, ...],
) -> Iterator[Row]:
    """For each of SHAPES a row, with the next of the choices as attributes; x lies in `span`."""
    for i, shape in enumerate(SHAPES):
        given = {name: values[i] for name, values in choices.items()}
        yield (
            kind,
            given,
            (shape,),
            lambda x, given=given, **params: compute(x, **given, **params),
            *span,
        )


def prelu(x: Tensor, slope: Tensor, shared: bool) -> Tensor:
    return F.prelu(x.movedim(-1, 1), slope).movedim(1, -1) if x.ndim > 2 else F.prelu(x, slope)


def selu(x: Tensor, alpha: float, gamma: float) -> Tensor:
    return gamma * torch.where(x > 0, x, alpha * torch.expm1(x))


def hard_sigmoid(x: Tensor, alpha: float, beta: float) -> Tensor:
    return torch.clamp(alpha * x + beta, 0, 1)


def hard_max(x: Tensor, axis: int) -> Tensor:
    at = x.argmax(counted(axis), keepdim=True)
    return torch.zeros_like(x).scatter(counted(axis), at, 1.0) + x * 0


def counted(axis: int) -> int:
    """PyTorch counts the axis of the batch too."""
    return axis if axis < 0 else axis + 1


def two(kind: str, compute: Callable[..., Tensor], low: float = -2) -> Iterator[Row]:
    """For each of SHAPES a row of two inputs."""
    yield from ((kind, {}, (shape, shape), compute, low) for shape in SHAPES)


ELEMENTWISE = [
    *rows("LeakyRelu", lambda x, alpha: F.leaky_relu(x, alpha), alpha=(0.01, 0.3, 1.5)),
    *rows("PRelu", prelu, shared=(False, True, False)),
    *rows("Elu", lambda x, alpha: F.elu(x, alpha), alpha=(1.0, 0.5, 2.0)),
    *rows("Selu", F.selu),
    *rows("Selu", selu, alpha=(1.0, 1.5, 0.3), gamma=(1.0, 0.5, 2.0)),
    *rows("Celu", lambda x, alpha: F.celu(x, alpha), alpha=(1.0, 0.5, 2.0)),
    *rows("ThresholdedRelu", lambda x, alpha: F.threshold(x, alpha, 0.0), alpha=(1.0, 0.5, -1.0)),
    *rows("Gelu", F.gelu, approximate=("none", "tanh", "none")),
    *rows("Silu", F.silu),
    *rows("Mish", F.mish),
    *rows("HardSwish", F.hardswish),
    *rows("HardSwish", F.hardswish, span=(-6, 6)),
    *rows("Softplus", F.softplus, span=(-30, 2)),
    *rows("Softsign", F.softsign),
    *rows("HardSigmoid", hard_sigmoid, alpha=(1 / 6, 0.2, 1.0), beta=(0.5, 0.5, 0.0)),
    *rows("Softmax", lambda x, axis: torch.softmax(x, counted(axis)), axis=(0, 0, -2)),
    *rows("LogSoftmax", lambda x, axis: torch.log_softmax(x, counted(axis)), axis=(-1, 0, 1)),
    *rows("Hardmax", hard_max, axis=(0, -1, 1)),
    *two("Maximum", torch.maximum),
    *two("Minimum", torch.minimum),
    *two("Pow", torch.pow, low=0.1),
    *rows(
        "Scale",
        lambda x, factor, offset: x * factor + offset,
        factor=(2, 0.5, -1),
        offset=(0.0, 1, 7),
    ),
    *rows(
        "Clip",
        lambda x, low, high: torch.clamp(x, low, high),
        low=(-1, None, -0.5),
        high=(0.5, 1.0, None),
    ),
    *rows("Sqrt", torch.sqrt, span=(0.1, 2)),
    *rows("Abs", torch.abs),
    *rows("Erf", torch.erf),
    *rows("Sign", lambda x: torch.sign(x)),
    *rows("Floor", torch.floor),
    *rows("Ceil", torch.ceil),
    *rows("Round", torch.round),
    *rows("Sin", torch.sin),
    *rows("Cos", torch.cos),
    *rows("Tan", torch.tan),
    *rows("Atan", torch.atan),
    *rows("Sinh", torch.sinh),
    *rows("Cosh", torch.cosh),
    *rows("Asinh", torch.asinh),
    *rows("Acosh", torch.acosh, span=(1.1, 3)),
    *rows("Asin", torch.asin, span=(-0.9, 0.9)),
    *rows("Acos", torch.acos, span=(-0.9, 0.9)),
    *rows("Atanh", torch.atanh, span=(-0.9, 0.9)),
]
