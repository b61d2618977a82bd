"""Numbers as they are written on a page."""

from __future__ import annotations

import math

SIGNIFICANT = 5


def written(value: float) -> str:
    """A number in any unit, to five digits that count: 143,350, 0.012346, 1.2346e-07."""
    size = abs(value)
    if value == 0 or not 1e-3 <= size < 1e9:
        return f"{value:.{SIGNIFICANT}g}"
    places = SIGNIFICANT - 1 - math.floor(math.log10(size))
    text = f"{value:,.{max(places, 0)}f}"
    return text.rstrip("0").rstrip(".") if places > 0 else text


def measured(value: float) -> str:
    """A figure or a loss: four places, where they say something."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e3 else written(value)
