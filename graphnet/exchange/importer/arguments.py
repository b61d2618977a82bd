"""What operators say in numbers: the shapes, slices and parts that they ask for."""

from __future__ import annotations

import math

from graphnet.exchange.importer.values import Operator


def target_shape(op: Operator, dims: tuple[int, ...], wanted: list[int]) -> tuple[int, ...]:
    """The shape that Reshape asks for: 0 keeps a size, one -1 takes what is left.

    Errors: ExchangeError.
    """
    keeps = not op.attribute("allowzero", 0)
    found = []
    for i, size in enumerate(wanted):
        if size == 0 and keeps:
            if i >= len(dims):
                raise op.error(f"it keeps axis {i} of {list(dims)}, which is not there")
            size = dims[i]
        if size < -1:
            raise op.error(f"a size of {size}")
        found.append(size)
    if found.count(-1) > 1:
        raise op.error("two sizes are left open")
    if 0 in found:
        raise op.error("a size of 0: nothing is left")
    if -1 in found:
        known = -math.prod(found)
        if known == 0 or math.prod(dims) % known:
            raise op.error(f"{list(dims)} does not divide into {found}")
        found[found.index(-1)] = math.prod(dims) // known
    return tuple(found)


def slices(op: Operator, dims: tuple[int, ...]) -> list[slice]:
    """What Slice takes of each axis.

    Errors: ExchangeError.
    """
    starts, ends = op.integers(1, "starts"), op.integers(2, "ends")
    if starts is None or ends is None:
        raise op.error("it has no starts or ends")
    axes = op.integers(3, "axes")
    axes = list(range(len(starts))) if axes is None else axes
    steps = op.integers(4) or [1] * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise op.error("starts, ends, axes and steps have other lengths")
    found = [slice(None)] * len(dims)
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        at = op.axis(axis, len(dims))
        if step == 0:
            raise op.error("a step of 0")
        size = dims[at]
        start = start + size if start < 0 else start
        end = end + size if end < 0 else end
        if step > 0:
            start, end = min(max(start, 0), size), min(max(end, 0), size)
            found[at] = slice(start, end, step)
        else:
            start, end = min(max(start, 0), size - 1), min(max(end, -1), size - 1)
            found[at] = slice(start, None if end < 0 else end, step)
    return found


def split_sizes(op: Operator, size: int) -> list[int]:
    """The sizes of the parts that Split makes.

    Errors: ExchangeError.
    """
    given = op.integers(1, "split")
    if given is None:
        parts = op.attribute("num_outputs", len(op.outputs))
        if not 1 <= parts <= max(len(op.outputs), 1):
            raise op.error(f"it makes {parts:,} parts and names {len(op.outputs)}")
        each = -(-size // parts)
        given = [max(min(each, size - i * each), 0) for i in range(parts)]
    if sum(given) != size or min(given) < 0 or len(given) < len(op.outputs):
        raise op.error(f"it cuts {size} into {given}")
    return given
