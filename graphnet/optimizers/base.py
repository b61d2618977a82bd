"""What all optimizers have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field, PlainValidator, WithJsonSchema

from graphnet.declaration import FAMILY, Declaration, Registry, tagged
from graphnet.layers.base import Array, Arrays
from graphnet.workspace import flat_views

Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Decay = Annotated[float, Field(ge=0)]


class OptimizerSpec(Declaration):
    """The attributes of an optimizer."""

    type: str
    """The optimizer's class."""
    lr: Rate
    """Learning rate."""
    weight_decay: Decay = 0.0
    """How much of W pulls W towards 0."""

    def slots(self) -> tuple[str, ...]:
        """What is kept between steps for each parameter, an array of its shape that starts at 0."""
        return ()

    def temporaries(self) -> int:
        """How many arrays `move` computes in."""
        return 2 if self.weight_decay else 1


class Optimizer:
    """Moves parameters in place.

    state: what is kept between steps, `<parameter>/<slot>`, parts of one flat array for each slot;
    a checkpoint stores them. steps: how many steps were begun. lr: the rate of the step at hand.
    """

    Spec: ClassVar[type[OptimizerSpec]]

    def __init__(self, spec: OptimizerSpec, params: Arrays) -> None:
        self.spec = spec
        self.steps = 0
        self.lr = spec.lr
        self.flat: dict[str, Array] = {}
        self.state: dict[str, Array] = {}
        shapes = {name: param.shape for name, param in params.items()}
        dtype = next((param.dtype for param in params.values()), np.dtype(np.float32))
        for slot in spec.slots():
            self.flat[slot], parts = flat_views(shapes, dtype)
            self.state |= {f"{name}/{slot}": part for name, part in parts.items()}

    def begin(self, lr: float | None = None) -> None:
        """One more step: what changes from step to step is computed here.

        lr: the rate of this step, where a schedule gives another than the spec's.
        """
        self.steps += 1
        self.lr = self.spec.lr if lr is None else lr

    def move(self, W: Array, dW: Array, work: Sequence[Array], **slots: Array) -> None:
        """The update of some elements; `work`: as many arrays of their number as `temporaries`
        says. dW stays as it is."""
        raise NotImplementedError

    def decayed(self, W: Array, dW: Array, work: Sequence[Array]) -> Array:
        """dW + weight_decay * W, in the last array of `work`; dW itself where nothing decays.

        It is the gradient of a loss to which weight_decay / 2 * sum of W^2 is added.
        """
        if not self.spec.weight_decay:
            return dW
        np.multiply(W, self.spec.weight_decay, out=work[-1])
        return np.add(work[-1], dW, out=work[-1])

    def update(self, params: Arrays, grads: Arrays, lr: float | None = None) -> None:
        """One step for all parameters, from gradients under the same names."""
        self.begin(lr)
        for name, param in params.items():
            slots = {slot: self.state[f"{name}/{slot}"] for slot in self.spec.slots()}
            work = [np.empty_like(param) for _ in range(self.spec.temporaries())]
            self.move(param, grads[name], work, **slots)


def optimizer_for(spec: OptimizerSpec, params: Arrays) -> Optimizer:
    """The optimizer that a recipe names, for these parameters."""
    return OPTIMIZERS[spec.type](spec, params)


OPTIMIZERS: Registry[Optimizer] = Registry(
    "optimizer",
    {
        "graphnet.optimizers.sgd": ("SGD",),
        "graphnet.optimizers.adaptive": ("AdaGrad", "RMSprop", "Adam", "AdamW"),
        "graphnet.optimizers.lion": ("Lion",),
    },
)
register = OPTIMIZERS.register
OptimizerField = Annotated[
    OptimizerSpec,
    PlainValidator(tagged("optimizer", OPTIMIZERS, lambda optimizer: optimizer.Spec)),
    WithJsonSchema({FAMILY: "Optimizer"}),
]
