"""How parameters start."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PlainValidator, WithJsonSchema

from graphnet.declaration import FAMILY, Declaration, Shape, tagged

Positive = Annotated[float, Field(gt=0)]


class Initializer(Declaration):
    """Random numbers for one parameter.

    Shapes: (..., in, out): the last axes count what comes in and goes out, those before them the
    elements of a filter. fan_in = elements * in, fan_out = elements * out.
    """

    def std_for(self, shape: Shape) -> float:
        """The standard deviation for a parameter of `shape`."""
        raise NotImplementedError

    def sample(self, rng: np.random.Generator, shape: Shape) -> np.ndarray:
        """float64 numbers, drawn from `rng`: the graph's dtype only rounds them."""
        return rng.normal(0.0, self.std_for(shape), shape)


class Normal(Initializer):
    """W ~ N(0, std^2)

    Source: Deep Learning from Scratch, 4.5.1: std = 0.01.
    """

    type: Literal["Normal"]
    std: Positive = 0.01
    """Standard deviation."""

    def std_for(self, shape: Shape) -> float:
        return self.std


class Xavier(Initializer):
    """W ~ N(0, 2 / (fan_in + fan_out))

    Source: Glorot and Bengio, 2010, equation 16, as a normal distribution of that variance.
    """

    type: Literal["Xavier"]

    def std_for(self, shape: Shape) -> float:
        elements = math.prod(shape[:-2])
        return math.sqrt(2.0 / (elements * shape[-2] + elements * shape[-1]))


class He(Initializer):
    """W ~ N(0, 2 / fan_in)

    Source: He et al., 2015, equation 10.
    """

    type: Literal["He"]

    def std_for(self, shape: Shape) -> float:
        return math.sqrt(2.0 / math.prod(shape[:-1]))


class Constant(Initializer):
    """W = value"""

    type: Literal["Constant"]
    value: float
    """What every element is."""

    def sample(self, rng: np.random.Generator, shape: Shape) -> np.ndarray:
        return np.full(shape, self.value)


class Zeros(Initializer):
    """W = 0"""

    type: Literal["Zeros"]

    def sample(self, rng: np.random.Generator, shape: Shape) -> np.ndarray:
        return np.zeros(shape)


INITIALIZERS: dict[str, type[Initializer]] = {
    cls.__name__: cls for cls in (Normal, Xavier, He, Constant, Zeros)
}
InitializerField = Annotated[
    Initializer,
    PlainValidator(tagged("initializer", INITIALIZERS)),
    WithJsonSchema({FAMILY: "Initializer"}),
]
