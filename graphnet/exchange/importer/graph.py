"""The network under construction: its nodes and arrays, and how axes are put in place."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import ValidationError

from graphnet.declaration import Shape
from graphnet.errors import ExchangeError, ShapeError, clipped
from graphnet.exchange.importer.values import Axes, BatchError, Live, Operator
from graphnet.layers.base import LAYERS, Array, NodeSpec

MOST_VALUES = 65_536
"""Numbers that the inputs with a `value` may hold together: they stand in the spec as text."""
MOST_NUMBERS = 2**25
"""Numbers of a constant that is made here and not read: 256 MB in float64."""
LOWEST = -1e30
"""What is added to a score that must not count: its exponential is 0 in any type."""


class Graph:
    """Nodes, edges, inputs and arrays of a spec, as they are found.

    batch: how many samples the sizes of the model count with. Where the model leaves that open,
    it is a prime that no other size has, so that products show where the batch went. about: the
    operator at hand; wish: the id that its layer should have. unbiased: the layers that may still
    get a bias, made: all products, open_heads: the attentions without a product behind them; each
    with the model's name of what it gives.
    """

    def __init__(self, batch: int, dtype: str) -> None:
        self.batch, self.dtype = batch, dtype
        self.inputs: dict[str, dict[str, Any]] = {}
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[list[str]] = []
        self.arrays: dict[str, Array] = {}
        self.shapes: dict[str, Shape] = {}
        self.about: Operator | None = None
        self.wish: str | None = None
        self.unbiased: dict[str, str] = {}
        self.made: dict[str, str] = {}
        self.open_heads: dict[str, str] = {}
        self._gone: tuple[str, ...] = ()
        self._origins: dict[str, tuple[str, ...]] = {}
        self._memo: dict[tuple[Any, ...], str] = {}
        self._values = 0

    def name_for(self, text: str) -> str:
        """A free id that looks like a stranger's name."""
        base = plain_name(text)
        found, i = base, 1
        while found in self.shapes:
            i += 1
            found = f"{base}_{i}"
        return found

    def add(
        self,
        kind: str,
        sources: Sequence[str],
        arrays: Mapping[str, Array] | None = None,
        name: str | None = None,
        **attributes: Any,
    ) -> str:
        """A node of the network; its id.

        Errors: ExchangeError where the layer refuses the attributes, shapes or arrays.
        """
        about = self.about
        node_id = self.name_for(name or self.wish or (about.name if about else kind))
        given = {k: v for k, v in attributes.items() if v is not None}
        values = {"id": node_id, "type": kind, **given}
        if kind not in LAYERS:
            raise self.error(f"there is no layer {kind}")
        try:
            spec: NodeSpec = LAYERS[kind].Spec.model_validate(values)
            arriving = tuple(self.shapes[s] for s in sources)
            shape = spec.infer_shape(*arriving)
            declared = {**spec.parameters(*arriving), **spec.states(*arriving)}
        except ValidationError as e:
            wrong = e.errors(include_url=False)[0]
            where = ".".join(map(str, wrong["loc"]))
            raise self.error(f"no {kind} has this: {where}: {wrong['msg'].lower()}") from None
        except ShapeError as e:
            raise self.error(f"as {kind}: {e}; it is given {list(arriving)}") from None
        for key, parameter in declared.items():
            array = None if arrays is None else arrays.get(key)
            if array is None:
                raise self.error(f"as {kind}: it has no constant for {key!r}")
            if array.shape != parameter.shape:
                text = f"as {kind}: {key} must have shape {parameter.shape}, found {array.shape}"
                raise self.error(text)
            self.arrays[f"{node_id}/{key}"] = np.array(array, self.dtype, order="C")
        if declared:
            self._comes_from(node_id)
        self.nodes.append(values)
        self.edges += [[source, node_id] for source in sources]
        self.shapes[node_id] = shape
        return node_id

    def _comes_from(self, node_id: str) -> None:
        """Note which constants of the model a node's arrays are made of."""
        names = (*self._gone, *(self.about.constant_names() if self.about else ()))
        self._gone = ()
        self._origins[node_id] = (*self._origins.get(node_id, ()), *names)

    def share(self) -> None:
        """Let nodes have their arrays in common that are made of the same constants alike."""
        owners: dict[str, str] = {}
        for node in self.nodes:
            node_id = node["id"]
            attributes = {k: v for k, v in node.items() if k != "id"}
            key = repr((self._origins.get(node_id), attributes))
            own = [
                n for n in self.arrays if self._origins.get(node_id) and n.startswith(f"{node_id}/")
            ]
            owner = owners.setdefault(key, node_id) if own else node_id
            theirs = {name: owner + name.removeprefix(node_id) for name in own}
            if owner != node_id and all(
                np.array_equal(self.arrays[mine], self.arrays[other])
                for mine, other in theirs.items()
            ):
                node["share"] = owner
                for name in own:
                    del self.arrays[name]

    def like(self, x: Live, kind: str, **attributes: Any) -> Live:
        """An elementwise layer on x."""
        return replace(x, source=self.add(kind, [x.source], **attributes), whole_numbers=False)

    def value_room(self, size: int) -> None:
        """Errors: ExchangeError where inputs with values would hold too many numbers."""
        if self._values + size > MOST_VALUES:
            text = f"constants that no layer keeps take {self._values + size:,} numbers"
            raise self.error(f"{text}; at most {MOST_VALUES:,} can stand in the spec")

    def give_bias(self, node_id: str, b: Array, tensor: str) -> None:
        """Add a constant to the output of a layer that has no bias; it is then called `tensor`."""
        self._comes_from(node_id)
        node = next(node for node in reversed(self.nodes) if node["id"] == node_id)
        attends = node["type"] == "MultiHeadAttention"
        if node.pop("bias", True) is False and attends:
            for letter in "qkv":
                self.arrays[f"{node_id}/b{letter}"] = np.zeros(len(b), self.dtype)
        self.arrays[f"{node_id}/{'bo' if attends else 'b'}"] = np.array(b, self.dtype)
        del self.unbiased[node_id]
        if not attends:
            self.made[node_id] = tensor

    def rename(self, node_id: str, wish: str) -> str:
        """Call a node as a stranger called it, if that is free; its id."""
        free = plain_name(wish)
        if free in self.shapes:
            return node_id
        for node in self.nodes:
            node["id"] = free if node["id"] == node_id else node["id"]
        self.edges = [[free if end == node_id else end for end in edge] for edge in self.edges]
        for name in [name for name in self.arrays if name.startswith(f"{node_id}/")]:
            self.arrays[free + name.removeprefix(node_id)] = self.arrays.pop(name)
        self._origins[free] = self._origins.pop(node_id, ())
        self.shapes[free] = self.shapes.pop(node_id)
        return free

    def give_product(self, node_id: str, W: Array, tensor: str) -> None:
        """The product behind the heads of an attention."""
        self._comes_from(node_id)
        self.arrays[f"{node_id}/Wo"] = np.array(W, self.dtype, order="C")
        del self.open_heads[node_id]
        self.unbiased[node_id] = tensor

    def remove(self, ids: Sequence[str]) -> None:
        """Take out nodes that nothing has an edge from."""
        self.nodes = [node for node in self.nodes if node["id"] not in ids]
        self._gone = tuple(name for i in ids for name in self._origins.pop(i, ()))
        self.edges = [edge for edge in self.edges if edge[1] not in ids]
        for name in [name for name in self.arrays if name.rpartition("/")[0] in ids]:
            del self.arrays[name]
        for node_id in ids:
            del self.shapes[node_id]

    def value(self, array: Array, name: str = "constant", whole: bool = False) -> str:
        """An input that has a value: a constant of one sample; whole: one of whole numbers.

        Errors: ExchangeError past the limit.
        """
        self.value_room(array.size)
        # Minus infinity is what masks add: what is this low has an exponential of 0, too.
        array = np.where(np.isneginf(array), LOWEST, array)
        key = ("value", whole, array.shape, array.astype(self.dtype).tobytes())
        if key not in self._memo:
            self._values += array.size
            if not np.isfinite(array).all():
                raise self.error("a constant is not finite")
            about = self.about
            found = self.name_for(f"{about.name}_{name}" if about else name)
            numbers = array.astype(self.dtype).astype(float).tolist()
            kind = {"dtype": "int64"} if whole else {}
            self.inputs[found] = {"shape": list(array.shape), "value": numbers, **kind}
            self.shapes[found] = array.shape
            self._memo[key] = found
        return self._memo[key]

    def room(self, size: int) -> None:
        """Errors: ExchangeError where a constant of so many numbers would be made."""
        if size > MOST_NUMBERS:
            raise self.error(f"a constant of {size:,} numbers; at most {MOST_NUMBERS:,} are made")

    def error(self, text: str) -> ExchangeError:
        """An error that names the node at hand."""
        return ExchangeError(clipped(text)) if self.about is None else self.about.error(text)

    def mixes(self, text: str = "it works along the batch axis") -> BatchError:
        """The error of a node that mixes samples."""
        return BatchError(clipped(text)) if self.about is None else self.about.mixes(text)

    def size(self, x: Live, axis: int) -> int:
        """The size of a graphnet axis."""
        return self.batch if axis == 0 else x.shape[axis - 1]

    def dims(self, x: Live) -> Shape:
        """The shape that ONNX sees."""
        return tuple(math.prod(self.size(x, a) for a in group) for group in x.axes)

    def laid(self, x: Live, groups: Sequence[tuple[int, ...]]) -> str:
        """x with a sample axis for each group of its axes, in this order; an empty one has size 1.

        The id of the node: x's own where its numbers lie so already.
        """
        flat = [a for group in groups for a in group]
        left = [a for a in range(1, len(x.shape) + 1) if a not in flat]
        if any(self.size(x, a) != 1 for a in left):
            raise self.error(f"axes are lost: {x.axes} of {x.shape}")
        shape = tuple(math.prod(self.size(x, a) for a in group) for group in groups)
        key = (x.source, tuple(flat), shape)
        if key not in self._memo:
            source = x.source
            order = [a for a in flat if self.size(x, a) != 1]
            if order != sorted(order):
                axes = [a - 1 for a in (*flat, *left)]
                source = self.add("Transpose", [source], axes=axes, name=f"{x.source}_axes")
            if self.shapes[source] != shape:
                name = f"{x.source}_shape"
                if len(shape) == 1:
                    source = self.add("Flatten", [source], name=name)
                else:
                    source = self.add("Reshape", [source], name=name, to=list(shape))
            self._memo[key] = source
        return self._memo[key]

    def settled(self, x: Live, order: Sequence[int] | None = None) -> Live:
        """x with one sample axis for each of ONNX's axes but the batch's, in the order given.

        order: ONNX's axes without that of the batch; default, as ONNX has them.
        Errors: BatchError where the batch is part of a larger axis.
        """
        batch = x.batch
        if batch is not None and x.axes[batch] != (0,) and self.batch == 1 and () in x.axes:
            batch = x.axes.index(())
            x = self.moved(x, batch)
        if batch is not None and x.axes[batch] != (0,):
            raise self.mixes("its input has the batch inside of an axis")
        places = [i for i in range(len(x.axes)) if i != batch] if order is None else list(order)
        groups = [x.axes[i] for i in places]
        source = self.laid(x, groups)
        axes: list[tuple[int, ...]] = [()] * len(x.axes)
        for position, place in enumerate(places):
            axes[place] = (position + 1,)
        if batch is not None:
            axes[batch] = (0,)
        return replace(x, source=source, shape=self.shapes[source], axes=tuple(axes), image=False)

    def freed(self, x: Live, places: Sequence[int]) -> Live:
        """x without the batch in these axes of ONNX, where it is a batch of one in a larger axis.

        In a model for one sample its axis has size 1, and could as well stand in any other place.
        """
        at = x.batch
        if self.batch != 1 or at is None or at not in places or len(x.axes[at]) == 1:
            return x
        other = next((i for i in reversed(range(len(x.axes))) if i not in places), None)
        if other is None:
            return x
        return self.moved(x, other)

    def moved(self, x: Live, place: int) -> Live:
        """x with a batch of one in front of another axis of ONNX."""
        axes = [tuple(a for a in group if a != 0) for group in x.axes]
        axes[place] = (0, *axes[place])
        return replace(x, axes=tuple(axes))

    def split(self, x: Live) -> Live:
        """x where each graphnet axis is an axis of its own: the batch is then never in a group."""
        axes: list[tuple[int, ...]] = []
        for group in x.axes:
            axes += [(a,) for a in group] or [()]
        return x.relabelled(axes)


def plain_name(text: str) -> str:
    """A stranger's name as an id."""
    base = re.sub(r"[^A-Za-z0-9_]+", "_", text.strip("/"))[:120].strip("_") or "node"
    return base if not base[0].isdigit() else f"_{base}"


def plain(rank: int, batch: int | None) -> Axes:
    """Axes as they come: that of the batch, the others in a row."""
    rest = iter(range(1, rank + 1))
    return tuple((0,) if i == batch else (next(rest),) for i in range(rank))
