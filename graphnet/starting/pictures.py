"""A spec for pictures: how large, grey or in colour, on which ground, and of what classes."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from graphnet.data.folder import by_class
from graphnet.data.idx import read_idx, read_pair
from graphnet.data.targets import held_out
from graphnet.errors import DatasetError, clipped, quoted
from graphnet.prepare.files import problem, shown
from graphnet.prepare.picture import read_picture
from graphnet.starting.begin import Found, one_of_each
from graphnet.starting.checks import FEW_PICTURES, about_counts, about_test
from graphnet.starting.network import graph, of_pictures, recipe

LARGEST = 64
"""Pixels of the longer side: what a laptop trains in minutes."""
MOST_LOOKED_AT = 300
"""Pictures that say what all are like."""
_SIDES = (8, 16, 24, 32, 48, 64)
_PARTS = {"train": "train", "training": "train", "test": "test", "testing": "test"}
_PARTS |= {"val": "test", "valid": "test", "validation": "test"}


class Look(NamedTuple):
    """What a picture is like. ground: the mean of its border, 0 to 255."""

    height: int
    width: int
    colour: bool
    clear: bool
    """Whether parts of it are transparent."""
    ground: float


def of_folder(path: str, target: str | None) -> Found:
    """A folder for each class, or such a folder for training and one for the test."""
    place = Path(path)
    if not place.is_dir():
        what = "is no folder" if place.exists() else "no such folder"
        raise problem(place, f"{what}: name one that holds pictures")
    parts, notes = _parts(place)
    train = parts.get("train", place)
    paths, names = by_class(train)
    labels = one_of_each(names, "the folder", shown(train))
    looks = [_look(paths[i]) for i in _spread(len(paths))]
    image = _image(looks)
    data: dict[str, Any] = {"source": "folder", "train": os.fspath(train)}
    if "test" in parts:
        _check_test(parts["test"], labels)
        data["test"] = os.fspath(parts["test"])
    else:
        data["test_share"] = 0.2
    height, width = image["size"]
    notes += about_counts(Counter(names), FEW_PICTURES, "picture")
    if "test" not in parts:
        notes += about_test(held_out(len(paths), data["test_share"], names))
    doc = (
        f"{len(labels)} classes of pictures, found in {len(paths):,} files: the labels are the "
        f"names of their folders; of median size {_median(looks)}, they become "
        f"{height}x{width} in {'colour' if image['mode'] == 'rgb' else 'grey'}."
    )
    shift = [{"type": "Shift", "pixels": max(1, min(height, width) // 16)}]
    body = _body(image, labels, data, len(paths), augment=shift if len(paths) < 5_000 else [])
    return Found(doc, body, notes)


def _parts(place: Path) -> tuple[dict[str, Path], list[str]]:
    """Folders for training and test, where those are all that it holds; and what stays out."""
    with os.scandir(place) as entries:
        folders = [e.name for e in entries if e.is_dir() and not e.name.startswith(".")]
    if not folders or any(name.lower() not in _PARTS for name in folders):
        return {}, []
    found: dict[str, Path] = {}
    # A folder of the name test is the test, before one that is called validation.
    for name in sorted(folders, key=lambda name: not name.lower().startswith("t")):
        found.setdefault(_PARTS[name.lower()], place / name)
    with os.scandir(found.get("train", place)) as entries:
        holds_classes = any(entry.is_dir() for entry in entries)
    if "train" not in found or not holds_classes:
        return {}, []
    used = {path.name for path in found.values()}
    return found, [f"folder {quoted(name)} stays out" for name in sorted(set(folders) - used)]


def _check_test(place: Path, labels: Sequence[str]) -> None:
    others = sorted(set(by_class(place)[1]) - set(labels))
    if others:
        what = f"class {others[0]!r} is not among those of the training part"
        raise problem(place, f"{what}: {', '.join(labels[:8])}")


def _spread(count: int) -> list[int]:
    """Evenly over all: each class has its share of what is looked at."""
    step = max(1, math.ceil(count / MOST_LOOKED_AT))
    return list(range(0, count, step))


def _look(path: Path) -> Look:
    im = read_picture(path)
    clear = im.mode in ("LA", "RGBA") and im.getchannel("A").getextrema() != (255, 255)
    small = im.convert("RGB").resize((min(im.width, 64), min(im.height, 64)))
    pixels = np.asarray(small, np.int16)
    colour = bool((pixels.max(axis=2) - pixels.min(axis=2)).mean() > 4)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return Look(im.height, im.width, colour, clear, float(edge.mean()))


def _image(looks: Sequence[Look]) -> dict[str, Any]:
    colour = sum(look.colour for look in looks) > len(looks) / 20
    found: dict[str, Any] = {"size": _size(looks), "mode": "rgb" if colour else "grey"}
    found["range"] = [0, 1]
    dark = sum(look.ground < 64 for look in looks) / len(looks)
    light = sum(look.ground > 191 for look in looks) / len(looks)
    # A colour picture is taken as it comes: turned into its negative, it would be another.
    if not colour or any(look.clear for look in looks):
        if dark > 0.9:
            found["background"] = "black"
        elif light > 0.9:
            found["background"] = "white"
    return found | {"fit": "contain"}


def _size(looks: Sequence[Look]) -> list[int]:
    """The size of all where it is one and small, else a usual one near the median."""
    sizes = {(look.height, look.width) for look in looks}
    if len(sizes) == 1 and max(one := sizes.pop()) <= LARGEST:
        return list(one)
    height = float(np.median([look.height for look in looks]))
    width = float(np.median([look.width for look in looks]))
    if 3 / 4 <= height / width <= 4 / 3:
        return [_usual(math.sqrt(height * width))] * 2
    longer = _usual(max(height, width))
    shorter = max(8, round(longer * min(height, width) / max(height, width) / 8) * 8)
    return [longer, shorter] if height > width else [shorter, longer]


def _usual(side: float) -> int:
    """The usual side nearest to one, by ratio."""
    return min(_SIDES, key=lambda usual: abs(math.log(usual / side)))


def _median(looks: Sequence[Look]) -> str:
    sides = ([look.height for look in looks], [look.width for look in looks])
    return "x".join(f"{float(np.median(side)):.0f}" for side in sides)


def _body(
    image: dict[str, Any],
    labels: Sequence[str],
    data: dict[str, Any],
    samples: int,
    augment: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    height, width = image["size"]
    channels = 3 if image["mode"] == "rgb" else 1
    nodes = of_pictures(height, width, len(labels))
    held_out = "test_share" in data
    return {
        "inputs": {"x": {"shape": [height, width, channels], "image": image}},
        **graph("x", nodes),
        "loss": {"type": "SoftmaxWithLoss"},
        "labels": list(labels),
        "data": data,
        "train": recipe(samples, lr=0.002, held_out=held_out, augment=augment),
    }


def of_idx(path: str, target: str | None) -> Found:
    """The files of a folder, or those named with commas between them."""
    names = [Path(part) for part in path.split(",")]
    if len(names) == 1 and names[0].is_dir():
        names = sorted(file for file in names[0].iterdir() if "idx" in file.name.lower())
        if not names:
            raise problem(path, "no file in it has idx in its name, as train-images-idx3-ubyte has")
    ranks = {name: read_idx(name).ndim for name in names}
    test = [name for name in names if name.name.lower().startswith(("t10k", "test", "val"))]
    data: dict[str, Any] = {"source": "idx"}
    for part, files in (("train", [n for n in names if n not in test]), ("test", test)):
        pictures = [name for name in files if ranks[name] > 1]
        answers = [name for name in files if ranks[name] == 1]
        if part == "test" and not files:
            continue
        if len(pictures) != 1 or len(answers) != 1:
            listed = ", ".join(name.name for name in files) or "none"
            what = f"one file of pictures and one of labels are expected for the {part} part"
            raise DatasetError(clipped(f"{shown(path)}: {what}, found {listed}"))
        data[f"{part}_images"] = os.fspath(pictures[0])
        data[f"{part}_labels"] = os.fspath(answers[0])
    images, classes = read_pair(data["train_images"], data["train_labels"])
    if images.shape[1] > LARGEST * 4 or images.shape[2] > LARGEST * 4:
        raise problem(data["train_images"], "its pictures are too large for a first network")
    count = int(classes.max()) + 1
    labels = one_of_each([str(k) for k in range(count)], "the file of labels", shown(path))
    labels.sort(key=int)
    edge = np.concatenate([images[:, 0].ravel(), images[:, -1].ravel()])
    height, width = images.shape[1:3]
    mode = "rgb" if images.ndim == 4 else "grey"
    image: dict[str, Any] = {"size": [height, width], "mode": mode, "range": [0, 1]}
    if images.ndim == 3 and (np.median(edge) < 64 or np.median(edge) > 191):
        image["background"] = "black" if np.median(edge) < 64 else "white"
    image["fit"] = "contain"
    doc = (
        f"{count} classes, the numbers of {Path(data['train_labels']).name}, in {len(images):,} "
        f"pictures of {height}x{width}, as {Path(data['train_images']).name} has them."
    )
    return Found(doc, _body(image, labels, data, len(images)), [])


def of_published(source: str) -> Found:
    """A data set that is known: nothing needs to be read."""
    from graphnet.data.digits import LABELS
    from graphnet.data.mnist import labels_of

    size = 8 if source == "digits" else 28
    labels = LABELS if source == "digits" else labels_of(source)
    image: dict[str, Any] = {"size": [size, size], "mode": "grey", "range": [0, 1]}
    image |= {"background": "black", "fit": "contain" if source == "fashion_mnist" else "digit"}
    if source == "digits":
        image["ink"] = 8
    samples = 1_437 if source == "digits" else 60_000
    doc = f"The {samples:,} training pictures of {source}, {size}x{size}; its test part judges."
    return Found(doc, _body(image, labels, {"source": source}, samples), [])
