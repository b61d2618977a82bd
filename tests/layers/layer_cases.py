"""One row a layer: what the shared tests need to put it through all of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphnet.declaration import Shape


class Case(NamedTuple):
    """attributes: of the node; shapes: of one sample at each port; out: the expected shape.

    low, high: the range that the inputs are drawn from, where the layer is smooth; wrong: shapes
    that it must refuse, or None where it takes any; whole: ports of whole numbers get 0, 1, ...,
    up to this one.
    """

    type: str
    attributes: Mapping[str, Any]
    shapes: tuple[Shape, ...]
    out: Shape
    low: float = -2.0
    high: float = 2.0
    wrong: tuple[Shape, ...] | None = None
    whole: int = 1


CASES = [
    Case("Add", {}, ((3,), (3,)), (3,), wrong=((3,), (2,))),
    Case("Add", {}, ((), ()), ()),
    Case("Sub", {}, ((2, 3), (2, 3)), (2, 3), wrong=((3,), (3, 1))),
    Case("Mul", {}, ((3,), (3,)), (3,), wrong=((3,), ())),
    Case("Mul", {}, ((), ()), ()),
    Case("Div", {}, ((3,), (3,)), (3,), low=0.5, wrong=((3,), (4,))),
    Case("Neg", {}, ((2, 2, 2),), (2, 2, 2)),
    Case("Exp", {}, ((3,),), (3,)),
    Case("Log", {}, ((3,),), (3,), low=0.5),
    Case("Reciprocal", {}, ((),), (), low=0.5),
    Case("Power", {"exponent": 2}, ((3,),), (3,)),
    Case("Power", {"exponent": -1.5}, ((3,),), (3,), low=0.5),
    Case("Power", {"exponent": 0}, ((3,),), (3,)),
    Case("Power", {"exponent": 1}, ((3,),), (3,)),
    Case("Power", {"exponent": 3}, ((3,),), (3,)),
    Case("Power", {"exponent": 0.5}, ((),), (), low=0.5),
    Case("Pow", {}, ((2, 3), (2, 3)), (2, 3), low=0.5, wrong=((3,), (2,))),
    Case("Scale", {"factor": -2, "offset": 0.5}, ((2, 3),), (2, 3)),
    Case("Maximum", {}, ((2, 3), (2, 3)), (2, 3), wrong=((3,), (2,))),
    Case("Minimum", {}, ((3,), (3,)), (3,), wrong=((3,), ())),
    Case("Clip", {"low": -0.5, "high": 0.5}, ((3, 2),), (3, 2)),
    Case("Clip", {"low": 0}, ((3, 2),), (3, 2), low=0.1),
    Case("Clip", {"high": 0}, ((3, 2),), (3, 2), low=0.1),
    Case("Clip", {}, ((),), ()),
    Case("Sqrt", {}, ((3,),), (3,), low=0.5),
    Case("Abs", {}, ((3,),), (3,), low=0.1),
    Case("Abs", {}, ((3,),), (3,), high=-0.1),
    *(Case(name, {}, ((3,),), (3,)) for name in ("Erf", "Sin", "Cos", "Atan", "Asinh")),
    *(Case(name, {}, ((2, 3),), (2, 3)) for name in ("Sinh", "Cosh")),
    Case("Acosh", {}, ((3,),), (3,), low=1.5),
    *(
        Case(name, {}, ((3,),), (3,), low=-0.9, high=0.9)
        for name in ("Tan", "Asin", "Acos", "Atanh")
    ),
    *(
        Case(name, {}, ((3,),), (3,), low=0.1, high=0.4)
        for name in ("Sign", "Floor", "Ceil", "Round", "Hardmax")
    ),
    *(
        Case(name, {}, ((2, 3),), (), low=0.5)
        for name in ("Sum", "Mean", "Max", "Min", "Prod", "SumSquare", "L1", "L2")
    ),
    *(Case(name, {}, ((),), ()) for name in ("Sum", "Max", "LogSumExp")),
    Case("Sum", {"axes": [0, -1]}, ((2, 3, 4),), (3,), wrong=((),)),
    Case("Mean", {"axes": [1], "keepdims": True}, ((2, 3, 4),), (2, 1, 4), wrong=((3,),)),
    Case("Max", {"axes": [-1]}, ((2, 3),), (2,), wrong=((),)),
    Case("Min", {"axes": [0], "keepdims": True}, ((2, 3),), (1, 3), wrong=((),)),
    Case("Prod", {"axes": [0]}, ((3, 2),), (2,), wrong=((),)),
    Case("L2", {"axes": [0, 2], "keepdims": True}, ((2, 3, 2),), (1, 3, 1), wrong=((2, 3),)),
    Case("LogSum", {"axes": [-1]}, ((2, 3),), (2,), low=0.5, wrong=((),)),
    Case("LogSumExp", {"axes": [-1]}, ((2, 3),), (2,), wrong=((),)),
    Case("LogSumExp", {"keepdims": True}, ((2, 3),), (1, 1)),
    Case("MatMul", {}, ((2, 3), (3, 4)), (2, 4), wrong=((2, 3), (4, 3))),
    Case("MatMul", {}, ((5, 2, 3), (5, 3, 1)), (5, 2, 1), wrong=((3,), (3,))),
    Case("Affine", {"units": 5}, ((3,),), (5,), wrong=((3, 2),)),
    Case("Affine", {"units": 1, "init": {"type": "Xavier"}}, ((2,),), (1,), wrong=((),)),
    Case("Affine", {"units": 4, "axis": -1}, ((2, 3),), (2, 4), wrong=((),)),
    Case("Affine", {"units": 4, "axis": -1, "bias": False}, ((2, 3, 5),), (2, 3, 4)),
    Case("Affine", {"units": 2, "bias": False}, ((3,),), (2,), wrong=((3, 2),)),
    Case("Embedding", {"vocabulary": 4, "units": 3}, ((5,),), (5, 3), whole=3),
    Case("Embedding", {"vocabulary": 2, "units": 1}, ((),), (1,)),
    Case("Embedding", {"vocabulary": 300, "units": 2}, ((2, 3),), (2, 3, 2), whole=299),
    Case("Relu", {}, ((3, 2),), (3, 2), low=0.1),
    Case("Relu", {}, ((3, 2),), (3, 2), high=-0.1),
    Case("Sigmoid", {}, ((3,),), (3,)),
    Case("Sigmoid", {}, ((),), (), low=-30.0, high=30.0),
    Case("Tanh", {}, ((3, 2),), (3, 2)),
    Case("Softmax", {}, ((4,),), (4,), wrong=((),)),
    Case("Softmax", {}, ((2, 3),), (2, 3)),
    Case("Softmax", {"axis": 0}, ((2, 3),), (2, 3), wrong=((),)),
    Case("LogSoftmax", {}, ((4,),), (4,), wrong=((),)),
    Case("LogSoftmax", {"axis": -2}, ((2, 3),), (2, 3), wrong=((3,),)),
    *(Case(name, {}, ((3, 2),), (3, 2)) for name in ("Softplus", "Silu", "Gelu", "Mish")),
    Case("Gelu", {"approximate": "tanh"}, ((3,),), (3,)),
    *(
        Case(name, {}, ((3, 2),), (3, 2), low=low, high=high)
        for name in ("LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Softsign")
        for low, high in ((0.1, 2), (-2, -0.1))
    ),
    Case("LeakyRelu", {"alpha": 1.5}, ((3,),), (3,), low=-2, high=-0.1),
    Case("PRelu", {"shared": True}, ((),), (), low=-2, high=-0.1),
    Case("PRelu", {}, ((4,),), (4,), low=-2, high=-0.1, wrong=((),)),
    Case("Elu", {"alpha": 0.5}, ((3,),), (3,), low=-2, high=-0.1),
    Case("Celu", {"alpha": 2.0}, ((3,),), (3,), low=-2, high=-0.1),
    Case("ThresholdedRelu", {}, ((3,),), (3,), low=1.1),
    Case("ThresholdedRelu", {"alpha": -1.0}, ((3,),), (3,), low=-0.9),
    Case("HardSigmoid", {}, ((3,),), (3,)),
    Case("HardSigmoid", {"alpha": 0.5, "beta": 0.0}, ((),), (), low=2.1, high=4.0),
    Case("HardSwish", {}, ((3, 2),), (3, 2)),
    Case("HardSwish", {}, ((3,),), (3,), low=3.1, high=5.0),
    # As columns: a stride, a dilation, uneven padding, groups; an image that is cut into blocks.
    Case(
        "Conv2D",
        {"channels": 4, "kernel": 3, "stride": [2, 1], "padding": [1, 0, 0, 2]},
        ((6, 5, 12),),
        (3, 5, 4),
        wrong=((6, 5),),
    ),
    Case(
        "Conv2D",
        {"channels": 4, "kernel": 3, "dilation": [1, 2], "groups": 2, "padding": 1},
        ((5, 6, 6),),
        (5, 4, 4),
        wrong=((5, 6, 3),),
    ),
    Case(
        "Conv2D", {"channels": 2, "kernel": 2, "groups": 2, "bias": False}, ((3, 3, 2),), (2, 2, 2)
    ),
    Case(
        "Conv2D",
        {"channels": 2, "kernel": 7, "stride": 6, "padding": "same"},
        ((14, 13, 3),),
        (3, 3, 2),
    ),
    # Few channels: columns that lie.
    Case("Conv2D", {"channels": 3, "kernel": 5}, ((7, 8, 1),), (3, 4, 3), wrong=((4, 8, 1),)),
    Case(
        "Conv2D",
        {"channels": 2, "kernel": [2, 3], "stride": [1, 2], "padding": "same", "bias": False},
        ((5, 7, 2),),
        (5, 4, 2),
    ),
    # 1x1: a product of pixels.
    Case("Conv2D", {"channels": 3, "kernel": 1}, ((3, 2, 4),), (3, 2, 3)),
    # Winograd's, with whole and with ragged tiles.
    Case("Conv2D", {"channels": 5, "kernel": 3, "padding": "same"}, ((8, 4, 6),), (8, 4, 5)),
    Case("Conv2D", {"channels": 6, "kernel": 3, "padding": 2}, ((5, 4, 8),), (7, 6, 6)),
    Case("Conv2D", {"channels": 4, "kernel": 5, "bias": False}, ((9, 10, 5),), (5, 6, 4)),
    Case("Conv1D", {"channels": 3, "kernel": 3}, ((6, 2),), (4, 3), wrong=((6,),)),
    Case(
        "Conv1D",
        {"channels": 4, "kernel": 2, "stride": 2, "padding": "same", "groups": 2},
        ((7, 4),),
        (4, 4),
        wrong=((7, 3),),
    ),
    Case(
        "Conv1D",
        {"channels": 2, "kernel": 3, "dilation": 2, "padding": "causal", "bias": False},
        ((6, 9),),
        (6, 2),
        wrong=((3, 2, 1),),
    ),
    Case("Conv1D", {"channels": 2, "kernel": 3, "padding": [0, 2]}, ((5, 3),), (5, 2)),
    Case("Conv1D", {"channels": 2, "kernel": 3, "padding": 1}, ((1, 8),), (1, 2)),
    Case("Conv1D", {"channels": 2, "kernel": 1}, ((3, 4),), (3, 2)),
    # As columns: a stride, more at the end, groups; windows with gaps between them.
    Case(
        "ConvTranspose2D",
        {"channels": 4, "kernel": 3, "stride": [2, 3], "padding": 1, "output_padding": [1, 2]},
        ((3, 2, 6),),
        (6, 6, 4),
        wrong=((3, 2),),
    ),
    Case(
        "ConvTranspose2D",
        {"channels": 4, "kernel": [2, 1], "stride": 3, "groups": 2, "padding": "same"},
        ((2, 3, 6),),
        (6, 9, 4),
        wrong=((2, 3, 5),),
    ),
    Case(
        "ConvTranspose2D",
        {"channels": 1, "kernel": 2, "stride": 2, "bias": False},
        ((3, 2, 5),),
        (6, 4, 1),
    ),
    Case(
        "ConvTranspose2D",
        {"channels": 2, "kernel": 3, "dilation": 2, "output_padding": 1, "padding": [0, 1, 2, 3]},
        ((3, 4, 3),),
        (6, 5, 2),
    ),
    Case(
        "ConvTranspose2D",
        {"channels": 1, "kernel": 1, "padding": 1},
        ((3, 4, 1),),
        (1, 2, 1),
        wrong=((2, 3, 1),),
    ),
    Case(
        "ConvTranspose2D",
        {"channels": 2, "kernel": 2, "stride": [3, 2], "padding": [2, 1, 0, 0], "groups": 1},
        ((3, 4, 2),),
        (6, 7, 2),
    ),
    Case(
        "ConvTranspose2D",
        {"channels": 2, "kernel": [5, 2], "stride": [2, 4], "output_padding": [1, 3]},
        ((3, 2, 3),),
        (10, 9, 2),
    ),
    Case(
        "ConvTranspose2D",
        {"channels": 2, "kernel": 3, "stride": [1, 2], "padding": "same"},
        ((3, 2, 3),),
        (3, 4, 2),
    ),
    # As few channels, as pixels, as Winograd's tiles.
    Case("ConvTranspose2D", {"channels": 1, "kernel": 3}, ((4, 5, 3),), (6, 7, 1)),
    Case("ConvTranspose2D", {"channels": 3, "kernel": 1}, ((3, 2, 4),), (3, 2, 3)),
    Case("ConvTranspose2D", {"channels": 6, "kernel": 3, "padding": 1}, ((8, 4, 5),), (8, 4, 6)),
    Case("ConvTranspose2D", {"channels": 8, "kernel": 3}, ((5, 3, 6),), (7, 5, 8)),
    Case("MaxPool2D", {"size": 2}, ((4, 6, 3),), (2, 3, 3), wrong=((1, 6, 3),)),
    Case(
        "MaxPool2D", {"size": [3, 2], "stride": [2, 1], "padding": "same"}, ((5, 4, 2),), (3, 4, 2)
    ),
    Case("MaxPool2D", {"size": 3, "stride": 2}, ((7, 8, 2),), (3, 3, 2), wrong=((7, 8),)),
    Case(
        "MaxPool2D",
        {"size": [2, 3], "stride": 1, "dilation": [3, 2], "padding": 1},
        ((5, 4, 2),),
        (4, 2, 2),
    ),
    Case(
        "AvgPool2D",
        {"size": 2, "stride": 2, "dilation": [2, 3], "padding": [1, 0, 0, 2]},
        ((5, 6, 2),),
        (2, 3, 2),
    ),
    Case("AvgPool2D", {"size": 2}, ((4, 6, 3),), (2, 3, 3), wrong=((4,),)),
    Case("AvgPool2D", {"size": 3, "stride": 2, "padding": 1}, ((5, 4, 2),), (3, 2, 2)),
    Case(
        "AvgPool2D",
        {"size": [2, 3], "stride": 1, "padding": 1, "count_padding": True},
        ((4, 3, 2),),
        (5, 3, 2),
    ),
    Case("MaxPool1D", {"size": 2}, ((6, 3),), (3, 3), wrong=((1, 3),)),
    Case("MaxPool1D", {"size": 3, "stride": 1, "padding": "causal"}, ((5, 2),), (5, 2)),
    Case(
        "AvgPool1D", {"size": 3, "stride": 2, "padding": "same"}, ((6, 2),), (3, 2), wrong=((4,),)
    ),
    Case("AvgPool1D", {"size": 2, "padding": [1, 0], "count_padding": True}, ((5, 3),), (3, 3)),
    Case("GlobalAvgPool2D", {}, ((3, 2, 4),), (4,), wrong=((3, 2),)),
    Case("BatchNorm", {}, ((3,),), (3,), wrong=((),)),
    Case("BatchNorm", {"momentum": 0.5, "eps": 0.001}, ((4, 3, 2),), (4, 3, 2)),
    Case("LayerNorm", {}, ((5,),), (5,), wrong=((),)),
    Case("LayerNorm", {"axis": 1, "eps": 0.01}, ((2, 3, 2),), (2, 3, 2), wrong=((4,),)),
    Case("LayerNorm", {"axis": -2, "bias": False}, ((2, 3, 2),), (2, 3, 2), wrong=((4,),)),
    Case("RMSNorm", {}, ((3, 4),), (3, 4), wrong=((),)),
    Case("RMSNorm", {"axis": 0, "eps": 0.1}, ((3, 2),), (3, 2)),
    Case("GroupNorm", {"groups": 2}, ((3, 2, 4),), (3, 2, 4), wrong=((3, 2, 5),)),
    Case("GroupNorm", {"groups": 1, "eps": 0.01}, ((3, 2),), (3, 2), wrong=((4,),)),
    Case("InstanceNorm", {}, ((4, 3),), (4, 3), wrong=((3,),)),
    Case("InstanceNorm", {"eps": 0.1}, ((16, 16, 2),), (16, 16, 2)),
    Case("Dropout", {}, ((3, 2),), (3, 2)),
    Case("Dropout", {"ratio": 0.2}, ((),), ()),
    *(
        Case(name, {"units": 4, **more}, ((5, 3), *ports), out, whole=5)
        for name in ("Rnn", "Lstm", "Gru")
        for more, ports, out in (
            ({}, (), (4,)),
            ({"outputs": "all"}, (), (5, 4)),
            ({"reverse": True}, ((),), (4,)),
            ({"reverse": True, "outputs": "all"}, ((), (4,)), (5, 4)),
        )
    ),
    Case("Rnn", {"units": 2}, ((3, 2), (), (2,)), (2,), whole=3, wrong=((3, 2), (1,))),
    Case("Gru", {"units": 3, "linear_before_reset": True}, ((4, 2),), (3,), wrong=((3,),)),
    Case(
        "Gru",
        {"units": 3, "linear_before_reset": True, "outputs": "all"},
        ((9, 2), (), (3,)),
        (9, 3),
        whole=9,
        wrong=((9, 2), (), (2,)),
    ),
    Case("Rnn", {"units": 32}, ((9, 1),), (32,), wrong=((3,),)),
    Case("Lstm", {"units": 2}, ((3, 2), (), (2,), (2,)), (2,), whole=3, wrong=((3, 2, 1),)),
    Case("Lstm", {"units": 32, "outputs": "all"}, ((9, 1),), (9, 32), wrong=((3, 2), (), (3,))),
    *(
        Case("MultiHeadAttention", {"heads": 2, "units": 6, **more}, shapes, (4, 6), wrong=wrong)
        for more, shapes, wrong in (
            ({}, ((4, 3),), ((3,),)),
            ({"causal": True, "bias": False}, ((4, 6),), ((4, 2, 3),)),
            ({}, ((4, 3), (5, 2)), ((4, 3), (5,))),
            ({"bias": False}, ((4, 3), (5, 2), (5,)), ((4, 3), (5, 2), (4,))),
            ({"causal": True}, ((4, 3), (4, 3), (4, 4)), ((4, 3), (4, 3), (4, 4, 2))),
        )
    ),
    Case("MultiHeadAttention", {"heads": 4, "units": 4}, ((70, 1),), (70, 4)),
    Case("PositionalEncoding", {}, ((4, 5),), (4, 5), wrong=((4,),)),
    Case("PositionalEncoding", {"learned": True}, ((4, 2),), (4, 2), wrong=((4, 2, 1),)),
    Case("Flatten", {}, ((2, 3, 4),), (24,)),
    Case("Flatten", {}, ((),), (1,)),
    Case("Reshape", {"to": [4, -1]}, ((2, 6),), (4, 3), wrong=((2, 3),)),
    Case("Reshape", {"to": []}, ((1,),), ()),
    Case("Reshape", {"to": [2, 3]}, ((3, 2),), (2, 3), wrong=((5,),)),
    Case("Identity", {}, ((2, 3),), (2, 3)),
    Case("Transpose", {}, ((2, 3, 4),), (4, 3, 2)),
    Case("Transpose", {"axes": [1, -1, 0]}, ((2, 3, 4),), (3, 4, 2), wrong=((2, 3),)),
    Case("Concat", {}, ((2, 3), (2, 4)), (2, 7), wrong=((2, 3), (3, 4))),
    Case("Concat", {"axis": 0}, ((2, 3), (1, 3), (4, 3)), (7, 3), wrong=((2, 3), (2,))),
    Case("Concat", {"axis": -2}, ((1, 2), (1, 2)), (2, 2), wrong=((), ())),
    Case("Slice", {"starts": [1], "ends": [3]}, ((4, 2),), (2, 2), wrong=((1, 2),)),
    Case(
        "Slice",
        {"starts": [-1, 0], "ends": [-99, 2**63 - 1], "axes": [1, -1], "steps": [-2, 3]},
        ((2, 5, 7),),
        (2, 3, 3),
        wrong=((2, 5),),
    ),
    Case("Broadcast", {"to": [2, 3]}, ((3,),), (2, 3), wrong=((2,),)),
    Case("Broadcast", {"to": [4, 2, 3]}, ((2, 1),), (4, 2, 3), wrong=((1, 4, 2, 3),)),
    Case("Broadcast", {"to": [3]}, ((),), (3,)),
    Case("Upsample", {}, ((2, 3, 4),), (4, 6, 4), wrong=((2, 3),)),
    Case("Upsample", {"scale": [1, 3]}, ((2, 3, 1),), (2, 9, 1)),
    Case("Pad", {"widths": [[1, 2]], "value": 0.5}, ((3,),), (6,), wrong=((3, 2),)),
    *(
        Case("Pad", {"widths": [[2, 2], [0, 1]], "mode": mode}, ((3, 2),), (7, 3), wrong=wrong)
        for mode, wrong in (
            ("constant", None),
            ("edge", None),
            ("reflect", ((2, 2),)),
            ("wrap", ((1, 2),)),
        )
    ),
]
IDS = [f"{case.type}-{case.attributes}-{case.shapes}" for case in CASES]
