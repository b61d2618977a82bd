"""One row a layer: how ONNX writes it, and the operators that are read as it."""

from __future__ import annotations

from typing import NamedTuple

from graphnet.exchange.exporter import elementwise as each
from graphnet.exchange.exporter import image, linear, structure
from graphnet.exchange.exporter.elementwise import Write


class Row(NamedTuple):
    """write: the layer as operators; operators: those of which the importer makes it."""

    write: Write
    operators: tuple[str, ...]


def _one(kind: str, opset: int = 0, **names: str) -> Row:
    """A layer that is one operator of one input."""
    return Row(each.one(kind, opset, **names), (kind,))


def _two(kind: str) -> Row:
    return Row(each.two(kind), (kind,))


def _reduction(kind: str) -> Row:
    return Row(each.reduction(kind), (kind,))


ROWS: dict[str, Row] = {
    # arithmetic
    "Add": _two("Add"),
    "Sub": _two("Sub"),
    "Mul": _two("Mul"),
    "Div": _two("Div"),
    "Pow": _two("Pow"),
    "Maximum": _two("Max"),
    "Minimum": _two("Min"),
    "Neg": _one("Neg"),
    "Reciprocal": _one("Reciprocal"),
    "Power": Row(each.with_constants("Pow", lambda s: {"exponent": s.exponent}), ("Pow",)),
    "Scale": Row(each.scale, ("Mul", "Add")),
    "Clip": Row(each.with_constants("Clip", lambda s: {"low": s.low, "high": s.high}), ("Clip",)),
    "Exp": _one("Exp"),
    "Log": _one("Log"),
    "Sqrt": _one("Sqrt"),
    "Abs": _one("Abs"),
    "Erf": _one("Erf"),
    "Sign": _one("Sign"),
    "Floor": _one("Floor"),
    "Ceil": _one("Ceil"),
    "Round": _one("Round"),
    "Sin": _one("Sin"),
    "Cos": _one("Cos"),
    "Tan": _one("Tan"),
    "Asin": _one("Asin"),
    "Acos": _one("Acos"),
    "Atan": _one("Atan"),
    "Sinh": _one("Sinh"),
    "Cosh": _one("Cosh"),
    "Asinh": _one("Asinh"),
    "Acosh": _one("Acosh"),
    "Atanh": _one("Atanh"),
    # over axes
    "Sum": _reduction("ReduceSum"),
    "Mean": _reduction("ReduceMean"),
    "Max": _reduction("ReduceMax"),
    "Min": _reduction("ReduceMin"),
    "Prod": _reduction("ReduceProd"),
    "SumSquare": _reduction("ReduceSumSquare"),
    "L1": _reduction("ReduceL1"),
    "L2": _reduction("ReduceL2"),
    "LogSum": _reduction("ReduceLogSum"),
    "LogSumExp": _reduction("ReduceLogSumExp"),
    "Softmax": Row(each.over_axis("Softmax"), ("Softmax",)),
    "LogSoftmax": Row(each.over_axis("LogSoftmax"), ("LogSoftmax",)),
    "Hardmax": Row(each.over_axis("Hardmax"), ("Hardmax",)),
    # activations
    "Relu": _one("Relu"),
    "Sigmoid": _one("Sigmoid"),
    "Tanh": _one("Tanh"),
    "Softplus": _one("Softplus"),
    "Softsign": _one("Softsign"),
    "HardSigmoid": _one("HardSigmoid", alpha="alpha", beta="beta"),
    "LeakyRelu": _one("LeakyRelu", alpha="alpha"),
    "PRelu": Row(each.prelu, ("PRelu",)),
    "Elu": _one("Elu", alpha="alpha"),
    "Selu": _one("Selu", alpha="alpha", gamma="gamma"),
    "Celu": _one("Celu", alpha="alpha"),
    "ThresholdedRelu": _one("ThresholdedRelu", alpha="alpha"),
    "Silu": Row(each.silu, ("Swish", "Mul", "Sigmoid")),
    "Gelu": _one("Gelu", 20, approximate="approximate"),
    "HardSwish": _one("HardSwish"),
    "Mish": _one("Mish"),
    # products
    "MatMul": Row(linear.matmul, ("MatMul",)),
    "Affine": Row(linear.affine, ("Gemm", "MatMul", "Add")),
    "Embedding": Row(linear.embedding, ("Gather",)),
    "MultiHeadAttention": Row(linear.attention, ("Attention", "MatMul", "Add")),
    "PositionalEncoding": Row(linear.position, ("Add",)),
    # images and sequences of channels
    "Conv2D": Row(image.conv2d, ("Conv",)),
    "Conv1D": Row(image.conv1d, ("Conv",)),
    "ConvTranspose2D": Row(image.conv_transpose2d, ("ConvTranspose",)),
    "MaxPool2D": Row(image.pool2d("MaxPool"), ("MaxPool",)),
    "AvgPool2D": Row(image.pool2d("AveragePool"), ("AveragePool",)),
    "MaxPool1D": Row(image.pool1d("MaxPool"), ("MaxPool",)),
    "AvgPool1D": Row(image.pool1d("AveragePool"), ("AveragePool",)),
    "GlobalAvgPool2D": Row(image.global_average, ("GlobalAveragePool", "Flatten")),
    "Upsample": Row(image.upsample, ("Resize",)),
    # normalization
    "BatchNorm": Row(image.batch_norm, ("BatchNormalization",)),
    "LayerNorm": Row(image.of_rows("LayerNormalization", 17), ("LayerNormalization",)),
    "RMSNorm": Row(image.of_rows("RMSNormalization", 23), ("RMSNormalization",)),
    "GroupNorm": Row(image.of_groups("GroupNormalization"), ("GroupNormalization",)),
    "InstanceNorm": Row(image.of_groups("InstanceNormalization"), ("InstanceNormalization",)),
    "Dropout": Row(each.dropout, ("Dropout",)),
    # structure
    "Flatten": Row(structure.flatten, ("Flatten",)),
    "Identity": Row(structure.identity, ("Identity",)),
    "Reshape": Row(structure.reshape, ("Reshape",)),
    "Transpose": Row(structure.transpose, ("Transpose",)),
    "Concat": Row(structure.concat, ("Concat",)),
    "Slice": Row(structure.sliced, ("Slice",)),
    "Broadcast": Row(structure.broadcast, ("Expand",)),
    "Pad": Row(each.padded, ("Pad",)),
    # sequences
    "Rnn": Row(structure.recurrent("RNN"), ("RNN",)),
    "Lstm": Row(structure.recurrent("LSTM"), ("LSTM",)),
    "Gru": Row(structure.recurrent("GRU"), ("GRU",)),
}
