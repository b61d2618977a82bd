"""An ONNX file as a network."""

from __future__ import annotations

import os

import numpy as np

from graphnet.errors import ExchangeError, clipped
from graphnet.exchange.importer.model import imported
from graphnet.exchange.importer.protobuf import read_file
from graphnet.exchange.importer.values import Live
from graphnet.network import Network


def read_onnx(path: str | os.PathLike[str], batch_axis: int | None = 0) -> Network:
    """The network in an ONNX file; images are channels last, whatever the file has.

    Errors: ExchangeError.
    """
    source = read_file(path)
    try:
        with np.errstate(all="ignore"):  # a damaged file's constants may be anything
            found = imported(source, batch_axis=batch_axis)
    except ExchangeError as e:
        raise type(e)(clipped(f"{os.fspath(path)}: {e}")) from None
    for name, value in found.outputs.items():
        if not isinstance(value, Live):
            raise ExchangeError(clipped(f"{os.fspath(path)}: output {name!r} is a constant"))
    return found.network
