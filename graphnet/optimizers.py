"""How gradients move parameters."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, PlainValidator, WithJsonSchema

from graphnet.declaration import FAMILY, Declaration, tagged
from graphnet.layers.base import Array, Arrays

Rate = Annotated[float, Field(gt=0)]


class OptimizerSpec(Declaration):
    """The attributes of an optimizer."""

    type: str
    """The optimizer's class."""


class Optimizer:
    """Moves parameters in place, from gradients under the same names.

    state: arrays kept between steps, `<parameter>/<name>`; a checkpoint stores them.
    """

    Spec: ClassVar[type[OptimizerSpec]]

    def __init__(self, spec: OptimizerSpec) -> None:
        self.spec = spec
        self.state: dict[str, Array] = {}

    def update(self, params: Arrays, grads: Arrays) -> None:
        """One step."""
        raise NotImplementedError


class SGD(Optimizer):
    """W <- W - lr * dW

    Source: Deep Learning from Scratch, 6.1.2.
    """

    class Spec(OptimizerSpec):
        type: Literal["SGD"]
        lr: Rate = 0.01
        """Learning rate."""

    spec: Spec

    def __init__(self, spec: OptimizerSpec) -> None:
        super().__init__(spec)
        self._scratch: dict[str, Array] = {}

    def update(self, params: Arrays, grads: Arrays) -> None:
        for name, param in params.items():
            if name not in self._scratch:
                self._scratch[name] = np.empty_like(param)
            step = np.multiply(grads[name], self.spec.lr, out=self._scratch[name])
            np.subtract(param, step, out=param)


OPTIMIZERS: dict[str, type[Optimizer]] = {cls.__name__: cls for cls in (SGD,)}
OptimizerField = Annotated[
    OptimizerSpec,
    PlainValidator(tagged("optimizer", OPTIMIZERS, lambda optimizer: optimizer.Spec)),
    WithJsonSchema({FAMILY: "Optimizer"}),
]
