"""Whatever stands in blocks: a plain spec comes out, or one of the errors that are meant."""

import copy
import json

from hypothesis import given, settings
from hypothesis import strategies as st
from test_fuzz import VALUES, WORDS, mutate, places, reads_or_refuses

from graphnet.errors import ShapeError, SpecError, SpecLimitError
from graphnet.spec.canonical import readable_text
from graphnet.spec.expansion import expand
from graphnet.spec.reader import check_values, parse_spec

GOOD = {
    "format": 1,
    "name": "good",
    "inputs": {"x": {"shape": [4]}, "y": {"shape": [4]}},
    "blocks": {
        "half": {
            "args": {"units": 4, "init": {"type": "Xavier"}, "shape": None},
            "inputs": ["x"],
            "output": "b",
            "nodes": [
                {"id": "a", "type": "Affine", "units": "$units", "init": "$init"},
                {"id": "b", "type": "Affine", "units": "$units", "share": "a", "shape": "$shape"},
            ],
            "edges": [["x", "a", "b"]],
        },
        "whole": {
            "doc": "one of the other",
            "args": {"depth": 2, "units": 4},
            "inputs": ["p", "q"],
            "output": "add",
            "nodes": [
                {
                    "id": "in",
                    "type": "Block",
                    "block": "half",
                    "args": {"units": "$units", "shape": [4]},
                    "repeat": "$depth",
                },
                {"id": "add", "type": "Add"},
            ],
            "edges": [["p", "in", "add.x"], ["q", "add.y"]],
        },
    },
    "nodes": [
        {"id": "u", "type": "Block", "block": "whole", "args": {"depth": 3}, "shape": [4]},
        {"id": "v", "type": "Block", "block": "whole", "args": {"depth": 3}, "share": "u"},
        {"id": "w", "type": "Relu"},
    ],
    "edges": [["x", "u.q"], ["y", "u.p"], ["u", "v"], ["x", "v", "w"]],
    "outputs": ["w", "u"],
    "losses": [{"type": "SoftmaxWithLoss", "on": "u"}],
    "labels": {"u": ["p", "q", "r", "s"]},
}
FUZZ = settings(max_examples=300, deadline=None)
HERE = [at for at in places(GOOD) if at]
NAMES = st.sampled_from(
    ["half", "whole", "u", "v", "w", "x", "y", "p", "q", "a", "b", "in", "add", "u/add", "$units"]
)
MORE = VALUES | NAMES | st.sampled_from([1, 2, 10**9, "$depth", "$", "$units + 1", "Block"])
MUTATIONS = st.tuples(
    st.sampled_from(HERE), st.sampled_from(["put", "drop", "add"]), MORE, NAMES | WORDS
)


def test_the_good_one_is_good():
    check_values(GOOD)


@FUZZ
@given(st.lists(MUTATIONS, min_size=1, max_size=4))
def test_a_good_spec_with_a_few_changes(mutations):
    values = copy.deepcopy(GOOD)
    for mutation in mutations:
        mutate(values, *mutation)
    reads_or_refuses(json.dumps(values))


@FUZZ
@given(st.sampled_from(["blocks", "nodes", "edges", "inputs"]), VALUES)
def test_any_attribute(key, value):
    reads_or_refuses(json.dumps({**GOOD, key: value}))


@FUZZ
@given(VALUES, VALUES)
def test_any_block(block, args):
    values = copy.deepcopy(GOOD)
    values["blocks"]["half"] = block
    values["nodes"][0]["args"] = args
    reads_or_refuses(json.dumps(values))


LETTERS = st.sampled_from("abc")
INSIDE = st.fixed_dictionaries(
    {"id": st.sampled_from("nmx"), "type": st.sampled_from(["Relu", "Add", "Block", "Block"])},
    optional={"block": LETTERS, "repeat": st.integers(1, 3), "args": st.just({"k": "$k"})},
)
BLOCK = st.fixed_dictionaries(
    {
        "inputs": st.lists(st.sampled_from("xy"), min_size=1, max_size=2, unique=True),
        "output": st.sampled_from("nm"),
        "nodes": st.lists(INSIDE, min_size=1, max_size=3),
        "edges": st.lists(
            st.lists(st.sampled_from("xynm"), min_size=2, max_size=4), min_size=1, max_size=3
        ),
    },
    optional={"args": st.just({"k": 1})},
)


@FUZZ
@given(st.dictionaries(LETTERS, BLOCK, min_size=1), LETTERS, st.integers(1, 3))
def test_any_blocks_that_use_each_other(blocks, name, repeat):
    values = {
        "format": 1,
        "name": "g",
        "inputs": {"x": {"shape": [2]}},
        "blocks": blocks,
        "nodes": [{"id": "s", "type": "Block", "block": name, "repeat": repeat}],
        "edges": [["x", "s"]],
    }
    reads_or_refuses(json.dumps(values))


@FUZZ
@given(st.lists(MUTATIONS, max_size=2))
def test_what_is_expanded_once_is_plain(mutations):
    values = copy.deepcopy(GOOD)
    for mutation in mutations:
        mutate(values, *mutation)
    try:
        found = check_values(values).spec
    except (SpecError, ShapeError, SpecLimitError):
        return
    plain = expand(values).values
    assert expand(plain).values == plain
    assert check_values(plain).spec == found
    assert parse_spec(readable_text(plain)) == found
    assert parse_spec(readable_text(plain, ascii_only=True)) == found
