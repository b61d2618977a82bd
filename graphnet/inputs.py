"""What a caller hands to a network, as the arrays that its layers take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from graphnet.declaration import Shape, did_you_mean
from graphnet.errors import ShapeError, clipped, quoted
from graphnet.layers.base import Array
from graphnet.spec.graph import GraphSpec
from graphnet.spec.image import ImageSpec


class Batch(NamedTuple):
    """inputs: by name, each with a batch axis; batched: whether the caller gave that axis."""

    inputs: dict[str, Array]
    samples: int
    batched: bool

    def part(self, start: int, stop: int) -> dict[str, Array]:
        """The inputs of some of the samples."""
        return {name: array[start:stop] for name, array in self.inputs.items()}


def batch_of(spec: GraphSpec, given: Any) -> Batch:
    """`given`, an array for the only input without a value or a dict by input, as a batch.

    Shapes: a sample alone gets a batch axis; an input with a `value` that is not given is
    repeated along the batch.
    Errors: ShapeError.
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        open_inputs = [n for n, i in spec.inputs.items() if i.value is None] or list(spec.inputs)
        if len(open_inputs) != 1:
            raise ShapeError(
                f"the graph has several inputs: give a dict with {_quoted(open_inputs)}"
            )
        given = {open_inputs[0]: given}
    for name in given:
        if name not in spec.inputs:
            hint = did_you_mean(name, spec.inputs) or f"; it has {_quoted(list(spec.inputs))}"
            raise ShapeError(clipped(f"{quoted(name)} is no input of the graph{hint}"))
    found: dict[str, Array] = {}
    counts: dict[str, int | None] = {}
    for name, value in given.items():
        _refuse_pixels(name, value, spec.inputs[name].image)
        found[name], counts[name] = with_batch_axis(
            f"input '{name}'", value, spec.inputs[name].shape, dtype_of(spec, name)
        )
    missing = [n for n, i in spec.inputs.items() if i.value is None and n not in found]
    if missing:
        raise ShapeError(f"no value is given for input {_quoted(missing)}")
    if len(set(counts.values())) > 1:
        shown = ", ".join(f"'{n}' {'one sample' if c is None else c}" for n, c in counts.items())
        raise ShapeError(clipped(f"inputs must have equally many samples: {shown}"))
    samples = next(iter(counts.values()), None)
    for name, declared in spec.inputs.items():
        if name not in found:
            array = np.empty((samples or 1, *declared.shape), dtype_of(spec, name))
            array[...] = declared.value
            found[name] = array
    return Batch(found, samples or 1, samples is not None)


def dtype_of(spec: GraphSpec, name: str) -> np.dtype[Any]:
    """The type of an input's numbers."""
    return np.dtype(spec.inputs[name].dtype or spec.dtype)


def _refuse_pixels(name: str, value: Any, image: ImageSpec | None) -> None:
    """Bytes are pixels that nobody prepared: their numbers would be 255 times too large."""
    if image is None or getattr(value, "dtype", None) != np.uint8:
        return
    if image.range != (0.0, 255.0) or image.mean is not None or image.std is not None:
        raise ShapeError(
            f"input '{name}': prepared numbers are expected, found uint8 pixels: use "
            "ImagePreparation(...).numbers(pixels), or convert them yourself"
        )


def with_batch_axis(
    what: str, value: Any, shape: Shape, dtype: np.dtype[Any]
) -> tuple[Array, int | None]:
    """`value` with a batch axis, and the number of samples; None for a sample without that axis.

    Errors: ShapeError.
    """
    try:
        array = np.asarray(value)
    except ValueError as e:  # lists of unequal lengths
        raise ShapeError(clipped(f"{what}: no array of numbers: {e}")) from None
    if array.dtype.kind not in "fiub":
        raise ShapeError(f"{what}: numbers are expected, found {array.dtype}")
    array = _cast(what, array, dtype)
    if array.shape == shape:
        return array[np.newaxis], None
    if array.shape[1:] == shape and array.ndim == len(shape) + 1:
        if len(array) == 0:
            raise ShapeError(f"{what}: the batch has no sample")
        return array, len(array)
    batch = ", ".join(["N", *map(str, shape)]) + "," * (not shape)
    raise ShapeError(f"{what}: shape {shape} or ({batch}) is expected, found {array.shape}")


def _cast(what: str, array: Array, dtype: np.dtype[Any]) -> Array:
    """`array` in the graph's type.

    Errors: ShapeError where a finite number would become infinite.
    """
    if array.dtype == dtype:
        return np.ascontiguousarray(array).reshape(array.shape)
    if dtype.kind == "i" and (array.dtype.kind == "f" or array.dtype == np.uint64):
        raise ShapeError(f"{what}: whole numbers are expected ({dtype}), found {array.dtype}")
    with np.errstate(over="ignore"):
        cast: Array = array.astype(dtype, order="C")
    if array.dtype.kind == "f" and array.dtype.itemsize > dtype.itemsize:
        lost = np.isinf(cast) & ~np.isinf(array)
        if lost.any():
            raise ShapeError(f"{what}: {array[lost][0]} is too large for {dtype}")
    return cast


def _quoted(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
