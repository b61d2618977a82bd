"""Reductions and what PyTorch computes in their place: rows of test_pytorch.py."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
Tensor = Any
CHOICES: tuple[tuple[tuple[int, ...], dict[str, Any]], ...] = (
    ((4,), {}),
    ((2, 3, 4), {"axes": [0, -1]}),
    ((3, 5), {"axes": [1], "keepdims": True}),
)


def rows(kind: str, compute: Callable[..., Tensor], low: float = -2) -> Iterator[tuple[Any, ...]]:
    """compute(x, axes, keepdims), the axes those of a batch."""
    for shape, attributes in CHOICES:
        axes = attributes.get("axes", range(len(shape)))
        over = tuple(axis if axis < 0 else axis + 1 for axis in axes)
        keepdims = attributes.get("keepdims", False)
        yield (
            kind,
            attributes,
            (shape,),
            lambda x, over=over, keepdims=keepdims: compute(x, over, keepdims),
            low,
        )


def product(x: Tensor, over: tuple[int, ...], keepdims: bool) -> Tensor:
    for axis in sorted((axis % x.ndim for axis in over), reverse=True):
        x = x.prod(axis, keepdim=keepdims)
    return x


REDUCTIONS = [
    *rows("Sum", torch.sum),
    *rows("Mean", torch.mean),
    *rows("Max", torch.amax),
    *rows("Min", torch.amin),
    *rows("Prod", product),
    *rows("SumSquare", lambda x, *over: torch.sum(x * x, *over)),
    *rows("L1", lambda x, *over: torch.sum(x.abs(), *over)),
    *rows("L2", lambda x, *over: torch.linalg.vector_norm(x, 2, *over)),
    *rows("LogSum", lambda x, *over: torch.sum(x, *over).log(), 0.1),
    *rows("LogSumExp", torch.logsumexp),
]
