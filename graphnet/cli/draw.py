"""`draw`: the graph of a spec or bundle as a picture, with values and gradients if asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from graphnet.builder import build
from graphnet.cli.check import is_bundle
from graphnet.cli.common import DONE, complain, memory_argument, parser, run
from graphnet.cli.pages import check_page, write_page
from graphnet.declaration import did_you_mean
from graphnet.draw import Numbers, numbers_of, page_of, svg_of
from graphnet.errors import DatasetError, SaveError, ShapeError, SpecError, clipped, quoted
from graphnet.network import Network
from graphnet.spec.graph import InputSpec
from graphnet.spec.reader import read_spec

SUFFIXES = (".svg", ".html")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    return run(_main, argv)


class _Sample(NamedTuple):
    """inputs: by name, of one sample; targets: of each loss, by its number."""

    inputs: dict[str, Any]
    targets: dict[int, Any]


def _main(argv: Sequence[str] | None) -> int:
    arguments = parser(
        "draw",
        "Draw the graph of a spec or bundle, from left to right, with the shape of what runs along "
        "each arrow; with numbers, each value stands above its arrow and each gradient below.",
    )
    arguments.add_argument("file", help="a spec (.json) or a bundle (.msgpack)")
    arguments.add_argument(
        "-o",
        "--out",
        metavar="FILE",
        help="a picture (.svg) or a page that zooms and explains (.html); default NAME.svg",
    )
    arguments.add_argument("--collapse", action="store_true", help="draw each block as one node")
    arguments.add_argument("--values", action="store_true", help="run it, and write the values")
    arguments.add_argument("--grads", action="store_true", help="and the gradients")
    arguments.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="what an input is, as JSON, or the picture it is made from: --input apple=100 "
        "--input x=seven.png",
    )
    arguments.add_argument(
        "--sample",
        type=int,
        metavar="N",
        help="run the N-th sample of the spec's data, from 0, of the test part if there is one; "
        "gradients are then those of the loss",
    )
    arguments.add_argument(
        "--data",
        metavar="DATA",
        help="other data for --sample, as `report` takes them: a bundle does not hold its own",
    )
    arguments.add_argument("--data-dir", metavar="DIR", help="where data sets lie")
    memory_argument(arguments)
    options = arguments.parse_args(argv)
    if options.sample is not None and options.input:
        arguments.error("argument --sample: not allowed with argument --input")
    if options.data is not None and options.sample is None:
        arguments.error("argument --data: add --sample, which says which one")
    if options.sample is not None and options.sample < 0:
        arguments.error("argument --sample: a number from 0 is expected")
    asked = options.values or options.grads
    if (options.input or options.sample is not None) and not asked:
        arguments.error("nothing would show what is given: add --values, --grads or both")
    net = _network(options.file, options.memory)
    out = f"{net.spec.name}.svg" if options.out is None else options.out
    if not out.lower().endswith(SUFFIXES):
        raise SaveError(clipped(f"{out}: the name must end in {' or '.join(SUFFIXES)}"))
    check_page(out, file_that_is_drawn=options.file)
    numbers = _numbers(net, options) if asked else None
    how = {"values": options.values, "grads": options.grads, "collapse": options.collapse}
    if out.lower().endswith(".svg"):
        text = svg_of(net.graph, numbers=numbers, standalone=True, **how)
    else:
        fresh = not is_bundle(options.file)
        text = page_of(net.graph, net=net, numbers=numbers, fresh=fresh, **how)
    write_page(out, text)
    complain(f"{out}: {len(net.layers)} nodes")
    return DONE


def _network(path: str, memory: int | None) -> Network:
    if is_bundle(path):
        from graphnet.bundle.model import load

        return load(path, memory=memory)
    return build(read_spec(path), memory=memory)


def _numbers(net: Network, options: Any) -> Numbers:
    sample = _Sample({}, {})
    if options.sample is not None:
        sample = _of_data(net, options)
    for setting in options.input:
        name, equals, text = setting.partition("=")
        if not equals:
            raise SpecError(f"--input {quoted(setting)}: NAME=VALUE is expected")
        if name in sample.inputs:
            raise SpecError(clipped(f"--input {quoted(name)} is given twice: give each once"))
        if name not in net.spec.inputs:
            hint = did_you_mean(name, net.spec.inputs)
            known = hint or f"; it has {', '.join(net.spec.inputs)}"
            raise ShapeError(clipped(f"--input {quoted(name)} is no input of the graph{known}"))
        sample.inputs[name] = _value(net, name, text)
    missing = [
        name
        for name, given in net.spec.inputs.items()
        if given.value is None and name not in sample.inputs
    ]
    if missing:
        remedy = f"give --input {missing[0]}=..."
        if net.spec.data is not None:
            remedy += ", or --sample 0 for one of its data"
        raise ShapeError(clipped(f"{options.file}: input '{missing[0]}' has no value: {remedy}"))
    return numbers_of(net, sample.inputs, sample.targets)


def _value(net: Network, name: str, text: str) -> Any:
    """What was written for an input: a file's picture, or JSON."""
    given: InputSpec = net.spec.inputs[name]
    if given.image is not None and not text.lstrip().startswith("["):
        from graphnet.prepare.image import ImagePreparation
        from graphnet.prepare.picture import read_picture

        return ImagePreparation(given.image, given.shape, net.spec.dtype)(read_picture(text))
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        values = text
    array = np.asarray(values if _is_numbers(values) else text)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        what = "a finite number or lists of such numbers are expected"
        raise ShapeError(clipped(f"--input {name}={quoted(text)}: {what}"))
    return array


def _is_numbers(values: Any) -> bool:
    """Whether it is a number, or lists of one length of what is numbers."""
    if not isinstance(values, list):
        return isinstance(values, (int, float)) and not isinstance(values, bool)
    lengths = {len(value) if isinstance(value, list) else -1 for value in values}
    return len(lengths) == 1 and all(map(_is_numbers, values))


def _of_data(net: Network, options: Any) -> _Sample:
    """The sample that is asked for, of the part that a report would judge."""
    from graphnet.report.given import parts_in

    text = options.data
    if text is None and is_bundle(options.file):
        what = "a bundle does not hold where its samples lie: add --data"
        raise SpecError(clipped(f"{options.file}: {what}"))
    if text is None and net.spec.data is None:
        raise SpecError(clipped(f"{options.file}: the spec has no 'data' to take a sample of"))
    if not net.graph.objectives:
        what = "the spec has no 'loss', so its data have no use: give --input"
        raise SpecError(clipped(f"{options.file}: {what}"))
    parts = parts_in(net, text or options.file, options.data_dir)
    if options.sample >= parts.feed.samples:
        what = f"the {parts.words} has {parts.feed.samples:,} samples, counted from 0"
        raise DatasetError(clipped(f"{options.file}: --sample {options.sample}: {what}"))
    inputs, targets = parts.feed.batch(np.array([options.sample]))
    return _Sample(
        {name: array[0] for name, array in inputs.items()},
        {i: target[0] for i, target in enumerate(targets)},
    )
