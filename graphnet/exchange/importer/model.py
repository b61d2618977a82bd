"""The whole model: constants are folded, operators become layers, the rest is a Network."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from graphnet.builder import assemble
from graphnet.errors import ExchangeError, GraphnetError, clipped, quoted
from graphnet.exchange.importer.folding import folded
from graphnet.exchange.importer.graph import Graph, plain
from graphnet.exchange.importer.notes import notes
from graphnet.exchange.importer.operators import IMAGES, NEUTRAL, OPERATORS
from graphnet.exchange.importer.protobuf import Input, Node, Source
from graphnet.exchange.importer.values import BatchError, Live, Operator, Value
from graphnet.layers.base import Array
from graphnet.network import Network
from graphnet.spec.reader import check_values

OPEN_BATCH = 65_537
"""Stands for a number of samples that the model leaves open: a prime that no other size has."""
WHOLE, FLOATS = (6, 7), (1, 11)


@dataclass(frozen=True)
class Imported:
    """A network, and where the model's tensors are in it.

    inputs, outputs: by the model's names; an output that is a constant is its array.
    """

    network: Network
    inputs: dict[str, Live]
    outputs: dict[str, Value]


def imported(
    source: Source,
    *,
    batch_axis: int | None = 0,
    constants: Mapping[str, Array] | None = None,
    settle: bool = True,
) -> Imported:
    """A model as a network.

    batch_axis: of the inputs, the one that tells samples apart; None: all of them are one sample.
    constants: numbers of inputs that are weights here. settle: give the outputs ONNX's order of
    axes, images excepted.

    Errors: ExchangeError names node and operator.
    """
    values: dict[str, Value] = {**source.constants, **(constants or {})}
    values |= {
        t.name: source.constants[t.name] for t in source.inputs if t.name in source.constants
    }
    inputs = [tensor for tensor in source.inputs if tensor.name not in values]
    starts: dict[str, Array] = {}
    if not inputs and not constants:
        # Every input has a value: then it is an input with one.
        inputs = source.inputs
        starts = {tensor.name: source.constants[tensor.name] for tensor in inputs}
    if not inputs:
        raise ExchangeError("the model has no input that is not a constant")
    graph = Graph(_batch(inputs, batch_axis), _dtype(inputs))
    images = _images(source, inputs)
    for tensor in inputs:
        live = _input(graph, tensor, batch_axis, tensor.name in images)
        values[tensor.name] = live
        if tensor.name in starts:
            graph.inputs[live.source]["value"] = _start(tensor, live, starts[tensor.name])
    given = {tensor.name: values[tensor.name] for tensor in inputs}
    needed = _needed(source)
    uses = Counter(name for node in source.nodes for name in node.inputs)
    uses.update(source.outputs)
    takers: dict[str, set[str]] = {}
    for node in source.nodes:
        for name in node.inputs:
            takers.setdefault(name, set()).add(node.kind)
    for node in source.nodes:
        if set(node.outputs) & needed:
            _convert(graph, source, node, values, needed, uses, takers)
    graph.about, graph.wish = None, None
    outputs = {name: _output(graph, name, values, settle) for name in source.outputs}
    network = _network(graph, source, outputs)
    return Imported(network, {k: v for k, v in given.items() if isinstance(v, Live)}, outputs)


def _batch(inputs: list[Input], batch_axis: int | None) -> int:
    """How many samples the sizes of the model count with."""
    if batch_axis is None:
        return 1
    for tensor in inputs:
        if not -len(tensor.shape) <= batch_axis < len(tensor.shape):
            text = f"input {quoted(tensor.name)} has no axis {batch_axis} for the samples"
            raise BatchError(clipped(text))
    sizes = {tensor.shape[batch_axis] for tensor in inputs}
    if len(sizes) > 1:
        text = f"inputs must have equally many samples along axis {batch_axis}; found {sizes}"
        raise BatchError(clipped(text))
    (size,) = sizes
    return OPEN_BATCH if size is None else size


def _dtype(inputs: list[Input]) -> str:
    kinds = {tensor.dtype for tensor in inputs}
    for tensor in inputs:
        if tensor.dtype not in (*WHOLE, *FLOATS):
            text = f"input {quoted(tensor.name)} has type {tensor.dtype} of ONNX"
            raise ExchangeError(f"{text}; float, double, int32 and int64 are understood")
    return "float64" if 11 in kinds else "float32"


def _input(graph: Graph, tensor: Input, batch_axis: int | None, image: bool) -> Live:
    """An input of the spec, channels last where images are computed with."""
    rank = len(tensor.shape)
    batch = None if batch_axis is None else batch_axis % rank
    name = graph.name_for(tensor.name)
    axes = plain(rank, batch)
    if image:
        axes = ((0,), (rank - 1,), *((i,) for i in range(1, rank - 1)))
    shape = [0] * (rank - (batch is not None))
    for group, size in zip(axes, tensor.shape, strict=True):
        if 0 in group:
            continue
        if size is None:
            what = f"input {quoted(tensor.name)}: axis {axes.index(group)} has no size"
            raise ExchangeError(clipped(f"{what}; export the model with a fixed one"))
        if size < 1:
            what = f"input {quoted(tensor.name)}: axis {axes.index(group)} has size {size}"
            raise ExchangeError(clipped(f"{what}: nothing is in it"))
        shape[group[0] - 1] = size
    whole = tensor.dtype in WHOLE
    graph.inputs[name] = {"shape": shape, **({"dtype": "int64"} if whole else {})}
    graph.shapes[name] = tuple(shape)
    return Live(name, tuple(shape), axes, image, whole)


def _start(tensor: Input, live: Live, array: Array) -> Any:
    """The value of an input: one sample, as the spec holds it."""
    batch = live.batch
    if live.image or array.size != math.prod(live.shape):
        what = f"input {quoted(tensor.name)}: its value of shape {list(array.shape)}"
        raise ExchangeError(clipped(f"{what} is not that of one sample"))
    sample = array if batch is None else array.take(0, axis=batch)
    return sample.astype(float).tolist()


def _images(source: Source, inputs: list[Input]) -> set[str]:
    """The inputs that an operator of images takes, with nothing before it that moves axes."""
    found = set()
    for tensor in inputs:
        if not 3 <= len(tensor.shape) <= 5:
            continue
        same = {tensor.name}
        for node in source.nodes:
            if node.inputs and node.inputs[0] in same and node.kind in IMAGES:
                found.add(tensor.name)
                break
            if same & set(node.inputs) and node.kind in NEUTRAL:
                same.update(node.outputs)
    return found


def _needed(source: Source) -> set[str]:
    """The tensors that the outputs come from."""
    needed = set(source.outputs)
    for node in reversed(source.nodes):
        if set(node.outputs) & needed:
            needed.update(name for name in node.inputs if name)
    return needed


def _convert(
    graph: Graph,
    source: Source,
    node: Node,
    values: dict[str, Value],
    needed: set[str],
    uses: Counter[str],
    takers: Mapping[str, set[str]],
) -> None:
    """The values of a node's outputs."""
    wanted = [name if name in needed else "" for name in node.outputs]
    op = Operator(node.name, node.kind, (), node.attributes, wanted, source.opset)
    for name in node.inputs:
        if name and name not in values:
            raise op.error(f"its input {quoted(name)} is not defined before it")
    op.inputs = [values[name] if name else None for name in node.inputs]
    op.names, op.alone = node.inputs, frozenset(n for n in node.inputs if uses[n] == 1)
    op.takers = frozenset(kind for name in node.outputs for kind in takers.get(name, ()))
    while op.inputs and op.inputs[-1] is None:
        op.inputs.pop()
    graph.about = op
    output = next((name for name in node.outputs if name in source.outputs), None)
    graph.wish = output
    found: list[Value | None] | None = None
    if not any(isinstance(value, Live) for value in op.inputs):
        folds = folded(op)
        if folds is None and node.kind in OPERATORS:
            raise op.error("it is not computed on constants alone")
        found = None if folds is None else [*folds]
    if found is None:
        if node.kind not in OPERATORS:
            raise op.error("the operator has no counterpart among graphnet's layers")
        try:
            found = [*OPERATORS[node.kind](graph, op)]
        except (ValueError, IndexError, TypeError, ArithmeticError) as e:
            # NumPy's, of constants and attributes that a damaged model holds.
            raise op.error(f"its constants or attributes do not fit: {e}") from e
    if unknown := op.unknown():
        raise op.error(f"attribute {quoted(unknown[0])} is not understood here")
    found += [None] * len(wanted)
    for name, value in zip(wanted, found, strict=False):
        if name and value is None:
            raise op.error(f"its output {quoted(name)} is not understood")
        if name and value is not None:
            values[name] = value


