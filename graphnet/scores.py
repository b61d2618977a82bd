"""What scores say: the class of the best one, and probabilities where they are asked for."""

from __future__ import annotations

import numpy as np

from graphnet.errors import ShapeError
from graphnet.layers.base import Array


def class_of(output: str, scores: Array, *, positions: bool = False) -> Array:
    """The index of the best score of each sample; of a single score, whether it is above 0.

    positions: whether a sample has scores of classes at each of several places.
    Shapes: scores (N, C), (N, 1) or (N,) -> (N,); with positions (N, ..., C) -> (N, ...)
    Errors: ShapeError.
    """
    if scores.ndim > 2 and not positions:
        raise ShapeError(f"output '{output}' gives {scores.shape[1:]}: no scores of classes")
    if scores.ndim == 1:
        return (scores > 0).astype(np.intp)
    if scores.shape[-1] == 1:
        return (scores[..., 0] > 0).astype(np.intp)
    best: Array = scores.argmax(axis=-1)
    return best


def probabilities(scores: Array) -> Array:
    """softmax(scores); of a single score, (1 - p, p) with p = sigmoid(score)

    Shapes: scores (..., C) -> (..., C), C >= 2; (..., 1) or () -> (..., 2)
    """
    scores = np.atleast_1d(scores)
    if scores.shape[-1] == 1:
        scores = np.concatenate([np.zeros_like(scores), scores], axis=-1)
    y = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Array = y / y.sum(axis=-1, keepdims=True)
    return shares
