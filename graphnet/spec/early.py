"""When training stops before its last epoch: `early_stopping` in the recipe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from graphnet.declaration import Declaration


class EarlyStopping(Declaration):
    """Training ends where it no longer improves; at the end, also where no epoch was left, the
    network is again as it was after its best epoch.

    Source: Prechelt, Early Stopping - But When?, 1998.
    """

    monitor: Annotated[str, Field(min_length=1, max_length=400)] = "validation_loss"
    """What decides: `loss`, or a figure with its part before it, `validation_loss`,
    `validation_accuracy`, `train_top5`; with several losses `validation_accuracy/OUTPUT`."""
    patience: Annotated[int, Field(ge=1, lt=2**31)] = 5
    """So many epochs without improvement in a row are the last ones."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """What improves by no more than this is no improvement that patience counts."""
