"""Outputs of any number of samples: pieces that stay in cache, shared out to threads."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from graphnet.engine import Engine
from graphnet.inputs import Batch
from graphnet.layers.base import Array

if TYPE_CHECKING:
    from graphnet.crew import Crew

PIECES = 16
"""Of a batch that is large enough: as many as a few threads can share evenly."""
LEAST_PIECE = 32
"""Samples; with fewer, products of matrices are slow."""
WORTH_SHARING = 4_000_000
"""Operations from which on threads help: half of a millisecond's work, some ten hand-overs."""


class Prediction:
    """The outputs of a batch, in arrays of their own.

    How a batch is cut depends on it and on the spec alone, so the numbers are the same for any
    number of threads. The threads and their replicas are made when they are first wanted.
    """

    def __init__(self, engine: Engine, replica: Callable[[], Engine]) -> None:
        self._engines = [engine]
        self._replica = replica
        self._crew: Crew | None = None

    def __call__(self, batch: Batch, threads: int | None) -> dict[str, Array]:
        engine, samples = self._engines[0], batch.samples
        if samples <= LEAST_PIECE:
            return {name: array.copy() for name, array in engine.predict(batch.inputs).items()}
        size = min(engine.piece, max(LEAST_PIECE, -(-samples // PIECES)))
        starts = range(0, samples, size)
        shapes = {name: engine.graph.shapes[name] for name in engine.graph.wiring.outputs}
        found = {name: np.empty((samples, *shapes[name]), engine.dtype) for name in shapes}

        def piece(thread: int, i: int) -> None:
            rows = slice(starts[i], starts[i] + size)
            values = self._engines[thread].predict(batch.part(rows.start, rows.stop))
            for name, array in found.items():
                array[rows] = values[name]

        if len(starts) == 1 or self._work * samples < WORTH_SHARING:
            for i in range(len(starts)):
                piece(0, i)
        else:
            self._share(len(starts), piece, threads)
        return found

    @cached_property
    def _work(self) -> int:
        """Operations of one sample."""
        return self._engines[0].plan.total().forward

    def _share(self, items: int, work: Callable[[int, int], None], threads: int | None) -> None:
        from graphnet.blas import one_thread
        from graphnet.crew import Crew, threads_here

        threads = min(threads or threads_here(), items)
        if self._crew is None or self._crew.threads != threads:
            self._crew = Crew(threads)
        while len(self._engines) < threads:
            self._engines.append(self._replica())
        with one_thread():
            self._crew.each(items, work)
