"""What a node computes: one family a file, each class with its Spec and its two passes."""

from typing import Any

from graphnet.layers.base import LAYERS, Buffer, Flops, Layer, NodeSpec, Parameter

__all__ = ["LAYERS", "Buffer", "Flops", "Layer", "NodeSpec", "Parameter", *LAYERS]


def __getattr__(name: str) -> Any:
    if name in LAYERS:
        return LAYERS[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
