"""Layers that move numbers and what PyTorch computes in their place: rows of test_pytorch.py."""

from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is not installed: nothing to compare with")
F = torch.nn.functional
Tensor = Any
Row = tuple[str, dict[str, Any], tuple[tuple[int, ...], ...], Callable[..., Tensor]]


def pad(mode: str, *pads: int) -> Callable[..., Tensor]:
    """pads: the last axis first."""

    def compute(x: Tensor) -> Tensor:
        return F.pad(x[:, None], pads, mode)[:, 0]

    return compute


PADS: list[Row] = [
    ("Pad", {"widths": [[2, 1], [0, 3]], "mode": ours}, ((4, 5),), pad(theirs, 0, 3, 2, 1))
    for ours, theirs in (
        ("constant", "constant"),
        ("edge", "replicate"),
        ("reflect", "reflect"),
        ("wrap", "circular"),
    )
]
SHAPING: list[Row] = [
    ("Reshape", {"to": [3, -1]}, ((4, 6),), lambda x: x.reshape(len(x), 3, -1)),
    ("Reshape", {"to": [2, 2, 2]}, ((8,),), lambda x: x.reshape(len(x), 2, 2, 2)),
    ("Reshape", {"to": [-1]}, ((),), lambda x: x.reshape(len(x), -1)),
    ("Transpose", {}, ((2, 3),), lambda x: x.permute(0, 2, 1)),
    ("Transpose", {"axes": [2, 0, 1]}, ((2, 3, 4),), lambda x: x.permute(0, 3, 1, 2)),
    ("Transpose", {"axes": [0, -1, 1]}, ((2, 3, 4),), lambda x: x.permute(0, 1, 3, 2)),
    ("Concat", {}, ((3,), (2,)), lambda *xs: torch.cat(xs, -1)),
    ("Concat", {"axis": 0}, ((2, 3), (1, 3), (4, 3)), lambda *xs: torch.cat(xs, 1)),
    ("Concat", {"axis": -2}, ((1, 2, 3), (1, 5, 3)), lambda *xs: torch.cat(xs, -2)),
    ("Slice", {"starts": [1], "ends": [-1]}, ((5, 2),), lambda x: x[:, 1:-1]),
    ("Slice", {"starts": [0], "ends": [99], "steps": [2]}, ((5,),), lambda x: x[:, ::2]),
    (
        "Slice",
        {"starts": [-1, 1], "ends": [-99, 3], "axes": [-1, 0], "steps": [-1, 1]},
        ((4, 3),),
        lambda x: x[:, 1:3].flip(-1),
    ),
    ("Broadcast", {"to": [2, 3]}, ((3,),), lambda x: x[:, None].expand(-1, 2, 3)),
    ("Broadcast", {"to": [4, 3]}, ((4, 1),), lambda x: x.expand(-1, 4, 3)),
    ("Broadcast", {"to": [2, 5]}, ((),), lambda x: x[:, None, None].expand(-1, 2, 5)),
    *(
        (
            "Upsample",
            {"scale": scale},
            ((2, 3, 4),),
            lambda x, scale=scale: F.interpolate(
                x.movedim(-1, 1), scale_factor=scale, mode="nearest"
            ).movedim(1, -1),
        )
        for scale in (2, (1, 3), (3, 1))
    ),
    *PADS,
]
