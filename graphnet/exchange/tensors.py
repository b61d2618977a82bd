"""safetensors: the parameters and state under their names, the rest as texts beside them.

The metadata hold what a bundle's header holds: the spec, what was fitted to the data, the history,
and the author's notes. Without a spec, tensors are no network.
"""

from __future__ import annotations

import os
import stat
from typing import Any

import numpy as np
import safetensors
from safetensors.numpy import save

from graphnet.builder import tensors_of
from graphnet.bundle.format import Contents, Tensor
from graphnet.bundle.model import canonical_json, contents_of, network_of
from graphnet.bundle.writer import write_whole
from graphnet.errors import ExchangeError, GraphnetError, clipped
from graphnet.network import Network
from graphnet.spec.reader import parse_spec, resolve
from graphnet.spec.source import parse

TEXTS = ("prepare", "train")
FORMAT = "graphnet"


def write_safetensors(path: str | os.PathLike[str], net: Network) -> int:
    """Write a network as a safetensors file; its size in bytes.

    Errors: SaveError.
    """
    contents = contents_of(net)
    texts = {"format": FORMAT, "spec": contents.spec}
    for name in TEXTS:
        if (text := getattr(contents, name)) is not None:
            texts[name] = text
    if contents.meta:
        texts["meta"] = canonical_json(contents.meta)
    tensors = {name: np.ascontiguousarray(t.array) for name, t in contents.tensors.items()}
    return write_whole(path, save(tensors, texts))


def read_safetensors(path: str | os.PathLike[str]) -> Network:
    """The network in a safetensors file that holds its spec.

    Errors: ExchangeError where it does not, is damaged, or spec and tensors do not fit.
    """
    shown = os.fspath(path)
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ExchangeError(clipped(f"{shown}: is no regular file"))
    try:
        with safetensors.safe_open(path, "numpy") as file:
            texts: dict[str, str] = file.metadata() or {}
            tensors: dict[str, Any] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, TypeError, AttributeError) as e:
        # Types that NumPy lacks are no attribute of it.
        raise ExchangeError(
            clipped(f"{shown}: no safetensors file that can be read: {e}")
        ) from None
    return network_from(shown, texts, tensors)


def network_from(shown: str, texts: dict[str, str], tensors: dict[str, Any]) -> Network:
    """The network of texts and arrays that a file holds.

    Errors: ExchangeError.
    """
    if "spec" not in texts:
        raise ExchangeError(
            clipped(f"{shown}: it holds no spec: only what graphnet exported is a network")
        )
    try:
        roles = tensors_of(resolve(parse_spec(texts["spec"], "the spec inside")))
        meta = parse(texts.get("meta", "{}"), "'meta'")
        if not isinstance(meta, dict) or not all(isinstance(v, str) for v in meta.values()):
            raise ExchangeError("'meta' must map text to text")
        contents = Contents(
            spec=texts["spec"],
            prepare=texts.get("prepare"),
            train=texts.get("train"),
            meta=meta,
            tensors={
                name: Tensor(roles[name][0] if name in roles else "param", array)
                for name, array in tensors.items()
            },
        )
        return network_of(contents)
    except GraphnetError as e:
        first = str(e).split("\n")[0]
        raise ExchangeError(clipped(f"{shown}: {first}")) from None
