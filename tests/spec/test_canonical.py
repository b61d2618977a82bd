"""The one text that stands for a spec in a bundle."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphnet.spec.canonical import canonical_text
from graphnet.spec.reader import check_values, parse_spec, read_spec

MODELS = sorted((Path(__file__).parents[2] / "models").glob("*.json"))
SMALL = {
    "format": 1,
    "name": "small",
    "inputs": {"x": {"shape": [2], "value": [1, 2]}},
    "nodes": [{"id": "y", "type": "Power", "exponent": 2}],
    "edges": [["x", "y"]],
}


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_text_read_again_is_the_same(path):
    spec = read_spec(path)
    text = canonical_text(spec)
    again = parse_spec(text)
    assert canonical_text(again) == text
    assert again == spec.model_copy(update={"schema_": None, "data": None})


def test_the_literal_text():
    assert canonical_text(check_values(SMALL).spec) == (
        '{"format":1,"name":"small","inputs":{"x":{"shape":[2],"value":[1.0,2.0]}},'
        '"nodes":[{"id":"y","type":"Power","exponent":2.0}],"edges":[["x","y"]]}'
    )


def test_what_is_left_out():
    full = {
        "$schema": "../somewhere.json",
        "doc": None,
        "dtype": "float32",
        **copy.deepcopy(SMALL),
        "outputs": None,
        "data": None,
        "labels": None,
    }
    full["inputs"]["x"]["doc"] = None
    full["nodes"][0]["share"] = None
    assert canonical_text(check_values(full).spec) == canonical_text(check_values(SMALL).spec)


def test_the_recipe_stays_but_not_where_the_data_lies():
    values = {
        **SMALL,
        "inputs": {"x": {"shape": [4], "image": {"size": [2, 2], "mode": "grey", "range": [0, 1]}}},
        "loss": {"type": "SoftmaxWithLoss"},
        "labels": ["\u00e9t\u00e9", "b", "c", "d"],
        "data": {"source": "idx", "train_images": "/home/me/a", "train_labels": "/home/me/b"},
        "train": {"epochs": 2, "batch_size": 100, "optimizer": {"lr": 0.01, "type": "SGD"}},
    }
    text = canonical_text(check_values(values).spec)
    assert '"image":{"size":[2,2]}' in text
    assert text.endswith(
        '"loss":{"type":"SoftmaxWithLoss"},"labels":["\u00e9t\u00e9","b","c","d"],"train":{"epochs":2}}'
    )


def test_the_order_of_attributes_does_not_matter():
    turned = {key: SMALL[key] for key in reversed(SMALL)}
    turned["nodes"] = [{"exponent": 2, "type": "Power", "id": "y"}]
    assert canonical_text(check_values(turned).spec) == canonical_text(check_values(SMALL).spec)


NUMBERS = st.integers(-(2**53), 2**53)


@settings(deadline=None)
@given(NUMBERS, NUMBERS, st.integers(1, 2**53), st.booleans())
def test_an_integer_and_its_float_give_one_text(first, second, exponent, whole):
    def text(kind):
        values = copy.deepcopy(SMALL)
        values["inputs"]["x"]["value"] = [kind(first), second]
        values["nodes"][0]["exponent"] = kind(exponent)
        return canonical_text(parse_spec(json.dumps(values)))

    assert text(int) == text(float)


@settings(deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=2),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.none(),
    st.sampled_from(["float32", "float64"]),
)
def test_any_text_read_again_is_the_same(numbers, doc, dtype):
    assume(dtype == "float64" or max(map(abs, numbers)) < 3e38)
    values = copy.deepcopy(SMALL)
    values["inputs"]["x"]["value"] = numbers
    values["nodes"][0]["doc"] = doc
    spec = check_values({**values, "dtype": dtype, "doc": doc}).spec
    text = canonical_text(spec)
    assert parse_spec(text) == spec
    assert canonical_text(parse_spec(text)) == text
