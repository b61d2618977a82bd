"""Optimizers that divide each element's step by the size of its gradients so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from graphnet.layers.base import Array
from graphnet.optimizers.base import Decay, Optimizer, OptimizerSpec, Rate, Share, register


@register
class AdaGrad(Optimizer):
    """h <- h + g^2, W <- W - lr * g / (sqrt(h) + eps), g = dW + weight_decay * W

    Source: Deep Learning from Scratch, 6.1.5; Duchi et al., 2011.
    """

    class Spec(OptimizerSpec):
        type: Literal["AdaGrad"]
        lr: Rate = 0.01
        """Learning rate."""
        eps: Rate = 1e-10
        """Added to the root, so that nothing is divided by 0."""
        weight_decay: Decay = 0.0
        """How much of W is added to the gradient."""

        def slots(self) -> tuple[str, ...]:
            return ("square",)

    spec: Spec

    def move(self, W: Array, dW: Array, work: Sequence[Array], **slots: Array) -> None:
        out, h, g = work[0], slots["square"], self.decayed(W, dW, work)
        np.add(h, np.multiply(g, g, out=out), out=h)
        np.add(np.sqrt(h, out=out), self.spec.eps, out=out)
        np.multiply(np.divide(g, out, out=out), self.lr, out=out)
        np.subtract(W, out, out=W)


@register
class RMSprop(Optimizer):
    """v <- alpha * v + (1 - alpha) * g^2, W <- W - lr * g / (sqrt(v) + eps)

    g = dW + weight_decay * W. centered: v - m^2 stands in place of v under the root, with
    m <- alpha * m + (1 - alpha) * g. momentum: b <- momentum * b + g / (sqrt(v) + eps) and
    W <- W - lr * b.
    Source: Tieleman and Hinton, 2012, lecture 6.5; centered: Graves, 2013, equations 38 to 45,
    with PyTorch's place of eps.
    """

    class Spec(OptimizerSpec):
        type: Literal["RMSprop"]
        lr: Rate = 0.01
        """Learning rate."""
        alpha: Share = 0.99
        """How much of the last step's mean squared gradient is kept."""
        eps: Rate = 1e-8
        """Added to the root, so that nothing is divided by 0."""
        momentum: Share = 0.0
        """How much of the last step is kept."""
        centered: bool = False
        """Whether the squared mean is taken off the mean square, which leaves the variance."""
        weight_decay: Decay = 0.0
        """How much of W is added to the gradient."""

        def slots(self) -> tuple[str, ...]:
            velocity = ("velocity",) if self.momentum else ()
            return ("square", *(("mean",) if self.centered else ()), *velocity)

    spec: Spec

    def move(self, W: Array, dW: Array, work: Sequence[Array], **slots: Array) -> None:
        # The slots are v and m by (1 - alpha), which take g^2 and g as they are.
        out, V, g, spec = work[0], slots["square"], self.decayed(W, dW, work), self.spec
        np.multiply(V, spec.alpha, out=V)
        np.add(V, np.multiply(g, g, out=out), out=V)
        under = V
        if spec.centered:
            M = slots["mean"]
            np.add(np.multiply(M, spec.alpha, out=M), g, out=M)
            np.multiply(np.multiply(M, M, out=out), 1 - spec.alpha, out=out)
            # Rounding leaves less than 0 where an element's gradient does not change.
            under = np.maximum(np.subtract(V, out, out=out), 0, out=out)
        root = math.sqrt(1 - spec.alpha)
        np.add(np.sqrt(under, out=out), spec.eps / root, out=out)
        step = np.divide(g, out, out=out)
        if spec.momentum:
            v = slots["velocity"]
            step = np.add(np.multiply(v, spec.momentum, out=v), step, out=v)
        np.multiply(step, self.lr / root, out=out)
        np.subtract(W, out, out=W)


class MomentsSpec(OptimizerSpec):
    """The attributes of Adam and AdamW."""

    lr: Rate = 0.001
    """Learning rate."""
    beta1: Share = 0.9
    """How much of the last step's mean gradient is kept."""
    beta2: Share = 0.999
    """How much of the last step's mean squared gradient is kept."""
    eps: Rate = 1e-8
    """Added to the root, so that nothing is divided by 0."""

    def slots(self) -> tuple[str, ...]:
        return ("mean", "square")


class Moments(Optimizer):
    """What Adam and AdamW have in common.

    The slots are M = m / (1 - beta1) and V = v / (1 - beta2), which take g and g^2 as they are, and
    all that is the same for every element is folded into two numbers: with
    W <- W - rate * M / (sqrt(V) + eps) an element takes ten operations in place of thirteen.
    """

    spec: MomentsSpec

    def begin(self, lr: float | None = None) -> None:
        super().begin(lr)
        spec, t = self.spec, self.steps
        root = math.sqrt((1 - spec.beta2) / (1 - spec.beta2**t))
        self.rate = self.lr * (1 - spec.beta1) / (1 - spec.beta1**t) / root
        self.eps = spec.eps / root

    def step(self, W: Array, g: Array, M: Array, V: Array, out: Array) -> None:
        """Move both means, and W by them."""
        np.multiply(M, self.spec.beta1, out=M)
        np.add(M, g, out=M)
        np.multiply(V, self.spec.beta2, out=V)
        np.add(V, np.multiply(g, g, out=out), out=V)
        np.add(np.sqrt(V, out=out), self.eps, out=out)
        np.multiply(np.divide(M, out, out=out), self.rate, out=out)
        np.subtract(W, out, out=W)


@register
class Adam(Moments):
    """W <- W - lr * m' / (sqrt(v') + eps), m' = m / (1 - beta1^t), v' = v / (1 - beta2^t)

    m <- beta1 * m + (1 - beta1) * g, v <- beta2 * v + (1 - beta2) * g^2, g = dW + weight_decay * W;
    t counts the steps.
    Source: Kingma and Ba, 2015, algorithm 1; Deep Learning from Scratch, 6.1.6.
    """

    class Spec(MomentsSpec):
        type: Literal["Adam"]
        weight_decay: Decay = 0.0
        """How much of W is added to the gradient."""

    def move(self, W: Array, dW: Array, work: Sequence[Array], **slots: Array) -> None:
        self.step(W, self.decayed(W, dW, work), slots["mean"], slots["square"], work[0])


@register
class AdamW(Moments):
    """W <- W - lr * weight_decay * W, then Adam's step from dW alone

    Source: Loshchilov and Hutter, 2019, algorithm 2.
    """

    class Spec(MomentsSpec):
        type: Literal["AdamW"]
        weight_decay: Decay = 0.01
        """How much of W is taken off in each step, times the rate."""

        def temporaries(self) -> int:
            return 1

    def move(self, W: Array, dW: Array, work: Sequence[Array], **slots: Array) -> None:
        if self.spec.weight_decay:
            np.multiply(W, 1 - self.lr * self.spec.weight_decay, out=W)
        self.step(W, dW, slots["mean"], slots["square"], work[0])
