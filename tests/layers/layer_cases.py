"""One row a layer: what the shared tests need to put it through all of them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from graphnet.declaration import Shape


class Case(NamedTuple):
    """attributes: of the node; shapes: of one sample at each port; out: the expected shape.

    low, high: the range that the inputs are drawn from, where the layer is smooth; wrong: shapes
    that it must refuse, or None where it takes any.
    """

    type: str
    attributes: Mapping[str, Any]
    shapes: tuple[Shape, ...]
    out: Shape
    low: float = -2.0
    high: float = 2.0
    wrong: tuple[Shape, ...] | None = None


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
    Case("MatMul", {}, ((2, 3), (3, 4)), (2, 4), wrong=((2, 3), (4, 3))),
    Case("MatMul", {}, ((5, 2, 3), (5, 3, 1)), (5, 2, 1), wrong=((3,), (3,))),
    Case("Affine", {"units": 5}, ((3,),), (5,), wrong=((3, 2),)),
    Case("Affine", {"units": 1, "init": {"type": "Xavier"}}, ((2,),), (1,), wrong=((),)),
    Case("Relu", {}, ((3, 2),), (3, 2), low=0.1),
    Case("Relu", {}, ((3, 2),), (3, 2), high=-0.1),
    Case("Sigmoid", {}, ((3,),), (3,)),
    Case("Sigmoid", {}, ((),), (), low=-30.0, high=30.0),
    Case("Flatten", {}, ((2, 3, 4),), (24,)),
    Case("Flatten", {}, ((),), (1,)),
    Case("Identity", {}, ((2, 3),), (2, 3)),
]
IDS = [f"{case.type}-{case.attributes}-{case.shapes}" for case in CASES]
