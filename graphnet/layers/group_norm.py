"""Layers that give groups of a sample's channels the same mean and variance at every step."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from graphnet.declaration import Dim, Shape
from graphnet.errors import ShapeError
from graphnet.initializers import Constant, Zeros
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, Parameter, register

BLOCK = 128 * 1024
"""Numbers of the samples that go through all steps of a pass before the next ones."""
RUN = 256
"""Numbers that a loop over channels should have side by side: shorter ones cost their overhead."""


class _GroupSpec(NodeSpec):
    keeps: ClassVar[tuple[str, ...]] = ("apart", "inverse")
    prepares: ClassVar[bool] = True
    eps: Annotated[float, Field(gt=0)] = 1e-5
    """Added to the variance."""

    def groups_of(self, channels: int) -> int:
        """Into how many groups the channels are divided."""
        raise NotImplementedError

    def infer_shape(self, x: Shape) -> Shape:
        if len(x) < 2:
            raise ShapeError("a sample must have positions and an axis of channels behind them")
        groups = self.groups_of(x[-1])
        if x[-1] % groups:
            raise ShapeError(f"its channels must be a multiple of its {groups} groups")
        return x

    def parameters(self, x: Shape) -> dict[str, Parameter]:
        gamma = Parameter(x[-1:], Constant(type="Constant", value=1.0))
        return {"gamma": gamma, "beta": Parameter(x[-1:], Zeros(type="Zeros"))}

    def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
        positions, samples = math.prod(out[:-1]), max(1, BLOCK // math.prod(out))
        return {
            "out": Buffer(out),
            "apart": Buffer(out),
            "inverse": Buffer(out[-1:]),
            "dx": Buffer(out),
            "work": Buffer((samples, positions, out[-1]), scratch=True),
            "run": Buffer((samples, repeats(positions, out[-1]), out[-1]), scratch=True),
            "ones": Buffer((1, positions), kept=True),
        }

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        return Flops(7 * math.prod(out), 9 * math.prod(out))


class _GroupLayer(Layer):
    spec: _GroupSpec

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        self._require("gamma", "beta")
        self.gamma, self.beta = self.params["gamma"], self.params["beta"]
        self.dgamma, self.dbeta = self.grads["gamma"], self.grads["beta"]

    def prepare(self) -> None:
        self.room("ones").fill(1)

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        out = self.room("out")
        made = self.room("apart") if self.backs else out
        for xs, apart, inverse, outs in self._blocks(x, made, self.room("inverse"), out):
            self._each(np.subtract, xs, self._means(self._sums(xs)), apart)
            squares = np.multiply(apart, apart, out=self.room("work")[: len(xs)])
            var = self._means(self._sums(squares))
            np.divide(1, np.sqrt(var + self.spec.eps), out=inverse)
            self._each(np.multiply, apart, inverse * self.gamma, outs)
            self._each(np.add, outs, self.beta, outs)
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        dx, kept = self.room("dx"), (self.room("apart"), self.room("inverse"))
        self.clear()
        for douts, apart, inverse, dxs in self._blocks(dout, *kept, dx):
            work = self.room("work")[: len(dxs)]
            dbeta = self._sums(douts)
            dgamma = self._sums(np.multiply(douts, apart, out=work)) * inverse
            np.add(self.dbeta, dbeta.sum(axis=(0, 1)), out=self.dbeta)
            np.add(self.dgamma, dgamma.sum(axis=(0, 1)), out=self.dgamma)
            slope = self._means(dgamma * self.gamma) * inverse**2
            shift = self._means(dbeta * self.gamma) * inverse
            self._each(np.multiply, apart, slope, work)
            self._each(np.add, work, shift, work)
            self._each(np.multiply, douts, inverse * self.gamma, dxs)
            np.subtract(dxs, work, out=dxs)
        return (dx,)

    def _blocks(self, *arrays: Array) -> Iterator[tuple[Array, ...]]:
        """Some samples of each at a time, (samples, positions, channels)."""
        channels, samples = self.gamma.size, len(arrays[0])
        flat = [a.reshape(samples, -1, channels) for a in arrays]
        at_once = len(self.room("work"))
        for start in range(0, samples, at_once):
            yield tuple(a[start : start + at_once] for a in flat)

    def _sums(self, x: Array) -> Array:
        """Those over the positions, (samples, 1, channels)."""
        found: Array = np.matmul(self.room("ones"), x)
        return found

    def _means(self, sums: Array) -> Array:
        """Those of the groups, for each channel, from the sums over the positions."""
        samples, _, channels = sums.shape
        groups = self.spec.groups_of(channels)
        count = self.room("ones").size * channels // groups
        means = sums.reshape(samples, groups, -1).sum(axis=2) / count
        return np.repeat(means, channels // groups, axis=1)[:, np.newaxis]

    def _each(self, function: np.ufunc, x: Array, of_channel: Array, out: Array) -> None:
        """out = function(x, of_channel) at every position, several of them side by side."""
        run = self.room("run")[: len(x)]
        run[...] = of_channel
        row = run[0].size
        run = run.reshape(len(x), 1, row)
        function(x.reshape(len(x), -1, row), run, out=out.reshape(len(x), -1, row))


def repeats(positions: int, channels: int) -> int:
    """How many positions lie side by side in a run: a divisor of them."""
    wanted = -(-RUN // channels)
    return next((n for n in range(wanted, 2 * wanted) if positions % n == 0), 1)


@register
class GroupNorm(_GroupLayer):
    """out = gamma * (x - mean) / sqrt(var + eps) + beta, for each sample and group of channels

    mean and var (divided by the count) are those of the group's channels at all positions; gamma
    and beta belong to a channel.

    Shapes: x (N, ..., C); out has x's shape; gamma and beta (C,).
    Errors: ShapeError unless a sample has positions and channels that divide into the groups.
    Source: Wu and He, 2018; ONNX, GroupNormalization. With s = 1 / sqrt(var + eps), x' = (x - mean)
    * s and h = gamma * dout: dgamma = sum(dout * x'), dbeta = sum(dout), dx = s * (h - mean(h) -
    x' * mean(h * x')).
    """

    class Spec(_GroupSpec):
        type: Literal["GroupNorm"]
        groups: Dim
        """Into how many groups the channels are divided."""

        def groups_of(self, channels: int) -> int:
            return self.groups


@register
class InstanceNorm(_GroupLayer):
    """out = gamma * (x - mean) / sqrt(var + eps) + beta, for each sample and channel

    A GroupNorm with as many groups as channels.

    Shapes: x (N, ..., C); out has x's shape; gamma and beta (C,).
    Errors: ShapeError unless a sample has positions and channels.
    Source: Ulyanov, Vedaldi and Lempitsky, 2016; ONNX, InstanceNormalization. With
    s = 1 / sqrt(var + eps), x' = (x - mean) * s and h = gamma * dout: dgamma = sum(dout * x'),
    dbeta = sum(dout), dx = s * (h - mean(h) - x' * mean(h * x')).
    """

    class Spec(_GroupSpec):
        type: Literal["InstanceNorm"]

        def groups_of(self, channels: int) -> int:
            return channels
