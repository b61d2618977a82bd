"""An ONNX file as plain Python: names, NumPy arrays, and no trust in either."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import onnx
from google.protobuf.message import DecodeError  # onnx's own dependency
from onnx import numpy_helper

from graphnet.errors import ExchangeError, clipped, quoted
from graphnet.exchange.importer.folding import DTYPES
from graphnet.layers.base import Array

MAX_FILE_BYTES = 2**31 - 1
"""What a protobuf message can hold."""
MAX_NODES = 100_000
OLDEST, NEWEST = 7, 28
"""The versions of the standard's operators that are understood."""


@dataclass(frozen=True)
class Input:
    """A tensor that the model is given; a size is None where the model leaves it open."""

    name: str
    dtype: int
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class Node:
    """A node as the file has it."""

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A model as the file has it."""

    name: str
    opset: int
    inputs: list[Input]
    outputs: list[str]
    nodes: list[Node]
    constants: dict[str, Array]
    notes: dict[str, str] = field(default_factory=dict)


def read_file(path: str | os.PathLike[str]) -> Source:
    """The model in a file.

    Errors: ExchangeError.
    """
    shown = os.fspath(path)
    with open(path, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ExchangeError(clipped(f"{shown}: is no regular file"))
        if found.st_size > MAX_FILE_BYTES:
            text = f"{found.st_size:,} bytes; an ONNX file has at most {MAX_FILE_BYTES:,}"
            raise ExchangeError(clipped(f"{shown}: {text}"))
        data = file.read()
    try:
        return read(parsed(data))
    except ExchangeError as e:
        raise type(e)(clipped(f"{shown}: {e}")) from None


def parsed(data: bytes) -> Any:
    """The message in some bytes.

    Errors: ExchangeError where they are no ONNX model.
    """
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise ExchangeError("is no ONNX file, or a damaged one") from None
    if not model.HasField("graph") or not model.opset_import:
        raise ExchangeError("is no ONNX model: it has no graph")
    return model


def read(model: Any) -> Source:
    """A model's message, checked and taken apart.

    Errors: ExchangeError.
    """
    graph = model.graph
    if len(graph.node) > MAX_NODES:
        raise ExchangeError(f"{len(graph.node):,} nodes; at most {MAX_NODES:,} are read")
    if any(isinstance(text, bytes) for text in _texts(model)):
        raise ExchangeError("a name in it is not UTF-8: is it damaged?")
    if model.functions:
        raise ExchangeError("it defines functions of its own: export it with them expanded")
    if graph.sparse_initializer:
        raise ExchangeError("it has sparse weights, which are not understood")
    opset = _opset(model)
    constants = {t.name: tensor(t, f"weight {quoted(t.name)}") for t in graph.initializer}
    return Source(
        name=graph.name,
        opset=opset,
        inputs=[_input(info) for info in graph.input],
        outputs=[info.name for info in graph.output],
        nodes=[_node(node, i) for i, node in enumerate(graph.node)],
        constants=constants,
        notes={entry.key: entry.value for entry in model.metadata_props},
    )


def _texts(model: Any) -> Iterator[str | bytes]:
    """All names and notes; protobuf gives as bytes what is no UTF-8."""
    graph = model.graph
    yield graph.name
    for entry in model.metadata_props:
        yield from (entry.key, entry.value)
    yield from (entry.domain for entry in model.opset_import)
    yield from (named.name for named in (*graph.initializer, *graph.input, *graph.output))
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)


def tensor(message: Any, what: str) -> Array:
    """A tensor's numbers, which must lie in the file itself and be as many as its shape says.

    Errors: ExchangeError.
    """
    if message.data_location == onnx.TensorProto.EXTERNAL or message.external_data:
        raise ExchangeError(
            f"{what} lies in a file of its own: save the model with all weights inside"
        )
    dtype = DTYPES.get(message.data_type)
    if dtype is None:
        raise ExchangeError(f"{what} has type {message.data_type} of ONNX, which is not understood")
    dims = tuple(message.dims)
    if min(dims, default=0) < 0 or message.HasField("segment"):
        raise ExchangeError(f"{what} has shape {list(dims)}")
    size = math.prod(dims)
    if message.HasField("raw_data"):
        # The width of what is there, before room is made for what is claimed.
        numbers = len(message.raw_data) // dtype().itemsize
    else:
        fields = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data")
        numbers = max(len(getattr(message, name)) for name in fields)
    if numbers != size:
        text = f"{what} has {numbers:,} numbers; its shape {list(dims)} needs {size:,}"
        raise ExchangeError(clipped(text))
    try:
        found: Array = numpy_helper.to_array(message)
    except (ValueError, TypeError) as e:
        raise ExchangeError(clipped(f"{what} cannot be read: {e}")) from None
    return found


def _opset(model: Any) -> int:
    versions = {entry.domain: entry.version for entry in model.opset_import}
    found = versions.get("", versions.get("ai.onnx"))
    used = {node.domain for node in model.graph.node} - {"", "ai.onnx"}
    if used:
        node = next(node for node in model.graph.node if node.domain in used)
        name = quoted(node.name or node.op_type)
        text = f"node {name}: operator {node.op_type} of domain {quoted(node.domain)} is not ONNX's"
        raise ExchangeError(clipped(text))
    if found is None:
        raise ExchangeError("it does not say which version of ONNX's operators it uses")
    if not OLDEST <= found <= NEWEST:
        text = f"it uses version {found} of ONNX's operators; {OLDEST} to {NEWEST} are understood"
        raise ExchangeError(text)
    return int(found)


def _input(info: Any) -> Input:
    what = f"input {quoted(info.name)}"
    if not info.type.HasField("tensor_type"):
        raise ExchangeError(clipped(f"{what} is no tensor"))
    kind = info.type.tensor_type
    if not kind.HasField("shape"):
        raise ExchangeError(clipped(f"{what} has no shape"))
    sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    if any(size is not None and size < 0 for size in sizes):
        raise ExchangeError(clipped(f"{what} has shape {sizes}"))
    return Input(info.name, kind.elem_type, tuple(sizes))


def _node(node: Any, i: int) -> Node:
    name = node.name or (node.output[0] if node.output else f"{node.op_type}_{i}")
    what = f"node {quoted(name)} ({quoted(node.op_type)[1:-1]})"
    attributes = {a.name: _attribute(a, what) for a in node.attribute}
    return Node(name, node.op_type, tuple(node.input), tuple(node.output), attributes)


def _attribute(attribute: Any, what: str) -> Any:
    kinds = onnx.AttributeProto
    match attribute.type:
        case kinds.FLOAT:
            return attribute.f
        case kinds.INT:
            return attribute.i
        case kinds.STRING:
            return attribute.s.decode("utf-8", "backslashreplace")
        case kinds.FLOATS:
            return list(attribute.floats)
        case kinds.INTS:
            return list(attribute.ints)
        case kinds.STRINGS:
            return [text.decode("utf-8", "backslashreplace") for text in attribute.strings]
        case kinds.TENSOR:
            return tensor(attribute.t, f"{what}: {quoted(attribute.name)}")
    text = f"{what}: attribute {quoted(attribute.name)} holds what is not understood"
    raise ExchangeError(clipped(text))
