"""GraphSpec: the whole of a spec file, as one checked and frozen object."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    FailFast,
    Field,
    PlainValidator,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError, PydanticKnownError

from graphnet.declaration import FAMILY, Declaration, Name, NodeName, Shape, ShapeField, tagged
from graphnet.errors import quoted
from graphnet.layers.base import LAYERS, NodeSpec
from graphnet.losses import LossField, LossSpec
from graphnet.spec.families import ColumnsField, DataField, TextField
from graphnet.spec.image import ImageSpec
from graphnet.spec.problems import below
from graphnet.spec.recipe import TrainSpec

FORMAT = 1
MAX_NODES = 10_000
MAX_EDGES = 100_000
"""In names in paths."""


def _format(value: Any) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        # 1.0 and true equal 1, but are no version.
        raise PydanticKnownError("literal_error", {"expected": str(FORMAT)})
    if value > FORMAT:
        raise PydanticCustomError(
            "newer",
            "{text}",
            {"text": f"{value} is newer than this program, which reads up to {FORMAT}: update it"},
        )
    return value


def _value(value: Any) -> Any:
    return _numbers(value, ())


def _numbers(value: Any, at: tuple[int, ...]) -> Any:
    """A number or nested lists of numbers of one shape, as tuples."""
    if isinstance(value, bool) or not isinstance(value, (int, float, list, tuple)):
        raise below(f"a number or lists of numbers are expected, found {quoted(value)}", *at)
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise below("a finite number is expected", *at)
        return float(value)
    if not value:
        raise below("a list of numbers must not be empty", *at)
    items = tuple(_numbers(item, (*at, i)) for i, item in enumerate(value))
    for i, item in enumerate(items):
        if shape_of(item) != shape_of(items[0]):
            first, other = list(shape_of(items[0])), list(shape_of(item))
            text = f"what stands in one list must have one shape; the first has {first}, this one"
            raise below(f"{text} {other}", *at, i)
    return items


def shape_of(value: Any) -> Shape:
    """The shape of a number or of nested tuples of numbers."""
    return (len(value), *shape_of(value[0])) if isinstance(value, tuple) else ()


def _whole(value: Any) -> bool:
    """Whether a number or all in nested tuples is whole and fits int64."""
    if isinstance(value, tuple):
        return all(map(_whole, value))
    return bool(value.is_integer()) and abs(value) < 2**63


_LABEL_LIST = {
    "type": "array",
    "items": {"type": "string", "minLength": 1, "maxLength": 200},
    "minItems": 2,
    "uniqueItems": True,
}


def _labels(value: Any) -> Any:
    """A list of class names, or one list for each output."""
    if isinstance(value, Mapping):
        if not value:
            raise below("a list of names for each output is expected, found none")
        return {output: _label_list(names, output) for output, names in value.items()}
    return _label_list(value)


def _label_list(value: Any, *at: str) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)) or len(value) < 2:
        raise below(f"a list of two names or more is expected, found {quoted(value)}", *at)
    seen: set[str] = set()
    for i, name in enumerate(value):
        if not isinstance(name, str) or not 1 <= len(name) <= 200:
            text = f"a text of 1 to 200 characters is expected, found {quoted(name)}"
            if isinstance(name, (int, float)) and not isinstance(name, bool):
                text += f': write "{name}"'
            raise below(text, *at, i)
        if name in seen:
            raise below(f"{quoted(name)} is given twice: each class has its own name", *at, i)
        seen.add(name)
    return tuple(value)


def _no_image(shape: Shape, image: ImageSpec) -> str:
    """Why an input of this shape holds no such image, and what was perhaps meant."""
    whole, flat = image.shapes
    height, width, channels = whole
    text = f"{list(shape)} does not hold the image: "
    if shape == (channels, height, width) and shape != whole:
        return f"{text}channels come last here, write {list(whole)}"
    if shape in ((width, height, channels), (width, height)) and height != width:
        return f"{text}'size' is [height, width], so the shape is {list(whole)}; one is turned"
    text += f"its size and mode need {list(flat)} (row by row) or {list(whole)}"
    if shape[:2] == image.size and shape[2:] in ((1,), (3,)):
        mode = "rgb" if shape[2] == 3 else "grey"
        text += f'; or write "mode": "{mode}"'
    elif shape == image.size:
        text += ": an image has a last axis for its channels"
    return text


Value = Annotated[
    Any,
    PlainValidator(_value),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "array", "minItems": 1}]}),
]
Labels = Annotated[
    Any,
    PlainValidator(_labels),
    WithJsonSchema(
        {
            "anyOf": [
                _LABEL_LIST,
                {"type": "object", "additionalProperties": _LABEL_LIST, "minProperties": 1},
            ]
        }
    ),
]
NodeField = Annotated[
    NodeSpec,
    PlainValidator(tagged("layer type", LAYERS, lambda layer: layer.Spec)),
    WithJsonSchema({FAMILY: "Node"}),
]
Endpoint = Annotated[str, Field(min_length=1, max_length=301)]
EdgePath = Annotated[tuple[Endpoint, ...], FailFast(), Field(strict=False, min_length=2)]


class InputSpec(Declaration):
    """What comes into the graph under one name."""

    shape: ShapeField
    """The shape of one sample, without the batch axis; [] is a scalar."""
    dtype: Literal["int64"] | None = None
    """The type of its numbers; absent: the graph's own. Whole numbers (of words, of classes) go to
    ports that take them, such as an Embedding's."""
    value: Value | None = None
    """What the input is where the caller gives none, repeated along the batch."""
    image: ImageSpec | None = None
    """How a picture becomes this input."""
    columns: ColumnsField | None = None
    """How a row of a table becomes this input: columns by name, in the input's order."""
    text: TextField | None = None
    """How a line of text becomes this input."""
    doc: str | None = None
    """A comment; drawings and reports show it."""

    @model_validator(mode="after")
    def _consistent(self) -> InputSpec:
        if self.value is not None and shape_of(self.value) != self.shape:
            raise below(
                f"it has shape {list(shape_of(self.value))}, but 'shape' is {list(self.shape)}",
                "value",
            )
        if self.value is not None and self.dtype == "int64" and not _whole(self.value):
            raise below("whole numbers are expected: the input's dtype is int64", "value")
        if self.image is not None and self.dtype is not None:
            raise below("an image has no whole numbers: leave it out", "dtype")
        if self.image is not None and self.shape not in self.image.shapes:
            raise below(_no_image(self.shape, self.image), "shape")
        kinds = [k for k in ("image", "columns", "text") if getattr(self, k) is not None]
        if len(kinds) > 1:
            raise below(f"'{kinds[0]}' says already how it is filled: leave one out", kinds[1])
        self._check_columns()
        if self.text is not None and self.dtype is None:
            raise below('text becomes whole numbers: write "dtype": "int64" beside it', "text")
        if self.text is not None and len(self.shape) != 1:
            raise below(f"{list(self.shape)} does not hold a text: write [positions]", "shape")
        return self

    def _check_columns(self) -> None:
        if self.columns is None:
            return
        from graphnet.spec.columns import CategoryColumn, width_problem

        whole = self.dtype is not None
        for name, column in self.columns.items():
            if whole and not isinstance(column, CategoryColumn):
                text = "a number is no whole one: leave 'dtype' out, or put it into another input"
                raise below(text, "columns", name)
        problem = width_problem(self.columns, self.shape, whole)
        if problem:
            raise below(problem, "shape")


