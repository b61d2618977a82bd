"""What scores say: the class of the best one, and probabilities where they are asked for."""

from __future__ import annotations

import numpy as np

from graphnet.errors import DivergedError, ShapeError
from graphnet.layers.base import Array


def class_of(output: str, scores: Array, *, positions: bool = False) -> Array:
    """The index of the best score of each sample; of a single score, whether it is above 0.

    positions: whether a sample has scores of classes at each of several places.
    Shapes: scores (N, C), (N, 1) or (N,) -> (N,); with positions (N, ..., C) -> (N, ...)
    Errors: ShapeError; DivergedError where the best score is NaN or infinite, and says nothing.
    """
    if scores.ndim > 2 and not positions:
        raise ShapeError(f"output '{output}' gives {scores.shape[1:]}: no scores of classes")
    check_best(output, scores if scores.ndim == 1 else scores.max(axis=-1))
    if scores.ndim == 1:
        return (scores > 0).astype(np.intp)
    if scores.shape[-1] == 1:
        return (scores[..., 0] > 0).astype(np.intp)
    best: Array = scores.argmax(axis=-1)
    return best


def check_best(output: str, best: Array) -> None:
    """Errors: DivergedError where the best score of a sample is not finite.

    Shapes: (N, ...); NaN is what `max` gives where any score is NaN.
    """
    good = np.isfinite(best)
    if not good.all():
        bad = int(np.argmin(good.reshape(len(best), -1).all(axis=1)))
        value = best[bad].ravel()[int(np.argmin(good[bad].ravel()))]
        what = f"the best score is {value}: weights or inputs are not finite, or too large"
        raise DivergedError(f"output '{output}', sample {bad}: {what}")


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
