"""A published data set of four samples, and a cache folder of each test's own."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from graphnet.data import mnist
from graphnet.data.dataset import Dataset

SMALL = {
    "train-images-idx3-ubyte": b"\0\0\x08\x03\0\0\0\x03\0\0\0\x02\0\0\0\x02" + bytes(range(12)),
    "train-labels-idx1-ubyte": b"\0\0\x08\x01\0\0\0\x03\x05\x00\x04",
    "t10k-images-idx3-ubyte": b"\0\0\x08\x03\0\0\0\x01\0\0\0\x02\0\0\0\x02" + bytes(range(4)),
    "t10k-labels-idx1-ubyte": b"\0\0\x08\x01\0\0\0\x01\x07",
}


class Small:
    """Files in MNIST's place, three training and one test picture of 2x2."""

    def __init__(self) -> None:
        self.files = SMALL
        self.zipped = {f"/{name}.gz": gzip.compress(data) for name, data in SMALL.items()}

    def put(self, folder: Path, *, packed: bool = False) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in SMALL.items():
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
        return folder

    def same(self, data: Dataset) -> bool:
        assert data.test is not None
        pictures = np.arange(12).reshape(3, 2, 2)
        return (
            np.array_equal(data.train.inputs["image"], pictures)
            and data.train.targets.tolist() == [5, 0, 4]
            and np.array_equal(data.test.inputs["image"], pictures[:1])
            and data.test.targets.tolist() == [7]
        )


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """The user's cache, of the test's own; no data sets named, no proxy before 127.0.0.1."""
    home = tmp_path / "home"
    home.mkdir()
    for variable in ("HOME", "USERPROFILE", "LOCALAPPDATA", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(home))
    monkeypatch.delenv("GRAPHNET_DATA", raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "*")
    return mnist.cache_dir()


@pytest.fixture
def small(monkeypatch, cache) -> Small:
    """The published set is the small one."""
    md5s = {n: hashlib.md5(c, usedforsecurity=False).hexdigest() for n, c in SMALL.items()}
    published = mnist._PUBLISHED["mnist"]._replace(md5s=md5s)
    monkeypatch.setitem(mnist._PUBLISHED, "mnist", published)
    return Small()
