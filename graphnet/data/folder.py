"""Training samples from folders of pictures: a class a folder, or a table of names and labels."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphnet.data.dataset import IMAGE, Array, Dataset, Split
from graphnet.data.room import require_room
from graphnet.data.table import read_table
from graphnet.data.targets import Complaints, Target, answers, held_out, labels_found, named_targets
from graphnet.errors import ImageError, ImageTooLargeError
from graphnet.prepare.files import beside, problem, shown
from graphnet.prepare.image import ImagePreparation, Pixels
from graphnet.prepare.picture import read_picture
from graphnet.prepare.table import Kind
from graphnet.spec.graph import GraphSpec
from graphnet.spec.prepared import Prepared
from graphnet.spec.reader import resolve
from graphnet.spec.sources import Folder

SUFFIXES = (".png", ".jpg", ".jpeg")
LEFT_BY_SYSTEMS = ("thumbs.db", "desktop.ini")
"""Files that a system puts into folders; hidden ones (`.DS_Store`) are passed over, too."""
_AT_ONCE = 512
"""Pictures that are read before the first bad one is reported."""
Named = list[tuple[Target, tuple[str, ...]]]


@dataclass(frozen=True)
class Found:
    """Pictures of a folder, where each was named, and what is learnt of them, by target."""

    root: Path
    paths: list[Path]
    places: list[str]
    cells: list[list[list[Any]]]

    def part(self, chosen: NDArray[np.bool_]) -> Found:
        """Some of the pictures."""
        rows = [int(i) for i in np.flatnonzero(chosen)]
        cells = [[[column[i] for i in rows] for column in columns] for columns in self.cells]
        paths, places = [self.paths[i] for i in rows], [self.places[i] for i in rows]
        return Found(self.root, paths, places, cells)

    @property
    def names(self) -> list[str]:
        """The pictures as they are called inside the folder: the same on every machine."""
        return [path.relative_to(self.root).as_posix() for path in self.paths]


def load_folder(
    spec: GraphSpec, data: Folder, folder: Path, fitted: Prepared | None = None
) -> Dataset:
    """The pictures of a folder, each decoded and fitted once, as `infer` does it.

    fitted: the labels that an earlier training found; None: found in the train part.
    Errors: DatasetError with the file, ten of them at most.
    """
    named, where, train, test = found_parts(spec, data, folder)
    prepared = fitted or labels_of(named, where, train)
    preparation = preparation_of(spec)

    def split(found: Found) -> Split:
        targets = answers(named, found.cells, prepared, found.places, where)
        pixels = _read(found.paths, preparation, where)
        return Split({IMAGE: pixels}, targets, fitted=True, names=found.names)

    return Dataset("folder", split(train), split(test) if test else None, prepare=prepared)


def found_parts(
    spec: GraphSpec, data: Folder, folder: Path
) -> tuple[Named, str, Found, Found | None]:
    """What is learnt of the pictures, what errors call where they were named, and the parts.

    Errors: DatasetError.
    """
    named = named_targets(resolve(spec), data.targets)
    train = _find(folder / data.train, data, folder, data.labels, named)
    test = None
    if data.test is not None:
        test = _find(folder / data.test, data, folder, data.test_labels, named)
    if data.test_share is not None:
        classes = [c[0] for c, (t, _) in zip(train.cells, named, strict=True) if t.classes]
        chosen = held_out(len(train.paths), data.test_share, classes[0] if classes else None)
        train, test = train.part(~chosen), train.part(chosen)
    return named, shown(folder / (data.labels or data.train)), train, test


def labels_of(named: Named, where: str, train: Found) -> Prepared:
    """The names of classes that the spec leaves to the train part."""
    return Prepared(
        labels={
            target.output: labels_found(target, where, columns[0])
            for (target, _), columns in zip(named, train.cells, strict=True)
            if target.classes is not None and target.labels is None
        }
    )


def preparation_of(spec: GraphSpec) -> ImagePreparation:
    """That of the only input of pictures."""
    (given,) = (given for given in spec.inputs.values() if given.image is not None)
    assert given.image is not None
    return ImagePreparation(given.image, given.shape, spec.dtype)


def _find(place: Path, data: Folder, folder: Path, labels: str | None, named: Named) -> Found:
    """The pictures of one part."""
    if not place.is_dir():
        what = "is no folder" if place.exists() else f"no such folder{beside(place)}"
        raise problem(place, what if "?" in what else f"{what}: name one that holds pictures")
    if labels is not None:
        return _by_table(place, data, folder / labels, named)
    if len(named) != 1 or named[0][0].classes is None:
        raise problem(place, "folders name classes: numbers to learn need a table, 'labels'")
    paths, names = by_class(place)
    return Found(place, paths, [shown(path) for path in paths], [[names]])


def by_class(place: Path) -> tuple[list[Path], list[str]]:
    """The pictures of a class a folder, sorted by name, at any depth; and the class of each.

    Errors: DatasetError with the files that are no pictures, and the folders that have none.
    """
    paths: list[Path] = []
    names: list[str] = []
    complaints = Complaints()
    entries = _entries(place)
    if not any(entry.is_dir() for entry in entries):
        what = "holds no folder: put the pictures of each class into one, named after the class"
        raise problem(place, what)
    for entry in entries:
        if not entry.is_dir():
            complaints.add(f"{shown(entry.path)}: is no folder of a class: move it out")
            continue
        before = len(paths)
        paths += _pictures(entry.path, complaints)
        names += [entry.name] * (len(paths) - before)
        if len(paths) == before:
            complaints.add(f"{shown(entry.path)}: no PNG or JPEG file is in this folder")
    complaints.done()
    return paths, names


def _entries(place: str | Path) -> list[os.DirEntry[str]]:
    """What stands in a folder, sorted by name, without what systems leave there."""
    try:
        with os.scandir(place) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as e:
        raise problem(place, f"cannot be read: {e.strerror or e}") from None
    return [
        entry
        for entry in entries
        if not entry.name.startswith(".") and entry.name.lower() not in LEFT_BY_SYSTEMS
    ]


def _pictures(place: str, complaints: Complaints) -> Iterator[Path]:
    folders = [place]
    while folders:
        deeper = []
        for entry in _entries(folders.pop()):
            # Links to folders are not followed: they may lead back.
            if entry.is_dir(follow_symlinks=False):
                deeper.append(entry.path)
            elif entry.name.lower().endswith(SUFFIXES):
                yield Path(entry.path)
            else:
                what = "is no PNG or JPEG file by its name: move it out"
                complaints.add(f"{shown(entry.path)}: {what}")
        folders += reversed(deeper)


def _by_table(place: Path, data: Folder, path: Path, named: Named) -> Found:
    """The pictures that a table names, in its order."""
    kinds: dict[str, Kind] = {data.file: "category"}
    for target, names in named:
        if target.classes is not None and len(names) != 1:
            what = f"'{target.output}' gives {target.scores}: its target is one column of labels"
            raise problem(path, what)
        kinds |= dict.fromkeys(names, "category" if target.classes is not None else "number")
    table = read_table(path, kinds, data.unused, data.delimiter)
    complaints = Complaints()
    seen: dict[str, int] = {}
    for name, line in zip(table.cells[data.file], table.lines, strict=True):
        where = f"{table.name}:{line}"
        if os.path.isabs(name) or ".." in Path(name).parts or "\\" in name:
            what = "a path inside the folder, written with /, is expected"
            complaints.add(f"{where}: {what}, found {name!r}")
        elif (first := seen.setdefault(name, line)) != line:
            complaints.add(f"{where}: {name!r} is named in line {first} already")
        elif not (place / name).is_file():
            complaints.add(f"{where}: there is no file {shown(place / name)}")
    complaints.done()
    cells = [[table.cells[name] for name in names] for _, names in named]
    paths = [place / name for name in table.cells[data.file]]
    return Found(place, paths, table.places, cells)


def _read(paths: Sequence[Path], preparation: ImagePreparation, where: str) -> Array:
    """Every picture as the network sees it.

    Shapes: (N, H, W, C) uint8
    """

    def fitted(path: Path) -> Pixels | str:
        try:
            return preparation.picture(read_picture(path))
        except (ImageError, ImageTooLargeError) as e:
            return str(e)

    require_room(where, len(paths) * math.prod(preparation.image.shapes[0]))
    pixels = np.empty((len(paths), *preparation.image.shapes[0]), np.uint8)
    complaints = Complaints()
    # Decoders let other threads run.
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(paths), _AT_ONCE):
            for i, found in enumerate(pool.map(fitted, paths[start : start + _AT_ONCE]), start):
                if isinstance(found, str):
                    complaints.add(found)
                else:
                    pixels[i] = found
    complaints.done()
    return pixels
