"""What a reader is told in words, and what tells runs, samples and pictures apart."""

import json

import numpy as np
import pytest
from page_checks import checked
from PIL import Image

import graphnet as gn
from graphnet.errors import DatasetError
from graphnet.report.compare import Run, html_compare, numbered
from graphnet.report.preparation import CHANGES, changes_in_words, picture_in_words
from graphnet.spec.families import AUGMENTS
from graphnet.spec.image import ImageSpec


def test_runs_of_one_title_are_numbered_and_all_are_drawn(trained):
    net = trained("digits", 3).net
    runs = [Run("b", net, 10), Run("b", net, 10), Run("c", net, 10)]
    assert [run.title for run in numbered(runs)] == ["b", "b (2)", "c"]
    page = checked(html_compare(runs))
    assert page.text.count("b (2)") >= 2
    assert "3 networks" in page.text


def test_every_change_of_pictures_has_words():
    assert set(CHANGES) == set(AUGMENTS)
    for kind, cls in AUGMENTS.items():
        one = {"Shift": {"pixels": 2}, "Rotate": {"degrees": 5}, "Scale": {"range": [0.9, 1.1]}}
        one |= {"Shear": {"degrees": 5}, "Flip": {}, "Noise": {"std": 0.1}}
        words = changes_in_words([cls.model_validate({"type": kind, **one[kind]})])
        assert "{" not in words
        assert len(words) > 10


def test_a_picture_is_told_step_by_step():
    image = ImageSpec(size=(8, 6), mode="rgb", range=(0.0, 2.0), background="black", fit="stretch")
    words = " ".join(f"{step} {what}" for step, what in picture_in_words(image))
    for said in ("8", "6", "black", "stretch", "2"):
        assert said in words


def test_samples_of_a_folder_are_called_by_their_files(tmp_path, rng):
    for kind in ("dark", "light"):
        (tmp_path / "p" / kind).mkdir(parents=True)
        for i in range(10):
            pixels = rng.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "p" / kind / f"{i:02}.png")
    values = {
        "format": 1,
        "name": "shades",
        "inputs": {"x": {"shape": [8, 8, 1], "image": {"size": [8, 8]}}},
        "nodes": [{"id": "flat", "type": "Flatten"}, {"id": "out", "type": "Affine", "units": 2}],
        "edges": [["x", "flat", "out"]],
        "loss": {"type": "SoftmaxWithLoss"},
        "data": {"source": "folder", "train": "p", "test_share": 0.5},
        "train": {"epochs": 1},
    }
    spec = gn.parse_spec(json.dumps(values))
    data = gn.load_data(spec, tmp_path)
    assert data.test.names[0].startswith("dark/")
    net = gn.build(spec)
    for _ in gn.fit(net, data):
        pass
    # Noise teaches nothing: some answers are wrong.
    assert ".png" in checked(gn.html_report(net, data)).text


def test_names_are_as_many_as_samples():
    with pytest.raises(DatasetError, match="1 names for 2 samples"):
        gn.Split({"x": np.zeros((2, 1))}, np.zeros(2), names=["a"])
