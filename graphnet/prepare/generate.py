"""Text that goes on: what a network holds for the best next character or word, again and again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphnet.errors import DivergedError
from graphnet.network import Network
from graphnet.prepare.text import BOUNDARY, TextPreparation, last_positions
from graphnet.spec.text import FIRST


def go_on(
    net: Network, preparation: TextPreparation, lines: Sequence[Sequence[str]], most: int
) -> list[list[str]]:
    """What follows each line: its next units up to the line's end, `most` of them at most.

    A network that tells the next unit at every position sees the last ones that it has room for.
    Errors: DivergedError where its scores are not finite.
    """
    added: list[list[str]] = [[] for _ in lines]
    going = list(range(len(lines)))
    for _ in range(most):
        starts = (preparation.start([*lines[i], *added[i]]) for i in going)
        x = preparation.filled([preparation.codes(units) for units in starts])
        scores = net.predict(x)[np.arange(len(x)), last_positions(x)]
        if not np.isfinite(scores).all():
            raise DivergedError(f"{net.spec.name}: the network's scores are not finite")
        # Neither padding nor what the vocabulary lacks can be written down.
        best = scores[:, FIRST : len(preparation.names)].argmax(axis=1) + FIRST
        units = [preparation.names[code] for code in best]
        for i, unit in zip(going, units, strict=True):
            if unit != BOUNDARY:
                added[i].append(unit)
        going = [i for i, unit in zip(going, units, strict=True) if unit != BOUNDARY]
        if not going:
            break
    return added
