"""Samples and weights as a person looks at them, and where samples for a report come from."""

import numpy as np
import pytest
from checkout import ROOT

from graphnet.draw.bitmaps import MINUS, PLUS, ZERO
from graphnet.errors import DatasetError, SpecError
from graphnet.prepare.image import ImagePreparation
from graphnet.report.given import parts_in
from graphnet.report.showing import Picture, Words, inputs_shown
from graphnet.report.weights import first_weights, heat
from graphnet.report.writing import written
from graphnet.spec.image import ImageSpec

MODELS = ROOT / "models"


def test_a_picture_is_the_pixels_that_were_prepared(rng, network):
    image = {"size": [3, 4], "mode": "rgb", "range": [-1, 1], "mean": [0.1, 0.2, 0.3]}
    image["std"] = [0.5, 0.6, 0.7]
    given = {"x": {"shape": [36], "image": image}}
    nodes = [{"id": "affine", "type": "Affine", "units": 2}]
    net = network(nodes, [["x", "affine"]], inputs=given, dtype="float32")
    pixels = rng.integers(0, 256, (1, 3, 4, 3)).astype(np.uint8)
    x = ImagePreparation(ImageSpec.model_validate(image), (36,))
    shown = inputs_shown(net, {"x": x.numbers(pixels)[0]})["x"]
    assert isinstance(shown, Picture)
    assert np.array_equal(shown.pixels, pixels[0])


def test_a_row_and_a_line_are_what_stood_in_the_file(trained):
    iris = trained("iris", 3)
    cells = inputs_shown(iris.net, {"x": iris.data.train.inputs["x"][0]})["x"].cells
    assert cells[0][0] == "sepal_length"
    assert float(cells[0][1]) == pytest.approx(round(float(cells[0][1]), 1), abs=1e-5)
    lines = trained("char_lstm")
    text = inputs_shown(lines.net, {"x": lines.data.train.inputs["x"][0]})["x"]
    assert isinstance(text, Words)
    assert " = " in text.text


def test_weights_are_one_picture_a_kernel_or_unit(trained):
    digits = first_weights(trained("digits", 3).net)
    assert (digits.node, len(digits.tiles), digits.tiles[0].pixels.shape) == (
        "affine1",
        50,
        (8, 8, 3),
    )
    kernels = first_weights(trained("autoencoder").net)
    assert (kernels.node, len(kernels.tiles), kernels.tiles[0].pixels.shape) == (
        "conv1",
        16,
        (3, 3, 3),
    )
    matrix = first_weights(trained("iris", 3).net)
    assert [tile.pixels.shape for tile in matrix.tiles] == [(4, 16, 3)]


def test_nothing_is_white_and_the_ends_have_their_colours():
    found = heat(np.array([[-2.0, 0.0, 2.0]]), 2.0)[0]
    assert [tuple(colour) for colour in found.tolist()] == [MINUS, ZERO, PLUS]
    assert heat(np.zeros((1, 1)), 0.0).tolist() == [[list(ZERO)]]


def test_data_are_a_spec_a_name_or_a_file(trained, model, tmp_path):
    net = trained("iris", 3).net
    of_spec = parts_in(net, str(MODELS / "iris.json"))
    assert (of_spec.judged, of_spec.feed.samples) == ("test", 30)
    of_file = parts_in(net, f"csv:{MODELS / 'data' / 'iris.csv'}")
    assert (of_file.judged, of_file.feed.samples) == ("given", 150)
    lines = parts_in(trained("char_lstm").net, f"lines:{MODELS / 'data' / 'dates.txt'}")
    assert lines.judged == "given"
    assert parts_in(trained("digits", 3).net, "digits").feed.samples == 360
    with pytest.raises(SpecError, match=r"source 'digits' gives pictures"):
        parts_in(net, "digits")
    for text in ("nothing", "csv:", "ftp:x", "csv"):
        with pytest.raises(SpecError, match=r"--data '.*': it must be a spec\.json, digits"):
            parts_in(net, text)
    (tmp_path / "two.csv").write_text("sepal_length,sepal_width,petal_length,petal_width,a,b\n")
    with pytest.raises(DatasetError, match=r"to hold the target; found 'a', 'b'"):
        parts_in(net, f"csv:{tmp_path / 'two.csv'}")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.0123456, "0.012346"),
        (-5037.84, "-5,037.8"),
        (143353.2, "143,353"),
        (1.0, "1"),
        (120.0, "120"),
        (1e-7, "1e-07"),
        (2.5e12, "2.5e+12"),
        (99999.96, "100,000"),
    ],
)
def test_numbers_are_written_to_five_digits(value, text):
    assert written(value) == text
