"""graphnet as a backend of the `onnx` package: its own tests run through the importer.

A model is prepared as it is and becomes a network when its numbers arrive: what ONNX's tests hand
in beside the data (weights, shapes, bounds) are then constants. graphnet's axis 0 is the batch.
Where operators leave an axis of the model alone, that axis is it; else all of each tensor is one
sample, so that any axis can be reduced or moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx.backend.base import Backend, BackendRep

from graphnet.errors import ExchangeError, GraphnetError, clipped, quoted
from graphnet.exchange.importer.model import Imported, imported
from graphnet.exchange.importer.protobuf import Source, read
from graphnet.exchange.importer.values import BatchError, Live
from graphnet.layers.base import Array

READINGS = (0, 1, None)
"""The axes that are tried as that of the batch; None: there is none."""

WEIGHTS: Mapping[str, Sequence[int]] = {
    "Conv": (1, 2),
    "ConvTranspose": (1, 2),
    "Gemm": (1, 2),
    "BatchNormalization": (1, 2, 3, 4),
    "InstanceNormalization": (1, 2),
    "GroupNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "RMSNormalization": (1,),
    "PRelu": (1,),
    "Pow": (1,),
    "Clip": (1, 2),
    "Dropout": (1, 2),
    "Pad": (1, 2, 3),
    "Resize": (1, 2, 3),
    "Upsample": (1,),
    "RNN": (1, 2, 3, 4, 5),
    "GRU": (1, 2, 3, 4, 5),
    "LSTM": (1, 2, 3, 4, 5, 6, 7),
}
"""The inputs of operators that are constants whatever the model says."""


class Prepared(BackendRep):
    """A model that waits for its numbers."""

    def __init__(self, source: Source) -> None:
        self.source = source

    def run(self, inputs: Any, **kwargs: Any) -> tuple[Any, ...]:
        """The outputs, in the model's order.

        Errors: ExchangeError.
        """
        names = [tensor.name for tensor in self.source.inputs]
        given = (
            dict(inputs) if isinstance(inputs, Mapping) else dict(zip(names, inputs, strict=True))
        )
        given = {name: np.asarray(array) for name, array in given.items()}
        for tensor in self.source.inputs:
            if tensor.name in given and given[tensor.name].ndim != len(tensor.shape):
                text = f"{len(tensor.shape)} axes are expected, found {given[tensor.name].ndim}"
                raise ExchangeError(clipped(f"input {quoted(tensor.name)}: {text}"))
        constants = self._constants(given)
        first: GraphnetError | None = None
        for batch_axis in READINGS:
            try:
                found = imported(
                    self.source, batch_axis=batch_axis, constants=constants, settle=False
                )
                return _outputs(found, given)
            except GraphnetError as e:
                if first is None or isinstance(first, BatchError):
                    first = e
        assert first is not None
        raise first

    def _constants(self, given: Mapping[str, Array]) -> dict[str, Array]:
        weights = {
            node.inputs[i]
            for node in self.source.nodes
            for i in WEIGHTS.get(node.kind, ())
            if i < len(node.inputs)
        }
        first = next(iter(given), None)
        return {
            name: array
            for name, array in given.items()
            if name != first and (name in weights or array.dtype.kind not in "f")
        }


class GraphnetBackend(Backend):
    """What `onnx.backend` asks for: `prepare`, `run_model`, `run_node`."""

    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **kwargs: Any) -> Prepared:
        """The model, checked.

        Errors: ExchangeError.
        """
        super().prepare(model, device, **kwargs)
        return Prepared(read(model))

    @classmethod
    def supports_device(cls, device: str) -> bool:
        """Whether there are passes for it: the processor's alone."""
        return device == "CPU"


def _outputs(found: Imported, given: Mapping[str, Array]) -> tuple[Any, ...]:
    """The numbers of the model's outputs, as ONNX has their axes."""
    arrays = {live.source: _placed(live, given[name]) for name, live in found.inputs.items()}
    scores = found.network.predict(arrays)
    if not isinstance(scores, dict):
        scores = {found.network.graph.wiring.outputs[0]: scores}
    return tuple(
        _taken(value, scores[value.source]) if isinstance(value, Live) else value
        for value in found.outputs.values()
    )


def _placed(live: Live, array: Array) -> Array:
    """An input of the model as a batch of the network."""
    order = [axes[0] for axes in live.axes]
    if live.batch is None:
        return array.transpose(np.argsort(order))[np.newaxis]
    return np.ascontiguousarray(array.transpose(np.argsort(order)))


def _taken(live: Live, array: Array) -> Array:
    """A batch of the network as an output of the model."""
    flat = [axis for group in live.axes for axis in group]
    left = [axis for axis in range(array.ndim) if axis not in flat]
    sizes = [int(np.prod([array.shape[a] for a in group], dtype=int)) for group in live.axes]
    found: Array = array.transpose([*flat, *left]).reshape(sizes)
    return found


prepare = GraphnetBackend.prepare
run_model = GraphnetBackend.run_model
run_node = GraphnetBackend.run_node
supports_device = GraphnetBackend.supports_device
