"""Values above the arrows and gradients below: the book's numbers, images and heat maps."""

import io
import re
from base64 import b64decode
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from draw_graphs import overlaps
from PIL import Image

from graphnet.builder import build
from graphnet.draw import drawn, numbers_of, svg_of
from graphnet.draw.bitmaps import (
    MINUS,
    NOT_FINITE,
    NOWHERE,
    PLUS,
    ZERO,
    heat_map,
    image_of,
    range_of,
)
from graphnet.draw.card import Bitmap, Line
from graphnet.draw.details import details_of
from graphnet.draw.picture import Picture
from graphnet.draw.words import number_text
from graphnet.errors import ShapeError
from graphnet.network import Network
from graphnet.spec.image import ImageSpec
from graphnet.spec.reader import check_values, read_spec

MODELS = Path(__file__).parents[2] / "models"


def net_of(name: str) -> Network:
    return build(read_spec(MODELS / f"{name}.json"))


def texts(picture: Picture, role: str) -> dict[str, str]:
    """What is written in this role, by the name whose arrow it stands on."""
    return {
        note.name: note.label.text
        for note in picture.notes
        if isinstance(note.label, Line) and note.label.role == role
    }


def pixels(bitmap: Bitmap) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(b64decode(bitmap.uri.partition(",")[2]))))


def test_apple_orange_shows_the_numbers_of_figure_5_17() -> None:
    net = net_of("apple_orange")
    picture = drawn(net.graph, numbers=numbers_of(net, {}))
    assert texts(picture, "value") == {
        "apple_num": "2",
        "apple": "100",
        "orange": "150",
        "orange_num": "3",
        "tax": "1.1",
        "apple_price": "200",
        "orange_price": "450",
        "all_price": "650",
        "price": "715",
    }
    assert texts(picture, "grad") == {
        "apple_num": "110",
        "apple": "2.2",
        "orange": "3.3",
        "orange_num": "165",
        "tax": "650",
        "apple_price": "1.1",
        "orange_price": "1.1",
        "all_price": "1.1",
        "price": "1",
    }
    assert overlaps(picture) == []


def test_sigmoid_steps_shows_the_numbers_of_figure_5_20() -> None:
    net = net_of("sigmoid_steps")
    picture = drawn(net.graph, numbers=numbers_of(net, {"x": 1.0}))
    y = 1 / (1 + np.exp(-1))
    assert texts(picture, "value")["reciprocal"] == f"{y:.5g}"
    grads = texts(picture, "grad")
    assert grads["reciprocal"] == "1"
    assert grads["plus_one"] == grads["exp"] == grads["one"] == f"−{y**2:.5g}"
    assert grads["neg"] == f"−{y * (1 - y):.5g}"
    assert grads["x"] == f"{y * (1 - y):.5g}"


def test_values_stand_above_their_arrow_and_gradients_below() -> None:
    net = net_of("apple_orange")
    picture = drawn(net.graph, numbers=numbers_of(net, {}))
    start = {route.name: route.start for route in reversed(picture.routes)}
    for note in picture.notes:
        x, y = start[note.name]
        assert note.box.x >= x - 3
        assert note.box.y >= y if note.below else note.box.y + note.box.height <= y


def test_only_what_is_asked_for_is_written() -> None:
    net = net_of("apple")
    numbers = numbers_of(net, {})
    assert texts(drawn(net.graph, numbers=numbers, grads=False), "grad") == {}
    assert texts(drawn(net.graph, numbers=numbers, values=False), "value") == {}
    assert texts(drawn(net_of("digits").graph), "shape") == {
        "x": "64",
        "affine1": "50",
        "relu1": "50",
        "affine2": "10",
    }


@pytest.mark.parametrize("name", ["digits", "residual", "two_inputs", "autoencoder"])
def test_nothing_overlaps_with_numbers(name: str, rng: np.random.Generator) -> None:
    net = net_of(name)
    inputs = {n: rng.uniform(size=given.shape) for n, given in net.spec.inputs.items()}
    assert overlaps(drawn(net.graph, numbers=numbers_of(net, inputs))) == []


def test_gradients_are_those_of_the_weighted_sum_of_the_losses(rng: np.random.Generator) -> None:
    values = {
        "format": 1,
        "name": "two",
        "dtype": "float64",
        "inputs": {"x": {"shape": [3]}},
        "nodes": [
            {"id": "a", "type": "Affine", "units": 4},
            {"id": "b", "type": "Tanh"},
            {"id": "c", "type": "Affine", "units": 2},
        ],
        "edges": [["x", "a", "b", "c"]],
        "outputs": ["c"],
        "losses": [
            {"type": "SoftmaxWithLoss", "on": "c", "weight": 2},
            {"type": "MeanSquaredError", "on": "b", "target": "u", "weight": 0.5},
        ],
    }
    net = build(check_values(values).spec)
    x, u = rng.normal(size=3), rng.normal(size=4)
    targets = {0: np.array(1), 1: u}
    found = numbers_of(net, {"x": x}, targets)
    assert found.of == "the loss"

    def loss(x: np.ndarray) -> float:
        one, two = numbers_of(net, {"x": x}, targets).losses
        return 2 * one + 0.5 * two

    assert loss(x) == pytest.approx(net.loss(x, {"t": 1, "u": u}))
    for i in range(3):
        step = np.eye(3)[i] * 1e-6
        slope = (loss(x + step) - loss(x - step)) / 2e-6
        assert found.grads["x"][i] == pytest.approx(slope, rel=1e-6)


def test_without_a_target_each_output_gets_1() -> None:
    net = net_of("digits")
    found = numbers_of(net, {"x": np.ones(64)})
    assert found.of == "affine2"
    assert found.losses == ()
    assert found.grads["affine2"] == pytest.approx(np.ones(10))


