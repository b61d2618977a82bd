"""How ONNX says where a window lies, in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphnet.declaration import Shape
from graphnet.exchange.importer.values import Operator


@dataclass(frozen=True)
class Slide:
    """A window along one axis: padding before and after, and what rounding up adds behind that."""

    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    extra: int = 0


def slides(op: Operator, sizes: Shape, kernel: Sequence[int]) -> list[Slide]:
    """The window along each axis of an image.

    Errors: ExchangeError where an attribute does not fit.
    """
    rank = len(sizes)
    given = op.attribute("kernel_shape", list(kernel))
    strides = op.attribute("strides", [1] * rank)
    dilations = op.attribute("dilations", [1] * rank)
    pads = op.attribute("pads", [0] * (2 * rank))
    ceil = bool(op.attribute("ceil_mode", 0))
    auto = op.attribute("auto_pad", "NOTSET")
    if not len(given) == len(strides) == len(dilations) == len(pads) / 2 == rank:
        raise op.error(f"its window does not have the {rank} axes of the image")
    if min((*given, *strides, *dilations)) < 1 or min(pads) < 0:
        raise op.error("a window, stride or dilation below 1, or padding below 0")
    if auto not in ("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"):
        raise op.error(f"auto_pad is {auto!r}")
    found = []
    for i, size in enumerate(sizes):
        reach = (given[i] - 1) * dilations[i] + 1
        before, after = (0, 0) if auto == "VALID" else (pads[i], pads[i + rank])
        if auto.startswith("SAME"):
            total = max((-(-size // strides[i]) - 1) * strides[i] + reach - size, 0)
            before, after = total // 2, total - total // 2
            if auto == "SAME_LOWER":
                before, after = after, before
        extra = _extra(size, reach, strides[i], before, after) if ceil else 0
        found.append(Slide(given[i], strides[i], dilations[i], before, after, extra))
    return found


def _extra(size: int, reach: int, stride: int, before: int, after: int) -> int:
    """What is missing behind the image for a last window that starts inside of it."""
    last = -(-(size + before + after - reach) // stride)
    if last * stride >= size + before:
        last -= 1
    return max(last * stride + reach - (size + before + after), 0)
