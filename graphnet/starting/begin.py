"""From the name of a data set to a spec that trains as it lies there."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from graphnet.declaration import did_you_mean
from graphnet.errors import DatasetError, SpecError, clipped, quoted
from graphnet.spec.reader import check_values

SCHEMA = Path(__file__).resolve().parent.parent / "spec" / "graphnet.schema.json"
_FARTHEST = 3
"""Folders up from a spec that the package may be near."""
WITHOUT_FILES = ("digits", "mnist", "fashion_mnist")
KINDS = {
    "folder": "a folder with a folder of pictures for each class, or with train and test in it",
    "csv": "a table with a header",
    "npz": "arrays of NumPy",
    "lines": "texts, a line each: LABEL<TAB>TEXT, or text alone",
    "idx": "a folder of files such as MNIST's, or their names with commas",
}
"""What stands behind the colon."""


class Start(NamedTuple):
    """A spec's values, and what a person should know of what was found and chosen."""

    values: dict[str, Any]
    notes: list[str]


class Found(NamedTuple):
    """What a data set says: of a spec, everything but its name and where an editor looks.

    doc: where the numbers come from; paths in `data` are as they were given.
    """

    doc: str
    body: dict[str, Any]
    notes: list[str]


def starting_spec(
    source: str,
    folder: str | os.PathLike[str] = ".",
    *,
    name: str | None = None,
    target: str | None = None,
) -> Start:
    """A spec for `folder:pictures`, `csv:table.csv`, `digits`...: see `KINDS`.

    folder: where the spec will lie, from which its paths start; name: of the network; target: the
    column or array that is learnt.
    Errors: DatasetError for data that cannot be used, SpecError for a source that is none.
    """
    kind, colon, path = source.partition(":")
    _check_source(source, kind, path)
    if target is not None and kind not in ("csv", "npz"):
        raise SpecError(f"source {quoted(kind)} has no columns or arrays: leave the target out")
    found = _reader(kind)(path, target) if colon else _built_in(kind)
    body = dict(found.body)
    body["data"] = {
        key: _relative(value, Path(folder)) if _is_path(kind, key) else value
        for key, value in body["data"].items()
    }
    values = {
        **_schema(Path(folder)),
        "format": 1,
        "name": name or _name(Path(path).name if colon else kind),
        "doc": found.doc,
        **body,
    }
    check_values(values, source)
    return Start(values, found.notes)


def _check_source(source: str, kind: str, path: str) -> None:
    """Errors: SpecError with what would be one."""
    if source in WITHOUT_FILES:
        return
    if kind in KINDS and path:
        return
    if kind in KINDS:
        raise SpecError(f"{kind}: a path is expected behind the colon: {KINDS[kind]}")
    wanted = f"{', '.join(f'{k}:PATH' for k in KINDS)}, {', '.join(WITHOUT_FILES)}"
    if path and (close := did_you_mean(kind, KINDS)):
        hint = close.replace("'?", f":{path}'?")
    elif (meant := _meant(source)) is not None:
        hint = f"; did you mean '{meant}:{source}'?"
    else:
        hint = did_you_mean(source, WITHOUT_FILES) or f"; it must be one of {wanted}"
    raise SpecError(clipped(f"unknown source {quoted(source)}{hint}"))


def _meant(path: str) -> str | None:
    """The kind that a bare path is of."""
    if os.path.isdir(path):
        return "folder"
    suffix = Path(path).suffix.lower()
    return {".csv": "csv", ".tsv": "csv", ".npz": "npz", ".txt": "lines"}.get(suffix)


def _reader(kind: str) -> Callable[[str, str | None], Found]:
    if kind == "csv":
        from graphnet.starting.tables import of_table

        return of_table
    if kind == "npz":
        from graphnet.starting.arrays import of_arrays

        return of_arrays
    if kind == "lines":
        from graphnet.starting.texts import of_lines

        return of_lines
    from graphnet.starting.pictures import of_folder, of_idx

    return of_folder if kind == "folder" else of_idx


def _built_in(kind: str) -> Found:
    from graphnet.starting.pictures import of_published

    return of_published(kind)


def _is_path(kind: str, key: str) -> bool:
    if kind == "idx":
        return key != "source"
    return kind in KINDS and key in ("train", "test")


def _relative(path: str, folder: Path) -> str:
    """A path from the spec's own folder on, with slashes; as it is where no way leads there."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # on another drive
        return Path(os.path.abspath(path)).as_posix()


def _schema(folder: Path) -> dict[str, str]:
    """Where an editor finds the schema, if a short way leads from the spec to the package.

    Any other way would tell where things lie on this machine, and lead nowhere on another.
    """
    start = os.path.abspath(folder)
    try:
        above = os.path.commonpath([start, SCHEMA])
        way = Path(os.path.relpath(SCHEMA, start))
    except ValueError:  # on another drive
        return {}
    near = above != os.path.dirname(above) and way.parts.count("..") <= _FARTHEST
    return {"$schema": way.as_posix()} if near and Path(start, way).is_file() else {}


def _name(text: str) -> str:
    """A network's name from that of a file or folder."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", Path(text).stem).strip("_")[:64] or "mine"


def one_of_each(labels: list[str], what: str, where: str) -> list[str]:
    """The classes, two or more, in order.

    Errors: DatasetError.
    """
    classes = sorted(set(labels))
    if len(classes) < 2:
        only = f"one class alone, {quoted(classes[0], 60)}" if classes else "no class"
        text = f"{where}: {what} holds {only}: two or more are needed, to be told apart"
        raise DatasetError(clipped(text))
    return classes
