"""The data set that a spec names."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from graphnet.data.dataset import IMAGE, Dataset, Split
from graphnet.data.room import bytes_of, require_room
from graphnet.errors import DatasetError, quoted
from graphnet.spec.graph import GraphSpec
from graphnet.spec.prepared import Prepared
from graphnet.spec.sources import Csv, DataSpec, Folder, Idx, Lines, Npy, Npz


def load_data(
    spec: GraphSpec,
    folder: str | os.PathLike[str] = ".",
    data_dir: str | os.PathLike[str] | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
    prepare: Prepared | None = None,
) -> Dataset:
    """The data set of `spec.data`.

    folder: what relative paths of the spec start from, its own folder. data_dir: where `mnist`
    and `fashion_mnist` are looked for first. progress(file, bytes, of) is called in a download,
    and while a large CSV is read that will be a stream.
    prepare: what an earlier training was fitted to (`net.prepare`), used as it is; None: column
    statistics, labels and vocabularies are fitted to the train part.
    Errors: DatasetError.
    """
    if not isinstance(spec, GraphSpec):
        what = f"load_data takes a GraphSpec, found {quoted(spec)}: gn.read_spec(path) gives one"
        raise DatasetError(what)
    data = spec.data
    if data is None:
        raise DatasetError(f"{spec.name}: the spec has no 'data': say where samples come from")
    if data.source == "digits":
        from graphnet.data.digits import load_digits

        return load_digits()
    if getattr(data, "stream", False):
        return _streamed(spec, data, Path(folder), prepare, progress)
    if isinstance(data, Idx):
        return _idx(data, Path(folder))
    if isinstance(data, Csv):
        from graphnet.data.table import load_csv

        return load_csv(spec, data, Path(folder), prepare)
    if isinstance(data, Folder):
        from graphnet.data.folder import load_folder

        return load_folder(spec, data, Path(folder), prepare)
    if isinstance(data, (Npz, Npy)):
        from graphnet.data.arrays import load_arrays

        return load_arrays(spec, data, Path(folder), prepare)
    if isinstance(data, Lines):
        from graphnet.data.lines import load_lines

        return load_lines(spec, data, Path(folder), prepare)
    from graphnet.data.mnist import load_mnist

    place = Path(data_dir) if data_dir is not None else None
    return load_mnist("mnist" if data.source == "mnist" else "fashion_mnist", place, progress)


def _streamed(
    spec: GraphSpec,
    data: DataSpec,
    folder: Path,
    prepare: Prepared | None,
    progress: Callable[[str, int, int | None], None] | None,
) -> Dataset:
    """Samples that stay in their files."""
    if isinstance(data, Csv):
        from graphnet.data.streams.table import stream_csv

        return stream_csv(spec, data, folder, prepare, progress)
    if isinstance(data, Folder):
        from graphnet.data.streams.folder import stream_folder

        return stream_folder(spec, data, folder, prepare)
    from graphnet.data.streams.arrays import stream_idx, stream_npy

    if isinstance(data, Npy):
        return stream_npy(spec, data, folder, prepare)
    assert isinstance(data, Idx)
    return stream_idx(spec, data, folder)


def _idx(data: Idx, folder: Path) -> Dataset:
    from graphnet.data.idx import read_pair

    for images in filter(None, (data.train_images, data.test_images)):
        require_room(folder / images, bytes_of(folder / images))
    pictures, targets = read_pair(folder / data.train_images, folder / data.train_labels)
    train, test = Split({IMAGE: pictures}, targets), None
    if data.test_images is not None and data.test_labels is not None:
        pictures, targets = read_pair(folder / data.test_images, folder / data.test_labels)
        test = Split({IMAGE: pictures}, targets)
    return Dataset("idx", train, test)
