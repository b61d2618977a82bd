"""The schedules, imported where a recipe has one."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field, model_validator

from graphnet.declaration import below, few
from graphnet.schedules.base import Duration, Schedule, register

Moment = Annotated[float, Field(gt=0, lt=2**31)]
Part = Annotated[float, Field(ge=0, le=1)]
Moments = Annotated[
    tuple[Moment, ...], Field(strict=False, min_length=1), BeforeValidator(few(100))
]


@register
class Constant(Schedule):
    """lr, after the warm-up"""

    type: Literal["Constant"]

    def factor(self, step: int, epochs: int, batches: int) -> float:
        return risen(step, self.rise(epochs, batches))


@register
class Step(Schedule):
    """lr * gamma^drops, where drops counts the multiples of `every`, or the entries of `at`, that
    are reached

    Both count from the first step on, the warm-up included.
    """

    type: Literal["Step"]
    every: Moment | None = None
    """Epochs from one drop to the next."""
    at: Moments | None = None
    """Epochs after which the rate drops: 30 is before the first step of the 31st."""
    gamma: Annotated[float, Field(gt=0, le=1)] = 0.1
    """What the rate is multiplied by at each drop."""

    def factor(self, step: int, epochs: int, batches: int) -> float:
        if self.every is not None:
            # A time that is short enough makes the quotient infinite.
            drops = math.floor(min(step / (self.every * batches), 1e300))
        else:
            assert self.at is not None
            drops = sum(step >= moment * batches for moment in self.at)
        return risen(step, self.rise(epochs, batches)) * self.gamma**drops

    @model_validator(mode="after")
    def _one_of_both(self) -> Step:
        if (self.every is None) == (self.at is None):
            raise below("give either 'every' or 'at', the epochs where the rate drops")
        return self


@register
class Cosine(Schedule):
    """lr * (final + (1 - final) * (1 + cos(pi * u)) / 2), u from 0, after the warm-up, to 1

    Source: Loshchilov and Hutter, 2017, equation 5, without restarts.
    """

    spans: ClassVar[bool] = True
    type: Literal["Cosine"]
    final: Part = 0.0
    """Which part of `lr` is left at the end."""

    def factor(self, step: int, epochs: int, batches: int) -> float:
        rise, steps = self.rise(epochs, batches), epochs * batches
        if step < rise:
            return risen(step, rise)
        return between(1.0, self.final, (step - rise) / (steps - rise))


@register
class OneCycle(Schedule):
    """From start * lr up to lr within the warm-up, then down to final * lr at the last step, both
    as halves of a cosine

    Source: Smith and Topin, 2018; numbers and shape are those of PyTorch's OneCycleLR, without its
    change of momentum.
    """

    spans: ClassVar[bool] = True
    type: Literal["OneCycle"]
    warmup: Duration | None = None
    """Epochs in which the rate rises to `lr`; absent: 3 tenths of all."""
    start: Part = 0.04
    """Which part of `lr` the first step has."""
    final: Part = 4e-6
    """Which part of `lr` the last step has."""
    linear: bool = False
    """Whether the rate changes by equal amounts in place of a cosine."""

    def rise(self, epochs: int, batches: int) -> float:
        return (0.3 * epochs if self.warmup is None else self.warmup) * batches

    def factor(self, step: int, epochs: int, batches: int) -> float:
        peak, last = max(0.0, self.rise(epochs, batches) - 1), epochs * batches - 1
        if step < peak:
            return between(self.start, 1.0, step / peak, linear=self.linear)
        if last <= peak:
            return 1.0
        return between(1.0, self.final, (step - peak) / (last - peak), linear=self.linear)


def risen(step: int, rise: float) -> float:
    """How much of a warm-up of `rise` steps is done in a step: no step has a rate of 0."""
    return min(1.0, (step + 1) / rise) if rise else 1.0


def between(start: float, end: float, u: float, *, linear: bool = False) -> float:
    """start where u is 0, end where it is 1, along half a cosine or a line."""
    share = u if linear else (1 - math.cos(math.pi * u)) / 2
    return start + (end - start) * share
