"""What a person may run after training: `infer`, on a sample of the data where there is one."""

from __future__ import annotations

import os
from pathlib import Path

from graphnet.network import Network
from graphnet.spec.sources import Csv, Folder, Lines, Npz

_PICTURES = (".png", ".jpg", ".jpeg")
_LONGEST = 120


def words_for_infer(net: Network, folder: Path) -> list[str] | None:
    """The words behind `infer BUNDLE`; None where no input asks for anything.

    folder: that of the spec. Data that lie there give a file, or a text, that works as it stands;
    else a word in capitals stands for one.
    """
    fed = [given for given in net.spec.inputs.values() if given.value is None]
    data = net.spec.data
    if isinstance(data, (Csv, Npz)):
        return [_shown(folder / (data.test or data.train))]
    if len(fed) > 1 and any(given.columns is None for given in fed):
        return ["ARRAYS.npz"]
    for given in fed:
        if given.image is not None:
            found = None
            if isinstance(data, Folder):
                found = _picture(folder / (data.test or data.train))
            return ["PICTURE.png" if found is None else _shown(found)]
        if given.columns is not None:
            return ["ROWS.csv"]
        if given.text is not None:
            return _text(data, folder)
    return ["ARRAYS.npz"] if fed else None


def _text(data: object, folder: Path) -> list[str]:
    if isinstance(data, Lines) and (line := _line(folder / (data.test or data.train))):
        if data.target == "label":
            return ["--text", line.partition("\t")[2]]
        return ["--text", line[: max(1, len(line) // 2)], "--generate", "20"]
    return ["--text=TEXT"]


def _line(path: Path) -> str:
    """The first line of a text that fits into a command, where one does."""
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline(200).rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        return ""
    text = line.rpartition("\t")[2]
    return line if 0 < len(text) <= _LONGEST and text.isprintable() and text[0] != "-" else ""


def _picture(place: Path) -> Path | None:
    """The first picture in a folder of folders."""
    for root, folders, files in os.walk(place):
        folders.sort()
        for name in sorted(files):
            if name.lower().endswith(_PICTURES) and not name.startswith("."):
                return Path(root, name)
    return None


def _shown(path: Path) -> str:
    """A path from here on, where that is the shorter one."""
    here = os.path.abspath(path)
    try:
        way = os.path.relpath(here)
    except ValueError:  # on another drive
        return here
    if way.startswith("-"):
        way = os.path.join(".", way)
    return way if len(way) <= len(here) else here
