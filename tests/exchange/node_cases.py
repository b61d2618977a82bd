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

EMPTY = "an axis of size 0: graphnet's arrays hold numbers"
TRAINING = (
    "training mode: statistics of the batch and running ones are outputs; predictions have none"
)
PLACES = "a second output says where the largest numbers are, which no layer gives"
CELL = "the last c is an output, and graphnet's Lstm gives h alone"
EXCLUDED: Mapping[str, str] = {
    "test_batchnorm_example_training_mode": TRAINING,
    "test_batchnorm_epsilon_training_mode": TRAINING,
    "test_convtranspose_3d": "three axes of space: convolutions have one or two",
    "test_lstm_bidirectional": CELL,
    "test_lstm_reverse": CELL,
    "test_lstm_with_peepholes": "gates that look at c (peepholes)",
    "test_maxpool_with_argmax_2d_precomputed_pads": PLACES,
    "test_maxpool_with_argmax_2d_precomputed_strides": PLACES,
    "test_reduce_l1_empty_set_expanded": EMPTY,
    "test_reduce_log_sum_empty_set_expanded": EMPTY,
    "test_reduce_max_empty_set": EMPTY,
    "test_reduce_sum_empty_set": EMPTY,
    "test_reduce_sum_empty_set_non_reduced_axis_zero": EMPTY,
    "test_reduce_sum_square_empty_set_expanded": EMPTY,
    "test_reshape_allowzero_reordered": EMPTY,
    "test_slice_start_out_of_bounds": EMPTY,
}
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