def _output(graph: Graph, name: str, values: Mapping[str, Value], settle: bool) -> Value:
    """An output of the model as a node of the network."""
    if name not in values:
        raise ExchangeError(clipped(f"output {quoted(name)} is not defined"))
    found = values[name]
    if not isinstance(found, Live):
        return found
    if settle and not found.image:
        found = graph.settled(found)
    return found


def _network(graph: Graph, source: Source, outputs: dict[str, Value]) -> Network:
    ids: list[str] = []
    for name, value in outputs.items():
        if not isinstance(value, Live):
            continue
        if value.source in graph.inputs or value.source in ids:
            source_id = graph.add("Identity", [value.source], name=name)
            value = replace(value, source=source_id)
        value = outputs[name] = replace(value, source=graph.rename(value.source, name))
        ids.append(value.source)
    if not ids:
        raise ExchangeError("the model's outputs are constants")
    graph.share()
    values: dict[str, Any] = {
        "format": 1,
        "name": re.sub(r"[^A-Za-z0-9_-]+", "_", source.notes.get("name", source.name))[:64]
        or "imported",
        "dtype": graph.dtype,
        "inputs": graph.inputs,
        "nodes": graph.nodes,
        "edges": graph.edges,
        "outputs": ids,
    }
    notes(source.notes, values)
    try:
        resolved = check_values(values, source.name or "imported")
    except GraphnetError as e:
        raise ExchangeError(clipped(f"what the model becomes is refused: {e}")) from None
    arrays = {k: np.ascontiguousarray(v) for k, v in graph.arrays.items()}
    return assemble(resolved, arrays)
