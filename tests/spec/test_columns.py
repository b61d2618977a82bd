"""Tables in a spec: what `columns` and the source `csv` may say, and what is said of mistakes."""

import json

import pytest
from tables import fruit

from graphnet.errors import SpecError
from graphnet.spec.canonical import canonical_text
from graphnet.spec.columns import CategoryColumn, NumberColumn
from graphnet.spec.reader import check_values, parse_spec


def test_a_word_stands_for_an_object():
    spec = check_values(fruit()).spec
    assert spec.inputs["x"].columns == {
        "weight": NumberColumn(type="number"),
        "colour": CategoryColumn(type="category"),
    }
    columns = {"weight": {"type": "number"}, "colour": {"type": "category"}}
    assert check_values(fruit(inputs__x__columns=columns)).spec == spec


def test_columns_stand_in_the_canonical_text_in_their_order():
    text = canonical_text(check_values(fruit()).spec)
    assert '"columns":{"weight":{"type":"number"},"colour":{"type":"category"}}' in text
    assert canonical_text(parse_spec(text)) == text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"inputs__x__columns__weight": "numbre"},
            "inputs.x.columns.weight: unknown column type 'numbre'; did you mean 'number'?",
        ),
        (
            {"inputs__x__columns__weight": 3},
            "inputs.x.columns.weight: an object is expected, found 3",
        ),
        (
            {"inputs__x__columns__weight": {"type": "number", "mean": 1}},
            "inputs.x.columns.weight.mean: needs 'std' beside it: give both or neither",
        ),
        (
            {"inputs__x__columns__weight": {"type": "number", "mean": 1, "std": 0}},
            "inputs.x.columns.weight.std: must be more than 0, found 0",
        ),
        (
            {"inputs__x__columns__weight": {"type": "number", "values": ["a"]}},
            "inputs.x.columns.weight.values: unknown attribute 'values'; known here: type, mean",
        ),
        (
            {"inputs__x__columns__colour": {"type": "category", "values": ["a", "b", "a"]}},
            "inputs.x.columns.colour.values: 'a' is given twice",
        ),
        ({"inputs__x__columns": {}}, "inputs.x.columns: "),
        (
            {"inputs__x__shape": [1]},
            "inputs.x.shape: [1] does not hold the columns ('weight' 1, 'colour' 1 or more): "
            "one dimension of at least 2 is needed",
        ),
        (
            {"inputs__x__shape": [2, 2]},
            "inputs.x.shape: [2, 2] does not hold the columns",
        ),
        (
            {"inputs__x": {"shape": [3], "columns": {"a": "number", "b": "number"}}},
            "inputs.x.shape: [3] does not hold the columns ('a' 1, 'b' 1): [2] is needed",
        ),
        (
            {"inputs__x__dtype": "int64"},
            "inputs.x.columns.weight: a number is no whole one: leave 'dtype' out, or put it into",
        ),
        (
            {"inputs__x__image": {"size": [2, 2]}},
            "inputs.x.columns: 'image' says already how it is filled: leave one out",
        ),
        ({"data__target": "weight"}, "inputs.x.columns.weight: column 'weight' is the target"),
        ({"data__unused": ["colour"]}, "inputs.x.columns.colour: column 'colour' stands in"),
        ({"data__unused": ["kind"]}, "data.unused[0]: 'kind' is the target: leave it out here"),
        ({"data__target": []}, "data.target: a column's name or a list of them is expected"),
        ({"data__target": ["a", "a"]}, "data.target[1]: a column's name, each given once, is"),
        ({"data__target": {}}, "data.target: a column for each target is expected, found none"),
        ({"data__delimiter": "::"}, "data.delimiter: one character such as ; or"),
        ({"data__test_share": 1}, "data.test_share: must be less than 1, found 1"),
        (
            {"data__test_share": 0.5, "data__test": "t.csv"},
            "data.test_share: stands in place of 'test': give one of them",
        ),
        ({"inputs__x": {"shape": [4]}}, "inputs.x: source 'csv' gives columns: this input needs"),
        ({"data": {"source": "digits"}}, "inputs.x: source 'digits' gives pictures"),
        (
            {
                "inputs__y": {"shape": [2], "columns": {"weight": "category"}},
                "nodes": [
                    {"id": "a", "type": "Affine", "units": 2},
                    {"id": "b", "type": "Affine", "units": 2},
                    {"id": "scores", "type": "Add"},
                ],
                "edges": [["x", "a", "scores"], ["y", "b", "scores"]],
            },
            "inputs.y.columns.weight: column 'weight' has another type in an input before",
        ),
    ],
)
def test_mistakes_are_named(changes, said):
    text = json.dumps(fruit(**changes), indent=1)
    with pytest.raises(SpecError) as e:
        parse_spec(text, "f.json")
    lines = str(e.value).splitlines()
    assert lines[0].split(": ", 1)[1].startswith(said)
