"""Data that a person names for a report: a spec's, one that comes along, or a file."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from graphnet.data.load import load_data
from graphnet.errors import DatasetError, SpecError, clipped, quoted
from graphnet.network import Network
from graphnet.prepare.files import open_file, text_lines
from graphnet.prepare.text import next_input
from graphnet.report.parts import Parts, given_part, parts_of
from graphnet.spec.canonical import canonical_text, plain
from graphnet.spec.reader import check_values, read_spec

BY_NAME = ("digits", "mnist", "fashion_mnist")
BY_PATH = ("folder", "csv", "npz", "lines")
HINT = "a spec.json, digits, mnist, fashion_mnist, or folder:, csv:, npz:, lines: and a path"


def parts_in(
    net: Network,
    text: str,
    data_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Parts:
    """The samples that `text` names, prepared as those were that the network was trained on.

    A spec's data section: its parts, paths from its folder. digits, mnist, fashion_mnist: their
    parts. SOURCE:PATH: all samples there are judged.
    Errors: SpecError, ShapeError for what is none of these or does not suit the network;
    DatasetError.
    """
    folder, source = Path(), text.partition(":")[0]
    if text.endswith(".json"):
        given = read_spec(text).data
        if given is None:
            raise SpecError(clipped(f"{text}: the spec has no 'data'"))
        folder, values = Path(text).parent, plain(given)
    elif text in BY_NAME:
        values = {"source": text}
    elif source in BY_PATH and text[len(source) + 1 :]:
        values = _source(net, source, text[len(source) + 1 :])
    else:
        raise SpecError(clipped(f"--data {quoted(text)}: it must be {HINT}"))
    whole = {**json.loads(canonical_text(net.spec)), "data": values}
    spec = check_values(whole, f"{net.spec.name} with --data {text}").spec
    data = load_data(spec, folder, data_dir, progress, net.prepare)
    return given_part(net, data) if source in BY_PATH else parts_of(net, data)


def _source(net: Network, source: str, path: str) -> dict[str, Any]:
    """The data section of files at a path."""
    found: dict[str, Any] = {"source": source, "train": path}
    if source == "lines":
        found["target"] = "next" if next_input(net.graph) is not None else "label"
    if source == "csv":
        found |= _columns(net, path)
    return found


def _columns(net: Network, path: str) -> Mapping[str, Any]:
    """The column that a table has for the only target: the one that no input has.

    Errors: DatasetError where that is not one.
    """
    form = net.prepare.table if net.prepare is not None else None
    delimiter = "," if form is None else form.delimiter
    if not net.graph.targets:
        return {"delimiter": delimiter, "unused": [] if form is None else list(form.unused)}
    with open_file(Path(path), "a CSV file") as file:
        rows = csv.reader(text_lines(file, path), delimiter=delimiter, skipinitialspace=True)
        header = next(rows, [])
    known = {key for given in net.spec.inputs.values() for key in given.columns or ()}
    left = [name for name in header if name not in known]
    if len(left) != 1:
        names = ", ".join(quoted(name, 40) for name in left[:5]) or "none"
        what = f"one column that is no input is expected, to hold the target; found {names}"
        raise DatasetError(clipped(f"{path}: {what}: name it in the data section of a spec.json"))
    return {"delimiter": delimiter, "target": left[0]}
