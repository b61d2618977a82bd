"""The end of a step: shards' gradients added and parameters moved, a piece at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from graphnet.crew import Crew
from graphnet.engine import Engine
from graphnet.layers.base import Array
from graphnet.optimizers import Optimizer
from graphnet.training.shards import joined
from graphnet.workspace import aligned

PIECE = 64 * 1024
"""Elements that are added and moved at once: what one step takes of them stays in cache."""
WORTH_SHARING = 2_000_000
"""Parameters from which on the threads share the work: handing over takes the time of these."""


class _Piece(NamedTuple):
    """Some elements: of the parameters, of the flat gradients, of the optimizer's arrays."""

    W: Array
    part: slice
    slots: Mapping[str, Array]


class Update:
    """Moves an engine's parameters from the gradients of all shards.

    Each element is added in the same order, ((0+1)+(2+3))+..., and moved by the same formula,
    however the pieces are cut and whoever does them.
    """

    def __init__(self, engine: Engine, optimizer: Optimizer, crew: Crew) -> None:
        self.optimizer = optimizer
        dtype = engine.dtype
        self._pieces: list[_Piece] = []
        for W, start in engine.flat_params():
            for at in range(0, len(W), PIECE):
                size = min(PIECE, len(W) - at)
                part = slice(start + at, start + at + size)
                slots = {slot: flat[part] for slot, flat in optimizer.flat.items()}
                self._pieces.append(_Piece(W[at : at + size], part, slots))
        shared = sum(len(piece.W) for piece in self._pieces) >= WORTH_SHARING
        self._crew = crew if shared else None
        self._work = [aligned((PIECE,), dtype) for _ in range(crew.threads)]

    def __call__(self, grads: Sequence[Array]) -> bool:
        """One step; the first of the gradients then is their sum. False where some of it is not
        finite: the parameters of that piece have not moved."""
        self.optimizer.begin()
        finite = [True] * len(self._work)

        def move(thread: int, i: int) -> None:
            piece = self._pieces[i]
            dW = joined([grad[piece.part] for grad in grads], _add)
            # One product is a cheap sieve: what is not finite stays so in it (so does overflow).
            if not np.isfinite(np.dot(dW, dW)) and not np.isfinite(dW).all():
                finite[thread] = False
                return
            self.optimizer.move(piece.W, dW, self._work[thread][: len(dW)], **piece.slots)

        if self._crew is None:
            for i in range(len(self._pieces)):
                move(0, i)
        else:
            self._crew.each(len(self._pieces), move)
        return all(finite)


def _add(dW: Array, other: Array) -> Array:
    return np.add(dW, other, out=dW)
