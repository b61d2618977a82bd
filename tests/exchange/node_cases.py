"""The node tests of the `onnx` package that apply to graphnet, by a rule, and those left out."""

from collections.abc import Mapping
from typing import Any

LISTED = frozenset(
    (
        *("Add", "Sub", "Mul", "Div", "Neg", "Exp", "Log", "Reciprocal", "Pow", "Sqrt", "Abs"),
        *("Max", "Min", "Clip", "ReduceSum", "ReduceMean", "ReduceMax", "Expand", "Identity"),
        *("Relu", "Sigmoid", "Tanh", "Softmax", "LogSoftmax", "LeakyRelu", "PRelu", "Elu", "Selu"),
        *("Gelu", "Swish", "Softplus", "HardSigmoid", "HardSwish", "Dropout"),
        *("MatMul", "Gemm", "Conv", "ConvTranspose", "Gather"),
        *("MaxPool", "AveragePool", "GlobalAveragePool"),
        *("BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization"),
        *("Flatten", "Reshape", "Transpose", "Concat", "Slice", "Pad", "Upsample", "Resize"),
        *("RNN", "LSTM", "GRU"),
    )
)
"""The operators of the layers that graphnet has."""

FLOAT, BOOL = 1, 9

EXCLUDED: Mapping[str, str] = {}
"""Cases that apply and do not pass, each with its reason."""


def applies(model: Any) -> bool:
    """Whether all operators are listed, the first input is float32, and no input is of truths."""
    graph = model.graph
    kinds = [i.type.tensor_type.elem_type for i in graph.input if i.type.HasField("tensor_type")]
    return (
        len(kinds) == len(graph.input) > 0
        and all(node.domain == "" and node.op_type in LISTED for node in graph.node)
        and kinds[0] == FLOAT
        and BOOL not in kinds
    )
