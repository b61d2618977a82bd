"""What every layer has: a Spec that decides shapes (`node`), and two passes that compute.

A Layer is made from a Spec with arrays that it owns for life. This room hands on the names that a
family file needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import ValidationError

from graphnet.declaration import Registry, Shape
from graphnet.errors import SpecError
from graphnet.layers.node import Array, Arrays, Buffer, Flops, NodeSpec, Parameter, fresh

__all__ = [
    "LAYERS",
    "Array",
    "Arrays",
    "BatchLayer",
    "Buffer",
    "Flops",
    "Layer",
    "NodeSpec",
    "Parameter",
    "fresh",
    "register",
]


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
        """What `gather` would give for two parts together, or for many pairs that stand side by
        side along a second axis."""
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
