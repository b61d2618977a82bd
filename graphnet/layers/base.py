"""What every layer has: a Spec that decides shapes, and two passes that compute.

A Spec is one node of the file. It says shapes, parameters, buffers and cost before any number
exists; a Layer is made from it with arrays that it owns for life.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from graphnet.declaration import Declaration, NodeName, Registry, Shape, ShapeField
from graphnet.errors import SpecError
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


class Layer:
    """A node that computes. `forward` and `backward` are mirror images.

    params, grads: arrays by name, the same keys in the same order; state: kept, not trained.
    shapes: of one sample at each port; a layer alone learns them from what it is given.
    needs: for each port, whether its gradient is wanted; `None` may stand for one that is not.
    training: whether a pass is one of training; dropout and batch norm then do something else.
    backs: whether a `backward` may follow; otherwise nothing needs to be kept for it.
    rng: what a layer draws from in training; the network gives it one that derives from the seed.

    A layer alone, as in chapter 5 of the book, allocates what it returns. In a network it
    computes in memory that the plan has laid out, the same at every step.
    """

    Spec: ClassVar[type[NodeSpec]]

    def __init__(
        self,
        spec: NodeSpec | None = None,
        *,
        params: Arrays | None = None,
        grads: Arrays | None = None,
        state: Arrays | None = None,
        shapes: tuple[Shape, ...] | None = None,
        **attributes: Any,
    ) -> None:
        self.spec = spec or self._alone(attributes)
        self.shapes = shapes
        self.params = dict(params or {})
        if grads is None:
            self.grads = {k: np.zeros_like(v, order="C") for k, v in self.params.items()}
        else:
            self.grads = {k: grads[k] for k in self.params}
        self.state = dict(state or {})
        self.needs = tuple(p not in self.spec.integers for p in self._ports())
        self.training = False
        self.backs = True
        self.rng: np.random.Generator | None = None
        self._buffers: Arrays | None = None
        self.is_alone = True

    def _ports(self) -> tuple[str, ...]:
        """What comes in; of a layer alone, all that may."""
        spec = self.spec
        most = len(spec.ports) + len(spec.optional)
        return spec.ports_for(most if self.shapes is None else len(self.shapes))

    def infer_shape(self, *shapes: Shape) -> Shape:
        """The shape of one output sample; pure, and knows no batch axis."""
        return self.spec.infer_shape(*shapes)

    def compute_in(self, buffers: Arrays) -> None:
        """Take these buffers from now on: those that the Spec declares, for the batch to come."""
        self._buffers = buffers
        self.is_alone = False
        self.bind()

    def compute_alone(self, *xs: Array) -> None:
        """For layers that cannot do without their buffers, at the start of `forward`: fresh ones
        for a layer alone, nothing in a network."""
        if not self.is_alone:
            return
        self.shapes = tuple(x.shape[1:] for x in xs)
        declared = self.spec.buffers(self.spec.infer_shape(*self.shapes), *self.shapes)
        # Integers, as a learner hands them in, are computed with as numbers with a fraction.
        types = (a.dtype for a in (*xs, *self.params.values()) if a.dtype.kind == "f")
        dtype = next(types, np.dtype(np.float64))
        found = {name: fresh(buffer, len(xs[0]), dtype) for name, buffer in declared.items()}
        self._buffers = found
        self.bind()
        self.prepare()

    def bind(self) -> None:
        """Called when the buffers are there: what only depends on them is made here."""

    def prepare(self) -> None:
        """What depends on parameters and state alone, into kept buffers; where the Spec
        `prepares`, called whenever these may have changed, before the passes of a step."""

    def buffer(self, name: str) -> Array | None:
        """The buffer `name`; None for a layer alone.

        NumPy takes `out=None` as "allocate", so a pass is written once for both.
        """
        return None if self._buffers is None else self._buffers[name]

    def room(self, name: str) -> Array:
        """The buffer `name`, of a layer that has them all."""
        assert self._buffers is not None
        return self._buffers[name]

    def forward(self, *args: Any, **kwargs: Any) -> Array:
        """out from the inputs, in the order of the ports."""
        raise NotImplementedError

    def backward(self, *args: Any, **kwargs: Any) -> tuple[Array | None, ...]:
        """A gradient for each port from dout; writes those of the parameters into `grads`."""
        raise NotImplementedError

    @classmethod
    def _alone(cls, attributes: dict[str, Any]) -> NodeSpec:
        kind = cls.__name__
        try:
            return cls.Spec.model_validate({"id": kind, "type": kind, **attributes})
        except ValidationError as e:
            wrong = e.errors(include_url=False)[0]
            where = ".".join(map(str, wrong["loc"]))
            raise SpecError(f"{kind}({where}=...): {wrong['msg'].lower()}") from None

    if not TYPE_CHECKING:  # or every misspelt attribute would pass the type check

        def __getattr__(self, name: str) -> Any:
            # Asked for what is not there: in backward, that is what forward would have left.
            kind = type(self).__name__
            raise AttributeError(
                f"{kind} has no '{name}' (backward follows forward: call forward first)"
            )

    def clear(self) -> None:
        """grads = 0: what a pass leaves behind that does not reach this layer."""
        for grad in self.grads.values():
            grad.fill(0)

    def _require(self, *names: str) -> None:
        """A layer with parameters cannot be made without them."""
        if missing := [name for name in names if name not in self.params]:
            needed = ", ".join(f"{name!r}: ..." for name in names)
            raise SpecError(
                f"{type(self).__name__} alone needs params={{{needed}}}; "
                f"missing: {', '.join(missing)}"
            )


class BatchLayer(Layer):
    """A layer whose passes need the whole batch, of which a call sees only a part.

    In training the network calls `gather` on every part, joins what comes back in a fixed order,
    puts it into `batch`, calls `settle`, and then `forward` on every part; likewise `gather_back`,
    `batch_back`, `settle_back` and `backward`. So the result is that of the whole batch, however
    it was cut. A layer alone takes what it is given for the batch.
    """

    batch: Array
    batch_back: Array

    def gather(self, *args: Any) -> Array:
        """What `forward` needs to know of the inputs, float64 and small."""
        raise NotImplementedError

    def join(self, part: Array, other: Array) -> Array:
        """What `gather` would give for two parts together."""
        raise NotImplementedError

    def settle(self) -> None:
        """What follows from `batch`, once for all parts of a replica."""

    def gather_back(self, dout: Array) -> Array:
        """What `backward` needs to know of dout; of two parts together it is the sum."""
        raise NotImplementedError

    def settle_back(self) -> None:
        """What follows from `batch_back`, once for all parts of a replica."""

    def remember(self) -> None:
        """Move the state by what `batch` says; once a step, whatever the number of parts."""
        raise NotImplementedError


LAYERS: Registry[Layer] = Registry(
    "layer type",
    {
        "graphnet.layers.arithmetic": (
            *("Add", "Sub", "Mul", "Div"),
            *("Neg", "Reciprocal", "Power", "Pow", "Scale"),
        ),
        "graphnet.layers.extremes": ("Maximum", "Minimum", "Clip"),
        "graphnet.layers.functions": (
            *("Exp", "Log", "Sqrt", "Abs", "Erf"),
            *("Sign", "Floor", "Ceil", "Round"),
        ),
        "graphnet.layers.trigonometry": (
            *("Sin", "Cos", "Tan", "Asin", "Acos", "Atan"),
            *("Sinh", "Cosh", "Asinh", "Acosh", "Atanh"),
        ),
        "graphnet.layers.reduction": ("Sum", "Mean", "Max", "Min", "Prod"),
        "graphnet.layers.norms": ("SumSquare", "L1", "L2", "LogSum", "LogSumExp"),
        "graphnet.layers.activation": ("Relu", "Sigmoid", "Tanh"),
        "graphnet.layers.sigmoids": ("Softplus", "Softsign", "HardSigmoid"),
        "graphnet.layers.softmax": ("Softmax", "LogSoftmax", "Hardmax"),
        "graphnet.layers.rectifiers": (
            *("LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "ThresholdedRelu"),
        ),
        "graphnet.layers.gates": ("Silu", "Gelu", "HardSwish", "Mish"),
        "graphnet.layers.linear": ("MatMul", "Affine"),
        "graphnet.layers.embedding": ("Embedding",),
        "graphnet.layers.convolution": ("Conv2D", "Conv1D"),
        "graphnet.layers.transposed": ("ConvTranspose2D",),
        "graphnet.layers.pooling": ("MaxPool2D", "AvgPool2D", "GlobalAvgPool2D"),
        "graphnet.layers.sequence_pooling": ("MaxPool1D", "AvgPool1D"),
        "graphnet.layers.normalization": ("BatchNorm",),
        "graphnet.layers.layer_norm": ("LayerNorm", "RMSNorm"),
        "graphnet.layers.group_norm": ("GroupNorm", "InstanceNorm"),
        "graphnet.layers.regularization": ("Dropout",),
        "graphnet.layers.recurrent": ("Rnn", "Lstm"),
        "graphnet.layers.gru": ("Gru",),
        "graphnet.layers.attention": ("MultiHeadAttention",),
        "graphnet.layers.position": ("PositionalEncoding",),
        "graphnet.layers.structure": ("Flatten", "Reshape", "Identity"),
        "graphnet.layers.shaping": ("Transpose", "Concat", "Slice", "Broadcast", "Upsample"),
        "graphnet.layers.padding": ("Pad",),
    },
)
register = LAYERS.register
