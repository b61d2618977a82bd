"""A sequence step by step: what Rnn, Gru and Lstm have in common.

The layers compute in the order of their steps, with one matrix a step: rows of [h, x, 1], h being
what the step before left. One product of it with [U; W; b] is all that goes into the gates, and
one product of all rows with the gates' gradients is all that goes to U, W and b.
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

import numpy as np

from graphnet.declaration import Dim, Shape
from graphnet.errors import ShapeError
from graphnet.initializers import InitializerField, Xavier, Zeros
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, Parameter
from graphnet.products import by_columns, product

CHUNK = 10
"""Steps whose slopes are computed at once, and of an Lstm the gradients of its parameters too: long
calls, and their numbers are still in cache when they are needed."""


class Sequence(NodeSpec):
    """The attributes of a layer that reads a sequence."""

    optional: ClassVar[tuple[str, ...]] = ("lengths", "h0")
    integers: ClassVar[tuple[str, ...]] = ("lengths",)
    skips_unwanted: ClassVar[bool] = True
    keeps: ClassVar[tuple[str, ...] | None] = ("lengths", "rows", "states")
    undivided: ClassVar[bool] = True
    prepares: ClassVar[bool] = True
    gates: ClassVar[int] = 1
    """What W, U and b have side by side, M numbers each."""
    saved: ClassVar[int] = 0
    """Numbers of a unit that a step leaves for `backward`, beside its h."""
    slopes: ClassVar[int] = 1
    """Numbers of a unit and step that `backward` makes of them."""
    work: ClassVar[int] = 3
    """Numbers of a unit that a pass computes in."""

    units: Dim
    """M, how many numbers a step gives."""
    outputs: Literal["last", "all"] = "last"
    """What comes out: the last step's h, or that of every step."""
    reverse: bool = False
    """Whether the last step of x is read first. "all" then keeps the order of x."""
    init: InitializerField = Xavier(type="Xavier")
    """How W and U start."""

    def infer_shape(self, x: Shape, *more: Shape) -> Shape:
        if len(x) != 2:
            remedy = ": a Reshape makes one of an image" * (len(x) == 3)
            raise ShapeError(f"a sample must be (T, D), D numbers at each of T steps{remedy}")
        ports = self.ports_for(1 + len(more))[1:]
        for port, shape in zip(ports, more, strict=True):
            expected = () if port == "lengths" else (self.units,)
            if shape != expected:
                raise ShapeError(f"a sample of port '{port}' must have shape {expected}")
        return (self.units,) if self.outputs == "last" else (x[0], self.units)

    def parameters(self, x: Shape, *more: Shape) -> dict[str, Parameter]:
        columns = self.gates * self.units
        return {
            "W": Parameter((x[1], columns), self.init),
            "U": Parameter((self.units, columns), self.init),
            "b": Parameter((columns,), Zeros(type="Zeros")),
        }

    def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
        (steps, size), units = shapes[0], self.units
        columns, width = self.gates * units, units + size + 1
        return {
            **super().buffers(out, *shapes),
            "rows": Buffer((steps + 1, width)),
            **(self.remembered(steps) if self.saved else {}),
            "work": Buffer((self.work, units)),
            "dgates": Buffer((steps, self.columns_back(), units), back=True),
            "slopes": Buffer((min(CHUNK, steps), self.slopes, units), back=True),
            "dwork": Buffer((self.work, units), back=True),
            "stack": Buffer((self.gates, width, units), kept=True),
            "dstack": Buffer((width, columns), scratch=True),
        }

    def remembered(self, steps: int) -> dict[str, Buffer]:
        """What steps leave for `backward`; where none follows, two steps take turns."""
        return {
            "states": Buffer((steps + 1, self.saved, self.units), trains=True),
            "turns": Buffer((2, self.saved, self.units)),
        }

    def columns_back(self) -> int:
        """Gradients of a unit and step that go to parameters."""
        return self.gates

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        steps, size = shapes[0]
        columns = self.gates * self.units
        across = 2 * steps * size * columns
        products = across + 2 * steps * self.units * columns
        elements = 8 * steps * columns
        return Flops(products + elements, 2 * products + elements, dx=across)


