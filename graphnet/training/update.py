"""The end of a step: shards' gradients added, clipped, and parameters moved, a piece at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from graphnet.crew import Crew
from graphnet.engine import Engine
from graphnet.finite import sieved
from graphnet.layers.base import Array
from graphnet.optimizers import Optimizer
from graphnet.spec.clip import ClipSpec
from graphnet.training.shards import add_into, joined
from graphnet.workspace import aligned

PIECE = 128 * 1024
"""Elements that are added and moved at once: what one step takes of them stays in cache, and the
threads meet between NumPy's calls so rarely that they hardly wait for each other. A step of Adam on
10 million parameters took 13 ms with pieces of 32 Ki, 10 with 64, 8.5 with 128, on two threads."""
QUIET = 1e30
"""A sum of squares below which nothing that an optimizer keeps can overflow, in float32 and within
3e8 steps: each slot is a sum of gradients, or of their squares, weighted by 1 at most. Where one
of a piece's sums is above, its slots and parameters are looked through."""
WORTH_SHARING = 2_000_000
"""Parameters from which on the threads share the work: handing over takes the time of these."""


class _Piece(NamedTuple):
    """Some elements: of the parameters, of the flat gradients, of the optimizer's arrays; and for
    each thread the arrays that they are moved in."""

    W: Array
    part: slice
    slots: Mapping[str, Array]
    work: Sequence[Sequence[Array]]


class Update:
    """Moves an engine's parameters from the gradients of all shards.

    Each element is added in the same order, ((0+1)+(2+3))+..., and moved by the same formula,
    however the pieces are cut and whoever does them. The norm of all gradients is summed over
    pieces of the flat gradients, which lie alike in every network of a spec.
    agreed: of a norm that was found, the one that is used.
    """

    def __init__(
        self,
        engine: Engine,
        optimizer: Optimizer,
        crew: Crew,
        clip: ClipSpec | None = None,
        agreed: Callable[[float], float] = float,
    ) -> None:
        self.optimizer = optimizer
        self._agreed = agreed
        self._norm = clip.norm if clip is not None else None
        self._value = clip.value if clip is not None else None
        self._pieces: list[_Piece] = []
        self.moved = False
        # What decays comes to the gradient as weight_decay * W.
        decay = max(1.0, optimizer.spec.weight_decay)
        self._quiet = QUIET / (decay * decay)
        count = optimizer.spec.temporaries()
        work = [
            [aligned((PIECE,), engine.dtype) for _ in range(count)] for _ in range(crew.threads)
        ]
        cut = {PIECE: work}
        for W, start in engine.flat_params():
            for at in range(0, len(W), PIECE):
                size = min(PIECE, len(W) - at)
                part = slice(start + at, start + at + size)
                slots = {slot: flat[part] for slot, flat in optimizer.flat.items()}
                if size not in cut:
                    cut[size] = [[array[:size] for array in arrays] for arrays in work]
                self._pieces.append(_Piece(W[at : at + size], part, slots, cut[size]))
        shared = sum(len(piece.W) for piece in self._pieces) >= WORTH_SHARING
        self._crew = crew if shared else None
        # Whether the squares of a piece were too large in its last step; nobody knows of the first.
        self._loud = [True] * len(self._pieces)

    def __call__(self, grads: Sequence[Array], lr: float | None = None) -> bool:
        """One step at the spec's rate, or at `lr`; the first of the gradients then is their sum,
        clipped. False where a gradient, or what followed from it, is not finite: the parameters of
        a piece whose gradient is bad have not moved, and none have where the norm is clipped.
        `moved` then tells whether any have."""
        self.optimizer.begin(lr)
        self.moved = False
        finite = [True] * len(self._pieces)
        scale = 1.0
        if self._norm is not None:
            norm = self._agreed(self._norm_of(grads))
            if not math.isfinite(norm):
                return False
            grads = grads[:1]
            scale = self._norm / (norm + 1e-6)

        def move(thread: int, i: int) -> None:
            W, part, slots, work = self._pieces[i]
            dW = joined([grad[part] for grad in grads], add_into)
            if scale < 1:
                np.multiply(dW, scale, out=dW)
            loud = not np.dot(dW, dW) < QUIET
            if loud and not np.isfinite(dW).all():
                finite[i] = False
                return
            if self._value is not None:
                np.minimum(np.maximum(dW, -self._value, out=dW), self._value, out=dW)
            self.moved = True
            self.optimizer.move(W, dW, work[thread], **slots)
            loud = loud or not np.dot(W, W) < self._quiet
            if loud or self._loud[i]:
                finite[i] = sieved(W) and all(map(sieved, slots.values()))
            self._loud[i] = loud

        self._each(len(self._pieces), move)
        return all(finite)

    def _norm_of(self, grads: Sequence[Array]) -> float:
        """The root of the sum of all squares of the gradient, which then lies in the first of
        `grads`; NaN or infinite where some of it is not finite."""
        starts = range(0, len(grads[0]), PIECE)
        squares = [0.0] * len(starts)

        def add(thread: int, i: int) -> None:
            part = slice(starts[i], starts[i] + PIECE)
            dW = joined([grad[part] for grad in grads], add_into)
            squares[i] = float(np.dot(dW, dW))
            if not math.isfinite(squares[i]) and dW.dtype == np.float32:
                squares[i] = float(np.sum(np.square(dW, dtype=np.float64)))  # beyond 1e19 it fits

        self._each(len(starts), add)
        return math.sqrt(sum(squares))

    def _each(self, items: int, work: Callable[[int, int], None]) -> None:
        if self._crew is None:
            for i in range(items):
                work(0, i)
        else:
            self._crew.each(items, work)
