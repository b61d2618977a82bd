"""Networks in files of other formats, by the file's name."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import NamedTuple

from graphnet.errors import ExchangeError, clipped
from graphnet.finite import bad_of
from graphnet.network import Network


class Format(NamedTuple):
    """what: a person calls it; needs: the package that it takes, if any."""

    what: str
    needs: str | None


FORMATS = {
    ".onnx": Format("ONNX", "onnx"),
    ".safetensors": Format("safetensors", "safetensors"),
    ".json": Format("plain JSON with .npz", None),
}


def export_network(path: str | os.PathLike[str], net: Network) -> list[str]:
    """Write a network to a file of another format; the files that were written.

    Errors: ExchangeError, also where a number is not finite; SaveError.
    """
    suffix = format_of(path)
    if bad := bad_of(net):
        what = f"{bad}: what it answers would mean nothing, so it is not exported"
        raise ExchangeError(clipped(f"{os.fspath(path)}: {what}"))
    if suffix == ".onnx":
        from graphnet.exchange.exporter.model import write_onnx

        write_onnx(path, net)
        return [os.fspath(path)]
    if suffix == ".safetensors":
        from graphnet.exchange.tensors import write_safetensors

        write_safetensors(path, net)
        return [os.fspath(path)]
    from graphnet.exchange.plain import write_plain

    return write_plain(path, net)


def import_network(path: str | os.PathLike[str], batch_axis: int | None = 0) -> Network:
    """The network in a file of another format.

    batch_axis: of an ONNX model's inputs, the one that tells samples apart; None: there is none.
    Errors: ExchangeError; for the formats that hold a spec also SpecError and its kin.
    """
    suffix = format_of(path)
    if suffix == ".json":
        from graphnet.exchange.plain import read_plain

        return read_plain(path)
    if not os.path.isfile(path):  # a pipe would be waited for
        what = "is no regular file" if os.path.lexists(path) else "there is no such file"
        raise ExchangeError(clipped(f"{os.fspath(path)}: {what}"))
    if suffix == ".onnx":
        from graphnet.exchange.importer.file import read_onnx

        return read_onnx(path, batch_axis)
    from graphnet.exchange.tensors import read_safetensors

    return read_safetensors(path)


def format_of(path: str | os.PathLike[str]) -> str:
    """The suffix that tells a file's format, once what it takes is there.

    Errors: ExchangeError.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        known = ", ".join(f"{name} ({form.what})" for name, form in FORMATS.items())
        raise ExchangeError(clipped(f"{os.fspath(path)}: the name must end in one of {known}"))
    what, needs = FORMATS[suffix]
    if needs is not None:
        require(needs, what)
    return suffix


def require(package: str, what: str) -> None:
    """Errors: ExchangeError that says what to install where a package is not there."""
    if importlib.util.find_spec(package) is None:
        raise ExchangeError(
            f"{what} needs the package '{package}': install graphnet with its extra, "
            'pip install ".[onnx]" in the checkout'
        )
