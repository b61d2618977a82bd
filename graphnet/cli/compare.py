"""`compare`: several bundles as a table, and as one page with their curves."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

from graphnet.bundle.model import load
from graphnet.cli.common import DONE, memory_argument, parser, run, table
from graphnet.cli.pages import check_page, write_page
from graphnet.errors import printable
from graphnet.report.compare import Run, figures_of, html_compare
from graphnet.report.plots import require_plots


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser("compare", "Put trained bundles side by side; no data set is needed.")
    arguments.add_argument("models", nargs="+", metavar="model", help="bundles (.msgpack)")
    arguments.add_argument("-o", metavar="FILE", dest="out", help="also write a page: FILE.html")
    memory_argument(arguments)
    options = arguments.parse_args(argv)
    if len(options.models) < 2:
        arguments.error("two bundles or more are compared, found one")
    if options.out is not None:
        require_plots()
        for model in options.models:
            check_page(options.out, bundle=model)
    nets = [load(model, mmap=True, verify=True, memory=options.memory) for model in options.models]
    names = Counter(net.spec.name for net in nets)
    titles = Counter(os.path.basename(model) for model in options.models)
    runs = []
    for model, net in zip(options.models, nets, strict=True):
        base = os.path.basename(model)
        longer = base if titles[base] == 1 else model
        title = net.spec.name if names[net.spec.name] == 1 else printable(longer)
        runs.append(Run(title, net, os.path.getsize(model)))
    head, rows = figures_of(runs)
    print(table([head, *rows], right=range(1, len(head))))
    if options.out is not None:
        print(f"{printable(options.out)}: {write_page(options.out, html_compare(runs)):,} bytes")
    return DONE
