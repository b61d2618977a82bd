"""A network of `benchmarks.nets` as an ONNX model."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from benchmarks.nets import Net, padding_of

OPSET = 17
IR_VERSION = 8
"""What every onnxruntime of the last years reads."""


def model(net: Net, arrays: Mapping[str, np.ndarray]) -> bytes:
    """The model's bytes; its input is `x`, (N, D) or (N, C, H, W), its output `scores`.

    Errors: ValueError for a node type that predictions do not use.
    """
    sources, shapes = net.sources(), net.shapes()
    kinds = {node["id"]: node["type"] for node in net.nodes}
    nodes, tensors = [], []

    def tensor(name: str, array: np.ndarray) -> str:
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    for node in net.nodes:
        name = node["id"]
        x = sources[name][0]
        out = "scores" if name == net.output else name
        match node["type"]:
            case "Affine":
                W = arrays[f"{name}/W"]
                if kinds.get(x) == "Flatten":
                    # graphnet flattens (H, W, C), ONNX (C, H, W).
                    before = shapes[sources[x][0]]
                    W = W.reshape(*before, -1).transpose(2, 0, 1, 3).reshape(W.shape)
                given = [x, tensor(f"{name}.W", W), tensor(f"{name}.b", arrays[f"{name}/b"])]
                nodes.append(helper.make_node("Gemm", given, [out]))
            case "Conv2D":
                W = arrays[f"{name}/W"].transpose(3, 2, 0, 1)
                given = [x, tensor(f"{name}.W", W), tensor(f"{name}.b", arrays[f"{name}/b"])]
                stride = [node.get("stride", 1)] * 2
                pads = [padding_of(node)] * 4
                nodes.append(helper.make_node("Conv", given, [out], strides=stride, pads=pads))
            case "MaxPool2D":
                size = [node["size"]] * 2
                nodes.append(
                    helper.make_node("MaxPool", [x], [out], kernel_shape=size, strides=size)
                )
            case "Relu" | "Flatten":
                nodes.append(helper.make_node(node["type"], [x], [out]))
            case kind:
                raise ValueError(f"node {name!r}: {kind} has no form in ONNX here")
    shape = net.shape if len(net.shape) == 1 else (net.shape[2], *net.shape[:2])
    graph = helper.make_graph(
        nodes,
        net.name,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", *shapes[net.output]])],
        tensors,
    )
    opsets = [helper.make_opsetid("", OPSET)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(made)
    return made.SerializeToString()
