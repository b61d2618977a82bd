"""Plain JSON and `.npz`: the spec as a person writes it, the numbers as NumPy reads them."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graphnet.builder import assemble, tensors_of
from graphnet.bundle.writer import write_whole
from graphnet.errors import DatasetError, ExchangeError, GraphnetError, clipped
from graphnet.network import Network
from graphnet.prepare.arrays import read_arrays
from graphnet.spec.canonical import canonical_text
from graphnet.spec.prepared import prepared_of
from graphnet.spec.reader import read_spec, resolve
from graphnet.spec.source import parse, read_text

PREPARE = ".prepare.json"
"""How the file's name ends that holds what was fitted to the training data."""


def write_plain(path: str | os.PathLike[str], net: Network) -> list[str]:
    """Write `NAME.json`, the spec, and beside it `NAME.npz`, the arrays, and where something was
    fitted to the training data `NAME.prepare.json`; the files.

    Errors: SaveError.
    """
    _, numbers, fitted = plain_files(path)
    memory = io.BytesIO()
    np.savez(memory, allow_pickle=False, **{**net.params, **net.state})
    write_whole(numbers, memory.getvalue())
    written = [os.fspath(path), os.fspath(numbers)]
    values = net.prepare.values() if net.prepare is not None else {}
    if values:
        write_whole(fitted, _text(values))
        written.append(os.fspath(fitted))
    write_whole(path, _text(json.loads(canonical_text(net.spec))))
    return written


def plain_files(path: str | os.PathLike[str]) -> tuple[Path, Path, Path]:
    """The three files that `write_plain` writes: the spec, the arrays, what was fitted."""
    return Path(path), Path(path).with_suffix(".npz"), Path(path).with_suffix(PREPARE)


def _text(values: Any) -> bytes:
    return json.dumps(values, indent=2, ensure_ascii=False).encode() + b"\n"


def read_plain(path: str | os.PathLike[str]) -> Network:
    """The network of `NAME.json` and `NAME.npz`.

    Errors: SpecError and its kin; ExchangeError for arrays that are not there or do not fit.
    """
    graph = resolve(read_spec(path))
    numbers = os.fspath(Path(path).with_suffix(".npz"))
    arrays = _arrays(numbers, list(tensors_of(graph)))
    try:
        net = assemble(graph, arrays)
    except GraphnetError as e:
        raise ExchangeError(clipped(f"{numbers}: {e}")) from None
    fitted = Path(path).with_suffix(PREPARE)
    if fitted.is_file():
        scores = {name: graph.shapes[name] for name in graph.wiring.outputs}
        values = parse(read_text(fitted), os.fspath(fitted))
        if not isinstance(values, dict):
            raise ExchangeError(clipped(f"{fitted}: an object is expected"))
        try:
            net.prepare = prepared_of(values, graph.spec, scores)
        except DatasetError as e:
            raise ExchangeError(clipped(f"{fitted}: {e}")) from None
    return net


def _arrays(path: str, wanted: Sequence[str]) -> dict[str, Any]:
    """The arrays of an `.npz` file; nothing in it is unpickled."""
    if not os.path.exists(path):
        raise ExchangeError(clipped(f"{path}: is not there: the arrays lie beside the spec"))
    try:
        return read_arrays(Path(path), wanted)
    except DatasetError as e:
        raise ExchangeError(str(e)) from None