class GraphSpec(Declaration):
    """A network as a person writes it: the graph, what it means, and how it is trained."""

    schema_: str | None = Field(default=None, alias="$schema")
    """Where an editor finds the JSON Schema; not used otherwise."""
    format: Annotated[Literal[1], BeforeValidator(_format)]
    """The version of this grammar."""
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    """The network's name; it also names files."""
    doc: str | None = None
    """A comment; drawings and reports show it."""
    dtype: Literal["float32", "float64"] = "float32"
    """The type of all numbers in the graph."""
    inputs: Annotated[dict[Name, InputSpec], Field(min_length=1)]
    """What comes in, by name."""
    nodes: Annotated[tuple[NodeField, ...], Field(strict=False, min_length=1, max_length=MAX_NODES)]
    """The layers."""
    edges: Annotated[tuple[EdgePath, ...], Field(strict=False, min_length=1)]
    """Paths of names; `node.port` is the port in which an edge arrives."""
    outputs: Annotated[tuple[NodeName, ...], Field(strict=False, min_length=1)] | None = None
    """The nodes that `predict` returns; absent: the only node that no edge leaves."""
    loss: LossField | None = None
    """What training minimises."""
    losses: Annotated[tuple[LossField, ...], Field(strict=False, min_length=1)] | None = None
    """Several losses, whose weighted sum training minimises, in place of `loss`."""
    labels: Labels | None = None
    """The names of the classes; by output where there are several."""
    data: DataField | None = None
    """Where the samples come from."""
    train: TrainSpec | None = None
    """How training goes."""

    @property
    def all_losses(self) -> tuple[LossSpec, ...]:
        """What training minimises the weighted sum of, in either way to write it."""
        return self.losses or (() if self.loss is None else (self.loss,))

    def labels_of(self, output: str) -> tuple[str, ...] | None:
        """The names of an output's classes, where the spec gives them."""
        labels = self.labels.get(output) if isinstance(self.labels, Mapping) else self.labels
        return tuple(labels) if labels is not None else None
