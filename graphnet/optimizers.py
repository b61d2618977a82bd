"""How gradients move parameters."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, PlainValidator, WithJsonSchema

from graphnet.declaration import FAMILY, Declaration, tagged
from graphnet.layers.base import Array, Arrays
from graphnet.workspace import flat_views

Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]


class OptimizerSpec(Declaration):
    """The attributes of an optimizer."""

    type: str
    """The optimizer's class."""

    def slots(self) -> tuple[str, ...]:
        """What is kept between steps for each parameter, an array of its shape that starts at 0."""
        return ()


class Optimizer:
    """Moves parameters in place.

    state: what is kept between steps, `<parameter>/<slot>`, parts of one flat array for each slot;
    a checkpoint stores them. steps: how many steps were begun.
    """

    Spec: ClassVar[type[OptimizerSpec]]

    def __init__(self, spec: OptimizerSpec, params: Arrays) -> None:
        self.spec = spec
        self.steps = 0
        self.flat: dict[str, Array] = {}
        self.state: dict[str, Array] = {}
        shapes = {name: param.shape for name, param in params.items()}
        dtype = next((param.dtype for param in params.values()), np.dtype(np.float32))
        for slot in spec.slots():
            self.flat[slot], parts = flat_views(shapes, dtype)
            self.state |= {f"{name}/{slot}": part for name, part in parts.items()}

    def begin(self) -> None:
        """One more step: what changes from step to step is computed here."""
        self.steps += 1

    def move(self, W: Array, dW: Array, work: Array, **slots: Array) -> None:
        """The update of some elements; `work` is memory of their number."""
        raise NotImplementedError

    def update(self, params: Arrays, grads: Arrays) -> None:
        """One step for all parameters, from gradients under the same names."""
        self.begin()
        for name, param in params.items():
            slots = {slot: self.state[f"{name}/{slot}"] for slot in self.spec.slots()}
            self.move(param, grads[name], np.empty_like(param), **slots)


class SGD(Optimizer):
    """v <- momentum * v + dW, W <- W - lr * v; without momentum W <- W - lr * dW

    Source: Deep Learning from Scratch, 6.1.2 and 6.1.4; v is PyTorch's, which takes the rate in
    when W moves and not before.
    """

    class Spec(OptimizerSpec):
        type: Literal["SGD"]
        lr: Rate = 0.01
        """Learning rate."""
        momentum: Share = 0.0
        """How much of the last step's v is kept."""

        def slots(self) -> tuple[str, ...]:
            return ("velocity",) if self.momentum else ()

    spec: Spec

    def move(self, W: Array, dW: Array, work: Array, **slots: Array) -> None:
        step = dW
        if "velocity" in slots:
            step = slots["velocity"]
            np.multiply(step, self.spec.momentum, out=step)
            np.add(step, dW, out=step)
        np.multiply(step, self.spec.lr, out=work)
        np.subtract(W, work, out=W)


class Adam(Optimizer):
    """W <- W - lr * m' / (sqrt(v') + eps), m' = m / (1 - beta1^t), v' = v / (1 - beta2^t)

    m <- beta1 * m + (1 - beta1) * dW, v <- beta2 * v + (1 - beta2) * dW^2; t counts the steps.
    Source: Kingma and Ba, 2015, algorithm 1; Deep Learning from Scratch, 6.1.6.
    """

    class Spec(OptimizerSpec):
        type: Literal["Adam"]
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

    spec: Spec

    def begin(self) -> None:
        super().begin()
        self.rate = self.spec.lr / (1 - self.spec.beta1**self.steps)
        self.root = math.sqrt(1 - self.spec.beta2**self.steps)

    def move(self, W: Array, dW: Array, work: Array, **slots: Array) -> None:
        m, v, spec = slots["mean"], slots["square"], self.spec
        np.multiply(m, spec.beta1, out=m)
        np.add(m, np.multiply(dW, 1 - spec.beta1, out=work), out=m)
        np.multiply(v, spec.beta2, out=v)
        np.multiply(dW, dW, out=work)
        np.add(v, np.multiply(work, 1 - spec.beta2, out=work), out=v)
        np.divide(np.sqrt(v, out=work), self.root, out=work)
        np.divide(m, np.add(work, spec.eps, out=work), out=work)
        np.subtract(W, np.multiply(work, self.rate, out=work), out=W)


def optimizer_for(spec: OptimizerSpec, params: Arrays) -> Optimizer:
    """The optimizer that a recipe names, for these parameters."""
    return OPTIMIZERS[spec.type](spec, params)


OPTIMIZERS: dict[str, type[Optimizer]] = {cls.__name__: cls for cls in (SGD, Adam)}
OptimizerField = Annotated[
    OptimizerSpec,
    PlainValidator(tagged("optimizer", OPTIMIZERS, lambda optimizer: optimizer.Spec)),
    WithJsonSchema({FAMILY: "Optimizer"}),
]
