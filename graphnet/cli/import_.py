"""`import`: a bundle of what `export` wrote, or of another program's ONNX model."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from graphnet.bundle.model import save
from graphnet.cli.common import DONE, parser, run
from graphnet.errors import SaveError, clipped, printable, quoted
from graphnet.exchange.files import import_network


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser("import", "Read a model of another format, and write a bundle.")
    arguments.add_argument("file", help="the model: .onnx, .safetensors, or .json (with .npz)")
    arguments.add_argument("-o", "--out", help="the bundle; default, FILE.msgpack here")
    arguments.add_argument(
        "--batch-axis",
        type=_axis,
        default=0,
        metavar="AXIS",
        help="the axis of an ONNX model's inputs that tells samples apart; none: there is none",
    )
    options = arguments.parse_args(argv)
    out = options.out or f"{Path(options.file).stem}.msgpack"
    if options.out is None and os.path.exists(out):
        raise SaveError(clipped(f"{out}: is there already: name the bundle with --out"))
    if os.path.exists(out) and os.path.exists(options.file) and os.path.samefile(out, options.file):
        raise SaveError(clipped(f"{out}: is what is read: name another file with --out"))
    save(out, import_network(options.file, options.batch_axis))
    print(printable(out))
    return DONE


def _axis(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 2:
        raise argparse.ArgumentTypeError(f"{quoted(text)} is no axis: 0, 1, ... or none")
    return int(text)
