"""SGD, which moves every element by the same rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import model_validator

from graphnet.declaration import below
from graphnet.layers.base import Array
from graphnet.optimizers.base import Decay, Optimizer, OptimizerSpec, Rate, Share, register


@register
class SGD(Optimizer):
    """v <- momentum * v + g, W <- W - lr * v, g = dW + weight_decay * W

    Without momentum W <- W - lr * g; with nesterov W <- W - lr * (g + momentum * v).
    Source: Deep Learning from Scratch, 6.1.2 and 6.1.4; v is PyTorch's, which takes the rate in
    when W moves and not before.
    """

    class Spec(OptimizerSpec):
        type: Literal["SGD"]
        lr: Rate = 0.01
        """Learning rate."""
        momentum: Share = 0.0
        """How much of the last step's v is kept."""
        nesterov: bool = False
        """Whether W moves by the v that the next step would begin with."""
        weight_decay: Decay = 0.0
        """How much of W is added to the gradient."""

        def slots(self) -> tuple[str, ...]:
            return ("velocity",) if self.momentum else ()

        @model_validator(mode="after")
        def _momentum(self) -> SGD.Spec:
            if self.nesterov and not self.momentum:
                raise below("needs a 'momentum' above 0", "nesterov")
            return self

    spec: Spec

    def move(self, W: Array, dW: Array, work: Sequence[Array], **slots: Array) -> None:
        out, step = work[0], self.decayed(W, dW, work)
        if "velocity" in slots:
            v, g = slots["velocity"], step
            np.multiply(v, self.spec.momentum, out=v)
            step = np.add(v, g, out=v)
            if self.spec.nesterov:
                step = np.add(np.multiply(v, self.spec.momentum, out=out), g, out=out)
        np.multiply(step, self.lr, out=out)
        np.subtract(W, out, out=W)