class Unrolled(Layer):
    """The passes that do not depend on what a step computes.

    rows: (T + 1, N, M + D + 1), of which h, the first M columns, is that before step s.
    states: (T + 1, saved, N, M); in a prediction two, which steps take in turns.
    dgates: (T, N, columns), of an Lstm those of a chunk. All of them in the order of the steps.
    """

    spec: Sequence
    halved: ClassVar[tuple[int, ...]] = ()
    """The gates whose columns of `stack` are halved: sigmoid(z) = tanh(z / 2) / 2 + 1 / 2, and one
    tanh of all gates takes a third of the time of an exp and a division."""

    def __init__(self, spec: NodeSpec | None = None, **given: Any) -> None:
        super().__init__(spec, **given)
        self._require("W", "U", "b")
        self.W, self.U, self.b = (self.params[name] for name in ("W", "U", "b"))
        self.dW, self.dU, self.db = (self.grads[name] for name in ("W", "U", "b"))

    def bind(self) -> None:
        """Views of the buffers, one by one for each step: cutting them in every pass would take
        as long as computing in them."""
        assert self.shapes is not None
        (self.steps, _), units = self.shapes[0], self.spec.units
        self.rows = self._by_step("rows")
        self.samples = self.rows.shape[1]
        self.h = self.rows[:, :, :units]
        self.x = self.rows[: self.steps, :, units:-1]
        if self.spec.saved:
            self.states = self._by_step("states" if self.backs else "turns")
        self.work = self._by_step("work")
        self.bind_forth()
        if self.backs:
            steps = self.room("dgates").shape[1]
            self.dgates = self.room("dgates").reshape(steps, self.samples, -1)
            self.dwork = self._by_step("dwork")
            self.slopes = self._by_step("slopes")
            self.bind_back()

    def bind_forth(self) -> None:
        """The views that the steps of `forward` take."""
        raise NotImplementedError

    def bind_back(self) -> None:
        """The views that the steps of `backward` take."""
        raise NotImplementedError

    def prepare(self) -> None:
        stack, gates, units = self.room("stack"), self.spec.gates, self.spec.units
        factors = np.ones((gates, 1, 1), stack.dtype)
        factors[list(self.halved)] = 0.5
        parts = ((self.U, stack[:, :units]), (self.W, stack[:, units:-1]), (self.b, stack[:, -1:]))
        for part, place in parts:
            by_gate = part.reshape(-1, gates, units).swapaxes(0, 1)
            np.multiply(by_gate, factors, out=place)

    def read(self, x: Array, lengths: Array | None, h0: Array | None) -> None:
        """Fill `rows` with x, and with h before the first step."""
        self.lengths = lengths
        if lengths is not None:
            self._check(lengths)
        if lengths is None or not self.spec.reverse:
            np.copyto(self.x, self._in_order(x))
        else:
            for s, at in enumerate(self._places(lengths)):
                self.x[s] = x[np.arange(len(x)), at]
        self.rows[:-1, :, -1] = 1
        self.h[0] = 0 if h0 is None else h0

    def written(self) -> Array:
        """out from the h of all steps; 0 behind a sample's length."""
        out, lengths = self.room("out"), self.lengths
        every = np.arange(self.samples)
        if self.spec.outputs == "last":
            out[...] = self.h[-1] if lengths is None else self.h[lengths, every]
        elif lengths is None:
            np.copyto(self._in_order(out), self.h[1:])
        else:
            out.fill(0)
            for s, at in enumerate(self._places(lengths)):
                live = np.flatnonzero(lengths > s)
                out[live, at[live]] = self.h[s + 1, live]
        return out

    def arriving(self, dout: Array) -> list[Array | None]:
        """For each step what is added to dh: the part of dout that its h became."""
        lengths, steps = self.lengths, range(self.steps)
        if self.spec.outputs == "last":
            if lengths is None:
                return [*[None] * (self.steps - 1), dout]
            return [dout * (lengths == s + 1)[:, np.newaxis] for s in steps]
        if lengths is None:
            return list(self._in_order(dout))
        every, places = np.arange(self.samples), self._places(lengths)
        return [dout[every, places[s]] * (lengths > s)[:, np.newaxis] for s in steps]

    def gradients(self, dout: Array, dh: Array, *more: Array) -> tuple[Array | None, ...]:
        """Those of the ports, and into `grads` those of the parameters; dh and more: those of what
        was remembered before the first step."""
        assert self.shapes is not None
        if self.lengths is not None and self.spec.outputs == "last":
            dh += dout * (self.lengths == 0)[:, np.newaxis]  # the last h of nothing is h0
        dstack, units = self.room("dstack"), self.spec.units
        self.dU[...], self.dW[...], self.db[...] = dstack[:units], dstack[units:-1], dstack[-1]
        found = [self.room("dx") if self.needs[0] else None, None]
        ports = self.spec.ports_for(len(self.shapes))
        for port, needed, start in zip(ports[2:], self.needs[2:], (dh, *more), strict=False):
            if needed:
                np.copyto(self.room(f"d{port}"), start)
            found.append(self.room(f"d{port}") if needed else None)
        return tuple(found[: len(ports)])

    def leave(self, steps: range, dgates: Array) -> None:
        """What these steps give to dstack, that is dU, dW and db, in one product, and their dx; the
        last steps come first."""
        columns, dstack = self.spec.gates * self.spec.units, self.room("dstack")
        rows = self.rows[steps.start : steps.stop].reshape(-1, self.rows.shape[2])
        flat = dgates.reshape(len(rows), -1)[:, :columns]
        if steps.stop == self.steps:
            product(rows.T, flat, dstack)
        else:
            np.add(dstack, product(rows.T, flat, self.room("dpart")), out=dstack)
        if self.needs[0]:
            self._leave_x(steps, dgates[:, :, :columns])

    def _leave_x(self, steps: range, dgates: Array) -> None:
        """dx = dgates @ W.T, where a sample's step was read."""
        dx, lengths = self.room("dx"), self.lengths
        if lengths is None or not self.spec.reverse:
            by_columns(dgates, self.W.T, self._in_order(dx)[steps.start : steps.stop])
            return
        if steps.stop == self.steps:
            dx.fill(0)
        places = self._places(lengths)
        for s, part in zip(steps, dgates, strict=True):
            live = np.flatnonzero(lengths > s)
            dx[live, places[s, live]] = part[live] @ self.W.T

    def _by_step(self, name: str) -> Array:
        """A buffer (N, a, ..., z), in whose memory nobody else computes, as (a, ..., N, z)."""
        memory = self.room(name)
        samples, *more, last = memory.shape
        return memory.reshape(*more, samples, last)

    def _in_order(self, x: Array) -> Array:
        """(N, T, ...) as (T, N, ...) in the order of the steps."""
        turned = x.swapaxes(0, 1)
        return turned[::-1] if self.spec.reverse else turned

    def _places(self, lengths: Array) -> Array:
        """Where step s of each sample stands in x, (T, N); a valid place where there is none."""
        s = np.arange(self.steps)[:, np.newaxis]
        return np.maximum(lengths - 1 - s, 0) if self.spec.reverse else s + 0 * lengths

    def _check(self, lengths: Array) -> None:
        if lengths.min() < 0 or lengths.max() > self.steps:
            found = lengths[(lengths < 0) | (lengths > self.steps)][0]
            raise ShapeError(f"port 'lengths' takes 0 to {self.steps} steps, found {found}")


def chunks(steps: int) -> list[range]:
    """The steps in the order of `backward`, CHUNK at a time: each chunk by itself in order."""
    count = math.ceil(steps / CHUNK)
    return [range(i * CHUNK, min((i + 1) * CHUNK, steps)) for i in reversed(range(count))]
