"""`--set KEY=VALUE` on plain values, before they are checked."""

import pytest

from graphnet.errors import SpecError, SpecLimitError
from graphnet.spec.overrides import override


@pytest.fixture
def values():
    return {
        "name": "mine",
        "nodes": [{"id": "affine1", "units": 50}, {"id": "relu1"}, "no node"],
        "edges": [["x", "affine1"]],
        "train": {"epochs": 3, "optimizer": {"type": "SGD", "lr": 0.1}},
    }


def refused(values, setting):
    with pytest.raises(SpecError) as caught:
        override(values, setting)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("5.0", 5.0),
        ("true", True),
        ("null", None),
        ('"5"', "5"),
        ("[1, 2]", [1, 2]),
        ('{"type": "SGD", "lr": 1}', {"type": "SGD", "lr": 1}),
        ("five", "five"),
        ("", ""),
        ("a=b=c", "a=b=c"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("[1, NaN]", "[1, NaN]"),
        ("1" * 5000, "1" * 5000),
        ("[" * 100_000, "[" * 100_000),
        ("'five'", "'five'"),
    ],
)
def test_a_value_is_json_else_text(values, text, value):
    override(values, f"train.epochs={text}")
    assert values["train"]["epochs"] == value
    assert type(values["train"]["epochs"]) is type(value)


def test_json_is_held_to_the_rules_of_a_file(values):
    found = refused(values, "train.seed=99999999999999999999")
    assert found.endswith("99:1:1: spec: integer '99999999999999999999' is beyond 64 bits")
    assert "overflows" in refused(values, "train.optimizer.lr=1e999")
    assert "key 'lr' is given twice" in refused(values, 'train.optimizer={"lr": 1, "lr": 2}')
    with pytest.raises(SpecLimitError, match="64 levels"):
        override(values, "train.epochs=" + "[" * 70 + "]" * 70)


def test_a_node_goes_by_its_id_and_any_entry_by_its_number(values):
    override(values, "nodes.affine1.units=7")
    override(values, "nodes.1.doc=second")
    override(values, "edges.0.1=relu1")
    assert values["nodes"][:2] == [{"id": "affine1", "units": 7}, {"id": "relu1", "doc": "second"}]
    assert values["edges"] == [["x", "relu1"]]


def test_a_whole_entry_is_replaced(values):
    override(values, 'nodes.relu1={"id": "s", "type": "Sigmoid"}')
    assert values["nodes"][1] == {"id": "s", "type": "Sigmoid"}


def test_the_last_step_may_be_new_in_an_object(values):
    override(values, "train.seed=4")
    override(values, "dtype=float64")
    assert values["train"]["seed"] == 4
    assert values["dtype"] == "float64"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("epochs", "--set epochs: KEY=VALUE is expected (train.epochs=3)"),
        ("=3", "--set =3: KEY=VALUE is expected (train.epochs=3)"),
        ("trian.epochs=3", "--set trian.epochs=3: the spec has no 'trian'; did you mean 'train'?"),
        ("loss.type=A", "--set loss.type=A: the spec has no 'loss'"),
        (
            "nodes.affine.units=3",
            "--set nodes.affine.units=3: nodes has no 'affine'; did you mean 'affine1'?",
        ),
        ("nodes.9.units=3", "--set nodes.9.units=3: nodes has no '9'"),
        ("nodes.-1.units=3", "--set nodes.-1.units=3: nodes has no '-1'"),
        ("nodes.3={}", "--set nodes.3={}: nodes has no '3'"),
        ("name.first=a", "--set name.first=a: name has no 'first'"),
        ("train..lr=3", "--set train..lr=3: train has no ''"),
        ("nodes.2.units=3", "--set nodes.2.units=3: nodes.2 has no 'units'"),
        ("a\n.b=3", "--set a\\n.b=3: the spec has no 'a\\n'"),
    ],
)
def test_keys_that_lead_nowhere(values, setting, message):
    assert refused(values, setting) == message


def test_a_long_setting_is_cut_before_the_reason():
    assert refused({}, "a.b=" + "1" * 1000).endswith("111...: the spec has no 'a'")


@pytest.mark.parametrize("values", [[], None, 3, "text"])
def test_a_file_that_is_no_object(values):
    assert refused(values, "train.epochs=3") == "--set train.epochs=3: the spec has no 'train'"
    assert refused(values, "name=a") == "--set name=a: the spec has no 'name'"
