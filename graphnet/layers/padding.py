"""A margin around samples."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import BeforeValidator, Field

from graphnet.declaration import Shape, few
from graphnet.errors import ShapeError
from graphnet.layers.axes import MOST
from graphnet.layers.base import Array, Buffer, Flops, Layer, NodeSpec, register
from graphnet.layers.shaping import copied

_Width = Annotated[int, Field(ge=0, lt=2**31)]
_Widths = Annotated[tuple[_Width, ...], Field(strict=False, min_length=2, max_length=2)]
_WidthsField = Annotated[
    tuple[_Widths, ...], Field(strict=False, max_length=MOST), BeforeValidator(few(MOST))
]
Cut = tuple[slice, ...]


@register
class Pad(Layer):
    """out = x with a margin around each sample

    mode "constant": of `value`; "edge": of the nearest number; "reflect": of the numbers mirrored
    at the edge, which itself is not repeated; "wrap": of those at the other end.

    Shapes: each axis grows by its two widths.
    Errors: ShapeError unless there is a pair of widths for each axis of a sample, or where a margin
    is longer than what it repeats.
    Source: ONNX, Pad; dx = dout inside, with what the margin repeats added to where it comes from.
    """

    class Spec(NodeSpec):
        keeps: ClassVar[tuple[str, ...]] = ()
        type: Literal["Pad"]
        widths: _WidthsField
        """How many numbers stand before and after, for each axis of a sample."""
        mode: Literal["constant", "edge", "reflect", "wrap"] = "constant"
        """What stands there."""
        value: float = 0.0
        """The number of mode "constant"."""

        def infer_shape(self, x: Shape) -> Shape:
            if len(self.widths) != len(x):
                raise ShapeError(
                    f"'widths' must have {len(x)} pairs, one for each axis of a sample"
                )
            most = {"reflect": 1, "wrap": 0}.get(self.mode)
            for n, pair in zip(x, self.widths, strict=True):
                if most is not None and max(pair) > n - most:
                    raise ShapeError(
                        f"a margin of {max(pair)} is too wide for '{self.mode}' of {n}"
                    )
            return tuple(n + sum(pair) for n, pair in zip(x, self.widths, strict=True))

        def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
            found = super().buffers(out, *shapes)
            return found if self.mode == "constant" else {**found, "whole": Buffer(out, back=True)}

        def flops(self, out: Shape, *shapes: Shape) -> Flops:
            return Flops(0, 0)

    spec: Spec

    def forward(self, x: Array) -> Array:
        self.compute_alone(x)
        out, shape = self.room("out"), x.shape[1:]
        pairs = zip(shape, self.spec.widths, strict=True)
        self.inside = (slice(None), *(slice(before, before + n) for n, (before, _) in pairs))
        if self.spec.mode == "constant":
            out.fill(self.spec.value)
        out[self.inside] = x
        self.margins = list(self._margins(shape))
        for margin, source in self.margins:
            out[margin] = out[source]
        return out

    def backward(self, dout: Array) -> tuple[Array]:
        whole = dout
        if self.margins:
            whole = copied(dout, self.buffer("whole"))
            for margin, source in reversed(self.margins):
                _add(whole[margin], whole[source])
        return (copied(whole[self.inside], self.buffer("dx")),)

    def _margins(self, x: Shape) -> Iterator[tuple[Cut, Cut]]:
        """The parts of out that repeat others, axis by axis: the corners come with the last one."""
        for axis, (n, (before, after)) in enumerate(zip(x, self.spec.widths, strict=True), start=1):
            end = before + n
            sources = {
                "edge": (slice(before, before + 1), slice(end - 1, end)),
                "reflect": (_backwards(2 * before, before), _backwards(end - 2, end - 2 - after)),
                "wrap": (slice(n, n + before), slice(before, before + after)),
            }.get(self.spec.mode)
            if sources is None:
                return
            every = (slice(None),) * axis
            if before:
                yield (*every, slice(0, before)), (*every, sources[0])
            if after:
                yield (*every, slice(end, end + after)), (*every, sources[1])


def _backwards(first: int, stop: int) -> slice:
    return slice(first, stop if stop >= 0 else None, -1)


def _add(margin: Array, source: Array) -> None:
    """The gradient of a margin to that of what it repeats: of an edge, all of it to one number."""
    repeated = tuple(i for i, n in enumerate(source.shape) if n != margin.shape[i])
    part = margin.sum(axis=repeated, keepdims=True) if repeated else margin
    np.add(source, part, out=source)
