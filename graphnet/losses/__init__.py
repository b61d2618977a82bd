"""What training minimises. A loss is no node: `predict` stops before it."""

from typing import Any

from graphnet.losses.base import LOSSES, Loss, LossField, LossSpec

__all__ = ["LOSSES", "Loss", "LossField", "LossSpec", *LOSSES]


def __getattr__(name: str) -> Any:
    if name in LOSSES:
        return LOSSES[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
