"""What every layer has: a Spec that decides shapes, and two passes that compute.

A Spec is one node of the file. It says shapes, parameters, buffers and cost before any number
exists; a Layer is made from it with arrays that it owns for life.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from graphnet.declaration import Declaration, Name, Registry, Shape, ShapeField
from graphnet.errors import SpecError
from graphnet.initializers import Initializer

Array = npt.NDArray[Any]
Arrays = Mapping[str, Array]


class Parameter(NamedTuple):
    """A trained array: its shape and how it starts."""

    shape: Shape
    init: Initializer


class Buffer(NamedTuple):
    """Memory that a layer computes in: the shape of one sample; `mask` is one byte an element."""

    shape: Shape
    mask: bool = False


class Flops(NamedTuple):
    """Floating-point operations a sample; a multiplication and its addition are two.

    dx: the part of `backward` that is left out where a layer `skips_unwanted` gradients.
    """

    forward: int
    backward: int
    dx: int = 0


class Buffers(Protocol):
    """One layer's part of a workspace."""

    def take(self, name: str, samples: int) -> Array: ...


class NodeSpec(Declaration):
    """One node of the graph: the attributes that every layer type has."""

    ports: ClassVar[tuple[str, ...]] = ("x",)
    """The names of what comes in, in order."""

    skips_unwanted: ClassVar[bool] = False
    """Whether `backward` leaves out the gradients that `Layer.needs` says nobody wants."""

    id: Name
    """The node's name, unique among inputs and nodes."""
    type: str
    """The layer's class."""
    doc: str | None = None
    """A comment; drawings and reports show it."""
    shape: ShapeField | None = None
    """The author's claim about the output of one sample, checked against the inferred shape."""
    share: Name | None = None
    """A node of the same type and attributes whose parameters and state this one uses."""

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
        gradients = {
            f"d{port}": Buffer(shape) for port, shape in zip(self.ports, shapes, strict=True)
        }
        return {"out": Buffer(out), **gradients}

    def flops(self, out: Shape, *shapes: Shape) -> Flops:
        """Cost of one sample; the default is that of elementwise work."""
        size = math.prod(out)
        return Flops(size, size * len(shapes))


class Layer:
    """A node that computes. `forward` and `backward` are mirror images.

    params, grads: arrays by name, the same keys in the same order; state: kept, not trained.
    needs: for each port, whether its gradient is wanted; `None` may stand for one that is not.

    A layer alone, as in chapter 5 of the book, allocates what it returns. In a network it
    computes in the buffers of the network's workspace.
    """

    Spec: ClassVar[type[NodeSpec]]

    def __init__(
        self,
        spec: NodeSpec | None = None,
        *,
        params: Arrays | None = None,
        grads: Arrays | None = None,
        state: Arrays | None = None,
        buffers: Buffers | None = None,
        **attributes: Any,
    ) -> None:
        self.spec = spec or self._alone(attributes)
        self.params = dict(params or {})
        self.grads = {k: np.zeros_like(v) for k, v in self.params.items()}
        if grads is not None:
            self.grads = {k: grads[k] for k in self.params}
        self.state = dict(state or {})
        self.needs = (True,) * len(self.spec.ports)
        self._buffers = buffers

    def infer_shape(self, *shapes: Shape) -> Shape:
        """The shape of one output sample; pure, and knows no batch axis."""
        return self.spec.infer_shape(*shapes)

    def buffer(self, name: str, like: Array) -> Array | None:
        """The buffer `name`, for as many samples as `like` has; None for a layer alone.

        NumPy takes `out=None` as "allocate", so a pass is written once for both.
        """
        return None if self._buffers is None else self._buffers.take(name, len(like))

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


LAYERS: Registry[Layer] = Registry(
    "layer type",
    {
        "graphnet.layers.arithmetic": (
            *("Add", "Sub", "Mul", "Div"),
            *("Neg", "Exp", "Log", "Reciprocal", "Power"),
        ),
        "graphnet.layers.activation": ("Relu", "Sigmoid"),
        "graphnet.layers.linear": ("MatMul", "Affine"),
        "graphnet.layers.structure": ("Flatten", "Identity"),
    },
)
register = LAYERS.register
