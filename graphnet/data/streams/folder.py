"""Streams of pictures: decoded by several threads when they are asked for."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from graphnet.data.dataset import IMAGE, Dataset
from graphnet.data.folder import Found, Named, found_parts, labels_of, preparation_of
from graphnet.data.streams.base import Array, Form, Held, Range, Stream, Streamed, Taken
from graphnet.data.targets import Complaints, answers
from graphnet.errors import ImageError, ImageTooLargeError
from graphnet.prepare.files import shown
from graphnet.prepare.image import ImagePreparation, Pixels
from graphnet.prepare.picture import read_picture
from graphnet.spec.graph import GraphSpec
from graphnet.spec.prepared import Prepared
from graphnet.spec.sources import Folder

DECODERS = min(8, os.cpu_count() or 1)
_WINDOW = 4096


class PictureStream(Stream):
    """Pictures in files, each as `infer` prepares it; what is kept of one is its name and its
    answer.

    They lie anywhere on a disk, so any order is as quick: all are shuffled together.
    """

    def __init__(
        self, found: Found, named: Named, prepared: Prepared, where: str, of: ImagePreparation
    ) -> None:
        self._paths, self._preparation = found.paths, of
        self.samples, self.fitted, self.names = len(found.paths), True, found.names
        self.inputs = {IMAGE: Form(of.image.shapes[0], np.dtype(np.uint8))}
        targets = answers(named, found.cells, prepared, found.places, where)
        self._targets = targets if isinstance(targets, Mapping) else {named[0][0].name: targets}
        self.bytes_each = int(np.prod(of.image.shapes[0]))
        self.block, self.window = 1, _WINDOW
        # Decoders let other threads run.
        self._pool = ThreadPoolExecutor(DECODERS, "graphnet-decoder")

    def hold(self, ranges: Sequence[Range]) -> Held:
        return _Pictures(self, np.concatenate([np.arange(*one) for one in ranges]))

    def answers(self, ranges: Sequence[Range]) -> dict[str, Array]:
        numbers = np.concatenate([np.arange(*one) for one in ranges])
        return {name: array[numbers] for name, array in self._targets.items()}

    def pictures(self, numbers: Array) -> Taken:
        """Some samples, decoded.

        Errors: DatasetError with the files that are no pictures.
        """
        pixels = np.empty((len(numbers), *self._preparation.image.shapes[0]), np.uint8)
        complaints = Complaints()
        paths = (self._paths[number] for number in numbers.tolist())
        for i, picture in enumerate(self._pool.map(self._picture, paths, chunksize=8)):
            if isinstance(picture, str):
                complaints.add(picture)
            else:
                pixels[i] = picture
        complaints.done()
        return {IMAGE: pixels}, {name: array[numbers] for name, array in self._targets.items()}

    def place(self, sample: int) -> str:
        return shown(self._paths[sample])

    def fingerprint(self) -> str:
        """Of the pictures' names, the sizes of their files, and the answers."""
        assert self.names is not None
        digest = hashlib.sha256()
        for name, path in zip(self.names, self._paths, strict=True):
            digest.update(f"{name}\n{path.stat().st_size}\n".encode("utf-8", "surrogateescape"))
        for array in self._targets.values():
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def _picture(self, path: Path) -> Pixels | str:
        try:
            return self._preparation.picture(read_picture(path))
        except (ImageError, ImageTooLargeError) as e:
            return str(e)


class _Pictures(Held):
    def __init__(self, stream: PictureStream, numbers: Array) -> None:
        self._stream, self._numbers = stream, numbers

    def take(self, at: Array, into: Mapping[str, Array] | None = None) -> Taken:
        return self._stream.pictures(self._numbers[at])


def stream_folder(
    spec: GraphSpec, data: Folder, folder: Path, fitted: Prepared | None = None
) -> Dataset:
    """The pictures of a folder, in the parts that they have in memory.

    Errors: DatasetError with the file, ten of them at most.
    """
    named, where, train, test = found_parts(spec, data, folder)
    prepared = fitted or labels_of(named, where, train)
    preparation = preparation_of(spec)

    def part(found: Found) -> Streamed:
        return Streamed(PictureStream(found, named, prepared, where, preparation))

    return Dataset("folder", part(train), part(test) if test else None, prepare=prepared)
