"""One node of the file: it says shapes, parameters, buffers and cost before any number exists."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from graphnet.declaration import Declaration, NodeName, Shape, ShapeField
from graphnet.initializers import Initializer

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]


class Parameter(NamedTuple):
    """A trained array: its shape and how it starts."""

    shape: Shape
    init: Initializer


class Buffer(NamedTuple):
    """Memory that a layer computes in: the shape of one sample; `mask` is one byte an element.

    back: used by `backward` alone, as the gradients of the ports are. trains: used where a
    `backward` may follow (`Layer.backs`); predictions have none of it. scratch: what is in it is
    lost when the pass returns. kept: zeros at first, and what is put in stays. The `shape` of the
    last two is that of all of it, for any number of samples.
    """

    shape: Shape
    mask: bool = False
    back: bool = False
    scratch: bool = False
    kept: bool = False
    trains: bool = False


class Flops(NamedTuple):
    """Floating-point operations a sample; a multiplication and its addition are two.

    dx: the part of `backward` that is left out where a layer `skips_unwanted` gradients.
    """

    forward: int
    backward: int
    dx: int = 0


class NodeSpec(Declaration):
    """One node of the graph: the attributes that every layer type has."""

    ports: ClassVar[tuple[str, ...]] = ("x",)
    """The names of what comes in, in order."""

    optional: ClassVar[tuple[str, ...]] = ()
    """Ports behind these that may be left without an edge; those before a filled one are filled."""

    repeats: ClassVar[bool] = False
    """Whether more edges than ports may arrive: x0, x1 go on with x2, x3, ..."""

    integers: ClassVar[tuple[str, ...]] = ()
    """Ports that take whole numbers, an input of dtype int64, and give no gradient."""

    skips_unwanted: ClassVar[bool] = False
    """Whether `backward` leaves out the gradients that `Layer.needs` says nobody wants."""

    keeps: ClassVar[tuple[str, ...] | None] = None
    """What `backward` reads of what `forward` saw and made: ports, "out", names of buffers.

    The plan gives the memory of everything else away in between. None: it may read all.
    """

    overwrites: ClassVar[tuple[str, ...]] = ()
    """"out" where it may lie in x's memory, "dx" where it may lie in that of `dout`: for layers
    that read each element before they write the one in its place, and never after."""

    undivided: ClassVar[bool] = False
    """Whether all samples of a shard are computed at once. Others get a few at a time, as many
    as stay in cache; a product with one row a sample is faster the more rows it has."""

    random: ClassVar[bool] = False
    """Whether training draws random numbers, from `Layer.rng`."""

    meets: ClassVar[bool] = False
    """Whether training needs sums over the whole batch: the layer is a `BatchLayer`."""

    prepares: ClassVar[bool] = False
    """Whether `Layer.prepare` computes something from the parameters before the passes."""

    monotone: ClassVar[bool] = False
    """Whether each number of out comes from the one in its place, and the larger one never gives
    the smaller: such a layer may change places with one that `picks`."""

    picks: ClassVar[bool] = False
    """Whether each number of out is one of x, the largest of some."""

    trains_only: ClassVar[bool] = False
    """Whether prediction leaves the node out: what comes in goes on."""

    id: NodeName
    """The node's name, unique among inputs and nodes."""
    type: str
    """The layer's class."""
    doc: str | None = None
    """A comment; drawings and reports show it."""
    shape: ShapeField | None = None
    """The author's claim about the output of one sample, checked against the inferred shape."""
    share: NodeName | None = None
    """A node of the same type and attributes whose parameters and state this one uses."""

    @classmethod
    def takes(cls, count: int) -> bool:
        """Whether so many edges may arrive."""
        most = len(cls.ports) + len(cls.optional)
        return len(cls.ports) <= count and (cls.repeats or count <= most)

    @classmethod
    def ports_for(cls, count: int) -> tuple[str, ...]:
        """The names of what comes in where so many edges arrive."""
        ports = (*cls.ports, *cls.optional)
        if cls.repeats:
            stem = cls.ports[-1].rstrip("0123456789")
            ports += tuple(f"{stem}{i}" for i in range(len(ports), count))
        return ports[: max(count, len(cls.ports))]

    def infer_shape(self, *args: Any, **kwargs: Any) -> Shape:
        """The shape of one output sample from those of one sample of each input.

        Errors: ShapeError says what was expected; the caller adds what each input gives.
        """
        raise NotImplementedError

    def parameters(self, *args: Any, **kwargs: Any) -> dict[str, Parameter]:
        """What is trained, by name, for input samples of these shapes."""
        return {}

    def states(self, *args: Any, **kwargs: Any) -> dict[str, Parameter]:
        """What is kept but not trained, by name, for input samples of these shapes."""
        return {}

    def buffers(self, out: Shape, *shapes: Shape) -> dict[str, Buffer]:
        """What the passes compute in: `out`, and a gradient for each port."""
        ports = zip(self.ports_for(len(shapes)), shapes, strict=True)
        gradients = {f"d{p}": Buffer(shape) for p, shape in ports if p not in self.integers}
        return {"out": Buffer(out), **gradients}

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        """Cost of one sample; the default is that of elementwise work."""
        size = math.prod(out)
        return Flops(size, size * len(shapes))


def fresh(buffer: Buffer, samples: int, dtype: npt.DTypeLike) -> Array:
    """Memory for a buffer by itself."""
    shape = buffer.shape if buffer.scratch or buffer.kept else (samples, *buffer.shape)
    dtype = np.dtype(bool if buffer.mask else dtype)
    return np.zeros(shape, dtype) if buffer.kept else np.empty(shape, dtype)
