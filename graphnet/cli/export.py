"""`export`: a bundle as ONNX, safetensors, or plain JSON with `.npz`."""

from __future__ import annotations

from collections.abc import Sequence

from graphnet.bundle.model import load
from graphnet.cli.common import DONE, complain, parser, run
from graphnet.errors import SaveError, clipped, printable
from graphnet.exchange.files import export_network, format_of
from graphnet.exchange.plain import plain_files
from graphnet.network import Network


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser("export", "Write a bundle in another format, which the name says.")
    arguments.add_argument("model", help="a bundle (.msgpack)")
    arguments.add_argument("out", help="the new file: .onnx, .safetensors, or .json (with .npz)")
    arguments.add_argument(
        "--force", action="store_true", help="replace a .json and what lies beside it"
    )
    options = arguments.parse_args(argv)
    if format_of(options.out) == ".json" and not options.force:
        _refuse_existing(options.out)
    net = load(options.model)
    for path in export_network(options.out, net):
        print(printable(path))
    for name, what in _lost(net, format_of(options.out)):
        complain(
            f"{options.out}: ONNX has no place for the {what} of input '{name}': whoever uses it "
            "prepares the numbers; .safetensors and .json keep it"
        )
    return DONE


def _refuse_existing(out: str) -> None:
    """A spec and its data may have the names of what is written.

    Errors: SaveError.
    """
    for path in plain_files(out):
        if path.exists():
            raise SaveError(clipped(f"{path}: is there already: name another .json, or --force"))


def _lost(net: Network, suffix: str) -> list[tuple[str, str]]:
    """The inputs whose preparation a format does not hold."""
    if suffix != ".onnx":
        return []
    inputs = net.spec.inputs.items()
    found = [(name, "columns") for name, given in inputs if given.columns is not None]
    return found + [(name, "vocabulary") for name, given in inputs if given.text is not None]
