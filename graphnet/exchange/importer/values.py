"""What a tensor of an ONNX model is while it is read, and what an operator is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphnet.declaration import Shape
from graphnet.errors import ExchangeError, clipped, quoted
from graphnet.layers.base import Array

Axes = tuple[tuple[int, ...], ...]


class BatchError(ExchangeError):
    """An operator that mixes the samples of a batch, which graphnet keeps apart."""


@dataclass(frozen=True)
class Live:
    """A tensor that the network computes: the array of `source`, and where its axes lie.

    shape: of one sample, as graphnet has it. axes: for each of ONNX's axes the graphnet axes
    that it is the product of, the slowest first; 0 is the batch, 1 the first of a sample. An axis
    of size 1 may be none of them. So a change of ONNX's order or grouping moves no number.

    image: whether the channels lie last because an operator of images wants them there.
    whole_numbers: class indices and the like, which integer ports take.
    """

    source: str
    shape: Shape
    axes: Axes
    image: bool = False
    whole_numbers: bool = False

    @property
    def batch(self) -> int | None:
        """ONNX's axis that the batch is in; None where all of the tensor is one sample."""
        return next((i for i, group in enumerate(self.axes) if 0 in group), None)

    def relabelled(self, axes: Sequence[tuple[int, ...]]) -> Live:
        """The same numbers under other axes; no image any more, for its order was spoken of."""
        return replace(self, axes=tuple(axes), image=False)


Value = Live | Array


class Operator:
    """One node of the model: what it is given, and the attributes, each of which must be asked for.

    opset: the version of the standard's operators that the model was written for. names: of the
    tensors at its inputs; alone: those of them that nothing else uses; takers: the operators that
    use what it gives.
    """

    names: Sequence[str] = ()
    alone: frozenset[str] = frozenset()
    takers: frozenset[str] = frozenset()

    def __init__(
        self,
        name: str,
        kind: str,
        inputs: Sequence[Value | None],
        attributes: Mapping[str, Any],
        outputs: Sequence[str],
        opset: int,
    ) -> None:
        self.name, self.kind, self.opset = name, kind, opset
        self.inputs, self.outputs = list(inputs), list(outputs)
        self._attributes = dict(attributes)
        self._asked: set[str] = set()

    def attribute(self, name: str, default: Any = None) -> Any:
        """The attribute, or its default."""
        self._asked.add(name)
        return self._attributes.get(name, default)

    def ignore(self, *names: str) -> None:
        """Attributes that say nothing about the scores."""
        self._asked.update(names)

    def unknown(self) -> list[str]:
        """The attributes that nobody asked for."""
        return sorted(set(self._attributes) - self._asked)

    def given(self, i: int) -> Value | None:
        """Input i; None where the node has none."""
        return self.inputs[i] if i < len(self.inputs) else None

    def value(self, i: int) -> Value:
        """Input i, which must be there.

        Errors: ExchangeError.
        """
        found = self.given(i)
        if found is None:
            raise self.error(f"input {i} is missing")
        return found

    def live(self, i: int) -> Live:
        """Input i, which the network must compute.

        Errors: ExchangeError.
        """
        found = self.value(i)
        if not isinstance(found, Live):
            raise self.error(f"input {i} is a constant, where only computed numbers are understood")
        return found

    def constant(self, i: int) -> Array:
        """Input i, which must be a constant.

        Errors: ExchangeError.
        """
        found = self.value(i)
        if isinstance(found, Live):
            raise self.error(f"input {i} must be a constant; it is computed")
        return found

    def constant_names(self) -> tuple[str, ...]:
        """The tensors among the inputs that are constants."""
        pairs = zip(self.names, self.inputs, strict=False)
        return tuple(n for n, v in pairs if v is not None and not isinstance(v, Live))

    def maybe(self, i: int) -> Array | None:
        """Input i, a constant, or None."""
        return None if self.given(i) is None else self.constant(i)

    def integers(self, i: int, attribute: str | None = None) -> list[int] | None:
        """Whole numbers from input i, or from the attribute that older versions have instead."""
        if attribute is not None and (found := self.attribute(attribute)) is not None:
            return [int(n) for n in (found if isinstance(found, (list, tuple)) else [found])]
        array = self.maybe(i)
        return None if array is None else [int(n) for n in array.reshape(-1)]

    def error(self, text: str) -> ExchangeError:
        """An error that names this node and its operator."""
        return ExchangeError(clipped(f"node {quoted(self.name)} ({self.kind}): {text}"))

    def mixes(self, text: str = "it works along the batch axis") -> BatchError:
        """The error of an operator that mixes samples."""
        return BatchError(clipped(f"node {quoted(self.name)} ({self.kind}): {text}"))

    def axis(self, axis: int, rank: int) -> int:
        """An axis counted from the front.

        Errors: ExchangeError.
        """
        if not -rank <= axis < rank:
            raise self.error(f"axis {axis} is none of {rank}")
        return axis % rank if rank else 0