def test_what_comes_back_along_each_arrow_adds_up(rng: np.random.Generator) -> None:
    net = net_of("residual")
    found = numbers_of(net, {"x": rng.uniform(size=(8, 8, 1))}, {0: np.array(3)})
    assert [node for node, _ in found.back["start/relu"]] == ["stage1/1/first/conv", "stage1/1/add"]
    for name, parts in found.back.items():
        total = sum(grad for _, grad in parts)
        assert found.grads[name] == pytest.approx(total, rel=1e-5, abs=1e-7)
    assert set(found.back) == {"start/relu", "stage1/1/relu2", "wider/relu", "stage2/1/relu2"}


def test_a_number_times_itself_comes_back_along_both_arrows() -> None:
    values = {
        "format": 1,
        "name": "square",
        "dtype": "float64",
        "inputs": {"x": {"shape": [], "value": 3}},
        "nodes": [{"id": "square", "type": "Mul"}],
        "edges": [["x", "square"], ["x", "square"]],
    }
    net = build(check_values(values).spec)
    found = numbers_of(net, {})
    assert [(node, float(grad)) for node, grad in found.back["x"]] == [("square", 3)] * 2
    assert found.grads["x"] == 6
    rows = dict(details_of(net.graph, net, found)["x"]["rows"])
    assert rows["of it, back from square"] == "3"


def test_an_autoencoder_needs_no_target() -> None:
    net = net_of("autoencoder")
    found = numbers_of(net, {"x": np.ones((8, 8, 1))})
    assert found.losses[0] == pytest.approx(net.loss(np.ones((8, 8, 1))))


def test_a_missing_input_is_named() -> None:
    with pytest.raises(ShapeError, match="'x'"):
        numbers_of(net_of("digits"), {})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (715.0000000000001, "715"),
        (2.2, "2.2"),
        (-0.38746, "−0.38746"),
        (1e-7, "1e−07"),
        (3e12, "3e+12"),
        (float("nan"), "NaN"),
        (float("-inf"), "−∞"),
        (-0.0, "0"),
    ],
)
def test_numbers_are_printed_as_in_the_book(value: float, text: str) -> None:
    assert number_text(value) == text


def test_an_image_is_shown_as_it_is() -> None:
    spec = ImageSpec(size=(2, 2), mode="rgb", range=(0.0, 1.0), mean=(0.5,) * 3, std=(2.0,) * 3)
    shown = np.array([[0, 128, 255], [10, 20, 30], [1, 2, 3], [90, 80, 70]], np.uint8)
    array = (shown / 255 - 0.5) / 2
    assert (pixels(image_of(array.reshape(-1), spec)).reshape(4, 3) == shown).all()


def test_a_heat_map_is_white_for_0_and_darkest_far_from_it() -> None:
    found = pixels(heat_map(np.array([-2.0, 0.0, 1.0, 2.0])))[0]
    assert tuple(found[0]) == MINUS
    assert tuple(found[1]) == ZERO
    assert tuple(found[3]) == PLUS
    assert all(found[1] > found[2])
    assert all(found[2] > found[3])


def test_a_heat_map_marks_what_is_not_finite() -> None:
    array = np.array([1.0, np.nan, np.inf, -1.0])
    found = pixels(heat_map(array))[0]
    assert [tuple(c) == NOT_FINITE for c in found] == [False, True, True, False]
    assert range_of(array) == "2 not finite"


def test_channels_stand_beside_each_other() -> None:
    array = np.zeros((2, 3, 4))
    array[0, 0, 3] = 5.0
    found = pixels(heat_map(array))
    assert found.shape == (5, 7, 3)
    assert tuple(found[3, 4]) == PLUS
    assert {tuple(c) for c in found[2]} == {NOWHERE}
    assert Counter(map(tuple, found.reshape(-1, 3)))[ZERO] == 23


def test_means_of_neighbours_stand_for_a_large_array() -> None:
    found = pixels(heat_map(np.ones((85, 85))))
    assert {tuple(c) for c in found.reshape(-1, 3)} == {PLUS}
    assert len(heat_map(np.ones(1_000_000)).uri) < 20_000


def test_channels_that_are_not_shown_are_told() -> None:
    net = net_of("residual")
    picture = drawn(net.graph, numbers=numbers_of(net, {"x": np.ones((8, 8, 1))}))
    assert texts(picture, "shape")["wider/conv"] == "4×4×32, 16 shown"
    assert texts(picture, "shape")["start/conv"] == "8×8×16"


@pytest.mark.parametrize("shape", [(1,), (50,), (4096,), (3, 200), (500, 2, 40), (2, 3, 4, 5)])
def test_arrays_of_any_shape_become_small_bitmaps(shape: tuple[int, ...]) -> None:
    bitmap = heat_map(np.linspace(-1, 1, int(np.prod(shape))).reshape(shape))
    assert 2 <= bitmap.width <= 180
    assert 2 <= bitmap.height <= 180


def test_whole_numbers_have_values_and_no_gradients() -> None:
    net = net_of("char_lstm")
    picture = drawn(net.graph, numbers=numbers_of(net, {"x": np.arange(32)}))
    below = [note for note in picture.notes if note.name == "x" and note.below]
    assert below == []
    assert texts(picture, "value")["x"] == "0 … 31"


def test_the_svg_holds_the_bitmaps_and_nothing_from_outside() -> None:
    net = net_of("digits")
    svg = svg_of(net.graph, numbers=numbers_of(net, {"x": np.ones(64)}))
    links = re.findall(r'href="([^"]*)"', svg)
    assert len(links) == 8
    assert all(link.startswith("data:image/png;base64,") for link in links)
