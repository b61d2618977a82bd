"""`report`: a trained bundle and samples in, one HTML page out."""

from __future__ import annotations

import os
from collections.abc import Sequence

from graphnet.bundle.model import load
from graphnet.cli.common import DONE, count, memory_argument, parser, run
from graphnet.cli.pages import check_page, write_page
from graphnet.cli.progress import download_bar
from graphnet.errors import printable
from graphnet.report.given import parts_in
from graphnet.report.page import report_on
from graphnet.report.plots import require_plots


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser("report", "Write how a bundle was trained and how good it is as one page.")
    arguments.add_argument("model", help="a bundle (.msgpack)")
    arguments.add_argument(
        "--data",
        metavar="DATA",
        help="samples to measure on: a spec.json, whose data section is used; digits, mnist, "
        "fashion_mnist; or folder:PATH, csv:PATH, npz:PATH, lines:PATH",
    )
    arguments.add_argument("--data-dir", metavar="DIR", help="where data sets lie")
    arguments.add_argument("-o", metavar="FILE", dest="out", help="default NAME.report.html")
    arguments.add_argument(
        "--threads", type=count(1024), metavar="N", help="default: all processors"
    )
    memory_argument(arguments)
    options = arguments.parse_args(argv)
    if options.data is None:
        arguments.error("--data is missing: a bundle does not hold where its samples lie")
    require_plots()
    net = load(options.model, memory=options.memory)
    out = f"{net.spec.name}.report.html" if options.out is None else options.out
    check_page(out, model=options.model)
    with download_bar() as progress:
        parts = parts_in(net, options.data, options.data_dir, progress)
    size = os.path.getsize(options.model)
    written = write_page(out, report_on(net, parts, threads=options.threads, size=size))
    what = f"{net.spec.name} on the {parts.words}"
    print(f"{printable(out)}: {printable(what)}, {written:,} bytes")
    return DONE
