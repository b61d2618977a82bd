"""How primitive nodes are drawn: by the sign of their operation, as the figures of chapter 5 do."""

from __future__ import annotations

from graphnet.layers.base import NodeSpec

SYMBOLS = {
    "Add": "+",
    "Sub": "−",
    "Mul": "×",
    "Div": "/",
    "Neg": "×(−1)",
    "Reciprocal": "1/x",
    "Power": "xⁿ",
    "Pow": "xʸ",
    "Scale": "a·x+b",
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "√",
    "Abs": "|x|",
    "Erf": "erf",
    "Sign": "sign",
    "Floor": "⌊x⌋",
    "Ceil": "⌈x⌉",
    "Round": "round",
    "Maximum": "max",
    "Minimum": "min",
    "Clip": "clip",
    "MatMul": "dot",
    "Sin": "sin",
    "Cos": "cos",
    "Tan": "tan",
    "Asin": "asin",
    "Acos": "acos",
    "Atan": "atan",
    "Sinh": "sinh",
    "Cosh": "cosh",
    "Tanh": "tanh",
    "Asinh": "asinh",
    "Acosh": "acosh",
    "Atanh": "atanh",
    "Sum": "Σ",
    "Mean": "mean",
    "Prod": "Π",
    "Max": "max",
    "Min": "min",
    "SumSquare": "Σx²",
    "L1": "Σ|x|",
    "L2": "√Σx²",
    "LogSum": "log Σ",
    "LogSumExp": "log Σ exp",
}
"""By layer type; every other type is drawn as a box with its name."""
COMMUTES = ("Add", "Mul", "Maximum", "Minimum")
"""Types whose ports are alike: they are not named."""
_RAISED = str.maketrans("0123456789-.", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻·")


def symbol_of(node: NodeSpec) -> str | None:
    """What stands in a primitive node; None for a layer."""
    exponent = getattr(node, "exponent", None)
    if node.type == "Power" and exponent is not None and len(f"{exponent:g}") <= 4:
        return "x" + f"{exponent:g}".translate(_RAISED)
    return SYMBOLS.get(node.type)
