"""`export`: a bundle as ONNX, safetensors, or plain JSON with `.npz`."""

from __future__ import annotations

from collections.abc import Sequence

from graphnet.bundle.model import load
from graphnet.cli.common import DONE, parser, run
from graphnet.exchange.files import export_network, format_of


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser("export", "Write a bundle in another format, which the name says.")
    arguments.add_argument("model", help="a bundle (.msgpack)")
    arguments.add_argument("out", help="the new file: .onnx, .safetensors, or .json (with .npz)")
    options = arguments.parse_args(argv)
    format_of(options.out)
    for path in export_network(options.out, load(options.model)):
        print(path)
    return DONE
