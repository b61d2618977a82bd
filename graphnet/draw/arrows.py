"""What is written on arrows: values above, gradients below, as in the figures of the book."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphnet.draw.bitmaps import MOST_CHANNELS, heat_map, image_of, range_of
from graphnet.draw.card import LABEL, NUMBER, Label, Line, Stem
from graphnet.draw.cards import loss_name
from graphnet.draw.numbers import Numbers
from graphnet.draw.words import number_text, shape_text
from graphnet.layers.base import Array
from graphnet.spec.reader import Resolved


class Written:
    """The stem of each name; what is not asked for is left out, the shape stays."""

    def __init__(self, graph: Resolved, numbers: Numbers, *, values: bool, grads: bool) -> None:
        self.graph = graph
        self.numbers = numbers
        self.values = values
        self.grads = grads
        weights = (objective.spec.weight for objective in graph.objectives)
        self.losses = {
            loss_name(i): both for i, both in enumerate(zip(numbers.losses, weights, strict=False))
        }

    def __call__(self, name: str, shape: tuple[int, ...]) -> Stem:
        if name in self.losses:
            loss, weight = self.losses[name]
            above = Line(number_text(loss), NUMBER, "value")
            below = Line(number_text(weight), NUMBER, "grad")
            return Stem((above,) if self.values else (), (below,) if self.grads else ())
        known = name in self.numbers.values
        above_all = list(self._above(name, shape)) if known and self.values else []
        if not above_all and shape:
            above_all = [Line(shape_text(shape), LABEL, "shape")]
        below_all = list(self._below(name, shape)) if known and self.grads else []
        return Stem(above_all, below_all)

    def _above(self, name: str, shape: tuple[int, ...]) -> Iterator[Label]:
        value = self.numbers.values[name]
        if not shape:
            yield Line(number_text(float(value)), NUMBER, "value")
            return
        given = self.graph.spec.inputs.get(name)
        image = given.image if given is not None else None
        yield image_of(value, image) if image is not None else heat_map(value)
        yield Line(range_of(value), LABEL, "value")
        hidden = image is None and len(shape) > 2 and shape[-1] > MOST_CHANNELS
        shown = f", {MOST_CHANNELS} shown" if hidden else ""
        yield Line(shape_text(shape) + shown, LABEL, "shape")

    def _below(self, name: str, shape: tuple[int, ...]) -> Iterator[Label]:
        given = self.graph.spec.inputs.get(name)
        if given is not None and given.dtype is not None:
            return  # whole numbers have no gradient
        grad: Array = self.numbers.grads[name]
        if not shape:
            yield Line(number_text(float(grad)), NUMBER, "grad")
            return
        yield heat_map(np.asarray(grad), given.image if given is not None else None)
        yield Line(range_of(grad), LABEL, "grad")
