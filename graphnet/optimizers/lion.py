"""Lion, which moves every element by the same amount."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from graphnet.layers.base import Array
from graphnet.optimizers.base import Decay, Optimizer, OptimizerSpec, Rate, Share, register


@register
class Lion(Optimizer):
    """W <- W - lr * (sign(beta1 * m + (1 - beta1) * dW) + weight_decay * W)

    m <- beta2 * m + (1 - beta2) * dW, after W has moved.
    Source: Chen et al., 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2.
    """

    class Spec(OptimizerSpec):
        type: Literal["Lion"]
        lr: Rate = 0.0001
        """Learning rate: how far each element moves in a step."""
        beta1: Share = 0.9
        """How much of the mean gradient goes into the direction of a step."""
        beta2: Share = 0.99
        """How much of the last step's mean gradient is kept."""
        weight_decay: Decay = 0.0
        """How much of W is taken off in each step, times the rate."""

        def slots(self) -> tuple[str, ...]:
            return ("mean",)

        def temporaries(self) -> int:
            return 1

    spec: Spec

    def move(self, W: Array, dW: Array, work: Sequence[Array], **slots: Array) -> None:
        out, M, spec = work[0], slots["mean"], self.spec
        # M is m / (1 - beta2), which takes dW as it is; a sign needs no scale either.
        np.multiply(M, spec.beta1 * (1 - spec.beta2) / (1 - spec.beta1), out=out)
        np.sign(np.add(out, dW, out=out), out=out)
        np.multiply(out, self.lr, out=out)
        if spec.weight_decay:
            np.multiply(W, 1 - self.lr * spec.weight_decay, out=W)
        np.subtract(W, out, out=W)
        np.multiply(M, spec.beta2, out=M)
        np.add(M, dW, out=M)
