"""The page of a drawing: one file, its data safe, a formula for every layer."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from graphnet.builder import build
from graphnet.draw import numbers_of, page_of
from graphnet.draw.details import details_of
from graphnet.draw.formulas import formulas_of
from graphnet.draw.symbols import SYMBOLS
from graphnet.layers.base import LAYERS
from graphnet.losses import LOSSES
from graphnet.spec.reader import check_values, read_spec

MODELS = Path(__file__).parents[2] / "models"
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reading(HTMLParser):
    """Whether elements are closed in order, and what they lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        self.handle_startendtag(tag, attributes)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("src", "href", "xlink:href", "action"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def details_in(page: str) -> dict:
    found = re.search(r'<script type="application/json" id="details">(.*?)</script>', page, re.S)
    assert found is not None
    return json.loads(found[1])


def test_a_page_is_whole_and_needs_no_network() -> None:
    net = build(read_spec(MODELS / "digits_cnn.json"))
    numbers = numbers_of(net, {"x": np.ones((8, 8, 1))})
    page = page_of(net.graph, net=net, numbers=numbers)
    reading = Reading(page)
    assert all(link.startswith("data:") for link in reading.links)
    assert re.findall(r"https?://[^\"' ]*", page) == ["http://www.w3.org/2000/svg"]
    assert len(reading.ids) == len(set(reading.ids))
    assert page == page_of(net.graph, net=net, numbers=numbers)


def test_the_page_says_what_its_numbers_are() -> None:
    net = build(read_spec(MODELS / "digits.json"))
    numbers = numbers_of(net, {"x": np.ones(64)})
    page = page_of(net.graph, net=net, numbers=numbers, grads=False, fresh=True)
    assert "values of one sample" in page
    assert "the gradients of" not in page
    assert "Heat maps are white" in page
    assert "nothing has been trained yet" in page
    assert "sample" not in page_of(net.graph, net=net, fresh=True).partition("<main>")[0]


def test_a_click_tells_formulas_shapes_and_numbers() -> None:
    net = build(read_spec(MODELS / "apple.json"))
    told = details_in(page_of(net.graph, net=net, numbers=numbers_of(net, {})))
    rows = dict(map(tuple, told["apple_price"]["rows"]))
    assert rows["forward"] == "out = x * y"
    assert rows["backward"].startswith("dx = dout * y, dy = dout * x")
    assert rows["in: x"] == "apple (scalar)"
    assert rows["value"] == "200"
    assert rows["d(price) / d(apple_price)"] == "1.1"


def test_a_click_tells_the_parameters() -> None:
    net = build(read_spec(MODELS / "digits.json"))
    rows = dict(details_of(net.graph, net)["affine1"]["rows"])
    assert rows["parameters"] == "3,250"
    assert rows["W"].startswith("64×50: ")
    assert rows["out"] == "50"
    assert dict(details_of(net.graph)["affine1"]["rows"])["W"] == "64×50"


def test_strangers_text_cannot_leave_its_place() -> None:
    evil = "</script><script>alert(1)</script><!--"
    spec = {
        "format": 1,
        "name": "hostile",
        "doc": evil,
        "inputs": {"x": {"shape": [2], "doc": evil}},
        "nodes": [{"id": "a", "type": "Relu", "doc": evil}],
        "edges": [["x", "a"]],
    }
    page = page_of(check_values(spec))
    Reading(page)
    assert page.count("<script") == 2
    assert page.count("<!--") == 1  # the mark that it begins with
    assert details_in(page)["a"]["doc"] == evil


@pytest.mark.parametrize("name", [*LAYERS])
def test_every_layer_has_its_formulas(name: str) -> None:
    found = formulas_of(LAYERS[name])
    assert found.forward
    assert re.search(r"\bd[A-Za-z]\w*(\[i\])?(')? \+?= ", found.backward), found
    assert found.shapes


@pytest.mark.parametrize("name", [*LOSSES])
def test_every_loss_has_its_formula(name: str) -> None:
    assert formulas_of(LOSSES[name]).forward


def test_symbols_are_of_layers_that_exist() -> None:
    assert set(SYMBOLS) <= set(LAYERS)
