"""The whole network as an ONNX model, checked by the `onnx` package."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from graphnet.bundle.writer import write_whole
from graphnet.errors import ExchangeError, clipped
from graphnet.exchange.exporter.graph import LAST, Node, OnnxGraph
from graphnet.exchange.table import ROWS
from graphnet.inputs import dtype_of
from graphnet.network import Network
from graphnet.spec.canonical import plain

KINDS = {"float32": TensorProto.FLOAT, "float64": TensorProto.DOUBLE, "int64": TensorProto.INT64}
BATCH = "N"
"""The name of the batch axis, which has any size."""


def model(net: Network) -> Any:
    """The model's message: inputs and outputs are those of the network, their axes as it has them.

    An input with a `value` is a constant, unless all inputs have one: then they are inputs that
    need not be given.
    Errors: ExchangeError names a node that ONNX cannot hold.
    """
    spec, wiring = net.spec, net.graph.wiring
    arrays = {**net.params, **net.state}
    nodes = [_node(net, node_id, arrays) for node_id in wiring.order]
    consumers: dict[str, list[Node]] = {name: [] for name in (*spec.inputs, *net.graph.nodes)}
    for node in nodes:
        for source in node.sources:
            consumers[source].append(node)
    graph = OnnxGraph(spec.dtype, consumers, wiring.outputs)
    graph.shapes = dict(net.graph.shapes)
    for name in spec.inputs:
        graph.name(name)
    inputs = _inputs(graph, net)
    for node in nodes:
        ROWS[node.kind].write(graph, node)
    outputs = [_output(graph, net, name) for name in wiring.outputs]
    return _message(graph, net, inputs, outputs)


def _node(net: Network, node_id: str, arrays: dict[str, Any]) -> Node:
    spec = net.graph.nodes[node_id]
    owner = f"{spec.share or node_id}/"
    own = {
        k.removeprefix(owner): v for k, v in arrays.items() if k.rpartition("/")[0] + "/" == owner
    }
    sources = net.graph.wiring.sources[node_id]
    if spec.type not in ROWS:
        raise ExchangeError(f"node '{node_id}' ({spec.type}): ONNX has no operator for it here")
    return Node(spec, sources, net.graph.arriving(node_id), net.graph.shapes[node_id], own)


def _inputs(graph: OnnxGraph, net: Network) -> list[Any]:
    """The inputs, and the constants that stand for those which have a value."""
    spec = net.spec
    open_inputs = [name for name, given in spec.inputs.items() if given.value is None]
    found = []
    for name, given in spec.inputs.items():
        dtype = dtype_of(spec, name)
        if given.value is None or not open_inputs:
            kind = KINDS[dtype.name]
            found.append(helper.make_tensor_value_info(name, kind, [BATCH, *given.shape]))
        tensor = name
        if given.value is not None:
            array = np.asarray(given.value, dtype).reshape(1, *given.shape)
            graph.constants[name] = array
            if open_inputs:
                tensor = _repeated(graph, name, array, open_inputs[0])
        graph.give(name, tensor)
    return found


def _repeated(graph: OnnxGraph, name: str, array: np.ndarray[Any, Any], like: str) -> str:
    """A constant sample, once for each sample of an input."""
    shape = graph.node("Shape", [like], f"{name}.batch", start=0, end=1)
    rest = graph.integers(f"{name}/ones", [1] * (array.ndim - 1))
    shape = (
        graph.node("Concat", [shape, rest], f"{name}.shape", axis=0) if array.ndim > 1 else shape
    )
    return graph.node("Expand", [name, shape], f"{name}.wide")


def _output(graph: OnnxGraph, net: Network, name: str) -> Any:
    """An output, under its node's name and with its axes as graphnet has them."""
    tensor = graph.take(name, LAST)
    if tensor != name:
        # The name is that of the same numbers in another order: that one gets another.
        graph.nodes = [
            _renamed(node, {name: f"{name}.first", tensor: name}) for node in graph.nodes
        ]
    shape = net.graph.shapes[name]
    return helper.make_tensor_value_info(name, KINDS[net.spec.dtype], [BATCH, *shape])


def _renamed(node: Any, names: dict[str, str]) -> Any:
    inputs = tuple(names.get(name, name) for name in node.inputs)
    outputs = tuple(names.get(name, name) for name in node.outputs)
    return node._replace(inputs=inputs, outputs=outputs, name=names.get(node.name, node.name))


def _message(graph: OnnxGraph, net: Network, inputs: list[Any], outputs: list[Any]) -> Any:
    spec = net.spec
    nodes = [
        helper.make_node(n.kind, list(n.inputs), list(n.outputs), name=n.name, **n.attributes)
        for n in graph.nodes
    ]
    used = {name for node in graph.nodes for name in node.inputs} | {i.name for i in inputs}
    tensors = [numpy_helper.from_array(a, k) for k, a in graph.constants.items() if k in used]
    made = helper.make_graph(nodes, spec.name, inputs, outputs, tensors, doc_string=spec.doc or "")
    opsets = [helper.make_opsetid("", graph.opset)]
    version = helper.find_min_ir_version_for(opsets)
    found = helper.make_model(
        made, opset_imports=opsets, ir_version=version, producer_name="graphnet"
    )
    helper.set_model_props(found, _notes(net))
    try:
        onnx.checker.check_model(found)
    except (onnx.checker.ValidationError, ValueError) as e:
        first = str(e).strip().split("\n")[0]
        raise ExchangeError(clipped(f"{spec.name}: ONNX refuses the model: {first}")) from None
    return found


def _notes(net: Network) -> dict[str, str]:
    """What ONNX has no place for: the name, names of classes, and how pictures are prepared."""
    spec, outputs = net.spec, net.graph.wiring.outputs
    labels = {name: list(found) for name in outputs if (found := net.labels(name)) is not None}
    images = {name: plain(given.image) for name, given in spec.inputs.items() if given.image}
    notes = {"name": spec.name}
    for key, value in (("labels", labels), ("images", images)):
        if value:
            notes[key] = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return notes


def write_onnx(path: str | os.PathLike[str], net: Network) -> int:
    """Write a network as an ONNX file; its size in bytes.

    Errors: ExchangeError, SaveError.
    """
    found = model(net)
    if found.ByteSize() > 2**31 - 1:
        raise ExchangeError(f"{net.spec.name}: an ONNX file holds at most 2 GiB")
    return write_whole(path, found.SerializeToString(deterministic=True))
