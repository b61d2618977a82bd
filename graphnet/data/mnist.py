"""MNIST and Fashion-MNIST: found on this machine, or downloaded once into the user's cache."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from graphnet.data.dataset import IMAGE, Dataset, Split
from graphnet.data.idx import read_idx, read_pair
from graphnet.errors import DatasetError, clipped
from graphnet.prepare.files import problem, shown

Variant = Literal["mnist", "fashion_mnist"]
Progress = Callable[[str, int, int | None], None]
"""Called as (file, bytes so far, bytes in all or None) while a file is downloaded."""

ENVIRONMENT = "GRAPHNET_DATA"
"""The environment variable that names a folder of data sets."""

TIMEOUT = 20.0
"""Seconds without an answer after which a mirror is given up."""
LARGEST_DOWNLOAD = 64 * 2**20
"""Bytes; the largest of the files has 47 MB uncompressed."""


class _Published(NamedTuple):
    """One data set as its makers publish it: MD5 of each file's uncompressed bytes, by name."""

    md5s: Mapping[str, str]
    mirrors: tuple[str, ...]
    labels: tuple[str, ...]


_PUBLISHED: dict[str, _Published] = {
    "mnist": _Published(
        {
            "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
            "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
            "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
            "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
        },
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist",
            "https://storage.googleapis.com/cvdf-datasets/mnist",
            "https://yann.lecun.com/exdb/mnist",
        ),
        tuple("0123456789"),
    ),
    # The publisher gives the sums of the .gz files (8d4fb7e6..., 25c81989..., bef4ecab...,
    # bb300cfd...); these are the sums of what gunzip makes of them, so that a file that was
    # unpacked or compressed anew is known too.
    "fashion_mnist": _Published(
        {
            "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
            "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
            "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
            "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
        },
        (
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
            # Plain http: the sum is the guard, here as everywhere.
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        ),
        (
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
    ),
}


def labels_of(variant: str) -> tuple[str, ...]:
    """The names of the classes of `mnist` or `fashion_mnist`."""
    return _PUBLISHED[variant].labels


def load_mnist(
    variant: Variant,
    data_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    *,
    mirrors: Sequence[str] | None = None,
) -> Dataset:
    """60,000 training and 10,000 test pictures in ten classes.

    Each of the four files, plain or .gz, is looked for in `data_dir` and `data_dir`/VARIANT,
    `$GRAPHNET_DATA`/VARIANT and the user's cache, then downloaded into the cache from the
    first mirror that has it; `mirrors` takes the place of the published ones (none: no
    download). The first file found counts: a wrong one is an error, never passed over.

    Shapes: image (N, 28, 28) uint8; targets (N,) int64
    Units: pixels 0-255, light on a dark ground.
    Errors: DatasetError where `data_dir` is no folder, where a file's MD5 (of the uncompressed
    bytes) is not the published one, and where nothing answers.
    """
    published = _PUBLISHED[variant]
    if data_dir is not None and not Path(data_dir).is_dir():
        raise problem(data_dir, f"no such folder: name one that holds {variant}'s files (data_dir)")
    mirrors = published.mirrors if mirrors is None else mirrors
    paths = {
        name: _found(variant, name, data_dir) or _downloaded(variant, name, mirrors, progress)
        for name in published.md5s
    }

    def split(part: str) -> Split:
        images, labels = f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte"
        md5s = published.md5s[images], published.md5s[labels]
        pictures, targets = read_pair(paths[images], paths[labels], md5s=md5s)
        return Split({IMAGE: pictures}, targets)

    return Dataset(variant, split("train"), split("t10k"), published.labels)


def cache_dir() -> Path:
    """The user's folder for what can be fetched again: where downloads are kept.

    Errors: DatasetError where the system names no such folder.
    """
    # The systems' own variables; XDG says that a relative path there does not count.
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    named = os.environ.get(variable, "")
    if sys.platform != "darwin" and os.path.isabs(named):
        return Path(named, "graphnet")
    below = {"win32": ("AppData", "Local"), "darwin": ("Library", "Caches")}
    try:
        return Path.home().joinpath(*below.get(sys.platform, (".cache",)), "graphnet")
    except RuntimeError:
        raise DatasetError(
            f"no home folder to keep downloads in: name a folder of data sets in ${ENVIRONMENT}"
        ) from None


def _found(variant: str, name: str, data_dir: str | os.PathLike[str] | None) -> Path | None:
    for folder in _folders(variant, data_dir):
        for path in (folder / name, folder / f"{name}.gz"):
            # A broken link counts as found: reading it says so.
            if os.path.lexists(path):
                return path
    return None


def _folders(variant: str, data_dir: str | os.PathLike[str] | None) -> Iterator[Path]:
    if data_dir is not None:
        yield Path(data_dir, variant)
        yield Path(data_dir)
    if named := os.environ.get(ENVIRONMENT):
        yield Path(named, variant)
    yield cache_dir() / variant


def _downloaded(variant: str, name: str, mirrors: Sequence[str], progress: Progress | None) -> Path:
    """The file in the cache, from the first mirror whose copy has the published sum."""
    import tempfile
    from http.client import HTTPException

    folder = cache_dir() / variant
    why = "no mirror to ask"
    for mirror in mirrors:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(".part", f"{name}.", folder)
            os.close(handle)
        except OSError as error:
            raise problem(
                folder,
                f"cannot keep a download: {error.strerror or error}; name a folder that holds "
                f"the files with --data-dir or ${ENVIRONMENT}",
            ) from error
        try:
            _download(f"{mirror}/{name}.gz", Path(part), name, progress)
            return _kept(Path(part), folder / f"{name}.gz", _PUBLISHED[variant].md5s[name])
        except (OSError, HTTPException, ValueError, DatasetError) as error:
            said = str(getattr(error, "reason", error)).removeprefix(f"{shown(part)}: ")
            why = f"{mirror}: {said}"
        finally:
            Path(part).unlink(missing_ok=True)
    raise _nowhere(variant, folder, why)


def _download(url: str, target: Path, name: str, progress: Progress | None) -> None:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    request = Request(url, headers={"User-Agent": "graphnet"})
    try:
        answer = urlopen(request, timeout=TIMEOUT)
    except HTTPError as error:
        error.close()
        raise
    with answer, target.open("wb") as file:
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isascii() and length.isdigit() else None
        done = 0
        while True:
            if progress is not None:
                progress(name, done, total)
            piece = answer.read(2**17)
            if not piece:
                return
            done += len(piece)
            if done > LARGEST_DOWNLOAD:
                raise DatasetError(f"sends more than {LARGEST_DOWNLOAD} bytes")
            file.write(piece)


def _kept(part: Path, path: Path, md5: str) -> Path:
    """The checked download under its name: other processes see all of it or nothing."""
    read_idx(part, md5=md5)
    try:
        part.replace(path)
    except PermissionError:
        # Windows: another process reads the same file, which it has just put there itself.
        if not path.exists():
            raise
    return path


def _nowhere(variant: str, folder: Path, why: str) -> DatasetError:
    *names, last = _PUBLISHED[variant].md5s
    return DatasetError(
        clipped(
            f"{variant}: its files were not found and could not be downloaded: put "
            f"{', '.join(names)} and {last} (or .gz) into {shown(folder)}, or name their folder "
            f"with --data-dir (last tried: {why})"
        )
    )
