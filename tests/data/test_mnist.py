"""MNIST: where its files are looked for, what is in them and what is refused."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from graphnet.data import mnist
from graphnet.data.mnist import load_mnist
from graphnet.errors import DatasetError

ROOT = Path(__file__).resolve().parents[2]
IMAGES = "train-images-idx3-ubyte"


@pytest.mark.parametrize("packed", [False, True])
def test_looks_in_data_dir_then_environment_then_cache(tmp_path, monkeypatch, cache, packed, small):
    def load(data_dir: Path | None = None) -> mnist.Dataset:
        return load_mnist("mnist", data_dir, mirrors=())

    small.put(cache / "mnist", packed=packed)
    assert small.same(load())
    # What is found first counts: damage there shows which place was read.
    named = small.put(tmp_path / "named" / "mnist", packed=packed)
    monkeypatch.setenv("GRAPHNET_DATA", str(named.parent))
    (cache / "mnist" / IMAGES).write_bytes(b"cache")
    assert small.same(load())
    direct = small.put(tmp_path / "given", packed=packed)
    (named / IMAGES).write_bytes(b"named")
    assert small.same(load(direct))
    below = small.put(direct / "mnist", packed=packed)
    (direct / IMAGES).write_bytes(b"direct")
    assert small.same(load(direct))
    (below / IMAGES).write_bytes(b"below")
    with pytest.raises(DatasetError, match="not an IDX file"):
        load(direct)


def test_a_wrong_sum_is_an_error_and_not_the_next_place(tmp_path, cache, small):
    small.put(cache / "mnist")
    folder = small.put(tmp_path / "given")
    content = bytearray(small.files[IMAGES])
    content[-1] ^= 1
    (folder / IMAGES).write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        load_mnist("mnist", folder)
    found, expected = (
        hashlib.md5(c, usedforsecurity=False).hexdigest() for c in (content, small.files[IMAGES])
    )
    assert str(caught.value) == (
        f"{folder / IMAGES}: the MD5 of its uncompressed bytes is {found}, expected {expected}: "
        "it is not the published file; remove it and fetch it again"
    )


def test_a_data_dir_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DatasetError, match="typo: no such folder: name one that holds mnist's"):
        load_mnist("mnist", tmp_path / "typo")


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_broken_link_is_named(tmp_path, small):
    folder = small.put(tmp_path / "given")
    (folder / IMAGES).unlink()
    (folder / IMAGES).symlink_to(tmp_path / "gone")
    with pytest.raises(DatasetError, match="train-images-idx3-ubyte: no such file"):
        load_mnist("mnist", folder)


@pytest.mark.parametrize(
    ("platform", "variables", "below"),
    [
        ("linux", {}, ".cache/graphnet"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, ".cache/graphnet"),
        ("linux", {"XDG_CACHE_HOME": "{home}/xdg"}, "xdg/graphnet"),
        ("darwin", {"XDG_CACHE_HOME": "{home}/xdg"}, "Library/Caches/graphnet"),
        ("win32", {}, "AppData/Local/graphnet"),
        ("win32", {"LOCALAPPDATA": "{home}/local"}, "local/graphnet"),
    ],
)
def test_the_cache_is_where_the_system_keeps_caches(
    tmp_path, cache, monkeypatch, platform, variables, below
):
    monkeypatch.setattr(mnist.sys, "platform", platform)
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable)
    assert cache.is_relative_to(tmp_path / "home")
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value.format(home=tmp_path / "home"))
    assert mnist.cache_dir() == tmp_path / "home" / below


def test_every_set_names_four_files_ten_classes_and_https_first(small):
    assert set(mnist._PUBLISHED) == {"mnist", "fashion_mnist"}
    for published in mnist._PUBLISHED.values():
        assert list(published.md5s) == list(small.files)
        assert all(len(md5) == 32 for md5 in published.md5s.values())
        assert len(set(published.labels)) == 10
        assert published.mirrors[0].startswith("https://")
        assert len(published.mirrors) >= 3


def test_importing_it_imports_nothing_that_talks_to_the_network():
    code = (
        "import sys, graphnet.data.mnist, graphnet.data.digits; "
        "print([m for m in ('urllib.request', 'http.client', 'ssl') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.fixture
def real_mnist() -> Path:
    """The folder that holds mnist/, named in the environment or beside the repository."""
    named = os.environ.get("GRAPHNET_DATA")
    for folder in ([Path(named)] if named else []) + [ROOT.parent / "shared" / "data"]:
        if (folder / "mnist").is_dir():
            return folder
    pytest.skip("no MNIST: name its folder in GRAPHNET_DATA, or put it into ../shared/data")


def test_the_whole_of_mnist(real_mnist):
    data = load_mnist("mnist", real_mnist, mirrors=())
    assert data.test is not None
    assert data.name == "mnist"
    assert data.labels == tuple("0123456789")
    assert data.train.inputs["image"].shape == (60000, 28, 28)
    assert data.test.inputs["image"].shape == (10000, 28, 28)
    assert data.train.targets[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(data.test.targets).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
