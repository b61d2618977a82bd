"""How parameters start."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from graphnet.declaration import FAMILY, Declaration, Shape, below, tagged

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


class Uniform(Initializer):
    """W ~ U(low, high)"""

    type: Literal["Uniform"]
    low: float = -0.05
    """The least that is drawn."""
    high: float = 0.05
    """What all that is drawn is below."""

    def sample(self, rng: np.random.Generator, shape: Shape) -> np.ndarray:
        return rng.uniform(self.low, self.high, shape)

    @model_validator(mode="after")
    def _ordered(self) -> Uniform:
        if not self.low < self.high:
            raise below(f"must be more than 'low', {self.low:g}, found {self.high:g}", "high")
        if not math.isfinite(self.high - self.low):
            raise below(f"lies too far from 'low', {self.low:g}: no float64 holds the way", "high")
        return self


class Scaled(Initializer):
    """Random numbers whose spread depends on how many come in and go out.

    uniform: W ~ U(-limit, limit), limit = sqrt(3) * std, which has the same spread.
    """

    distribution: Literal["normal", "uniform"] = "normal"
    """How the numbers are spread."""

    def sample(self, rng: np.random.Generator, shape: Shape) -> np.ndarray:
        if self.distribution == "normal":
            return super().sample(rng, shape)
        limit = math.sqrt(3.0) * self.std_for(shape)
        return rng.uniform(-limit, limit, shape)


class Xavier(Scaled):
    """W ~ N(0, 2 / (fan_in + fan_out)), or uniform with that variance

    Source: Glorot and Bengio, 2010, equation 16, which is the uniform one.
    """

    type: Literal["Xavier"]

    def std_for(self, shape: Shape) -> float:
        fan_in, fan_out = fans(shape)
        return math.sqrt(2.0 / (fan_in + fan_out))


class He(Scaled):
    """W ~ N(0, 2 / fan_in), or uniform with that variance

    Source: He et al., 2015, equation 10.
    """

    type: Literal["He"]

    def std_for(self, shape: Shape) -> float:
        return math.sqrt(2.0 / fans(shape)[0])


class Orthogonal(Initializer):
    """W = gain * Q: columns of length `gain` at right angles; rows, where there are fewer of them

    Shapes: (..., in, out), as the matrix (elements * in, out).
    Source: Saxe et al., 2014; Q of the QR decomposition of normal numbers, with the signs of R's
    diagonal, which makes every Q as likely as any other (Mezzadri, 2007).
    """

    type: Literal["Orthogonal"]
    gain: Positive = 1.0
    """The length of each column; sqrt(2) suits Relu."""

    def sample(self, rng: np.random.Generator, shape: Shape) -> np.ndarray:
        from graphnet.blas import one_thread  # a loaded network draws nothing

        rows, columns = math.prod(shape[:-1]), shape[-1]
        normal = rng.normal(size=(max(rows, columns), min(rows, columns)))
        with one_thread():
            Q, R = np.linalg.qr(normal)
        Q *= self.gain * np.copysign(1.0, np.diagonal(R))
        return (Q if rows >= columns else Q.T).reshape(shape)


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


def fans(shape: Shape) -> tuple[int, int]:
    """fan_in and fan_out of a parameter; one with a single axis has one number coming in."""
    elements, ways = math.prod(shape[:-2]), (1, 1, *shape)[-2:]
    return elements * ways[0], elements * ways[1]


INITIALIZERS: dict[str, type[Initializer]] = {
    cls.__name__: cls for cls in (Normal, Uniform, Xavier, He, Orthogonal, Constant, Zeros)
}
InitializerField = Annotated[
    Initializer,
    PlainValidator(tagged("initializer", INITIALIZERS)),
    WithJsonSchema({FAMILY: "Initializer"}),
]
