"""How gradients move parameters."""

from graphnet.optimizers.base import (
    OPTIMIZERS,
    Optimizer,
    OptimizerField,
    OptimizerSpec,
    optimizer_for,
)
from graphnet.optimizers.sgd import SGD

__all__ = ["OPTIMIZERS", "SGD", "Optimizer", "OptimizerField", "OptimizerSpec", "optimizer_for"]
