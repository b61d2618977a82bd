"""Network: what a person calls. The work is the engine's; what is returned is the caller's own."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graphnet.declaration import Shape, did_you_mean
from graphnet.differences import central_differences
from graphnet.engine import Engine
from graphnet.errors import ShapeError, SpecError, clipped, quoted
from graphnet.inputs import Batch, batch_of, dtype_of, with_batch_axis
from graphnet.judging import judged, targets_of
from graphnet.layers.base import Array, Layer
from graphnet.prediction import Prediction
from graphnet.scores import check_best, class_of
from graphnet.spec.graph import GraphSpec
from graphnet.spec.reader import Resolved

if TYPE_CHECKING:
    from graphnet.spec.prepared import Prepared


class LiveArrays(dict[str, Array]):
    """Arrays by name that stay the layers' own: their numbers change, they are never replaced."""

    def __setitem__(self, name: str, value: Any) -> None:
        # `params[name] -= step` has changed the numbers in place, and hands back the same array.
        if self.get(name) is not value:
            raise TypeError(f"an array stays, its numbers change: write [{name!r}][...] = value")


class Network:
    """A graph that computes.

    layers: id -> Layer, in running order. params: `node/name` -> the live array; grads, state
    likewise. Everything that a method returns is a copy of its own.

    history: one entry an epoch of training; meta: the author's own notes; prepare: what was fitted
    to the training data, None where nothing was. A bundle keeps all three.

    A sample without the batch axis is accepted and answered without it. A network serves one
    thread at a time; `replica()` gives another thread its own.
    """

    def __init__(
        self, graph: Resolved, arrays: Mapping[str, Array], flat: Array | None = None
    ) -> None:
        self.history: list[dict[str, Any]] = []
        self.meta: dict[str, str] = {}
        self.prepare: Prepared | None = None
        self._arrays = dict(arrays)
        self._flat = flat
        self.take(graph)

    @property
    def spec(self) -> GraphSpec:
        """The spec that the network was built from."""
        return self.graph.spec

    @property
    def layers(self) -> OrderedDict[str, Layer]:
        """id -> Layer, in running order."""
        return self.engine.layers

    @property
    def params(self) -> LiveArrays:
        """The trained arrays, live: `{"affine1/W": array, ...}`; numbers go in by `[...] =`."""
        return LiveArrays((name, self._arrays[name]) for name in self.engine.params)

    @property
    def grads(self) -> LiveArrays:
        """The gradients of the last backward pass, live, under the names of `params`."""
        return LiveArrays(self.engine.grads)

    @property
    def state(self) -> LiveArrays:
        """The arrays that are kept but not trained, live."""
        return LiveArrays((k, v) for k, v in self._arrays.items() if k not in self.engine.params)

    def labels(self, output: str) -> tuple[str, ...] | None:
        """The names of an output's classes: the spec's, else those found in the training data."""
        named = self.spec.labels_of(output)
        if named is None and self.prepare is not None:
            return self.prepare.labels.get(output)
        return named

    def take(self, graph: Resolved) -> None:
        """Go on as another graph with the same nodes and the same arrays: what its spec says beside
        them has changed. `layers` are new ones."""
        self.graph = graph
        self.engine = Engine(graph, self._arrays, self._flat)
        self._prediction = Prediction(self.engine, lambda: self.replica().engine)
        self._forward: tuple[Batch, int] | None = None

    def replica(self) -> Network:
        """A network with the same parameters (shared) and its own buffers and gradients."""
        replica = Network(self.graph, self._arrays, self._flat)
        replica.prepare = self.prepare
        return replica

    def astype(self, dtype: Literal["float32", "float64"]) -> Network:
        """A network of its own with these parameters in another type; its `spec` says so.

        Errors: SpecError for any other type.
        """
        if dtype not in ("float32", "float64"):
            raise SpecError(f"dtype must be 'float32' or 'float64', found {quoted(dtype)}")
        graph = replace(self.graph, spec=self.spec.model_copy(update={"dtype": dtype}))
        arrays = {name: array.astype(dtype) for name, array in self._arrays.items()}
        found = Network(graph, arrays)
        found.prepare = self.prepare
        return found

    def __repr__(self) -> str:
        parameters = sum(param.size for param in self.params.values())
        return (
            f"<Network '{self.spec.name}': {len(self.layers)} nodes, {parameters:,} parameters, "
            f"{self.spec.dtype}>"
        )

    def predict(self, x: Any, *, threads: int | None = None) -> Any:
        """The outputs for x, before any softmax.

        threads: that share out a large batch; default, all processors. They change no bit.
        Shapes: x (N, ...) or one sample (...), a dict by name where the graph has several
        inputs; the result likewise, a dict where the graph has several outputs. Where weights or
        inputs are not finite, or too large, neither are the numbers that come out.
        Errors: ShapeError.
        """
        _check_threads(threads)
        batch = self._quick_batch(x) or batch_of(self.spec, x)
        found = self._predict(batch, threads)
        if not batch.batched:
            found = {name: scores[0] for name, scores in found.items()}
        return found if len(found) > 1 else next(iter(found.values()))

    def predict_stream(
        self, batches: Iterable[Any], *, threads: int | None = None
    ) -> Iterator[Any]:
        """`predict` of each batch, in order, while others are computed on threads of their own.

        batches: any number of any lengths; they are read on the caller's thread, and 2 for each
        thread at most before their turn. threads: default, all processors; they change no bit.
        The threads end with the batches, or when the stream is closed; until then NumPy's BLAS is
        held to one thread.
        Shapes, Errors: as `predict`; what `batches` raises comes after what it gave before.
        """
        _check_threads(threads)
        from graphnet.streaming import stream

        return stream(self, batches, threads)

    def classify(self, x: Any) -> Any:
        """The index of the best score, (N,); of a single score 1 where it is above 0, else 0.
        Where a loss of classes judges several places of a sample, one for each, (N, ...).

        Errors: ShapeError, also where an output gives no scores of classes; DivergedError where the
        best score is not finite.
        """
        batch = batch_of(self.spec, x)
        of_classes = {o.on for o in self.graph.objectives if o.spec.classifies}
        found = {
            name: class_of(name, scores, positions=name in of_classes)
            for name, scores in self._predict(batch).items()
        }
        if not batch.batched:
            found = {name: index[0] for name, index in found.items()}
        return found if len(found) > 1 else next(iter(found.values()))

    def accuracy(self, x: Any, t: Any = None) -> float:
        """The share of right answers to the first loss that is one of classes, 0 to 1.

        t: as `loss` takes it.
        Errors: ShapeError, DatasetError, SpecError where no loss is one of classes, DivergedError
        where the best score is not finite.
        """
        batch = batch_of(self.spec, x)
        targets = self._targets(t, batch)
        for i, objective in enumerate(self.graph.objectives):
            if objective.spec.classifies:
                scores = self._scores(objective.on, batch)
                check_best(objective.on, scores.reshape(len(scores), -1).max(axis=1))
                right, count = self.engine.losses[i].right(scores, targets[i])
                return right / max(count, 1)
        raise SpecError(f"{self.spec.name}: no loss of the spec is one of classes")

    def loss(self, x: Any, t: Any = None) -> float:
        """The mean loss over the batch, in the loss's units: that of which `gradient` is the
        gradient; of several losses their weighted sum. Batch norm takes the statistics of this
        batch, dropout drops what the spec's seed says, the same at every call.

        Shapes: t class indices (N,) or one-hot (N, C), or what else the loss takes; a dict by name
        where there are several targets, nothing where all are inputs.
        Errors: ShapeError, DatasetError, SpecError without a loss.
        """
        return self.prepared_loss(x, t)()

    def prepared_loss(self, x: Any, t: Any = None) -> Callable[[], float]:
        """The loss over a batch as a function of the parameters as they are when it is called."""
        batch = batch_of(self.spec, x)
        targets = self._targets(t, batch)
        return judged(self.engine, batch, targets, self._still)

    def gradient(self, x: Any, t: Any = None) -> dict[str, Array]:
        """d(loss)/d(parameter) by back-propagation, under the names of `params`; the state stays
        as it is.

        Errors: ShapeError, DatasetError, SpecError without a loss.
        """
        batch = batch_of(self.spec, x)
        targets = self._targets(t, batch)
        with np.errstate(all="ignore"):
            self.engine.gradient(batch.inputs, targets, self._still)
        return {name: grad.copy() for name, grad in self.engine.grads.items()}

    def numerical_gradient(self, x: Any, t: Any = None) -> dict[str, Array]:
        """dW[i] = (loss(W[i] + h) - loss(W[i] - h)) / (2 h), for every element of every parameter

        Errors: as `gradient`; SpecError in float32, which has too few digits for differences.
        Source: Deep Learning from Scratch, 4.3.
        """
        if self.spec.dtype != "float64":
            raise SpecError(
                "a numerical gradient needs float64: net.astype('float64') has this network's "
                "parameters, build(spec, dtype='float64') fresh ones"
            )
        if not all(param.flags.writeable for param in self.params.values()):
            raise SpecError("the parameters of a mapped network are read-only: load it unmapped")
        return central_differences(self.prepared_loss(x, t), self.params)

    def forward(self, values: Any = None) -> dict[str, Array]:
        """The value of every input and node, by name.

        values: by input; those with a `value` in the spec may be left out.
        Errors: ShapeError.
        """
        batch = batch_of(self.spec, values)
        with np.errstate(all="ignore"):
            found = self.engine.forward(batch.inputs)
        self._forward = batch, self.engine.passes
        return {name: self._own(array, batch) for name, array in found.items()}

    def backward(self, douts: Mapping[str, Any] | None = None) -> dict[str, Array]:
        """d(sum of dout * node)/d(every input and node), by name, at the last `forward`.

        douts: by node, each of the node's shape; default, 1 for every output.
        Errors: ShapeError, also where no `forward` came before.
        """
        batch, passed = self._forward or (None, 0)
        if batch is None or passed != self.engine.passes:  # a later pass may have other parameters
            raise ShapeError("backward follows forward: call forward(values) first")
        if douts is not None and not isinstance(douts, Mapping):
            raise ShapeError("douts are given by node: backward({'price': 1.0})")
        if douts is None:
            axis = (batch.samples,) if batch.batched else ()
            names = self.graph.wiring.outputs
            douts = {name: np.ones(axis + self.graph.shapes[name]) for name in names}
        given = {}
        for name, dout in douts.items():
            if name not in self.layers:
                hint = (
                    did_you_mean(name, self.layers) or f"; its nodes are {', '.join(self.layers)}"
                )
                what = "an input" if name in self.spec.inputs else "no node of the graph"
                raise ShapeError(clipped(f"dout of {quoted(name)}: it is {what}{hint}"))
            array, count = with_batch_axis(
                f"dout of '{name}'", dout, self.graph.shapes[name], self.engine.dtype
            )
            if count != (batch.samples if batch.batched else None):
                wanted = f"{batch.samples} samples" if batch.batched else "one sample"
                raise ShapeError(
                    f"dout of '{name}': the last forward was of {wanted}: give as many"
                )
            given[name] = array
        with np.errstate(all="ignore"):
            found = self.engine.backward(given)
        for name, shape in self.graph.shapes.items():
            if name not in found:
                found[name] = np.zeros((batch.samples, *shape), dtype=self.engine.dtype)
        return {name: self._own(found[name], batch) for name in self.graph.shapes}

    def _predict(self, batch: Batch, threads: int | None = None) -> dict[str, Array]:
        """The outputs of a batch, in arrays of their own."""
        with np.errstate(all="ignore"):
            return self._prediction(batch, threads)

    def _quick_batch(self, x: Any) -> Batch | None:
        """What `batch_of` makes of an array that needs nothing done to it; None for any other.

        `batch_of` takes 6 microseconds, as long as a small network.
        """
        if type(x) is not np.ndarray or self._only is None:
            return None
        name, shape, dtype = self._only
        if x.dtype != dtype or not x.flags.c_contiguous:
            return None
        if x.shape[1:] == shape and x.ndim == len(shape) + 1 and len(x):
            return Batch({name: x}, len(x), batched=True)
        return Batch({name: x[np.newaxis]}, 1, batched=False) if x.shape == shape else None

    @cached_property
    def _only(self) -> tuple[str, Shape, np.dtype[Any]] | None:
        """The input, its shape and its type, where there is one alone."""
        if len(self.spec.inputs) != 1:
            return None
        (name,) = self.spec.inputs
        return name, self.spec.inputs[name].shape, dtype_of(self.spec, name)

    def _still(self, node: str, tile: int) -> np.random.Generator:
        """Draws that are the same at every call."""
        from graphnet.randomness import generator

        return generator(self.spec.train.seed if self.spec.train else 0, "loss", node, tile)

    def _own(self, array: Array, batch: Batch) -> Array:
        return array.copy() if batch.batched else array[0].copy()

    def _scores(self, node: str, batch: Batch) -> Array:
        """What a node gives in a prediction."""
        if node in self.graph.wiring.outputs:
            return self._predict(batch)[node]
        with np.errstate(all="ignore"):
            return self.engine.forward(batch.inputs)[node]

    def _targets(self, t: Any, batch: Batch) -> list[Array]:
        """Of each loss, what `t` gives it.

        Errors: ShapeError, DatasetError, SpecError without a loss.
        """
        if not self.graph.objectives:
            raise SpecError(f"{self.spec.name}: the spec has no 'loss'")
        return targets_of(self.graph, self.engine.losses, t, batch)


def _check_threads(threads: int | None) -> None:
    if threads is not None and threads < 1:
        raise SpecError(f"threads must be 1 or more, found {threads}")
