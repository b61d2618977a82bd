"""The digits inside the package, and the sample pictures made from them."""

from __future__ import annotations

import hashlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from graphnet.data import digits
from graphnet.data.dataset import Dataset, Split
from graphnet.data.digits import load_digits
from graphnet.errors import DatasetError

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def test_1437_train_and_360_test_digits_of_8_by_8():
    data = load_digits()
    assert data.name == "digits"
    assert data.labels == ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")
    assert data.test is not None
    assert (len(data.train), len(data.test)) == (1437, 360)
    for split in (data.train, data.test):
        assert list(split.inputs) == ["image"]
        assert split.inputs["image"].shape == (len(split), 8, 8)
        assert split.inputs["image"].dtype == np.uint8
        assert split.targets.dtype == np.int64
    assert np.bincount(data.test.targets).tolist() == [36] * 10
    assert np.bincount(data.train.targets).tolist() == [
        142, 146, 141, 147, 145, 146, 145, 143, 138, 144,
    ]  # fmt: skip


def test_pixels_are_17_levels_from_0_to_255():
    assert np.unique(load_digits().train.inputs["image"]).tolist() == [
        round(v * 255 / 16) for v in range(17)
    ]


def test_the_split_is_fixed():
    data = load_digits()
    assert data.test is not None
    sums = [
        hashlib.md5(split.inputs["image"].tobytes() + split.targets.tobytes()).hexdigest()
        for split in (data.train, data.test)
    ]
    assert sums == ["cfc34850356fe7cddddba9e2428858ca", "687ce5bcc938e56ae9a33d41557f9a41"]


def test_no_test_picture_is_among_the_training_pictures():
    data = load_digits()
    assert data.test is not None
    train = {picture.tobytes() for picture in data.train.inputs["image"]}
    assert not any(picture.tobytes() in train for picture in data.test.inputs["image"])


def test_each_load_is_the_callers_own():
    first = load_digits()
    first.train.inputs["image"][:] = 0
    assert load_digits().train.inputs["image"].any()


def test_a_damaged_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "FOLDER", tmp_path)
    with pytest.raises(DatasetError, match=r"train-labels-idx1-ubyte\.gz: no such file"):
        load_digits()


def test_readme_says_source_licence_and_split():
    text = (digits.FOLDER / "README.md").read_text(encoding="utf-8")
    for said in ("10.24432/C50P49", "CC BY 4.0", "Alpaydin", "Kaynak", "36 of each", "255 / 16"):
        assert said in text


def test_sample_pictures_show_test_digits_by_name():
    data = load_digits()
    assert data.test is not None
    pictures = sorted((ROOT / "examples" / "digits").iterdir())
    sizes = []
    for path in pictures:
        digit = NAMES.index(path.stem.split("_")[0])
        with Image.open(path) as picture:
            sizes.append(picture.size)
            if picture.size == (8, 8):
                same = (data.test.inputs["image"] == np.asarray(picture)).all(axis=(1, 2))
                assert data.test.targets[same].tolist() == [digit]
    assert sizes.count((8, 8)) == 6
    assert sizes.count((200, 160)) == 4


@pytest.mark.skipif(
    importlib.util.find_spec("sklearn") is None, reason="scikit-learn is not installed"
)
def test_the_script_would_write_the_same_files_again():
    script = ROOT / "scripts" / "make_digits.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.returncode == 0


def test_a_split_has_one_target_a_sample():
    pictures = np.zeros((3, 8, 8), np.uint8)
    assert len(Split({"image": pictures}, np.arange(3))) == 3
    with pytest.raises(DatasetError, match="input 'image' has 3 samples, but there are 2 targets"):
        Split({"image": pictures}, np.arange(2))


def test_a_dataset_may_lack_test_part_and_labels():
    data = Dataset("mine", Split({"x": np.zeros((2, 5))}, np.arange(2)))
    assert data.test is None
    assert data.labels is None
